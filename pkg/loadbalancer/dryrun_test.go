package loadbalancer

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/kube-aliyun/kube-aliyun/pkg/loadbalancer/annotation"
)

func TestPreviewShowsWantedActualAndPlanAndWritesNothing(t *testing.T) {
	r := newRig(t, "instant", 2)
	c := r.start()
	s := newService(1)
	r.create(s)
	r.eventually("the Service has an address", func() bool { return r.address(s) != "" })
	r.settle()
	before := r.sim.Counts()
	wish := newService(1, func(s *corev1.Service) {
		s.Annotations[annotation.Prefix+"scheduler"] = "rr"
		s.Spec.Ports = append(s.Spec.Ports, corev1.ServicePort{Name: "p1", Protocol: corev1.ProtocolUDP, Port: 53, NodePort: 30999})
	})
	p, err := c.Preview(t.Context(), wish, true)
	if err != nil || p.Refused != nil {
		t.Fatal(err, p.Refused)
	}
	says(
		t, p.Text, "wanted:", "Scheduler: rr", "actual:", "Scheduler: wrr", "ID: "+r.only(s).Instance.ID,
		"plan:\n  1. create listener udp/53 to server port 30999\n  2. start listener udp/53\n  3. set listener tcp/80: Scheduler=rr\n",
	)
	for action, count := range r.sim.Counts() {
		if count > before[action] && !strings.HasPrefix(action, "Describe") {
			t.Errorf("%s was called", action)
		}
	}
}

func TestPreviewOfAServiceThatDoesNotExistLooksForNothing(t *testing.T) {
	r := newRig(t, "instant", 1)
	c := r.start().surveyed()
	before := r.total()
	p, err := c.Preview(t.Context(), newService(1), false)
	if err != nil {
		t.Fatal(err)
	}
	says(t, p.Text, "actual:\n  none", "1. create load balancer a00000000", "create listener tcp/80")
	if n := r.total(); n != before {
		t.Errorf("%d calls", n-before)
	}
}

func TestPreviewTellsWhyAServiceIsRefused(t *testing.T) {
	r := newRig(t, "instant", 1)
	c := r.start().surveyed()
	p, err := c.Preview(t.Context(), newService(1, func(s *corev1.Service) {
		s.Annotations[annotation.Prefix+"scheduler"] = "random"
		s.Annotations[annotation.Prefix+"bandwidth"] = "ten"
	}), false)
	if err != nil || p.Refused == nil {
		t.Fatalf("error %v, refused %v", err, p.Refused)
	}
	says(t, p.Text, "plan:\n  refused: ", `"random" must be`, `"ten" must be`)
}

func TestPreviewOfAServiceThatWantsNoLoadBalancerPlansItsDeletion(t *testing.T) {
	r := newRig(t, "instant", 1)
	c := r.start()
	s := newService(1)
	r.create(s)
	r.eventually("the Service has an address", func() bool { return r.address(s) != "" })
	p, err := c.Preview(t.Context(), newService(1, func(s *corev1.Service) { s.Spec.Type = corev1.ServiceTypeClusterIP }), true)
	if err != nil {
		t.Fatal(err)
	}
	says(t, p.Text, "1. delete load balancer "+r.only(s).Instance.ID)
}
