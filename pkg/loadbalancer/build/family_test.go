package build

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/slb"
	"github.com/kube-aliyun/kube-aliyun/pkg/loadbalancer/annotation"
	"github.com/kube-aliyun/kube-aliyun/pkg/ownership"
)

const (
	role4 = ownership.RoleLoadBalancer
	role6 = ownership.RoleLoadBalancer6
)

func TestEachFamilyOfAServiceIsALoadBalancer(t *testing.T) {
	for name, c := range map[string]struct {
		families []corev1.IPFamily
		want     []ownership.Role
	}{
		"none":       {nil, []ownership.Role{role4}},
		"IPv4":       {[]corev1.IPFamily{corev1.IPv4Protocol}, []ownership.Role{role4}},
		"IPv6":       {[]corev1.IPFamily{corev1.IPv6Protocol}, []ownership.Role{role6}},
		"IPv4 first": {[]corev1.IPFamily{corev1.IPv4Protocol, corev1.IPv6Protocol}, []ownership.Role{role4, role6}},
		"IPv6 first": {[]corev1.IPFamily{corev1.IPv6Protocol, corev1.IPv4Protocol}, []ownership.Role{role6, role4}},
	} {
		s := testService()
		s.Spec.IPFamilies = c.families
		if diff := cmp.Diff(c.want, Roles(s)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func dual(policy corev1.IPFamilyPolicy) func(*corev1.Service) {
	return func(s *corev1.Service) {
		s.Spec.IPFamilyPolicy = &policy
		s.Spec.IPFamilies = []corev1.IPFamily{corev1.IPv4Protocol, corev1.IPv6Protocol}
	}
}

func TestOnlyAPreferredIPv6LoadBalancerIsOptional(t *testing.T) {
	prefer, require := dual(corev1.IPFamilyPolicyPreferDualStack), dual(corev1.IPFamilyPolicyRequireDualStack)
	ready := []Server{{ID: "i-1", IPv6: true}}
	for name, c := range map[string]struct {
		service   *corev1.Service
		role      ownership.Role
		servers   []Server
		optional  bool
		pointless bool
	}{
		"preferred, no server has it": {testService(prefer), role6, servers(1), true, true},
		"preferred, a server has it":  {testService(prefer), role6, ready, true, false},
		"preferred, the IPv4 one":     {testService(prefer), role4, nil, false, false},
		"required":                    {testService(require), role6, servers(1), false, false},
		"preferred, IPv6 alone": {
			testService(prefer, func(s *corev1.Service) { s.Spec.IPFamilies = s.Spec.IPFamilies[1:] }), role6, servers(1), false, false,
		},
	} {
		w := mustBuild(t, Input{Service: c.service, Role: c.role, Servers: c.servers})
		if w.Optional != c.optional || (w.Pointless != "") != c.pointless {
			t.Errorf("%s: optional %t, pointless %q", name, w.Optional, w.Pointless)
		}
	}
}

func TestAnIPv6LoadBalancerDiffersOnlyInWhatItsFamilyAsks(t *testing.T) {
	s := testService(dual(corev1.IPFamilyPolicyRequireDualStack))
	in := Input{Service: s, Servers: []Server{{ID: "i-1"}, {ID: "i-2", IPv6: true}}}
	four := mustBuild(t, in)
	in.Role = role6
	six := mustBuild(t, in)

	want := four
	want.Instance.Name += "-ipv6"
	want.Instance.IPVersion = slb.IPv6
	want.Instance.Tags = map[string]string{}
	for key, value := range four.Instance.Tags {
		want.Instance.Tags[key] = value
	}
	want.Instance.Tags[ownership.TagRole] = string(role6)
	want.Backends = []slb.Backend{{ServerID: "i-2", Weight: fullWeight}}
	want.Listeners = []Listener{four.Listeners[0]}
	want.Listeners[0].Attributes = slb.Attributes{}
	for field, value := range four.Listeners[0].Attributes {
		want.Listeners[0].Attributes[field] = value
	}
	// kube-proxy's own health check port has no IPv6 address.
	want.Listeners[0].Attributes[slb.HealthCheckType] = "tcp"
	want.Listeners[0].Attributes[slb.HealthCheckPort] = slb.BackendPort
	for _, field := range []slb.Field{slb.HealthCheckURI, slb.HealthCheckDomain, slb.HealthCheckHTTPCode, slb.HealthCheckMethod} {
		delete(want.Listeners[0].Attributes, field)
	}
	if diff := cmp.Diff(want, six); diff != "" {
		t.Error(diff)
	}
}

func TestAnIPv6LoadBalancerWithTheLocalPolicyAsksTheHealthCheckNodePort(t *testing.T) {
	s := testService(dual(corev1.IPFamilyPolicyRequireDualStack), localPolicy)
	w := mustBuild(t, Input{Service: s, Role: role6, Servers: []Server{{ID: "i-1", IPv6: true}}})
	if a := w.Listeners[0].Attributes; a[slb.HealthCheckType] != "http" || a[slb.HealthCheckPort] != "32000" {
		t.Errorf("health check %s at %s", a[slb.HealthCheckType], a[slb.HealthCheckPort])
	}
}

func TestLoadBalancerIPIsOfItsFamilyOnly(t *testing.T) {
	s := testService(dual(corev1.IPFamilyPolicyRequireDualStack), annotate(annotation.AddressType, "intranet"),
		func(s *corev1.Service) { s.Spec.LoadBalancerIP = "10.0.0.9" })
	for role, want := range map[ownership.Role]string{role4: "10.0.0.9", role6: ""} {
		if got := mustBuild(t, Input{Service: s, Role: role}).Instance.Address; got != want {
			t.Errorf("%s asks for the address %q, want %q", role, got, want)
		}
	}
}
