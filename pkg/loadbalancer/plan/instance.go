package plan

import (
	"slices"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/slb"
	"github.com/kube-aliyun/kube-aliyun/pkg/loadbalancer/annotation"
	"github.com/kube-aliyun/kube-aliyun/pkg/loadbalancer/build"
	"github.com/kube-aliyun/kube-aliyun/pkg/ownership"
)

const (
	payBySpec      = "PayBySpec"
	payByBandwidth = "paybybandwidth"
)

// instance changes the instance's own settings.
func (p *planner) instance() {
	w, a := p.w.Instance, p.a.Instance
	if w.Name != a.Name {
		p.step(Step{Kind: SetName, Instance: slb.Create{Name: w.Name}})
	}
	if w.DeleteProtection != a.DeleteProtection {
		p.step(Step{Kind: SetDeleteProtection, Instance: slb.Create{DeleteProtection: w.DeleteProtection}})
	}
	if w.ModificationProtection != a.ModificationProtection || w.ModificationReason != "" && w.ModificationReason != a.ModificationReason {
		p.step(Step{Kind: SetModificationProtection, Instance: slb.Create{
			ModificationProtection: w.ModificationProtection, ModificationReason: w.ModificationReason,
		}})
	}
	p.tags()
	p.billing()
}

// tags sets our tags, and removes those that an annotation no longer asks for.
func (p *planner) tags() {
	set := map[string]string{}
	for key, value := range p.w.Instance.Tags {
		if key == ownership.TagACL && p.marked || key == ownership.TagExtensions && p.extended {
			continue
		}
		if actual, found := p.a.Instance.Tags[key]; !found || actual != value {
			set[key] = value
		}
	}
	if len(set) > 0 {
		p.step(Step{Kind: TagInstance, Instance: slb.Create{Tags: set}})
	}
	var remove []string
	if p.inherited {
		for _, key := range ownership.OfficialTags {
			if _, found := p.a.Instance.Tags[key]; found {
				remove = append(remove, key)
			}
		}
	}
	for _, key := range append(build.ManagedTags(p.a.Instance.Tags), build.TagManaged, ownership.TagACL, ownership.TagExtensions) {
		_, wanted := p.w.Instance.Tags[key]
		if _, found := p.a.Instance.Tags[key]; found && !wanted {
			remove = append(remove, key)
		}
	}
	if len(remove) > 0 {
		slices.Sort(remove)
		p.step(Step{Kind: UntagInstance, Keys: remove})
	}
}

// billing changes what costs, as far as a living instance can be changed.
func (p *planner) billing() {
	w, a := p.w.Instance, p.a.Instance
	if p.inherited && !p.asksForBilling() {
		return
	}
	if p.chargeChanges() {
		p.step(Step{Kind: ModifyInstanceChargeType, Instance: slb.Create{InstanceChargeType: w.InstanceChargeType}})
		return // specification and traffic are billed otherwise from then on
	}
	if a.InstanceChargeType == payBySpec && w.InstanceChargeType == payBySpec && w.Spec != "" && w.Spec != a.Spec {
		p.step(Step{Kind: ModifyInstanceSpec, Instance: slb.Create{Spec: w.Spec}})
	}
	if a.AddressType != slb.Internet || w.AddressType != slb.Internet || w.InternetChargeType == "" || a.InstanceChargeType != w.InstanceChargeType {
		return
	}
	byBandwidth := w.InternetChargeType == payByBandwidth
	if w.InternetChargeType != a.InternetChargeType || byBandwidth && w.Bandwidth != a.Bandwidth {
		p.step(Step{Kind: ModifyInternetSpec, Instance: slb.Create{InternetChargeType: w.InternetChargeType, Bandwidth: w.Bandwidth}})
	}
}

// chargeChanges reports whether the instance goes from PayBySpec to PayByCLCU.
// The API knows no way back. The cluster's default does not move a living one.
func (p *planner) chargeChanges() bool {
	w, a := p.w.Instance.InstanceChargeType, p.a.Instance.InstanceChargeType
	return a == payBySpec && w != "" && w != payBySpec && p.w.Explicit[annotation.InstanceChargeType]
}

// immutable tells which settings of the Service the living instance cannot get.
// What the Service names itself is a problem; where it follows the cluster's
// default, the instance stays as it was made.
func (p *planner) immutable() {
	w, a := p.w.Instance, p.a.Instance
	const remedy = "it cannot be changed on a living load balancer; set it back, or delete the Service and create it again (its address changes)"
	for _, f := range []struct {
		key          annotation.Key
		want, actual string
		applies      bool
	}{
		{annotation.AddressType, string(w.AddressType), string(a.AddressType), true},
		{annotation.VSwitchID, w.VSwitchID, a.VSwitchID, a.AddressType == slb.Intranet && w.AddressType == slb.Intranet},
		{annotation.IP, w.Address, a.Address, a.AddressType == slb.Intranet && w.AddressType == slb.Intranet},
		{annotation.MasterZone, w.MasterZone, a.MasterZone, true},
		{annotation.SlaveZone, w.SlaveZone, a.SlaveZone, true},
		{annotation.ResourceGroupID, w.ResourceGroupID, a.ResourceGroupID, true},
	} {
		if !f.applies || f.want == "" || f.want == f.actual {
			continue
		}
		if p.w.Explicit[f.key] {
			p.problem("annotation %s%s is %s, but load balancer %s has %s: %s", annotation.Prefix, f.key, f.want, a.ID, f.actual, remedy)
		} else if f.key == annotation.AddressType {
			p.notice("load balancer %s stays %s as it was made, though the default is %s", a.ID, f.actual, f.want)
		}
	}
	if p.w.Explicit[annotation.InstanceChargeType] && w.InstanceChargeType == payBySpec && a.InstanceChargeType != payBySpec && a.InstanceChargeType != "" {
		p.problem("annotation %s%s is %s, but load balancer %s has %s: the API changes PayBySpec to PayByCLCU only; %s",
			annotation.Prefix, annotation.InstanceChargeType, w.InstanceChargeType, a.ID, a.InstanceChargeType, remedy)
	}
	if w.Address != "" && w.AddressType == slb.Intranet && w.Address != a.Address && !p.w.Explicit[annotation.IP] {
		p.notice("loadBalancerIP is %s, but load balancer %s has the address %s and keeps it", w.Address, a.ID, a.Address)
	}
}
