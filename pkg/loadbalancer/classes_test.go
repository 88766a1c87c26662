package loadbalancer

import (
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
	servicehelpers "k8s.io/cloud-provider/service/helpers"
	"k8s.io/utils/ptr"

	"github.com/kube-aliyun/kube-aliyun/pkg/event"
	"github.com/kube-aliyun/kube-aliyun/pkg/loadbalancer/classes"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/fault"
)

func ofClass(name string) func(*corev1.Service) {
	return func(s *corev1.Service) { s.Spec.LoadBalancerClass = ptr.To(name) }
}

func clusterIP(s *corev1.Service) {
	s.Spec.Type, s.Spec.LoadBalancerClass = corev1.ServiceTypeClusterIP, nil
}

func TestAServiceOfOurClassIsServedUnderOurFinalizer(t *testing.T) {
	t.Parallel()
	r := newRig(t, "instant", 3)
	r.start()
	s := newService(1, ofClass(classes.Class))
	r.create(s)
	r.eventuallyRight("it serves", whole(3), s)
	if got := r.service(s).Finalizers; !slices.Equal(got, []string{classes.Finalizer}) {
		t.Errorf("finalizers %v", got)
	}
	r.remove(s)
	r.eventuallyRight("it is gone", nothingLeft, s)
}

func TestAServiceOfOurClassFollowsItsPorts(t *testing.T) {
	t.Parallel()
	r := newRig(t, "instant", 3)
	r.start()
	s := newService(1, ofClass(classes.Class))
	r.create(s)
	r.eventuallyRight("it serves", whole(3), s)
	r.change(s, func(s *corev1.Service) { s.Spec.Ports[0].Port = 8080 })
	r.eventually("it serves the new port", func() bool {
		return whole(3)(r, s) == nil && r.only(s).Listeners[0].Port == 8080
	})
}

func TestForeignClassesAreNotTouched(t *testing.T) {
	t.Parallel()
	r := newRig(t, "instant", 3)
	r.start().surveyed()
	before := r.total()
	s := newService(1, ofClass("example.com/other"))
	s.Status.LoadBalancer.Ingress = []corev1.LoadBalancerIngress{{IP: "198.51.100.7"}}
	r.create(s)
	r.settle()
	r.change(s, func(s *corev1.Service) { s.Spec.Ports[0].Port = 8080 })
	r.settle()
	if made := r.total() - before; made != 0 {
		t.Errorf("%d calls were made", made)
	}
	if now := r.service(s); len(now.Finalizers) > 0 || r.address(s) != "198.51.100.7" {
		t.Errorf("finalizers %v, status %v", now.Finalizers, now.Status.LoadBalancer)
	}
}

func TestAServiceThatIsNoLoadBalancerAnyMoreLeavesOurClassEmpty(t *testing.T) {
	t.Parallel()
	r := newRig(t, "instant", 3)
	r.start()
	s := newService(1, ofClass(classes.Class))
	r.create(s)
	r.eventuallyRight("it serves", whole(3), s)
	r.change(s, clusterIP)
	r.eventuallyRight("nothing is left", nothingLeft, s)
	if address := r.address(s); address != "" {
		t.Errorf("the status shows %s", address)
	}
}

func TestAServiceThatTakesAForeignClassLeavesItsLoadBalancerToNobody(t *testing.T) {
	t.Parallel()
	r := newRig(t, "instant", 3)
	r.start()
	s := newService(1, ofClass(classes.Class))
	r.create(s)
	r.eventuallyRight("it serves", whole(3), s)
	r.change(s, ofClass("example.com/other"))
	r.eventuallyRight("nothing is left", nothingLeft, s)
}

func TestAServiceKeepsItsLoadBalancerWhenItsClassComesOrGoes(t *testing.T) {
	t.Parallel()
	for name, change := range map[string][2]func(*corev1.Service){
		"comes": {func(*corev1.Service) {}, ofClass(classes.Class)},
		"goes":  {ofClass(classes.Class), func(s *corev1.Service) { s.Spec.LoadBalancerClass = nil }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, "instant", 3)
			r.start()
			s := newService(1, change[0])
			r.create(s)
			r.eventuallyRight("it serves", whole(3), s)
			first := r.only(s).Instance.ID
			r.change(s, change[1])
			want := servicehelpers.LoadBalancerCleanupFinalizer
			if name == "comes" {
				want = classes.Finalizer
			}
			r.eventually("the other controller alone serves it", func() bool { return slices.Equal(r.service(s).Finalizers, []string{want}) })
			r.settle()
			r.eventuallyRight("it serves on", whole(3), s)
			if now := r.only(s).Instance.ID; now != first || r.sim.Counts()[callDelete] > 0 {
				t.Errorf("load balancer %s took the place of %s", now, first)
			}
		})
	}
}

func TestADeletionThatFailsKeepsTheFinalizerOfOurClass(t *testing.T) {
	t.Parallel()
	r := newRig(t, "instant", 3)
	r.start()
	s := newService(1, ofClass(classes.Class))
	r.create(s)
	r.eventuallyRight("it serves", whole(3), s)
	id := r.sim.Fault(fault.Rule{Action: callDelete, Kind: fault.ServerError, Status: 403, Code: "Forbidden.RAM"})
	r.remove(s)
	r.eventually("that is told", func() bool { return len(r.recorded(event.SyncLoadBalancerFailed)) > 0 })
	if r.removed(s) {
		t.Fatal("the finalizer is gone before the load balancer")
	}
	r.sim.ClearFault(id)
	r.eventuallyRight("it is gone", nothingLeft, s)
}

func TestARefusedServiceOfOurClassIsToldOnce(t *testing.T) {
	t.Parallel()
	r := newRig(t, "instant", 3)
	r.start().surveyed()
	before := r.total()
	s := newService(1, ofClass(classes.Class), func(s *corev1.Service) {
		s.Annotations["service.beta.kubernetes.io/alibaba-cloud-loadbalancer-health-check-interval"] = "soon"
	})
	r.create(s)
	r.eventually("it is told", func() bool { return len(r.recorded(event.LoadBalancerRefused)) == 1 })
	r.settle()
	if made, failed := r.total()-before, r.recorded(event.SyncLoadBalancerFailed); made != 0 || len(failed) > 0 {
		t.Errorf("%d calls were made; told %q", made, failed)
	}
}
