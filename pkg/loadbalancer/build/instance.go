package build

import (
	"cmp"
	"slices"
	"sort"
	"strings"

	netutils "k8s.io/utils/net"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/slb"
	"github.com/kube-aliyun/kube-aliyun/pkg/loadbalancer/annotation"
	"github.com/kube-aliyun/kube-aliyun/pkg/ownership"
)

const (
	payByCLCU      = "PayByCLCU"
	payBySpec      = "PayBySpec"
	payByTraffic   = "paybytraffic"
	payByBandwidth = "paybybandwidth"

	classicNetwork = "classic"
	vpcNetwork     = "vpc"

	// protectionReason is shown in the console where somebody wants to change a
	// protected instance.
	protectionReason = "managed.by.kube-aliyun"
)

// TagManaged lists the keys of the tags that a Service's annotation put on the
// instance: only those are removed with it.
const TagManaged = ownership.TagPrefix + "managed-tags"

// maxTagValue is the API's limit of a tag's value.
const maxTagValue = 128

// instance returns the instance that the Service asks for.
func (b *builder) instance() slb.Create {
	d := b.cfg.Defaults
	in := slb.Create{
		Name:               b.settings.Or(annotation.Name, b.name()),
		AddressType:        slb.AddressType(b.settings.Or(annotation.AddressType, d.AddressType)),
		IPVersion:          b.version(),
		InstanceChargeType: b.settings.Or(annotation.InstanceChargeType, d.InstanceChargeType),
		MasterZone:         b.settings.Or(annotation.MasterZone, ""),
		SlaveZone:          b.settings.Or(annotation.SlaveZone, ""),
		ResourceGroupID:    b.settings.Or(annotation.ResourceGroupID, d.ResourceGroupID),
		DeleteProtection:   d.DeleteProtection,
		Tags:               b.tags(),
	}
	if value, given := b.settings.Text(annotation.DeleteProtection); given {
		in.DeleteProtection = value == "on"
	}
	b.protection(&in)
	b.network(&in)
	b.billing(&in)
	return in
}

// name is the default name of the instance.
func (b *builder) name() string {
	name := ownership.LoadBalancerName(string(b.in.Service.UID))
	if b.ipv6() {
		name += "-ipv6"
	}
	return name
}

func (b *builder) protection(in *slb.Create) {
	standard := slb.NonProtection
	if b.cfg.Defaults.ConsoleProtection {
		standard = slb.ConsoleProtection
	}
	in.ModificationProtection = b.settings.Or(annotation.ModificationProtection, standard)
	if in.ModificationProtection == slb.ConsoleProtection {
		in.ModificationReason = protectionReason
	}
}

// network sets what depends on who can reach the load balancer.
func (b *builder) network(in *slb.Create) {
	ip := b.in.Service.Spec.LoadBalancerIP
	given, byAnnotation := b.settings.Text(annotation.IP)
	if byAnnotation && ip != "" && ip != given {
		b.notice("loadBalancerIP %s is not used: annotation %s is %s", ip, annotation.IP, given)
	}
	ip = cmp.Or(given, ip)
	place := b.settings.Or(annotation.NetworkType, "")
	if in.AddressType == slb.Intranet {
		if place == classicNetwork {
			b.refuse("annotation %s%s: an intranet load balancer of the classic network cannot reach servers in a VPC; set it to vpc, or remove it",
				annotation.Prefix, annotation.NetworkType)
		}
		in.VPCID = b.cfg.VPCID
		if ip != "" && netutils.IsIPv6String(ip) == b.ipv6() {
			in.Address = ip
		}
		if len(b.cfg.VSwitchIDs) > 0 {
			in.VSwitchID = b.cfg.VSwitchIDs[0]
		}
		in.VSwitchID = b.settings.Or(annotation.VSwitchID, in.VSwitchID)
		if in.VSwitchID == "" {
			b.refuse("an intranet load balancer needs a vSwitch: name one with the annotation %s%s, or configure --vswitches",
				annotation.Prefix, annotation.VSwitchID)
		}
		return
	}
	if !b.cfg.Defaults.AllowInternet {
		b.refuse("public load balancers are not allowed in this cluster (--allow-internet=false); set the annotation %s%s to intranet",
			annotation.Prefix, annotation.AddressType)
	}
	switch {
	case byAnnotation:
		b.notice("annotation %s has no effect: the address of a public load balancer cannot be chosen", annotation.IP)
	case ip != "":
		b.notice("loadBalancerIP %s is not used: the address of a public load balancer cannot be chosen", ip)
	}
	if place == vpcNetwork {
		b.notice("annotation %s has no effect: the address of a public load balancer lies in no VPC", annotation.NetworkType)
	}
	if _, given := b.settings.Text(annotation.VSwitchID); given {
		b.notice("annotation %s has no effect on a public load balancer", annotation.VSwitchID)
	}
}

// billing sets what costs, and refuses combinations that the API does not have.
func (b *builder) billing(in *slb.Create) {
	bandwidth, bandwidthGiven := b.settings.Number(annotation.Bandwidth)
	charge, chargeGiven := b.settings.Text(annotation.InternetChargeType)
	_, specGiven := b.settings.Text(annotation.Spec)
	if in.InstanceChargeType == payBySpec {
		in.Spec = b.settings.Or(annotation.Spec, b.cfg.Defaults.Spec)
	} else if specGiven {
		b.notice("annotation %s has no effect: the instance is billed %s", annotation.Spec, in.InstanceChargeType)
	}
	if in.AddressType == slb.Intranet {
		if bandwidthGiven || chargeGiven {
			b.notice("annotations %s and %s have no effect on an intranet load balancer", annotation.InternetChargeType, annotation.Bandwidth)
		}
		return
	}
	in.InternetChargeType = payByTraffic
	switch {
	case chargeGiven:
		in.InternetChargeType = charge
	case in.InstanceChargeType == payBySpec:
		in.InternetChargeType = b.cfg.Defaults.InternetChargeType
	}
	if in.InternetChargeType != payByBandwidth {
		if bandwidthGiven {
			b.notice("annotation %s has no effect: traffic is billed %s", annotation.Bandwidth, in.InternetChargeType)
		}
		return
	}
	if in.InstanceChargeType == payByCLCU {
		b.refuse("annotation %s%s: %s needs an instance that is billed %s; set %s%s too",
			annotation.Prefix, annotation.InternetChargeType, payByBandwidth, payBySpec, annotation.Prefix, annotation.InstanceChargeType)
	}
	if !bandwidthGiven {
		b.refuse("%s needs a bandwidth; set the annotation %s%s", payByBandwidth, annotation.Prefix, annotation.Bandwidth)
	}
	in.Bandwidth = bandwidth
}

// elasticIP reports whether the status shows the address of an elastic IP: they are
// IPv4 ones, and load balancers with a public address take none (VPC API:
// AssociateEipAddress).
func (b *builder) elasticIP(w Wanted) bool {
	_, given := b.settings.Text(annotation.ExternalIPType)
	switch {
	case !given || b.ipv6():
		return false
	case w.Hostname != "":
		b.notice("annotation %s has no effect beside %s", annotation.ExternalIPType, annotation.Hostname)
		return false
	case w.Adoption == nil && w.Instance.AddressType != slb.Intranet:
		b.refuse("annotation %s%s: an elastic IP cannot be bound to a public load balancer; set %s%s to intranet, or remove it",
			annotation.Prefix, annotation.ExternalIPType, annotation.Prefix, annotation.AddressType)
	}
	return true
}

// tags returns the tags that mark the instance and those that the user wants.
func (b *builder) tags() map[string]string {
	s := b.in.Service
	tags := ownership.ServiceTags(ownership.Service{
		ClusterID: b.cfg.ClusterID, ClusterName: b.cfg.ClusterName,
		UID: string(s.UID), Namespace: s.Namespace, Name: s.Name, Role: b.role(),
	})
	additional := b.settings.Tags(annotation.AdditionalTags)
	if len(additional) == 0 {
		return tags
	}
	keys := make([]string, 0, len(additional))
	for key, value := range additional {
		tags[key] = value
		keys = append(keys, key)
	}
	sort.Strings(keys)
	managed := strings.Join(keys, ",")
	if len(managed) > maxTagValue {
		b.refuse("annotation %s%s: the tag keys together have %d characters, at most %d are possible",
			annotation.Prefix, annotation.AdditionalTags, len(managed), maxTagValue)
	}
	tags[TagManaged] = managed
	return tags
}

// ManagedTags returns the keys of an instance's tags that the Service's
// annotation put there.
func ManagedTags(tags map[string]string) []string {
	value := tags[TagManaged]
	if value == "" {
		return nil
	}
	keys := strings.Split(value, ",")
	return slices.DeleteFunc(keys, ownership.ReservedTag)
}
