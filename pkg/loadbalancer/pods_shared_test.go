package loadbalancer

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/slb"
	"github.com/kube-aliyun/kube-aliyun/pkg/event"
	"github.com/kube-aliyun/kube-aliyun/pkg/loadbalancer/plan"
	simslb "github.com/kube-aliyun/kube-aliyun/test/aliyunsim/slb"
)

const (
	callDeleteListener = "DeleteLoadBalancerListener"
	callDeleteGroup    = "DeleteVServerGroup"
)

// written returns the actions of the calls since the last reset that changed
// something, in their order.
func (r *rig) written() []string {
	var out []string
	for _, e := range r.sim.Journal() {
		if e.Mutating {
			out = append(out, e.Action)
		}
	}
	return out
}

// writes does something and waits until exactly these calls have changed something.
func (r *rig) writes(what string, act func(), want ...string) {
	r.t.Helper()
	r.settle()
	r.sim.ResetCounters()
	act()
	r.eventually(what, func() bool { return len(r.written()) >= len(want) })
	r.settle()
	if got := r.written(); !slices.Equal(got, want) {
		r.t.Errorf("%s by %v, want %v", what, got, want)
	}
}

// podsAt tells which members the group of a listener has, with their addresses.
func podsAt(a *plan.Actual, port int) string {
	only := &plan.Actual{Groups: a.Groups}
	for i := range a.Listeners {
		if a.Listeners[i].Port == port {
			only.Listeners = append(only.Listeners, a.Listeners[i])
		}
	}
	return podsOf(only)
}

// newSharedPodsRig is newPodsRig with the load balancer of somebody else, as shared
// is, that has room for a port 80.
func newSharedPodsRig(t testing.TB, profile string, servers int) *rig {
	t.Helper()
	r := newPodsRig(t, profile, servers)
	lb := shared()
	lb.Listeners[0].Settings = nil
	r.seed(lb)
	return r
}

func onSharedToPods(pairs ...string) func() *corev1.Service {
	return onShared(toPods, with(pairs...))
}

// inTheirGroup makes a Service's Pods members of the others' group.
func inTheirGroup() *corev1.Service {
	return onShared(toPods, with("vgroup-port", "rsp-shared:9090", "weight", "60"), func(s *corev1.Service) { s.Spec.Ports[0].Port = 9090 })()
}

// sharedPods reports why a port of the shared load balancer does not lead to
// exactly these members, or why the Service has not its address.
func sharedPods(port int, members ...string) func(r *rig, s *corev1.Service) error {
	return func(r *rig, s *corev1.Service) error {
		lb, err := r.peek("lb-shared")
		if err != nil {
			return err
		}
		slices.Sort(members)
		if got, want := podsAt(lb, port), strings.Join(members, " "); got != want || r.address(s) != "203.0.113.79" {
			return fmt.Errorf("port %d leads to %s, not to %s; address %q", port, got, want, r.address(s))
		}
		if l := lb.Listener(slb.ListenerKey{Protocol: slb.TCP, Port: port}); l == nil || l.Status != slb.ListenerRunning {
			return fmt.Errorf("listener %+v", l)
		}
		if others := podsAt(lb, 9090); !strings.Contains(others, theirMember) {
			return fmt.Errorf("port 9090 leads to %s", others)
		}
		return nil
	}
}

// theirMember is the member of the others' group that was there before.
const theirMember = "i-2/:9=100"

func init() {
	create := func(r *rig, s *corev1.Service) { r.create(s) }
	remove := func(r *rig, s *corev1.Service) { r.remove(s) }
	ends := func(pods ...int) func(r *rig, s *corev1.Service) {
		return func(r *rig, s *corev1.Service) { r.endsAt(s, pods...) }
	}
	for name, sc := range map[string]scenario{
		"create":        {service: onSharedToPods(), act: create, right: sharedPods(80, member(1, 0, 8080, 100), member(2, 0, 8080, 100))},
		"replaced":      {service: onSharedToPods(), living: true, act: ends(2), right: sharedPods(80, member(3, 0, 8080, 100))},
		"delete":        {service: onSharedToPods(), living: true, act: remove, right: sharedLeft},
		"join a group":  {service: inTheirGroup, act: create, right: sharedPods(9090, theirMember, member(1, 0, 8080, 30), member(2, 0, 8080, 30))},
		"scaled in it":  {service: inTheirGroup, living: true, act: ends(0, 1, 2), right: sharedPods(9090, theirMember, member(1, 0, 8080, 20), member(2, 0, 8080, 20), member(3, 0, 8080, 20))},
		"leave a group": {service: inTheirGroup, living: true, act: remove, right: sharedLeft},
	} {
		sc.rig = newSharedPodsRig
		table["shared pods: "+name] = sc
	}
}

func TestPodsServeOnALoadBalancerOfOthersAndLeaveItAsItWas(t *testing.T) {
	t.Parallel()
	r := newSharedPodsRig(t, "instant", 3)
	before := r.state("lb-shared")
	r.start().surveyed()
	s := onSharedToPods()()
	right := func(what string, members ...string) {
		t.Helper()
		r.eventuallyRight(what, sharedPods(80, members...), s)
	}
	r.writes("create", func() { r.create(s) }, callCreateGroup, callCreateTCP, callStart)
	right("both Pods", member(1, 0, 8080, 100), member(2, 0, 8080, 100))
	r.writes("scale up", func() { r.endsAt(s, 0, 1, 2) }, callAddGroup)
	right("three Pods", member(1, 0, 8080, 100), member(2, 0, 8080, 100), member(3, 0, 8080, 100))
	r.writes("replace", func() { r.endsAt(s, 2) }, callRemoveGroup)
	right("one Pod", member(3, 0, 8080, 100))
	r.writes("delete", func() { r.remove(s) }, callDeleteListener, callDeleteGroup)
	if diff := cmp.Diff(before, r.state("lb-shared")); diff != "" {
		t.Errorf("the load balancer is not as before: %s", diff)
	}
}

func TestPodsJoinAGroupOfOthersBesideItsMembers(t *testing.T) {
	t.Parallel()
	r := newSharedPodsRig(t, "instant", 3)
	before := r.state("lb-shared")
	c := r.start().surveyed()
	s := inTheirGroup()
	right := func(what string, members ...string) {
		t.Helper()
		r.eventuallyRight(what, sharedPods(9090, append(members, theirMember)...), s)
	}
	r.writes("create", func() { r.create(s) }, callAddGroup)
	right("both Pods share the weight", member(1, 0, 8080, 30), member(2, 0, 8080, 30))
	r.writes("scale up", func() { r.endsAt(s, 0, 1, 2) }, callAddGroup, callSetGroup)
	right("three share it", member(1, 0, 8080, 20), member(2, 0, 8080, 20), member(3, 0, 8080, 20))
	r.writes("no traffic", func() { r.change(s, with("weight", "0")) }, callSetGroup)
	right("none takes any", member(1, 0, 8080, 0), member(2, 0, 8080, 0), member(3, 0, 8080, 0))
	r.writes("restart", func() {
		c.stop()
		r.start().surveyed()
	})
	r.writes("the last Pod goes", func() { r.endsAt(s) }, callRemoveGroup)
	right("the others' member alone")
	r.writes("they come back", func() { r.endsAt(s, 0) }, callAddGroup)
	r.writes("delete", func() { r.remove(s) }, callRemoveGroup)
	r.eventually("the finalizer is gone", func() bool { return r.removed(s) })
	if diff := cmp.Diff(before, r.state("lb-shared")); diff != "" {
		t.Errorf("the load balancer is not as before: %s", diff)
	}
}

// officialPods is the load balancer of Service web-1 as the official controller
// makes it when backends are Pods: its groups bear the target port, as it is written.
func officialPods(s *corev1.Service) simslb.LoadBalancerSeed {
	weight := 40
	lb := official(s)
	lb.Groups[0].Name = "k8s/" + s.Spec.Ports[0].TargetPort.String() + "/web-1/shop/clusterid"
	lb.Groups[0].Backends = []simslb.BackendSeed{
		{Server: "eni-1", IP: podAddress(1, 0), Port: 8080, Weight: &weight}, {Server: "eni-2", IP: podAddress(2, 0), Port: 8080},
	}
	return lb
}

func TestPodsOfTheOfficialControllerAreTakenOverAsTheyAre(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*corev1.Service){
		"target port by number": func(*corev1.Service) {},
		"target port by name": func(s *corev1.Service) {
			s.Spec.Ports[0].TargetPort.Type, s.Spec.Ports[0].TargetPort.StrVal = 1, "http"
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newPodsRig(t, "instant", 3)
			s := newService(1, toPods, served, change)
			r.seed(officialPods(s))
			before := r.read("lb-official")
			r.create(s)
			r.start()
			r.eventually("it is taken over", func() bool { return len(r.recorded(event.LoadBalancerTakenOver)) == 1 && len(r.all(s)) == 1 })
			r.settle()
			if diff := cmp.Diff([]string{"TagResources", callSetTCP, "SetLoadBalancerModificationProtection", "UntagResources"}, r.written()); diff != "" {
				t.Errorf("calls of the take-over (-wanted +made):\n%s", diff)
			}
			if diff := cmp.Diff(before.Groups, r.read("lb-official").Groups); diff != "" {
				t.Errorf("the Pods are changed: %s", diff)
			}
			r.writes("scale up", func() { r.endsAt(s, 0, 1, 2) }, callAddGroup)
			if got, want := podsAt(r.read("lb-official"), 80), member(1, 0, 8080, 40)+" "+member(2, 0, 8080, 100)+" "+member(3, 0, 8080, 100); got != want {
				t.Errorf("port 80 leads to %s, want %s", got, want)
			}
			r.writes("replace", func() { r.endsAt(s, 2) }, callRemoveGroup)
			r.change(s, func(s *corev1.Service) { s.Finalizers = []string{"service.kubernetes.io/load-balancer-cleanup"} })
			r.remove(s)
			r.eventually("the finalizer is gone", func() bool { return r.removed(s) })
			if r.state("lb-official") != "" {
				t.Error("the load balancer is left")
			}
		})
	}
}

// TestPodsThatWentBeforeATakeOverAreTakenOut: a Pod that has gone while no
// controller worked, whose address may be somebody else's by now.
func TestPodsThatWentBeforeATakeOverAreTakenOut(t *testing.T) {
	t.Parallel()
	r := newPodsRig(t, "instant", 3)
	s := newService(1, toPods, served)
	seed := officialPods(s)
	seed.Groups[0].Backends = append(seed.Groups[0].Backends, simslb.BackendSeed{Server: "eni-3", IP: podAddress(3, 5), Port: 8080})
	r.seed(seed)
	r.create(s)
	r.start()
	r.eventually("the Pod that has gone is no member", func() bool {
		return podsAt(r.read("lb-official"), 80) == member(1, 0, 8080, 40)+" "+member(2, 0, 8080, 100)
	})
	r.settle()
	if n := r.sim.Counts()[callRemoveGroup]; n != 1 {
		t.Errorf("calls %v", r.sim.Counts())
	}
}
