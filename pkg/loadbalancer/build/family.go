package build

import (
	"cmp"
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/slb"
	"github.com/kube-aliyun/kube-aliyun/pkg/loadbalancer/annotation"
	"github.com/kube-aliyun/kube-aliyun/pkg/ownership"
)

// Roles returns the load balancers that a Service wants, one for each of its
// address families, in their order: an instance has one family only. A Service
// that names none wants IPv4. An annotation may name one of the families; one that
// uses somebody else's has its first family otherwise.
func Roles(s *corev1.Service) []ownership.Role {
	all := familyRoles(s)
	if version := annotation.Value(s.Annotations, annotation.IPVersion); version != "" {
		if role := roleOfVersion(version); slices.Contains(all, role) {
			return []ownership.Role{role}
		}
	}
	if prefersDual(s) && asksForPods(s) && slices.Contains(all, ownership.RoleLoadBalancer) {
		return []ownership.Role{ownership.RoleLoadBalancer} // those of IPv6 have no Pods as backends
	}
	if annotation.Value(s.Annotations, annotation.ID) != "" {
		return all[:1]
	}
	return all
}

func prefersDual(s *corev1.Service) bool {
	return s.Spec.IPFamilyPolicy != nil && *s.Spec.IPFamilyPolicy == corev1.IPFamilyPolicyPreferDualStack
}

// familyRoles returns the roles of a Service's address families.
func familyRoles(s *corev1.Service) []ownership.Role {
	var out []ownership.Role
	for _, family := range s.Spec.IPFamilies {
		if role := roleOf(family); !slices.Contains(out, role) {
			out = append(out, role)
		}
	}
	if len(out) == 0 {
		out = append(out, ownership.RoleLoadBalancer)
	}
	return out
}

func roleOf(family corev1.IPFamily) ownership.Role {
	if family == corev1.IPv6Protocol {
		return ownership.RoleLoadBalancer6
	}
	return ownership.RoleLoadBalancer
}

// Living returns Roles, and those of the Service's other families that have a load
// balancer: an annotation gives none up, a change of the families does.
func Living(s *corev1.Service, has func(ownership.Role) bool) []ownership.Role {
	out := Roles(s)
	if annotation.Value(s.Annotations, annotation.IPVersion) == "" && !asksForPods(s) {
		return out
	}
	for _, role := range familyRoles(s) {
		if has(role) && !slices.Contains(out, role) {
			out = append(out, role)
		}
	}
	return out
}

func roleOfVersion(version string) ownership.Role {
	if version == string(slb.IPv6) {
		return ownership.RoleLoadBalancer6
	}
	return ownership.RoleLoadBalancer
}

// versions refuses address families that the Service does not have, or that its
// load balancer has not.
func (b *builder) versions() {
	version, given := b.settings.Text(annotation.IPVersion)
	other := map[string]slb.IPVersion{string(slb.IPv4): slb.IPv6, string(slb.IPv6): slb.IPv4}
	switch role := roleOfVersion(version); {
	case !given:
	case !slices.Contains(familyRoles(b.in.Service), role):
		b.refuse("annotation %s%s: the Service has no address of family %s, so Nodes do not answer it on their node ports; name the family in the Service's ipFamilies, or remove the annotation",
			annotation.Prefix, annotation.IPVersion, version)
	case role != b.role(), b.in.Beside:
		b.refuse("annotation %s%s is %s, but the Service has a load balancer of family %s; set it back, give that family up in the Service's ipFamilies, "+
			"or delete the Service and create it again (its address changes)", annotation.Prefix, annotation.IPVersion, version, other[version])
	}
	if backends, given := b.settings.Text(annotation.BackendIPVersion); given && backends != string(b.version()) {
		b.refuse("annotation %s%s: %s cannot be had: a load balancer of family %s reaches its servers by that family; remove the annotation",
			annotation.Prefix, annotation.BackendIPVersion, backends, b.version())
	}
}

// optional reports whether the Service can do without the load balancer: the
// IPv6 one of a Service that prefers two families and does not require them.
func (b *builder) optional() bool {
	return b.ipv6() && prefersDual(b.in.Service) &&
		slices.Contains(Roles(b.in.Service), ownership.RoleLoadBalancer)
}

// role is the load balancer's role.
func (b *builder) role() ownership.Role {
	return cmp.Or(b.in.Role, ownership.RoleLoadBalancer)
}

// ipv6 reports whether the load balancer is the one with an IPv6 address.
func (b *builder) ipv6() bool { return b.in.Role == ownership.RoleLoadBalancer6 }

// version is the address family of the load balancer.
func (b *builder) version() slb.IPVersion {
	if b.ipv6() {
		return slb.IPv6
	}
	return slb.IPv4
}

// servers returns the servers that have an address of the load balancer's
// family: the API refuses others (IpVersionConflict).
func (b *builder) servers() []Server {
	if !b.ipv6() {
		return b.in.Servers
	}
	return slices.DeleteFunc(slices.Clone(b.in.Servers), func(s Server) bool { return !s.IPv6 })
}

// pointless says why an optional load balancer is not worth making, or "".
func (b *builder) pointless() string {
	if b.optional() && len(b.servers()) == 0 {
		return "no Node shows an IPv6 address"
	}
	return ""
}
