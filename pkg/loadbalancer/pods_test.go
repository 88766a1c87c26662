package loadbalancer

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/slb"
	"github.com/kube-aliyun/kube-aliyun/pkg/event"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/api"
)

// The calls for Pods as backends.
const (
	callInterfaces  = "DescribeNetworkInterfaces"
	callAddGroup    = "AddVServerGroupBackendServers"
	callSetGroup    = "SetVServerGroupAttribute"
	callRemoveGroup = "RemoveVServerGroupBackendServers"
)

func TestServiceWithoutNodePortsSendsToItsPods(t *testing.T) {
	t.Parallel()
	r := newPodRig(t, "instant", 3)
	s := newService(1, withPorts(2), toPods)
	a, b := r.addPod(newPod("a", 1, podAddress(1, 0))), r.addPod(newPod("b", 2, podAddress(2, 3)))
	r.podEndpoints(s, ready(a), ready(b))
	r.start().surveyed()
	r.sim.ResetCounters()
	r.create(s)
	r.eventually("the Service has an address", func() bool { return r.address(s) != "" })
	r.settle()
	// One listing finds the interfaces; both ports have one target, and share a group.
	r.spent("creation", true, map[string]int{
		callList: 1, callCreate: 1, callInterfaces: 1, "DescribeVServerGroups": 1, callCreateGroup: 1, callCreateTCP: 1, callCreateUDP: 1, callStart: 2,
	})
	r.sends("both Pods", s, member(1, 0, 8080, 100), member(2, 3, 8080, 100))
	lb := r.only(s)
	if len(lb.Backends) > 0 || len(lb.Groups) != 1 {
		t.Errorf("default group %v, %d groups", lb.Backends, len(lb.Groups))
	}
	check := lb.Listener(slb.ListenerKey{Protocol: slb.TCP, Port: 80}).Attributes
	if check[slb.HealthCheckPort] != slb.BackendPort || check[slb.HealthCheckType] != "tcp" {
		t.Errorf("the health check asks %s at port %s, not the Pods", check[slb.HealthCheckType], check[slb.HealthCheckPort])
	}
}

func TestPodsComeDrainAndGo(t *testing.T) {
	t.Parallel()
	r := newPodRig(t, "instant", 3)
	s := newService(1, toPods)
	a, b, c := r.addPod(newPod("a", 1, podAddress(1, 0))), r.addPod(newPod("b", 2, podAddress(2, 0))), r.addPod(newPod("c", 2, podAddress(2, 1)))
	r.podEndpoints(s, ready(a), unready(b))
	r.living(s)
	r.sends("the ready one", s, member(1, 0, 8080, 100))
	for _, step := range []struct {
		what      string
		endpoints []discoveryv1.Endpoint
		members   []string
		calls     map[string]int
	}{
		{"one comes", []discoveryv1.Endpoint{ready(a), ready(b)}, []string{member(1, 0, 8080, 100), member(2, 0, 8080, 100)}, map[string]int{callAddGroup: 1}},
		{"one is replaced", []discoveryv1.Endpoint{terminating(a), ready(b), ready(c)}, []string{member(1, 0, 8080, 0), member(2, 0, 8080, 100), member(2, 1, 8080, 100)},
			map[string]int{callInterfaces: 1, callAddGroup: 1, callSetGroup: 1}},
		{"it is gone", []discoveryv1.Endpoint{ready(b), ready(c)}, []string{member(2, 0, 8080, 100), member(2, 1, 8080, 100)}, map[string]int{callRemoveGroup: 1}},
		{"the last ones serve while they end", []discoveryv1.Endpoint{terminating(b), terminating(c)}, []string{member(2, 0, 8080, 100), member(2, 1, 8080, 100)}, map[string]int{}},
		{"an address that nobody has any more is no backend", nil, []string{}, map[string]int{callRemoveGroup: 1}},
	} {
		r.sim.ResetCounters()
		r.podEndpoints(s, step.endpoints...)
		r.settle()
		r.spent(step.what, true, step.calls)
		r.sends(step.what, s, step.members...)
	}
}

func TestNamedTargetPortsDifferFromPodToPod(t *testing.T) {
	t.Parallel()
	r := newPodRig(t, "instant", 2)
	s := newService(1, toPods, func(s *corev1.Service) {
		s.Spec.Ports[0].TargetPort.Type, s.Spec.Ports[0].TargetPort.StrVal = 1, "http"
	})
	a, b := r.addPod(newPod("a", 1, podAddress(1, 0))), r.addPod(newPod("b", 2, podAddress(2, 0)))
	r.slice(s, 8080, ready(a))
	r.slice(s, 9090, ready(b))
	r.living(s)
	r.sends("each at its port", s, member(1, 0, 8080, 100), member(2, 0, 9090, 100))
}

func TestLivingServiceChangesToPodsAndBack(t *testing.T) {
	t.Parallel()
	r := newPodRig(t, "instant", 3)
	s := newService(1, func(s *corev1.Service) { s.Spec.Selector = map[string]string{"app": "web-1"} })
	a := r.addPod(newPod("a", 1, podAddress(1, 0)))
	r.podEndpoints(s, ready(a))
	r.living(s)
	id := r.only(s).Instance.ID
	r.sim.ResetCounters()
	r.change(s, toPods)
	r.sends("the Pod", s, member(1, 0, 8080, 100))
	r.settle()
	var writes []string
	for _, e := range r.sim.Journal() {
		if e.Mutating {
			writes = append(writes, e.Action)
		}
	}
	if want := []string{callCreateGroup, callSetTCP, callRemove}; !slices.Equal(writes, want) {
		t.Errorf("to Pods by %v, want %v", writes, want)
	}
	if lb := r.only(s); len(lb.Backends) > 0 {
		t.Errorf("the default group has %v", lb.Backends)
	}
	r.change(s, func(s *corev1.Service) {
		withoutBackendType(s)
		s.Spec.Ports[0].NodePort, s.Spec.AllocateLoadBalancerNodePorts = 30080, nil
	})
	r.sends("the servers", s, "i-1/:30080=100", "i-2/:30080=100", "i-3/:30080=100")
	r.settle()
	groups, err := r.eyes.Groups(t.Context(), id)
	if err != nil || len(groups) != 1 {
		t.Errorf("groups %v, %v; the one of the Pods is left over", groups, err)
	}
	if now := r.only(s).Instance.ID; now != id {
		t.Errorf("load balancer %s became %s", id, now)
	}
}

func TestWithoutNodePortsAndPodsAServiceIsRefused(t *testing.T) {
	t.Parallel()
	r := newPodRig(t, "instant", 1)
	s := newService(1, toPods, withoutBackendType)
	r.start().surveyed()
	r.create(s)
	r.eventually("it is told", func() bool { return len(r.recorded(event.LoadBalancerRefused)) > 0 })
	if told := r.recorded(event.LoadBalancerRefused)[0]; !strings.Contains(told, "service.beta.kubernetes.io/backend-type: eni") {
		t.Errorf("told %q", told)
	}
	if lbs := r.all(s); len(lbs) > 0 {
		t.Errorf("load balancers %v", lbs)
	}
}

func TestPodsFollowTheirNode(t *testing.T) {
	t.Parallel()
	r := newPodRig(t, "instant", 2)
	s := newService(1, toPods)
	a, b := r.addPod(newPod("a", 1, podAddress(1, 0))), r.addPod(newPod("b", 2, podAddress(2, 0)))
	r.podEndpoints(s, ready(a), ready(b))
	r.living(s)
	r.sends("both", s, member(1, 0, 8080, 100), member(2, 0, 8080, 100))
	drain := func(node *corev1.Node) {
		node.Spec.Taints = append(node.Spec.Taints, corev1.Taint{Key: taintToBeDeleted, Effect: corev1.TaintEffectNoSchedule})
	}
	r.changeNode(1, drain)
	r.sends("a Node that is about to go takes no new connections", s, member(1, 0, 8080, 0), member(2, 0, 8080, 100))
	r.changeNode(2, drain)
	r.sends("the last ones serve", s, member(1, 0, 8080, 100), member(2, 0, 8080, 100))
	r.removeNode(1)
	r.sends("a Pod without a Node is no backend", s, member(2, 0, 8080, 100))
}

func TestEndpointsThatAreNotPodsOfTheServiceAreRejected(t *testing.T) {
	// good is there in each case, and stays the only backend.
	for name, c := range map[string]struct {
		pods []*corev1.Pod
		bad  func(good *corev1.Pod) discoveryv1.Endpoint
		why  string
	}{
		"no Pod at all": {bad: func(good *corev1.Pod) discoveryv1.Endpoint {
			e := ready(good)
			e.Addresses, e.TargetRef = []string{podAddress(2, 0)}, nil
			return e
		}, why: "is no Pod"},
		"a Node": {bad: func(good *corev1.Pod) discoveryv1.Endpoint {
			e := ready(good)
			e.Addresses, e.TargetRef = []string{"192.168.1.1"}, &corev1.ObjectReference{Kind: "Node", Name: "node-1"}
			return e
		}, why: "is no Pod"},
		"another namespace's Pod": {
			pods: []*corev1.Pod{newPod("other", 2, podAddress(2, 0), func(p *corev1.Pod) { p.Namespace = "bank" })},
			bad: func(*corev1.Pod) discoveryv1.Endpoint {
				return ready(newPod("other", 2, podAddress(2, 0), func(p *corev1.Pod) { p.Namespace = "bank" }))
			}, why: "another namespace, bank",
		},
		"another namespace's Pod by its name alone": {
			pods: []*corev1.Pod{newPod("other", 2, podAddress(2, 0), func(p *corev1.Pod) { p.Namespace = "bank" })},
			bad:  func(*corev1.Pod) discoveryv1.Endpoint { return ready(newPod("other", 2, podAddress(2, 0))) }, why: "does not exist",
		},
		"an address that the Pod does not have": {bad: func(good *corev1.Pod) discoveryv1.Endpoint {
			e := ready(good)
			e.Addresses = []string{podAddress(2, 0)}
			return e
		}, why: "does not have that address"},
		"a Pod of the same name that is gone": {
			pods: []*corev1.Pod{newPod("again", 2, podAddress(2, 0))},
			bad: func(*corev1.Pod) discoveryv1.Endpoint {
				return ready(newPod("again", 2, podAddress(2, 0), func(p *corev1.Pod) { p.UID = "uid-before" }))
			}, why: "is another one",
		},
		"a Pod in its Node's network": {
			pods: []*corev1.Pod{newPod("host", 2, "192.168.17.1", hostNetwork)},
			bad:  func(*corev1.Pod) discoveryv1.Endpoint { return ready(newPod("host", 2, "192.168.17.1", hostNetwork)) }, why: "uses its Node's network",
		},
		"a Pod that has ended": {
			pods: []*corev1.Pod{newPod("done", 2, podAddress(2, 0), func(p *corev1.Pod) { p.Status.Phase = corev1.PodSucceeded })},
			bad:  func(*corev1.Pod) discoveryv1.Endpoint { return ready(newPod("done", 2, podAddress(2, 0))) }, why: "has ended",
		},
		"a Pod on a Node that is none of ours": {
			pods: []*corev1.Pod{newPod("strange", 9, podAddress(2, 0))},
			bad:  func(*corev1.Pod) discoveryv1.Endpoint { return ready(newPod("strange", 9, podAddress(2, 0))) }, why: `Node "node-9" of the Pod is no server`,
		},
		"a Pod that claims the address of another server's interface": {
			pods: []*corev1.Pod{newPod("thief", 1, podAddress(2, 0))},
			bad:  func(*corev1.Pod) discoveryv1.Endpoint { return ready(newPod("thief", 1, podAddress(2, 0))) }, why: `of server "i-2", but Node node-1 is server i-1`,
		},
		"a Pod of an overlay network": {
			pods: []*corev1.Pod{newPod("overlay", 2, "10.244.1.7")},
			bad:  func(*corev1.Pod) discoveryv1.Endpoint { return ready(newPod("overlay", 2, "10.244.1.7")) }, why: "no network interface of the VPC",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newPodRig(t, "instant", 2)
			good := r.addPod(newPod("good", 1, podAddress(1, 0)))
			for _, pod := range c.pods {
				r.addPod(pod)
			}
			s := newService(1, toPods)
			bad := c.bad(good)
			r.podEndpoints(s, ready(good), bad)
			r.living(s)
			r.sends("the good one alone", s, member(1, 0, 8080, 100))
			told := r.recorded(event.LoadBalancerEndpointRejected)
			if len(told) != 1 || !strings.Contains(told[0], c.why) || !strings.Contains(told[0], bad.Addresses[0]) {
				t.Errorf("told %q", told)
			}
		})
	}
}

func hostNetwork(p *corev1.Pod) { p.Spec.HostNetwork = true }

func TestEndpointIsABackendOnceItsNodeIsKnown(t *testing.T) {
	t.Parallel()
	r := newPodRig(t, "instant", 2)
	r.removeNode(2)
	s := newService(1, toPods)
	a, b := r.addPod(newPod("a", 1, podAddress(1, 0))), r.addPod(newPod("b", 2, podAddress(2, 0)))
	r.podEndpoints(s, ready(a), ready(b))
	r.living(s)
	r.sends("one", s, member(1, 0, 8080, 100))
	r.addNode(2)
	r.sends("both", s, member(1, 0, 8080, 100), member(2, 0, 8080, 100))
}

func TestPodsAreReadByOneListingAndNotAgain(t *testing.T) {
	t.Parallel()
	r := newPodRig(t, "instant", 2)
	s := newService(1, toPods)
	var all []discoveryv1.Endpoint
	for k := range addressesPerServer {
		all = append(all, ready(r.addPod(newPod(fmt.Sprintf("p%d", k), 1, podAddress(1, k)))))
	}
	r.podEndpoints(s, all...)
	for _, step := range []struct {
		what string
		act  func()
		want string
	}{
		{"all are new", func() { r.living(s) }, "[list]"},
		{"one is gone", func() { r.podEndpoints(s, all[1:]...) }, "[]"},
		{"one came back, and one is new", func() {
			r.podEndpoints(s, append(slices.Clone(all), ready(r.addPod(newPod("q", 2, podAddress(2, 0)))))...)
		}, "[create get get]"},
	} {
		r.kube.ClearActions()
		step.act()
		r.settle()
		verbs := []string{}
		for _, a := range r.kube.Actions() {
			if a.GetResource().Resource == "pods" {
				verbs = append(verbs, a.GetVerb())
			}
		}
		if fmt.Sprint(verbs) != step.want {
			t.Errorf("%s: Pods are asked for by %v, want %s", step.what, verbs, step.want)
		}
	}
}

func TestOneBadPodHarmsItselfOnly(t *testing.T) {
	t.Parallel()
	r := newPodRig(t, "instant", 3)
	r.sim.Knobs(func(k *api.Knobs) { k.BackendsPerLoadBalancer = 2 })
	s := newService(1, toPods)
	var all []discoveryv1.Endpoint
	for n := 1; n <= 3; n++ {
		all = append(all, ready(r.addPod(newPod(fmt.Sprintf("p%d", n), n, podAddress(n, 0)))))
	}
	r.podEndpoints(s, all...)
	r.living(s)
	if got := strings.Fields(podsOf(r.only(s))); len(got) != 2 {
		t.Errorf("backends %v, want the two that the quota leaves", got)
	}
	told := r.recorded(event.LoadBalancerBackendRejected)
	if len(told) != 1 || strings.Count(told[0], "eni-") != 1 {
		t.Errorf("told %q, want one event that names one Pod", told)
	}
}

func TestABackendThatIsInAlreadyIsFoundAndNotBlamed(t *testing.T) {
	t.Parallel()
	r := newPodRig(t, "instant", 3)
	s := newService(1, toPods)
	var all []discoveryv1.Endpoint
	for n := 1; n <= 3; n++ {
		all = append(all, ready(r.addPod(newPod(fmt.Sprintf("p%d", n), n, podAddress(n, 0)))))
	}
	r.podEndpoints(s, all[0])
	r.living(s)
	early := slb.Backend{ServerID: "eni-2", ServerIP: podAddress(2, 0), Type: slb.TypeInterface, Port: 8080, Weight: 100}
	if err := r.eyes.AddGroupBackends(t.Context(), r.only(s).Groups[0].ID, []slb.Backend{early}); err != nil {
		t.Fatal(err)
	}
	r.podEndpoints(s, all...)
	r.sends("all three", s, member(1, 0, 8080, 100), member(2, 0, 8080, 100), member(3, 0, 8080, 100))
	r.settle()
	if told := r.recorded(event.LoadBalancerBackendRejected); len(told) > 0 {
		t.Errorf("told %q", told)
	}
}

func TestAServiceThatIsRefusedKeepsItsPodsUpToDate(t *testing.T) {
	t.Parallel()
	r := newPodRig(t, "instant", 2)
	s := newService(1, toPods)
	a, b := r.addPod(newPod("a", 1, podAddress(1, 0))), r.addPod(newPod("b", 2, podAddress(2, 0)))
	r.podEndpoints(s, ready(a))
	r.living(s)
	r.change(s, func(s *corev1.Service) {
		s.Annotations["service.beta.kubernetes.io/alibaba-cloud-loadbalancer-scheduler"] = "best"
	})
	r.eventually("it is refused", func() bool { return len(r.recorded(event.LoadBalancerRefused)) > 0 })
	r.podEndpoints(s, ready(b))
	r.sends("the Pod that is there", s, member(2, 0, 8080, 100))
}

func TestRestartWithPodsWritesNothing(t *testing.T) {
	t.Parallel()
	r := newPodRig(t, "instant", 2)
	s := newService(1, toPods)
	a := r.addPod(newPod("a", 1, podAddress(1, 0)))
	r.podEndpoints(s, ready(a))
	first := r.living(s)
	first.stop()
	r.sim.ResetCounters()
	r.start().surveyed()
	r.settle()
	for _, e := range r.sim.Journal() {
		if e.Mutating {
			t.Errorf("after the restart: %s %v", e.Action, e.Params)
		}
	}
	if n := r.sim.Counts()[callInterfaces]; n != 1 {
		t.Errorf("%d listings of interfaces", n)
	}
}
