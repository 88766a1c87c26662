package integration

import (
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kube-aliyun/kube-aliyun/test/rig"
)

// awaitNoLoadBalancer waits until the region has none.
func awaitNoLoadBalancer(r *rig.Rig) {
	r.T.Helper()
	r.Eventually(60*time.Second, "no load balancer is left", func() (bool, string) {
		all := r.LoadBalancers()
		state := ""
		for i := range all {
			state += all[i].String() + "\n"
		}
		return len(all) == 0, state
	})
}

func TestServiceGetsALoadBalancerAndGivesItBack(t *testing.T) {
	r := rig.New(t, rig.Options{Servers: 3})
	r.StartController().WaitReady()
	awaitInitialised(r)

	s := r.CreateService("web", nil, rig.Port(80), rig.UDPPort(80))
	address := r.AwaitAddress("web", 60*time.Second)
	lb := r.LoadBalancer()
	if lb.Address != address || lb.Tag("kube-aliyun.io/service-uid") != string(s.UID) || !lb.Protected {
		t.Errorf("status says %s, the region %+v", address, lb)
	}
	if len(lb.Listeners) != 2 || len(lb.Backends) != 3 {
		t.Errorf("got %s", lb.String())
	}
	for _, l := range lb.Listeners {
		if l.Status != "running" {
			t.Errorf("success was reported while %s is %s", l.Protocol, l.Status)
		}
	}
	if mode := r.Service("web").Status.LoadBalancer.Ingress[0].IPMode; mode == nil || *mode != corev1.LoadBalancerIPModeVIP {
		t.Errorf("ipMode is %v", mode)
	}

	r.DeleteService("web")
	awaitNoLoadBalancer(r)
	r.Eventually(30*time.Second, "the Service is gone", func() (bool, string) {
		_, err := r.Client.CoreV1().Services(r.Namespace).Get(t.Context(), "web", metav1.GetOptions{})
		return apierrors.IsNotFound(err), r.Events("web")
	})
}
