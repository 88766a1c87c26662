package loadbalancer

import (
	"testing"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/slb"
)

func TestServiceLivesFromCreationToDeletion(t *testing.T) {
	r := newRig(t, "instant", 3)
	r.start()
	s := newService(1, withPorts(2))
	r.create(s)
	r.eventually("the Service has an address", func() bool { return r.address(s) != "" })
	lb := r.only(s)
	if r.address(s) != lb.Instance.Address || weightsOf(lb) != "i-1=100 i-2=100 i-3=100" || len(lb.Listeners) != 2 {
		t.Errorf("load balancer %+v", lb)
	}
	for _, l := range lb.Listeners {
		if l.Status != slb.ListenerRunning {
			t.Errorf("listener %s is %s", l.ListenerKey, l.Status)
		}
	}
	ingress := r.service(s).Status.LoadBalancer.Ingress[0]
	if ingress.IPMode == nil || *ingress.IPMode != "VIP" || len(ingress.Ports) != 2 {
		t.Errorf("status %+v", ingress)
	}
	r.remove(s)
	r.eventually("the finalizer is gone", func() bool { return r.removed(s) })
	if left := r.all(s); len(left) > 0 {
		t.Errorf("load balancers are left: %v", left)
	}
}
