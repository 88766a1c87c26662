package slb

import (
	"net/http"
	"regexp"
	"slices"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/api"
)

var (
	namePattern = regexp.MustCompile(`^\p{L}[\p{L}\p{N}._/-]{0,79}$`)
	specs       = []string{"slb.s1.small", "slb.s2.small", "slb.s2.medium", "slb.s3.small", "slb.s3.medium", "slb.s3.large"}
)

func (p *Product) createLoadBalancer(c *api.Call) (api.Reply, *api.Error) {
	made, known, err := p.recall(c)
	if err != nil || known {
		return made, err
	}
	lb, err := p.readLoadBalancer(c)
	if err != nil {
		return nil, err
	}
	if len(p.byID) >= p.knobs.LoadBalancersPerAccount {
		return nil, refuse("ORDER.QUOTA_EXCEEDED", "The maximum number of load balancers is exceeded.")
	}
	lb.ID = p.newID("lb")
	if lb.Name == "" {
		lb.Name = "auto_named_slb_" + lb.ID[len(lb.ID)-6:]
	}
	if err := p.allocate(lb, c.Params["Address"]); err != nil {
		return nil, err
	}
	lb.Seq = p.nextSeq + 1
	lb.Created = c.Now
	lb.GetAt, lb.ListAt = p.lagged(c, p.knobs.GetLag), p.lagged(c, p.knobs.ListLag)
	p.insert(lb)
	p.changed(c, lb)
	made = api.Reply{
		"LoadBalancerId": lb.ID, "LoadBalancerName": lb.Name, "Address": lb.Address,
		"AddressIPVersion": lb.AddressIPVersion, "NetworkType": lb.networkType(), "VpcId": lb.VPCID,
		"VSwitchId": lb.VSwitchID, "ResourceGroupId": lb.ResourceGroupID, "OrderId": int64(0),
	}
	p.tokens.Keep(c, made, p.knobs.TokenRetention)
	return made, nil
}

// recall answers a call whose ClientToken was used before: with the first
// result, also when its load balancer is gone by now; with a mismatch for other
// parameters; or with a refusal while the first call still runs.
func (p *Product) recall(c *api.Call) (api.Reply, bool, *api.Error) {
	made, known, err := p.tokens.Replay(c, http.StatusBadRequest)
	if err != nil && err.Code == "LastTokenProcessing" {
		err = refuse("OperationFailed.TokenIsProcessing", "The specified ClientToken is being processed.")
	}
	return made, known, err
}

// networkType is vpc for intranet load balancers and classic for internet ones,
// which live outside any VPC.
func (lb *loadBalancer) networkType() string {
	if lb.VSwitchID != "" && lb.AddressType == intranet {
		return "vpc"
	}
	return "classic"
}

// readLoadBalancer makes a load balancer, still without id and address, out of
// the parameters of CreateLoadBalancer.
func (p *Product) readLoadBalancer(c *api.Call) (*loadBalancer, *api.Error) {
	q := c.Params
	lb := &loadBalancer{Name: q["LoadBalancerName"], ResourceGroupID: q["ResourceGroupId"], Status: active}
	if lb.ResourceGroupID == "" {
		lb.ResourceGroupID = defaultResourceGroup
	}
	if lb.Name != "" && !namePattern.MatchString(lb.Name) {
		return nil, invalid("The specified parameter LoadBalancerName is not valid: %q.", lb.Name)
	}
	var err *api.Error
	if lb.AddressIPVersion, err = choice(q, "AddressIPVersion", ipv4, ipv4, ipv6); err != nil {
		return nil, err
	}
	protection, err := choice(q, "DeleteProtection", off, on, off)
	if err != nil {
		return nil, err
	}
	lb.DeleteProtection = protection == on
	if lb.Tags, err = p.readTags(c, nil); err != nil {
		return nil, err
	}
	if _, err = choice(q, "PayType", "PayOnDemand", "PayOnDemand"); err != nil {
		return nil, err
	}
	for _, read := range []func(*api.Call, *loadBalancer) *api.Error{
		p.readPlace, p.readZones, readCharge, readModificationProtection,
	} {
		if err := read(c, lb); err != nil {
			return nil, err
		}
	}
	return lb, nil
}

// readPlace finds out where the load balancer lives: internet, or a vSwitch.
func (p *Product) readPlace(c *api.Call, lb *loadBalancer) *api.Error {
	q := c.Params
	fallback := internet
	if q["VSwitchId"] != "" {
		fallback = intranet
	}
	var err *api.Error
	if lb.AddressType, err = choice(q, "AddressType", fallback, internet, intranet); err != nil {
		return err
	}
	if lb.AddressType == internet {
		return nil
	}
	if q["VSwitchId"] == "" {
		return api.Missing("VSwitchId")
	}
	v, ok := p.network().VSwitch(q["VSwitchId"])
	if !ok {
		return api.Errorf(404, "InvalidVSwitchId.NotFound", "The specified VSwitchId %s does not exist.", q["VSwitchId"])
	}
	if q["VpcId"] != "" && q["VpcId"] != v.VPCID {
		return invalid("The vSwitch %s is not in the VPC %s.", v.ID, q["VpcId"])
	}
	lb.VSwitchID, lb.VPCID = v.ID, v.VPCID
	return nil
}

// readCharge reads how the instance and its traffic are paid for.
func readCharge(c *api.Call, lb *loadBalancer) *api.Error {
	q := c.Params
	var err *api.Error
	if lb.InstanceChargeType, err = choice(q, "InstanceChargeType", bySpec, bySpec, byCLCU); err != nil {
		return err
	}
	if lb.InternetChargeType, err = choice(q, "InternetChargeType", byTraffic, byTraffic, byBandwidth); err != nil {
		return err
	}
	lb.Bandwidth = maxBandwidth
	if lb.InternetChargeType == byBandwidth {
		if lb.InstanceChargeType == byCLCU {
			return refuse("Operation.NotAllowed", "A load balancer that is paid by CLCU only allows paybytraffic.")
		}
		if lb.Bandwidth, err = number(q, "Bandwidth", 1, maxBandwidth); err != nil {
			return err
		}
	}
	if lb.InstanceChargeType == byCLCU {
		lb.Spec = elasticSpec
		return nil
	}
	lb.Spec = q["LoadBalancerSpec"]
	if lb.Spec == "" {
		return api.Missing("LoadBalancerSpec")
	}
	if !slices.Contains(specs, lb.Spec) {
		return api.Invalid("LoadBalancerSpec", lb.Spec)
	}
	return nil
}

var reasonPattern = regexp.MustCompile(`^\p{L}[\p{L}\p{N}._-]{0,79}$`)

// readModificationProtection reads the setting that only keeps the console from
// changing the load balancer.
func readModificationProtection(c *api.Call, lb *loadBalancer) *api.Error {
	q := c.Params
	status, err := choice(q, "ModificationProtectionStatus", noProtection, noProtection, consoleProtection)
	if err != nil {
		return err
	}
	reason := q["ModificationProtectionReason"]
	if reason != "" && status != consoleProtection {
		return invalid("ModificationProtectionReason is only for ModificationProtectionStatus %s.", consoleProtection)
	}
	if reason != "" && !reasonPattern.MatchString(reason) {
		return api.Invalid("ModificationProtectionReason", reason)
	}
	lb.ModificationProtection, lb.ModificationReason = status == consoleProtection, reason
	return nil
}
