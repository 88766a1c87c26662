package loadbalancer

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/slb"
	"github.com/kube-aliyun/kube-aliyun/pkg/event"
	"github.com/kube-aliyun/kube-aliyun/pkg/loadbalancer/annotation"
)

// version asks for one address family.
func version(value slb.IPVersion) func(*corev1.Service) {
	return func(s *corev1.Service) { annotate(s, annotation.IPVersion, string(value)) }
}

// bothFamilies is a desk with two families, and a Service that has both.
func bothFamilies(t *testing.T, change ...func(*corev1.Service)) (*desk, *corev1.Service) {
	t.Helper()
	r := newDualRig(t, "instant", 3)
	x := deskOf(r)
	s := newService(1, append([]func(*corev1.Service){dualStack(corev1.IPFamilyPolicyRequireDualStack)}, change...)...)
	return x, s
}

// versions are the families of the Service's load balancers.
func (x *desk) versions(s *corev1.Service) string {
	var out []string
	for _, want := range []slb.IPVersion{slb.IPv4, slb.IPv6} {
		for _, lb := range x.all(s) {
			if lb.IPVersion == want {
				out = append(out, string(want))
			}
		}
	}
	return strings.Join(out, " ")
}

func TestOneFamilyOfSeveralMayBeNamed(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ first, second slb.IPVersion }{{slb.IPv4, slb.IPv6}, {slb.IPv6, slb.IPv4}} {
		t.Run(string(row.first), func(t *testing.T) {
			t.Parallel()
			x, s := bothFamilies(t, version(row.first))
			writes, err := x.ensure(s)
			if err != nil || len(writes) != 4 || x.versions(s) != string(row.first) {
				t.Fatalf("made with it: %q, %v, %s", writes, err, x.versions(s))
			}
			version("4")(s)
			x.refuses("wrong", annotated{key: annotation.IPVersion}, s, event.LoadBalancerRefused)
			version(row.second)(s)
			x.refuses("changed", annotated{key: annotation.IPVersion}, s, event.LoadBalancerRefused)
			if got := x.versions(s); got != string(row.first) {
				t.Errorf("changed: load balancers of %s", got)
			}
			delete(s.Annotations, annotation.Prefix+string(annotation.IPVersion))
			if _, err := x.ensure(s); err != nil || x.versions(s) != "ipv4 ipv6" {
				t.Errorf("removed: %v, %s", err, x.versions(s))
			}
			version(row.first)(s)
			x.refuses("set on a living one", annotated{key: annotation.IPVersion}, s, event.LoadBalancerRefused)
			if got := x.versions(s); got != "ipv4 ipv6" {
				t.Errorf("set on a living one: load balancers of %s", got)
			}
		})
	}
}

func TestServersComeAndGoWhileAFamilyIsRefused(t *testing.T) {
	t.Parallel()
	r := newDualRig(t, "instant", 3)
	r.start()
	s := newService(1, dualStack(corev1.IPFamilyPolicyRequireDualStack), version(slb.IPv4))
	r.create(s)
	r.eventuallyRight("IPv4 serves", wholeFamilies(slb.IPv4), s)
	r.change(s, version(slb.IPv6))
	r.eventually("it is refused", func() bool { return len(r.recorded(event.LoadBalancerRefused)) > 0 })
	r.removeNode(3)
	r.eventually("the server leaves", func() bool { return weightsOf(r.only(s)) == "i-1=100 i-2=100" })
}

func TestAFamilyThatTheServiceLacksIsRefused(t *testing.T) {
	t.Parallel()
	x, s := bothFamilies(t, singleStack, version(slb.IPv6))
	x.refuses("made", annotated{key: annotation.IPVersion}, s, event.LoadBalancerRefused)
	if got := x.versions(s); got != "" {
		t.Errorf("load balancers of %s", got)
	}
}

func TestBackendsAreOfTheLoadBalancersFamily(t *testing.T) {
	t.Parallel()
	backends := func(value string) func(*corev1.Service) {
		return func(s *corev1.Service) { annotate(s, annotation.BackendIPVersion, value) }
	}
	row := annotated{key: annotation.BackendIPVersion}
	for _, of := range []struct{ is, other slb.IPVersion }{{slb.IPv4, slb.IPv6}, {slb.IPv6, slb.IPv4}} {
		t.Run(string(of.is), func(t *testing.T) {
			t.Parallel()
			x, s := bothFamilies(t, version(of.is), backends(string(of.is)))
			if _, err := x.ensure(s); err != nil || x.versions(s) != string(of.is) {
				t.Fatalf("made with it: %v, %s", err, x.versions(s))
			}
			backends(string(of.other))(s)
			x.refuses("changed", row, s, event.LoadBalancerRefused)
			backends("both")(s)
			x.refuses("wrong", row, s, event.LoadBalancerRefused)
			backends("")(s)
			x.expect("removed", annotated{key: row.key, see: func(seen) string { return "" }}, s, []string{}, "")
		})
	}
	x, s := bothFamilies(t, backends("ipv6"))
	x.refuses("of two families", row, s, event.LoadBalancerRefused)
}
