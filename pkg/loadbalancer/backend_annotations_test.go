package loadbalancer

import (
	"fmt"
	"maps"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/slb"
	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/transport"
	"github.com/kube-aliyun/kube-aliyun/pkg/event"
	"github.com/kube-aliyun/kube-aliyun/pkg/loadbalancer/annotation"
)

// tally counts the calls of a controller by action: the test's own eyes are not in it.
type tally struct {
	mu    sync.Mutex
	calls map[string]int
}

// counted makes the controller's calls countable.
func (c *tally) counted(r *rig) func(*Options) {
	return func(o *Options) {
		o.Cloud = slb.New(r.transport(func(a transport.Attempt) {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.calls[a.Action]++
		}))
	}
}

// of returns the calls that a change costs, until a condition holds and all is
// quiet.
func (c *tally) of(r *rig, change func(), until func() bool) map[string]int {
	r.t.Helper()
	r.settle()
	c.mu.Lock()
	c.calls = map[string]int{}
	c.mu.Unlock()
	change()
	r.eventually("the change is made", until)
	r.settle()
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.calls)
}

// weights returns the default group of the Service's load balancer.
func (r *rig) weights(s *corev1.Service) string {
	r.t.Helper()
	return weightsOf(r.only(s))
}

// annotate sets an annotation of a Service, or removes it with an empty value.
func (r *rig) annotate(s *corev1.Service, key, value string) {
	r.t.Helper()
	r.change(s, func(s *corev1.Service) {
		if s.Annotations == nil {
			s.Annotations = map[string]string{}
		}
		s.Annotations[key] = value
		if value == "" {
			delete(s.Annotations, key)
		}
	})
}

// TestBackendAnnotationsOnALivingLoadBalancer sets, changes, removes and misspells
// each annotation about backends.
func TestBackendAnnotationsOnALivingLoadBalancer(t *testing.T) {
	type stage struct {
		value, weights string
		calls          map[string]int
	}
	add, set, remove := map[string]int{"AddBackendServers": 1}, map[string]int{"SetBackendServers": 1}, map[string]int{"RemoveBackendServers": 1}
	const all = "i-1=100 i-2=100 i-3=100"
	for name, c := range map[string]struct {
		key    string
		stages []stage
		wrong  string
	}{
		"backend-label": {annotation.Prefix + "backend-label", []stage{
			{"disk=ssd", "i-1=100 i-2=100", remove},
			{"disk=ssd,size=big", "i-1=100", remove},
			{"disk=none", "i-1=100", map[string]int{}},
			{"", all, add},
		}, "disk=a b"},
		"remove-unscheduled-backend": {annotation.Prefix + "remove-unscheduled-backend", []stage{
			{"on", "i-1=100 i-2=100 i-3=0", set},
			{"off", all, set},
			{"on", "i-1=100 i-2=100 i-3=0", set},
			{"", all, set},
		}, "yes"},
		"default-weight": {annotation.Prefix + "default-weight", []stage{
			{"10", "i-1=10 i-2=10 i-3=10", set},
			{"0", "i-1=0 i-2=0 i-3=0", set},
			{"", all, set},
		}, "101"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, "instant", 3)
			r.changeNode(1, func(n *corev1.Node) { n.Labels["disk"], n.Labels["size"] = "ssd", "big" })
			r.changeNode(2, func(n *corev1.Node) { n.Labels["disk"] = "ssd" })
			r.changeNode(3, func(n *corev1.Node) { n.Spec.Unschedulable = true })
			calls := &tally{calls: map[string]int{}}
			r.start(calls.counted(r))
			s := newService(1)
			r.create(s)
			r.eventually("the Service has an address", func() bool { return r.address(s) != "" })
			for _, st := range c.stages {
				spent := calls.of(r, func() { r.annotate(s, c.key, st.value) }, func() bool { return r.weights(s) == st.weights })
				if diff := cmp.Diff(st.calls, spent); diff != "" {
					t.Errorf("%q: calls: %s", st.value, diff)
				}
				if got := weightsOf(r.only(s)); got != st.weights {
					t.Errorf("%q: backends %s, want %s", st.value, got, st.weights)
				}
			}
			refused := func() bool { return len(r.recorded(event.LoadBalancerRefused)) == 1 }
			spent := calls.of(r, func() { r.annotate(s, c.key, c.wrong) }, refused)
			if len(spent) > 0 || weightsOf(r.only(s)) != all {
				t.Errorf("a wrong value: calls %v, events %q, backends %s", spent, r.recorded(event.LoadBalancerRefused), weightsOf(r.only(s)))
			}
		})
	}
}

func TestBackendAnnotationsAtCreation(t *testing.T) {
	r := newRig(t, "instant", 3)
	r.changeNode(1, func(n *corev1.Node) { n.Labels["disk"] = "ssd" })
	r.changeNode(2, func(n *corev1.Node) { n.Labels["disk"] = "ssd"; n.Spec.Unschedulable = true })
	calls := &tally{calls: map[string]int{}}
	r.start(calls.counted(r))
	s := newService(1, func(s *corev1.Service) {
		s.Annotations[annotation.Prefix+"backend-label"] = "disk=ssd"
		s.Annotations[annotation.Prefix+"remove-unscheduled-backend"] = "on"
		s.Annotations[annotation.Prefix+"default-weight"] = "20"
	})
	r.create(s)
	r.eventually("the Service has an address", func() bool { return r.address(s) != "" })
	if got := weightsOf(r.only(s)); got != "i-1=20" {
		t.Errorf("backends %s", got)
	}
	spent := calls.of(r, func() { r.changeNode(2, func(n *corev1.Node) { n.Spec.Unschedulable = false }) },
		func() bool { return r.weights(s) == "i-1=20 i-2=20" })
	if got := weightsOf(r.only(s)); got != "i-1=20 i-2=20" || !cmp.Equal(spent, map[string]int{"AddBackendServers": 1}) {
		t.Errorf("after the Node can be scheduled to: %s, calls %v", got, spent)
	}
}

func TestWeightsOfOthersStayWhereTheServiceSaysSo(t *testing.T) {
	r := newRig(t, "instant", 2)
	r.start(audited)
	s := newService(1, func(s *corev1.Service) { s.Annotations[annotation.Prefix+"ignore-weight-update"] = "on" })
	r.create(s)
	r.eventually("the Service has an address", func() bool { return r.address(s) != "" })
	id := r.only(s).Instance.ID
	if _, err := r.eyes.SetBackends(t.Context(), id, []slb.Backend{{ServerID: "i-1", Weight: 30}}); err != nil {
		t.Fatal(err)
	}
	const read = "DescribeLoadBalancerAttribute"
	before := r.sim.Counts()[read]
	r.eventually("two audits have seen it", func() bool { return r.sim.Counts()[read] >= before+3 })
	if got := weightsOf(r.only(s)); got != "i-1=30 i-2=100" || len(r.recorded(event.LoadBalancerDriftRepaired)) > 0 {
		t.Errorf("backends %s, events %q", got, r.recorded(event.LoadBalancerDriftRepaired))
	}
	r.annotate(s, annotation.Prefix+"ignore-weight-update", "")
	r.eventually("the weights are ours again", func() bool { return weightsOf(r.only(s)) == "i-1=100 i-2=100" })
}

// endpoints says on which nodes the Service's ready Pods are, by number.
func (r *rig) endpoints(s *corev1.Service, nodes ...int) {
	r.t.Helper()
	slice := &discoveryv1.EndpointSlice{
		ObjectMeta:  metav1.ObjectMeta{Namespace: s.Namespace, Name: s.Name + "-x", Labels: map[string]string{discoveryv1.LabelServiceName: s.Name}},
		AddressType: discoveryv1.AddressTypeIPv4,
	}
	for i, n := range nodes {
		slice.Endpoints = append(slice.Endpoints, discoveryv1.Endpoint{
			Addresses: []string{fmt.Sprintf("10.0.0.%d", i+1)}, NodeName: ptr.To(fmt.Sprintf("node-%d", n)),
			Conditions: discoveryv1.EndpointConditions{Ready: ptr.To(true)},
		})
	}
	slices := r.kube.DiscoveryV1().EndpointSlices(s.Namespace)
	_, err := slices.Update(r.t.Context(), slice, metav1.UpdateOptions{})
	if apierrors.IsNotFound(err) {
		_, err = slices.Create(r.t.Context(), slice, metav1.CreateOptions{})
	}
	if err != nil {
		r.t.Fatal(err)
	}
}

func TestServersWeighAsMuchAsTheyHavePods(t *testing.T) {
	r := newRig(t, "instant", 3)
	calls := &tally{calls: map[string]int{}}
	r.start(calls.counted(r))
	s := newService(1, func(s *corev1.Service) {
		s.Spec.ExternalTrafficPolicy = corev1.ServiceExternalTrafficPolicyLocal
		s.Spec.HealthCheckNodePort = 32000
		s.Annotations[annotation.OwnPrefix+"weight-by-pods"] = "on"
	})
	r.endpoints(s, 1, 1, 2)
	r.create(s)
	r.eventually("the Service has an address", func() bool { return r.address(s) != "" })
	if got := weightsOf(r.only(s)); got != "i-1=2 i-2=1" {
		t.Errorf("backends %s", got)
	}
	spent := calls.of(r, func() { r.endpoints(s, 2, 2, 3) }, func() bool { return r.weights(s) == "i-2=2 i-3=1" })
	if got := weightsOf(r.only(s)); got != "i-2=2 i-3=1" {
		t.Errorf("after the Pods moved: %s", got)
	}
	if diff := cmp.Diff(map[string]int{"AddBackendServers": 1, "SetBackendServers": 1, "RemoveBackendServers": 1}, spent); diff != "" {
		t.Errorf("calls: %s", diff)
	}
	r.annotate(s, annotation.OwnPrefix+"weight-by-pods", "")
	r.eventually("health checks find the Pods", func() bool { return weightsOf(r.only(s)) == "i-1=100 i-2=100 i-3=100" })
}
