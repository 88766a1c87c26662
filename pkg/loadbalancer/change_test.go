package loadbalancer

import (
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	testclock "k8s.io/utils/clock/testing"
	"k8s.io/utils/ptr"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/slb"
	"github.com/kube-aliyun/kube-aliyun/pkg/event"
	"github.com/kube-aliyun/kube-aliyun/pkg/loadbalancer/annotation"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim"
)

var deleteNow = metav1.DeleteOptions{}

// newWantedTwin is a second load balancer with the same marks.
func newWantedTwin(lb slb.LoadBalancer) slb.Create {
	return slb.Create{Name: lb.Name, AddressType: lb.AddressType, InstanceChargeType: lb.InstanceChargeType, DeleteProtection: true, Tags: lb.Tags}
}

func TestTypeChangedToAndFroEndsWithOneLivingLoadBalancer(t *testing.T) {
	t.Parallel()
	r := newRig(t, "instant", 3)
	s := newService(1)
	r.living(s)
	old := r.only(s).Instance.ID
	for range 2 {
		r.change(s, func(s *corev1.Service) { s.Spec.Type = corev1.ServiceTypeClusterIP })
		r.eventually("the address is gone", func() bool { return r.address(s) == "" })
		r.change(s, func(s *corev1.Service) { s.Spec.Type = corev1.ServiceTypeLoadBalancer })
		r.eventually("there is an address again", func() bool { return r.address(s) != "" })
	}
	r.settle()
	if err := whole(3)(r, s); err != nil {
		t.Error(err)
	}
	if id := r.only(s).Instance.ID; id == old {
		t.Error("a deleted load balancer is reported")
	}
}

func TestTypeChangedBackBeforeAnythingHappenedKeepsTheLoadBalancer(t *testing.T) {
	t.Parallel()
	r := newRig(t, "instant", 3)
	s := newService(1)
	c := r.living(s)
	c.stop()
	r.change(s, func(s *corev1.Service) { s.Spec.Type = corev1.ServiceTypeClusterIP })
	r.change(s, func(s *corev1.Service) { s.Spec.Type = corev1.ServiceTypeLoadBalancer })
	r.start()
	r.settle()
	if err := whole(3)(r, s); err != nil {
		t.Error(err)
	}
}

func TestNodePortChangeMovesTheListenerToAGroup(t *testing.T) {
	t.Parallel()
	r := newRig(t, "instant", 3)
	s := newService(1, withPorts(4))
	r.living(s)
	r.settle()
	r.sim.ResetCounters()
	for _, port := range []int32{32111, 32222} {
		r.change(s, func(s *corev1.Service) { s.Spec.Ports[0].NodePort = port })
		r.eventually("the listener has moved", func() bool { return whole(3)(r, s) == nil })
	}
	if n := r.sim.Counts()[callDeleteListener] + r.sim.Counts()[callCreateTCP]; n > 0 {
		t.Errorf("listeners were created or deleted: %v", r.sim.Counts())
	}
	lb := r.only(s)
	moved := slices.DeleteFunc(lb.Listeners, func(l slb.Listener) bool { return l.GroupID == "" })
	if len(moved) != 1 || weightsOf(lb) != "i-1=100 i-2=100 i-3=100" {
		t.Errorf("listeners in groups %+v; default group %s", moved, weightsOf(lb))
	}
	r.settle()
	r.sim.ResetCounters()
	r.removeNode(2)
	r.eventually("the server is out of both groups", func() bool { return whole(2)(r, s) == nil })
	r.settle()
	if n := r.sim.Counts()[callRemove] + r.sim.Counts()["RemoveVServerGroupBackendServers"]; n != 2 {
		t.Errorf("a node change cost %v for two groups", r.sim.Counts())
	}
}

func TestRefusedServiceCostsNoCallAndOneEvent(t *testing.T) {
	t.Parallel()
	r := newRig(t, "instant", 3)
	r.start().surveyed()
	r.sim.ResetCounters()
	s := newService(1, func(s *corev1.Service) {
		s.Annotations[annotation.Prefix+"bandwidth"] = "much"
		s.Annotations[annotation.Prefix+"scheduler"] = "best"
		s.Annotations[annotation.Prefix+"health-chek-interval"] = "5"
	})
	r.create(s)
	r.eventually("it is refused", func() bool { return len(r.recorded(event.LoadBalancerRefused)) == 1 })
	r.settle()
	told := r.recorded(event.LoadBalancerRefused)
	if len(told) != 1 || !strings.Contains(told[0], "bandwidth") || !strings.Contains(told[0], "scheduler") || r.total() > 0 || r.address(s) != "" {
		t.Errorf("events %q, calls %v, address %q", told, r.sim.Counts(), r.address(s))
	}
	if others := r.upstreamEvents(s); !slices.Equal(others, []string{"Normal EnsuringLoadBalancer"}) {
		t.Errorf("the service controller tells %q", others)
	}
	r.change(s, func(s *corev1.Service) {
		delete(s.Annotations, annotation.Prefix+"bandwidth")
		delete(s.Annotations, annotation.Prefix+"scheduler")
	})
	r.eventually("it is served", func() bool { return r.address(s) != "" })
	if notes := strings.Join(r.recorded(event.LoadBalancerNotAsAsked), " "); !strings.Contains(notes, "did you mean") {
		t.Errorf("notes %q", notes)
	}
}

func TestRefusedServiceIsToldAgainWhileItIsRefused(t *testing.T) {
	t.Parallel()
	r := newRig(t, "instant", 3)
	clock := testclock.NewFakeClock(time.Now())
	told := &counter{}
	r.start(func(o *Options) { o.Clock, o.Events = clock, told })
	s := newService(1, func(s *corev1.Service) { s.Annotations[annotation.Prefix+"scheduler"] = "best" })
	r.create(s)
	r.eventually("it is refused", func() bool { return told.n.Load() == 1 })
	r.eventually("it is told again", func() bool {
		clock.Step(time.Minute)
		return told.n.Load() > 1
	})
	r.remove(s)
	r.eventually("it can be deleted", func() bool { return r.removed(s) })
}

// counter counts events.
type counter struct{ n atomic.Int32 }

func (c *counter) Event(runtime.Object, *event.Reason, string, ...any) { c.n.Add(1) }

func TestTooManyPortsAreRefusedBeforeTheFirstCall(t *testing.T) {
	t.Parallel()
	r := newRig(t, "instant", 3)
	r.start().surveyed()
	r.sim.ResetCounters()
	r.create(newService(1, withPorts(51)))
	r.eventually("it is refused", func() bool { return len(r.recorded(event.LoadBalancerRefused)) == 1 })
	r.settle()
	if r.total() > 0 || !strings.Contains(r.recorded(event.LoadBalancerRefused)[0], "51 ports") {
		t.Errorf("calls %v, events %q", r.sim.Counts(), r.events)
	}
}

func TestBackendsFollowNodesAlthoughTheServiceIsRefused(t *testing.T) {
	t.Parallel()
	r := newRig(t, "instant", 3)
	s := newService(1)
	r.living(s)
	address := r.address(s)
	r.change(s, func(s *corev1.Service) { s.Annotations = map[string]string{annotation.Prefix + "scheduler": "best"} })
	r.eventually("it is refused", func() bool { return len(r.recorded(event.LoadBalancerRefused)) == 1 })
	r.removeNode(1)
	r.eventually("the server is out", func() bool { return weightsOf(r.only(s)) == "i-2=100 i-3=100" })
	if r.address(s) != address {
		t.Errorf("the address became %q", r.address(s))
	}
}

func TestSettingsAreChangedAndTheirRemovalRestoresTheDefault(t *testing.T) {
	t.Parallel()
	r := newRig(t, "instant", 3)
	s := newService(1)
	r.living(s)
	before := r.only(s)
	r.change(s, func(s *corev1.Service) {
		s.Annotations = map[string]string{
			annotation.Prefix + "name": "renamed", annotation.LegacyPrefix + "scheduler": "rr", annotation.ArchonPrefix + "healthy-threshold": "5",
			annotation.Prefix + "delete-protection": "off", annotation.Prefix + "modification-protection": "NonProtection",
			annotation.Prefix + "additional-resource-tags": "team=red", annotation.Prefix + "connection-drain": "on",
			annotation.Prefix + "health-check-type": "tcp",
		}
	})
	r.eventually("it is renamed", func() bool { lb, err := r.look(s); return err == nil && lb.Instance.Name == "renamed" })
	r.settle()
	lb := r.only(s)
	a := lb.Listeners[0].Attributes
	if lb.Instance.DeleteProtection || lb.Instance.ModificationProtection != "NonProtection" || lb.Instance.Tags["team"] != "red" ||
		a[slb.Scheduler] != "rr" || a[slb.HealthyThreshold] != "5" || a[slb.ConnectionDrain] != "on" || a[slb.HealthCheckType] != "tcp" {
		t.Errorf("changed: %+v %v %v", lb, a, r.sim.CountsByCode())
	}
	r.change(s, func(s *corev1.Service) { s.Annotations = nil })
	r.eventually("it has its name back", func() bool { lb, err := r.look(s); return err == nil && lb.Instance.Name == before.Instance.Name })
	r.settle()
	after := r.only(s)
	if diff := slb.Diff(slb.TCP, before.Listeners[0].Attributes, after.Listeners[0].Attributes); len(diff) > 0 {
		t.Errorf("listener not restored: %v", diff)
	}
	if !after.Instance.DeleteProtection || after.Instance.ModificationProtection != "ConsoleProtection" || len(after.Instance.Tags) != len(before.Instance.Tags) {
		t.Errorf("instance not restored: %+v", after.Instance)
	}
}

func TestWhatCannotChangeIsToldAndTheRestIsDone(t *testing.T) {
	t.Parallel()
	r := newRig(t, "instant", 3)
	s := newService(1)
	r.living(s)
	address := r.address(s)
	r.change(s, func(s *corev1.Service) {
		s.Annotations = map[string]string{annotation.Prefix + "address-type": "intranet", annotation.Prefix + "scheduler": "rr"}
	})
	r.eventually("it is told", func() bool { return len(r.recorded(event.LoadBalancerUnchangeable)) > 0 })
	if lb := r.only(s); lb.Listeners[0].Attributes[slb.Scheduler] != "rr" || r.address(s) != address {
		t.Errorf("load balancer %+v", lb)
	}
}

func TestIntranetLoadBalancerGetsAnAddressOfItsVSwitch(t *testing.T) {
	t.Parallel()
	r := newRig(t, "instant", 3)
	s := newService(1, func(s *corev1.Service) { s.Annotations[annotation.Prefix+"address-type"] = "intranet" })
	r.living(s, func(o *Options) { o.Settings.AllowInternet = false })
	if lb := r.only(s); lb.Instance.VSwitchID != aliyunsim.SmallVSwitchH || !strings.HasPrefix(r.address(s), "192.168.") {
		t.Errorf("instance %+v", lb.Instance)
	}
	public := newService(2)
	r.create(public)
	r.eventually("a public one is refused", func() bool { return len(r.recorded(event.LoadBalancerRefused)) == 1 })
	r.remove(public)
	r.eventually("and can be deleted", func() bool { return r.removed(public) })
}

func TestLocalUDPServiceHoldsTheServersWithReadyEndpoints(t *testing.T) {
	t.Parallel()
	r := newRig(t, "instant", 4)
	slice := func(nodes ...string) *discoveryv1.EndpointSlice {
		out := &discoveryv1.EndpointSlice{
			ObjectMeta:  metav1.ObjectMeta{Namespace: "shop", Name: "web-1-x", Labels: map[string]string{discoveryv1.LabelServiceName: "web-1"}},
			AddressType: discoveryv1.AddressTypeIPv4,
		}
		for i, n := range nodes {
			out.Endpoints = append(out.Endpoints, discoveryv1.Endpoint{
				Addresses: []string{fmt.Sprintf("10.0.0.%d", i)}, NodeName: ptr.To(n), Conditions: discoveryv1.EndpointConditions{Ready: ptr.To(true)},
			})
		}
		return out
	}
	slices := r.kube.DiscoveryV1().EndpointSlices("shop")
	if _, err := slices.Create(t.Context(), slice("node-1", "node-3"), metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	s := newService(1, withPorts(2), func(s *corev1.Service) {
		s.Spec.ExternalTrafficPolicy, s.Spec.HealthCheckNodePort = corev1.ServiceExternalTrafficPolicyLocal, 32000
	})
	r.living(s)
	lb := r.only(s)
	if weightsOf(lb) != "i-1=100 i-3=100" {
		t.Errorf("servers %s", weightsOf(lb))
	}
	if a := lb.Listener(slb.ListenerKey{Protocol: slb.TCP, Port: 80}).Attributes; a[slb.HealthCheckPort] != "32000" || a[slb.HealthCheckURI] != "/healthz" {
		t.Errorf("health check %v", a)
	}
	if _, err := slices.Update(t.Context(), slice("node-3", "node-4"), metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	r.eventually("the servers follow the Pods", func() bool { return weightsOf(r.only(s)) == "i-3=100 i-4=100" })
}

func TestDrainingServerGetsWeightZeroUnlessItIsTheLast(t *testing.T) {
	t.Parallel()
	r := newRig(t, "instant", 2)
	s := newService(1)
	r.living(s)
	drain := func(n int, key string) {
		r.changeNode(n, func(node *corev1.Node) {
			node.Spec.Taints = append(node.Spec.Taints, corev1.Taint{Key: key, Effect: corev1.TaintEffectNoExecute})
		})
	}
	drain(1, taintToBeDeleted)
	r.eventually("it drains", func() bool { return weightsOf(r.only(s)) == "i-1=0 i-2=100" })
	drain(2, corev1.TaintNodeOutOfService)
	r.eventually("the last ones serve", func() bool { return weightsOf(r.only(s)) == "i-1=100 i-2=100" })
	r.removeNode(1)
	r.eventually("the gone one is out", func() bool { return weightsOf(r.only(s)) == "i-2=100" })
	r.removeNode(2)
	timer := time.NewTimer(time.Second)
	<-timer.C
	if got := weightsOf(r.only(s)); got != "i-2=100" {
		t.Errorf("without any node: %s", got)
	}
}

func TestExcludedNodesAreNoBackends(t *testing.T) {
	t.Parallel()
	r := newRig(t, "instant", 6)
	for n, label := range map[int]string{1: labelMaster, 2: labelControlPlane, 3: corev1.LabelNodeExcludeBalancers, 4: "service.alibabacloud.com/exclude-node"} {
		r.changeNode(n, func(node *corev1.Node) { node.Labels[label] = "" })
	}
	r.changeNode(5, func(node *corev1.Node) { node.Spec.ProviderID = "kind://x" })
	s := newService(1)
	r.living(s)
	if got := weightsOf(r.only(s)); got != "i-6=100" {
		t.Errorf("servers %s", got)
	}
}

func TestUpdateNeverCreates(t *testing.T) {
	t.Parallel()
	r := newRig(t, "instant", 2)
	s := newService(1, func(s *corev1.Service) { s.Spec.LoadBalancerClass = ptr.To("example.com/other") })
	r.create(s)
	c := r.start()
	if err := c.UpdateLoadBalancer(t.Context(), "kubernetes", s, nil); err != nil {
		t.Error(err)
	}
	r.change(s, func(s *corev1.Service) { s.Spec.LoadBalancerClass = nil })
	if err := c.UpdateLoadBalancer(t.Context(), "kubernetes", newService(2), nil); err != nil {
		t.Error(err)
	}
	if n := len(r.all(newService(2))); n > 0 {
		t.Errorf("%d load balancers", n)
	}
}

func TestPlanTellsAndWritesNothing(t *testing.T) {
	t.Parallel()
	r := newRig(t, "instant", 3)
	s := newService(1)
	c := r.living(s)
	r.settle()
	r.sim.ResetCounters()
	for want, service := range map[string]*corev1.Service{
		"nothing to do": r.service(s),
		"1. create load balancer a000000000000400": newService(2),
		"create listener udp/80 to server port":    newService(1, withPorts(2)),
		"1. delete load balancer lb-":              newService(1, func(s *corev1.Service) { s.Spec.Type = corev1.ServiceTypeClusterIP }),
	} {
		text, err := c.Plan(t.Context(), service)
		if err != nil || !strings.Contains(text, want) {
			t.Errorf("plan = %q, %v; want %q", text, err, want)
		}
	}
	for _, e := range r.sim.Journal() {
		if e.Mutating {
			t.Errorf("%s was called", e.Action)
		}
	}
}
