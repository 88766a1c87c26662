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
// that names none wants IPv4, and so does one that uses somebody else's.
func Roles(s *corev1.Service) []ownership.Role {
	if annotation.Value(s.Annotations, annotation.ID) != "" {
		return []ownership.Role{ownership.RoleLoadBalancer}
	}
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

// optional reports whether the Service can do without the load balancer: the
// IPv6 one of a Service that prefers two families and does not require them.
func (b *builder) optional() bool {
	policy := b.in.Service.Spec.IPFamilyPolicy
	return b.ipv6() && policy != nil && *policy == corev1.IPFamilyPolicyPreferDualStack &&
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
