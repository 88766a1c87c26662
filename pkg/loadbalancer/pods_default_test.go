package loadbalancer

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/slb"
	"github.com/kube-aliyun/kube-aliyun/pkg/loadbalancer/annotation"
)

func podsByDefault(o *Options) { o.Settings.BackendType = "eni" }

func TestServiceThatSaysNothingSendsToPodsWhereTheClusterDoes(t *testing.T) {
	t.Parallel()
	r := newPodRig(t, "instant", 2)
	s := newService(1, toPods, withoutBackendType)
	a := r.addPod(newPod("a", 1, podAddress(1, 0)))
	r.podEndpoints(s, ready(a))
	life := r.living(s, podsByDefault)
	r.sends("the Pod", s, member(1, 0, 8080, 100))

	b := r.addPod(newPod("b", 2, podAddress(2, 0)))
	r.podEndpoints(s, ready(a), ready(b))
	r.sends("a Pod that came", s, member(1, 0, 8080, 100), member(2, 0, 8080, 100))

	// A node port changes nothing.
	r.settle()
	r.sim.ResetCounters()
	r.change(s, func(s *corev1.Service) {
		s.Spec.AllocateLoadBalancerNodePorts, s.Spec.Ports[0].NodePort = ptr.To(true), 30080
	})
	r.settle()
	r.sends("the Pods still", s, member(1, 0, 8080, 100), member(2, 0, 8080, 100))

	life.stop()
	r.sim.ResetCounters()
	r.start(podsByDefault).surveyed()
	r.settle()
	for _, e := range r.sim.Journal() {
		if e.Mutating {
			t.Errorf("after the restart: %s %v", e.Action, e.Params)
		}
	}
}

func TestAnnotationWinsOverTheClustersBackendType(t *testing.T) {
	t.Parallel()
	r := newPodRig(t, "instant", 2)
	s := newService(1, func(s *corev1.Service) { annotate(s, annotation.BackendType, "ecs") })
	r.podEndpoints(s, ready(r.addPod(newPod("a", 1, podAddress(1, 0)))))
	r.living(s, podsByDefault)
	r.settle()
	if lb := r.only(s); len(lb.Backends) != 2 || podsOf(lb) != "" {
		t.Errorf("servers %v, Pods %q", lb.Backends, podsOf(lb))
	}
}

func TestServiceOfTwoFamiliesHasServersWhereOthersHavePods(t *testing.T) {
	t.Parallel()
	r := newDualRig(t, "instant", 2)
	s := newService(1, dualStack(corev1.IPFamilyPolicyRequireDualStack))
	r.living(s, podsByDefault)
	r.eventually("it has two load balancers", func() bool { return len(r.all(s)) == 2 })
	r.settle()
	for _, version := range []slb.IPVersion{slb.IPv4, slb.IPv6} {
		lb, err := r.family(s, version)
		if err != nil {
			t.Fatal(err)
		}
		if len(lb.Backends) != 2 || podsOf(lb) != "" {
			t.Errorf("%s: servers %v, Pods %q", version, lb.Backends, podsOf(lb))
		}
	}
}
