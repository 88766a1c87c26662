package loadbalancer

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/slb"
	"github.com/kube-aliyun/kube-aliyun/pkg/event"
	"github.com/kube-aliyun/kube-aliyun/pkg/loadbalancer/audit"
	"github.com/kube-aliyun/kube-aliyun/pkg/loadbalancer/plan"
	"github.com/kube-aliyun/kube-aliyun/pkg/ownership"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/fault"
)

// newDualRig is newRig with IPv6 in the VPC and on all Nodes.
func newDualRig(t testing.TB, profile string, servers int) *rig {
	t.Helper()
	seed := strings.NewReplacer(
		"cidr: 192.168.0.0/16", "cidr: 192.168.0.0/16\n  ipv6CIDR: 2001:db8:1::/56",
		"cidr: 192.168.0.0/20", "cidr: 192.168.0.0/20\n  ipv6CIDR: 2001:db8:1:1::/64",
		"cidr: 192.168.16.0/20", "cidr: 192.168.16.0/20\n  ipv6CIDR: 2001:db8:1:2::/64",
		"privateIP:", "ipv6: auto, privateIP:",
	).Replace(aliyunsim.SmallRegion(servers))
	r := newRigIn(t, profile, seed, servers)
	for n := 1; n <= servers; n++ {
		r.changeNode(n, withIPv6(n))
	}
	return r
}

func withIPv6(n int) func(*corev1.Node) {
	return func(node *corev1.Node) {
		node.Status.Addresses = append(node.Status.Addresses, corev1.NodeAddress{Type: corev1.NodeInternalIP, Address: fmt.Sprintf("2001:db8:1:1::%x", n)})
	}
}

func withoutIPv6(node *corev1.Node) { node.Status.Addresses = nil }

func dualStack(policy corev1.IPFamilyPolicy) func(*corev1.Service) {
	return func(s *corev1.Service) {
		s.Spec.IPFamilyPolicy = &policy
		s.Spec.IPFamilies = []corev1.IPFamily{corev1.IPv4Protocol, corev1.IPv6Protocol}
	}
}

func singleStack(s *corev1.Service) {
	policy := corev1.IPFamilyPolicySingleStack
	s.Spec.IPFamilyPolicy = &policy
	s.Spec.IPFamilies = s.Spec.IPFamilies[:1]
}

// family returns a Service's one load balancer of an address family, complete.
func (r *rig) family(s *corev1.Service, version slb.IPVersion) (*plan.Actual, error) {
	r.t.Helper()
	of := slices.DeleteFunc(r.all(s), func(lb slb.LoadBalancer) bool { return lb.IPVersion != version })
	if len(of) != 1 {
		return nil, fmt.Errorf("%d load balancers of family %s", len(of), version)
	}
	o, err := audit.Read(r.t.Context(), r.eyes, of[0].ID, time.Now)
	return o.Actual, err
}

// addresses returns the addresses in a Service's status.
func (r *rig) addresses(s *corev1.Service) []string {
	var out []string
	for _, ingress := range r.service(s).Status.LoadBalancer.Ingress {
		out = append(out, ingress.IP)
	}
	return out
}

// wholeFamilies reports why a Service has not exactly one complete load balancer of
// each of the families, in the order of its status.
func wholeFamilies(versions ...slb.IPVersion) func(r *rig, s *corev1.Service) error {
	return func(r *rig, s *corev1.Service) error {
		if all := r.all(s); len(all) != len(versions) {
			return fmt.Errorf("%d load balancers, not %d", len(all), len(versions))
		}
		var want []string
		for _, version := range versions {
			lb, err := r.family(s, version)
			if err != nil {
				return err
			}
			want = append(want, lb.Instance.Address)
			for _, p := range r.service(s).Spec.Ports {
				if err := serves(lb, slb.ListenerKey{Protocol: slb.TCP, Port: int(p.Port)}, int(p.NodePort), 3); err != nil {
					return fmt.Errorf("%s: %w", version, err)
				}
			}
		}
		if got := r.addresses(s); !slices.Equal(got, want) {
			return fmt.Errorf("the status shows %v, the load balancers have %v", got, want)
		}
		return nil
	}
}

func (r *rig) eventuallyRight(what string, right func(r *rig, s *corev1.Service) error, s *corev1.Service) {
	r.t.Helper()
	r.eventually(what, func() bool { return right(r, s) == nil })
}

func TestAServiceOfTwoFamiliesGetsALoadBalancerOfEach(t *testing.T) {
	t.Parallel()
	r := newDualRig(t, "instant", 3)
	r.start().surveyed()
	s := newService(1, dualStack(corev1.IPFamilyPolicyRequireDualStack))
	before := r.sim.Counts()
	r.create(s)
	r.eventuallyRight("both serve", wholeFamilies(slb.IPv4, slb.IPv6), s)
	r.settle()
	got := r.sim.Counts()
	for call, want := range map[string]int{callCreate: 2, callAdd: 2, "CreateLoadBalancerTCPListener": 2, "StartLoadBalancerListener": 2} {
		if n := got[call] - before[call]; n != want {
			t.Errorf("%d calls of %s, want %d", n, call, want)
		}
	}
	for version, role := range map[slb.IPVersion]ownership.Role{slb.IPv4: ownership.RoleLoadBalancer, slb.IPv6: ownership.RoleLoadBalancer6} {
		lb, err := r.family(s, version)
		if err != nil {
			t.Fatal(err)
		}
		if tag := lb.Instance.Tags[ownership.TagRole]; tag != string(role) {
			t.Errorf("%s has the role %q, want %q", version, tag, role)
		}
	}
}

func TestTheStatusFollowsTheOrderOfFamilies(t *testing.T) {
	t.Parallel()
	r := newDualRig(t, "instant", 3)
	r.start()
	s := newService(1, dualStack(corev1.IPFamilyPolicyRequireDualStack), func(s *corev1.Service) { slices.Reverse(s.Spec.IPFamilies) })
	r.create(s)
	r.eventuallyRight("both serve", wholeFamilies(slb.IPv6, slb.IPv4), s)
}

func TestAServiceOfIPv6AloneGetsNoIPv4LoadBalancer(t *testing.T) {
	t.Parallel()
	r := newDualRig(t, "instant", 3)
	r.start()
	s := newService(1, func(s *corev1.Service) { s.Spec.IPFamilies = []corev1.IPFamily{corev1.IPv6Protocol} })
	r.create(s)
	r.eventuallyRight("it serves", wholeFamilies(slb.IPv6), s)
	if n := r.sim.Counts()[callCreate]; n != 1 {
		t.Errorf("%d load balancers were created", n)
	}
}

func TestServersWithoutIPv6AreNoBackendsOfIPv6(t *testing.T) {
	t.Parallel()
	r := newDualRig(t, "instant", 3)
	r.changeNode(2, withoutIPv6)
	r.start()
	s := newService(1, dualStack(corev1.IPFamilyPolicyRequireDualStack))
	r.create(s)
	r.eventually("both have addresses", func() bool { return len(r.addresses(s)) == 2 })
	for version, want := range map[slb.IPVersion]string{slb.IPv4: "i-1=100 i-2=100 i-3=100", slb.IPv6: "i-1=100 i-3=100"} {
		lb, err := r.family(s, version)
		if err != nil {
			t.Fatal(err)
		}
		if got := weightsOf(lb); got != want {
			t.Errorf("%s: backends %s, want %s", version, got, want)
		}
	}
}

func TestAFamilyThatIsPreferredWaitsForNodesThatHaveIt(t *testing.T) {
	t.Parallel()
	r := newDualRig(t, "instant", 3)
	for n := 1; n <= 3; n++ {
		r.changeNode(n, withoutIPv6)
	}
	r.start()
	s := newService(1, dualStack(corev1.IPFamilyPolicyPreferDualStack))
	r.create(s)
	r.eventuallyRight("IPv4 serves", wholeFamilies(slb.IPv4), s)
	r.eventually("that is told", func() bool { return len(r.recorded(event.LoadBalancerFamilyUnavailable)) == 1 })
	for n := 1; n <= 3; n++ {
		r.changeNode(n, withIPv6(n))
	}
	r.eventuallyRight("both serve", wholeFamilies(slb.IPv4, slb.IPv6), s)
}

// noIPv6 refuses all load balancers after the first, which is the IPv4 one.
var noIPv6 = fault.Rule{Action: callCreate, Skip: 1, Kind: fault.ServerError, Status: 400, Code: "RegionNotSupport"}

func TestAFamilyThatIsPreferredAndRefusedLeavesTheOther(t *testing.T) {
	t.Parallel()
	r := newDualRig(t, "instant", 3)
	r.start()
	r.sim.Fault(noIPv6)
	s := newService(1, dualStack(corev1.IPFamilyPolicyPreferDualStack))
	r.create(s)
	r.eventuallyRight("IPv4 serves", wholeFamilies(slb.IPv4), s)
	r.eventually("the reason is told", func() bool {
		told := r.recorded(event.LoadBalancerFamilyUnavailable)
		return len(told) > 0 && strings.Contains(told[0], "RegionNotSupport")
	})
	if failed := r.upstreamEvents(s); slices.Contains(failed, "Warning SyncLoadBalancerFailed") {
		t.Errorf("the Service is reported as failed: %v", failed)
	}
}

func TestAFamilyThatIsRequiredAndRefusedIsTriedAgainWhileTheOtherServes(t *testing.T) {
	t.Parallel()
	r := newDualRig(t, "instant", 3)
	c := r.start()
	id := r.sim.Fault(noIPv6)
	s := newService(1, dualStack(corev1.IPFamilyPolicyRequireDualStack))
	r.create(s)
	r.eventuallyRight("IPv4 serves", wholeFamilies(slb.IPv4), s)
	r.eventually("the failure is told", func() bool { return slices.Contains(r.upstreamEvents(s), "Warning SyncLoadBalancerFailed") })
	r.sim.ClearFault(id)
	c.queue.Add(s.UID, "retry") // earlier than the service controller would
	r.eventuallyRight("both serve", wholeFamilies(slb.IPv4, slb.IPv6), s)
}

func TestAFamilyComesAndGoesBesideTheOther(t *testing.T) {
	t.Parallel()
	r := newDualRig(t, "instant", 3)
	r.start()
	s := newService(1, singleStack)
	r.create(s)
	r.eventuallyRight("IPv4 serves", wholeFamilies(slb.IPv4), s)
	first := r.all(s)[0].ID
	r.change(s, dualStack(corev1.IPFamilyPolicyRequireDualStack))
	r.eventuallyRight("both serve", wholeFamilies(slb.IPv4, slb.IPv6), s)
	r.change(s, singleStack)
	r.eventuallyRight("IPv4 is left", wholeFamilies(slb.IPv4), s)
	if left := r.all(s)[0].ID; left != first {
		t.Errorf("load balancer %s took the place of %s", left, first)
	}
	if told := r.recorded(event.LoadBalancerFamilyDropped); len(told) != 1 {
		t.Errorf("told: %q", told)
	}
}

func TestAFamilyGivenUpWhileNobodyLookedIsDeleted(t *testing.T) {
	t.Parallel()
	r := newDualRig(t, "instant", 3)
	first := r.start()
	s := newService(1, dualStack(corev1.IPFamilyPolicyRequireDualStack))
	r.create(s)
	r.eventuallyRight("both serve", wholeFamilies(slb.IPv4, slb.IPv6), s)
	first.stop()
	r.change(s, singleStack)
	second := r.start(func(o *Options) { o.Workers = -1 }) // nobody works
	if text, err := second.Plan(t.Context(), r.service(s)); err != nil || !strings.HasPrefix(text, "nothing to do\n1. delete load balancer lb-") {
		t.Errorf("plan = %q, %v", text, err)
	}
	second.stop()
	r.start()
	r.eventuallyRight("IPv4 is left", wholeFamilies(slb.IPv4), s)
}

func TestAMistakeIsToldBeforeAnyFamilyIsMade(t *testing.T) {
	t.Parallel()
	r := newDualRig(t, "instant", 3)
	r.start().surveyed()
	before := r.total()
	s := newService(1, dualStack(corev1.IPFamilyPolicyRequireDualStack), func(s *corev1.Service) {
		s.Annotations["service.beta.kubernetes.io/alibaba-cloud-loadbalancer-health-check-interval"] = "soon"
	})
	r.create(s)
	r.eventually("it is told", func() bool { return len(r.recorded(event.LoadBalancerRefused)) == 1 })
	r.settle()
	if made := r.total() - before; made != 0 {
		t.Errorf("%d calls were made", made)
	}
}
