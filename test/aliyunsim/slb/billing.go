package slb

import (
	"slices"
	"time"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/api"
)

// reservedChange is a change of what is paid that waits for the next day.
type reservedChange struct {
	At                 time.Time `json:"at"`
	InternetChargeType string    `json:"internetChargeType,omitempty"`
	Bandwidth          int       `json:"bandwidth,omitempty"`
	InstanceChargeType string    `json:"instanceChargeType,omitempty"`
}

// billingZone is the time zone in which the vendor's days begin.
var billingZone = time.FixedZone("UTC+8", 8*60*60)

// nextDay is the next 00:00 after now.
func nextDay(now time.Time) time.Time {
	y, m, d := now.In(billingZone).Date()
	return time.Date(y, m, d+1, 0, 0, 0, 0, billingZone).UTC()
}

// scheduleReserved makes the waiting change happen in its time.
func (p *Product) scheduleReserved(lb *loadBalancer) {
	r := lb.Reserved
	if r == nil {
		return
	}
	p.due.add(r.At, func() {
		if lb.Reserved != r {
			return
		}
		lb.Reserved = nil
		if r.InternetChargeType != "" {
			lb.InternetChargeType, lb.Bandwidth = r.InternetChargeType, r.Bandwidth
		}
		if r.InstanceChargeType == byCLCU {
			lb.InstanceChargeType, lb.Spec = byCLCU, elasticSpec
		}
	})
}

// findToPay is findToChange for the three calls that change what is paid, which
// refuse while an earlier change waits for its day.
func (p *Product) findToPay(c *api.Call) (*loadBalancer, *api.Error) {
	lb, err := p.findToChange(c)
	if err != nil {
		return nil, err
	}
	if lb.Reserved != nil {
		return nil, refuse("Operation.NotAllowed", "Operation Denied. Unfinished purchase exists.")
	}
	return lb, nil
}

func payByCLCU() *api.Error {
	return refuse("OperationDenied.PayByCLCU",
		"The operation is not allowed because the instanceChargeType of loadbalancer is PayByCLCU.")
}

// modifyInternetSpec changes the bandwidth at once, and the charge type on the
// next day.
func (p *Product) modifyInternetSpec(c *api.Call) (api.Reply, *api.Error) {
	lb, err := p.findToPay(c)
	if err != nil {
		return nil, err
	}
	charge, err := choice(c.Params, "InternetChargeType", lb.InternetChargeType, byTraffic, byBandwidth)
	if err != nil {
		return nil, err
	}
	bandwidth, err := number(c.Params, "Bandwidth", lb.Bandwidth, 5000)
	if err != nil {
		return nil, err
	}
	switch {
	case lb.AddressType != internet:
		return nil, refuse("Operation.NotAllowed", "The load balancer is not an internet one.")
	case lb.InstanceChargeType == byCLCU:
		return nil, payByCLCU()
	}
	if charge == byTraffic {
		bandwidth = maxBandwidth
	} else if sum := lb.listenerBandwidth(); sum > bandwidth {
		return nil, invalid("The listeners' bandwidth of %d exceeds the specified Bandwidth %d.", sum, bandwidth)
	}
	if charge == lb.InternetChargeType {
		lb.Bandwidth = bandwidth
	} else {
		lb.Reserved = &reservedChange{At: nextDay(c.Now), InternetChargeType: charge, Bandwidth: bandwidth}
		p.scheduleReserved(lb)
	}
	p.changed(c, lb)
	return api.Reply{"OrderId": int64(0)}, nil
}

func (p *Product) modifyInstanceSpec(c *api.Call) (api.Reply, *api.Error) {
	lb, err := p.findToPay(c)
	if err != nil {
		return nil, err
	}
	spec := c.Params["LoadBalancerSpec"]
	switch {
	case spec == "":
		return nil, api.Missing("LoadBalancerSpec")
	case lb.InstanceChargeType == byCLCU:
		return nil, payByCLCU()
	case !slices.Contains(specs, spec):
		return nil, refuse("ModifySpecNotAllowed", "LoadBalancerSpec not allowed for this instance")
	}
	lb.Spec = spec
	p.changed(c, lb)
	return api.Reply{"OrderId": int64(0)}, nil
}

// modifyInstanceChargeType goes from PayBySpec to PayByCLCU, one way, on the
// next day.
func (p *Product) modifyInstanceChargeType(c *api.Call) (api.Reply, *api.Error) {
	lb, err := p.findToPay(c)
	if err != nil {
		return nil, err
	}
	switch to := c.Params["InstanceChargeType"]; {
	case to == "":
		return nil, api.Missing("InstanceChargeType")
	case to != byCLCU:
		return nil, api.Invalid("InstanceChargeType", to)
	case lb.InstanceChargeType == byCLCU:
		return nil, payByCLCU()
	}
	internetCharge, err := choice(c.Params, "InternetChargeType", lb.InternetChargeType, byTraffic, byBandwidth)
	if err != nil {
		return nil, err
	}
	if internetCharge != byTraffic {
		return nil, refuse("Operation.NotAllowed", "A load balancer that is paid by CLCU only allows paybytraffic.")
	}
	lb.Reserved = &reservedChange{At: nextDay(c.Now), InstanceChargeType: byCLCU}
	if internetCharge != lb.InternetChargeType {
		lb.Reserved.InternetChargeType, lb.Reserved.Bandwidth = internetCharge, maxBandwidth
	}
	p.scheduleReserved(lb)
	p.changed(c, lb)
	return api.Reply{}, nil
}
