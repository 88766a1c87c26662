package loadbalancer

import (
	"errors"
	"testing"
	"time"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/slb"
	"github.com/kube-aliyun/kube-aliyun/pkg/loadbalancer/plan"
	"github.com/kube-aliyun/kube-aliyun/pkg/ownership"
)

func TestRefusedServersAreTriedAgainAfterGrowingPauses(t *testing.T) {
	m := newMemory()
	now := time.Unix(0, 0)
	bad := map[string]error{"i-1": errors.New("test failure")}
	for _, want := range []time.Duration{time.Minute, 2 * time.Minute, 4 * time.Minute} {
		if got := m.reject(ownership.RoleLoadBalancer, bad, now); got != want {
			t.Fatalf("pause %s, want %s", got, want)
		}
		if got := m.reject(ownership.RoleLoadBalancer, bad, now.Add(time.Second)); got != want-time.Second {
			t.Errorf("refused for another load balancer: pause %s", got)
		}
		if full := m.full(ownership.RoleLoadBalancer, 0, now.Add(want-time.Second)); !full("i-1") || full("i-2") {
			t.Error("the wrong servers are left alone")
		}
		now = now.Add(want + time.Second)
		if m.full(ownership.RoleLoadBalancer, 0, now)("i-1") {
			t.Error("the server is left alone for too long")
		}
	}
	now = now.Add(mostRejection)
	if got := m.reject(ownership.RoleLoadBalancer, bad, now); got != firstRejection {
		t.Errorf("pause %s after the server was accepted", got)
	}
}

func TestAttachmentsAreCountedByServer(t *testing.T) {
	m := newMemory()
	serve := func(s *state, id string, servers ...string) {
		s.actual = &plan.Actual{Instance: slb.LoadBalancer{ID: id}}
		for _, server := range servers {
			s.actual.Backends = append(s.actual.Backends, slb.Backend{ServerID: server})
		}
		m.publish(s.owner)
	}
	one, two := m.of("uid-1").state(ownership.RoleLoadBalancer), m.of("uid-2").state(ownership.RoleLoadBalancer)
	serve(one, "lb-1", "i-1", "i-2")
	serve(two, "lb-2", "i-1")
	full := m.full(ownership.RoleLoadBalancer, 2, time.Unix(0, 0))
	if !full("i-1") || full("i-2") {
		t.Errorf("attachments %v", m.attached)
	}
	serve(two, "lb-3", "i-2")
	if full("i-1") || !full("i-2") {
		t.Errorf("after a change: attachments %v", m.attached)
	}
	one.forget(true)
	m.publish(one.owner)
	two.forget(true)
	m.publish(two.owner)
	if len(m.attached) > 0 || len(m.members) > 0 {
		t.Errorf("in the end: attachments %v", m.attached)
	}
}
