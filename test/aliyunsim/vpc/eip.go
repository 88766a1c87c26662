package vpc

import (
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/api"
)

// States, charge types and targets of an elastic address.
const (
	statusAssociating   = "Associating"
	statusInUse         = "InUse"
	statusUnassociating = "Unassociating"
	chargeByBandwidth   = "PayByBandwidth"
	chargeByTraffic     = "PayByTraffic"
	targetServer        = "EcsInstance"
	targetLoadBalancer  = "SlbInstance"
	targetInterface     = "NetworkInterface"
	defaultBandwidth    = 5
	maxBandwidth        = 500
	maxBandwidthTraffic = 200
	firstElasticAddress = "47.96.0.1"
)

type eip struct {
	Seq         uint64            `json:"seq"`
	ID          string            `json:"id"`
	Address     string            `json:"address"`
	Name        string            `json:"name,omitempty"`
	Description string            `json:"description,omitempty"`
	ISP         string            `json:"isp"`
	Bandwidth   int               `json:"bandwidth"`
	ChargeType  string            `json:"chargeType"`
	Status      string            `json:"status"`
	Target      string            `json:"target,omitempty"`
	TargetType  string            `json:"targetType,omitempty"`
	Created     time.Time         `json:"created"`
	Tags        map[string]string `json:"tags"`
	// Due is when Associating or Unassociating ends.
	Due time.Time `json:"due,omitzero"`
}

// EIPSeed is an elastic address, InUse from the start when it names a target. The
// target need not exist yet.
type EIPSeed struct {
	ID         string            `json:"id,omitempty"`
	Address    string            `json:"address,omitempty"`
	Name       string            `json:"name,omitempty"`
	Bandwidth  int               `json:"bandwidth,omitempty"`
	ChargeType string            `json:"chargeType,omitempty"`
	Target     string            `json:"target,omitempty"`
	TargetType string            `json:"targetType,omitempty"`
	Tags       map[string]string `json:"tags,omitempty"`
}

func (x *index) addEIP(e *eip) {
	x.addresses[e.Address] = e
	if e.Target != "" {
		x.targets[e.Target] = e
	}
	if !e.Due.IsZero() {
		x.movingEIPs[e.ID] = e
	}
}

func (p *Product) seedEIP(s EIPSeed) error {
	if s.ID == "" {
		s.ID = p.id("eip")
	}
	if s.Address == "" {
		s.Address = p.freeElastic()
	}
	if s.Bandwidth == 0 {
		s.Bandwidth = defaultBandwidth
	}
	if s.ChargeType == "" {
		s.ChargeType = chargeByBandwidth
	}
	switch {
	case p.EIPs[s.ID] != nil || p.index.addresses[s.Address] != nil:
		return fmt.Errorf("elastic address %s (%s) exists already", s.ID, s.Address)
	case s.Target != "" && p.index.targets[s.Target] != nil:
		return fmt.Errorf("elastic address %s: %s has one already", s.ID, s.Target)
	}
	if _, err := netip.ParseAddr(s.Address); err != nil {
		return fmt.Errorf("elastic address %s: %w", s.ID, err)
	}
	e := &eip{
		Seq: p.nextSeq(), ID: s.ID, Address: s.Address, Name: s.Name, ISP: "BGP", Bandwidth: s.Bandwidth, ChargeType: s.ChargeType,
		Status: statusAvailable, Created: p.seedTime(), Tags: cloneTags(s.Tags),
	}
	if s.Target != "" {
		e.Status, e.Target, e.TargetType = statusInUse, s.Target, s.TargetType
		if e.TargetType == "" {
			e.TargetType = targetServer
		}
	}
	p.EIPs[e.ID] = e
	p.index.addEIP(e)
	return nil
}

// freeElastic picks the lowest public address that is not taken.
func (p *Product) freeElastic() string {
	addr := netip.MustParseAddr(firstElasticAddress)
	for p.index.addresses[addr.String()] != nil {
		addr = addr.Next()
	}
	return addr.String()
}

// EIPOf implements api.ServerNetwork.
func (p *Product) EIPOf(target string) (api.EIP, bool) {
	e := p.index.targets[target]
	if e == nil || e.Status != statusInUse {
		return api.EIP{}, false
	}
	return api.EIP{AllocationID: e.ID, Address: e.Address, InternetChargeType: e.ChargeType, Bandwidth: e.Bandwidth}, true
}

// EIPTarget implements api.ServerNetwork.
func (p *Product) EIPTarget(address string) (string, bool) {
	e := p.index.addresses[address]
	if e == nil || e.Status != statusInUse {
		return "", false
	}
	return e.Target, true
}

// AttachEIP implements api.ServerNetwork.
func (p *Product) AttachEIP(now time.Time, address, target, targetType string) error {
	if p.index.targets[target] != nil {
		return fmt.Errorf("%s has an elastic address already", target)
	}
	if e := p.index.addresses[address]; e != nil {
		if e.Status != statusAvailable {
			return errors.New("elastic address " + address + " is " + e.Status)
		}
		e.Status, e.Target, e.TargetType = statusInUse, target, targetType
		p.index.targets[target] = e
		return nil
	}
	p.now = now
	return p.seedEIP(EIPSeed{Address: address, Target: target, TargetType: targetType})
}

// TargetReleased implements api.ServerNetwork.
func (p *Product) TargetReleased(target string) {
	if e := p.index.targets[target]; e != nil {
		p.dissociate(e)
	}
}

func (p *Product) dissociate(e *eip) {
	delete(p.index.targets, e.Target)
	delete(p.index.movingEIPs, e.ID)
	e.Status, e.Target, e.TargetType, e.Due = statusAvailable, "", "", time.Time{}
}

// moveEIP starts a transition, which takes as long as a server's (knob
// ServerTransition).
func (p *Product) moveEIP(e *eip, status string, now time.Time) {
	e.Status, e.Due = status, now.Add(p.Knobs.ServerTransition)
	p.index.movingEIPs[e.ID] = e
	p.settleEIPs(now)
}

// settleEIPs ends the transitions due at now and returns the next due time.
func (p *Product) settleEIPs(now time.Time) time.Time {
	var next time.Time
	for _, e := range p.index.movingEIPs {
		switch {
		case e.Due.After(now):
			if next.IsZero() || e.Due.Before(next) {
				next = e.Due
			}
		case e.Status == statusUnassociating:
			p.dissociate(e)
		default:
			e.Status, e.Due = statusInUse, time.Time{}
			delete(p.index.movingEIPs, e.ID)
		}
	}
	return next
}
