package loadbalancer

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"

	"github.com/kube-aliyun/kube-aliyun/pkg/event"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim"
	simslb "github.com/kube-aliyun/kube-aliyun/test/aliyunsim/slb"
)

func TestAPortHeldByAListenerOfOthersIsAnErrorInTheStatus(t *testing.T) {
	t.Parallel()
	r := newRig(t, "instant", 3)
	r.start()
	s := newService(1)
	r.create(s)
	r.eventuallyRight("it serves", whole(3), s)
	id := r.only(s).Instance.ID
	r.sim.Do(func(region *aliyunsim.Region) {
		if err := region.SLB.AddListener(id, simslb.ListenerSeed{Port: 8080, Protocol: "http", BackendPort: 30099}); err != nil {
			t.Error(err)
		}
	})
	r.change(s, func(s *corev1.Service) {
		for i, port := range []int32{8080, 8081} {
			s.Spec.Ports = append(s.Spec.Ports, corev1.ServicePort{Name: []string{"a", "b"}[i], Protocol: corev1.ProtocolTCP, Port: port, NodePort: nodePort(1, i+1)})
		}
	})
	want := []corev1.PortStatus{
		{Port: 80, Protocol: corev1.ProtocolTCP},
		{Port: 8080, Protocol: corev1.ProtocolTCP, Error: ptr.To(portInUse)},
		{Port: 8081, Protocol: corev1.ProtocolTCP},
	}
	r.eventually("the status tells which port it is", func() bool {
		ingress := r.service(s).Status.LoadBalancer.Ingress
		if len(ingress) != 1 || len(ingress[0].Ports) != len(want) {
			return false
		}
		for i, got := range ingress[0].Ports {
			if got.Port != want[i].Port || ptr.Deref(got.Error, "") != ptr.Deref(want[i].Error, "") {
				return false
			}
		}
		return true
	})
	if told := r.recorded(event.LoadBalancerUnchangeable); len(told) == 0 {
		t.Error("the Service's owner is not told")
	}
	r.change(s, func(s *corev1.Service) { s.Spec.Ports[1].Port = 8082 })
	r.eventually("no port has an error", func() bool {
		for _, p := range r.service(s).Status.LoadBalancer.Ingress[0].Ports {
			if p.Error != nil || p.Port == 8080 {
				return false
			}
		}
		return true
	})
}
