package loadbalancer

import (
	"net/http/httptest"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/kube-aliyun/kube-aliyun/pkg/event"
)

func TestPodsAreBehindIPv4LoadBalancersOnly(t *testing.T) {
	t.Parallel()
	r := newPodsRig(t, "instant", 2)
	prefers := newService(1, toPods, dualStack(corev1.IPFamilyPolicyPreferDualStack))
	r.living(prefers)
	r.settle()
	r.sends("the Pods, by IPv4", prefers, member(1, 0, 8080, 100), member(2, 0, 8080, 100))
	if told := r.recorded(event.LoadBalancerNotAsAsked); len(told) != 1 || !strings.Contains(told[0], "no IPv6 load balancer") {
		t.Errorf("told %q", told)
	}
	requires := newService(2, toPods, dualStack(corev1.IPFamilyPolicyRequireDualStack))
	r.create(requires)
	r.eventually("that of two families is refused", func() bool { return len(r.recorded(event.LoadBalancerRefused)) > 0 })
	if lbs := r.all(requires); len(lbs) > 0 {
		t.Errorf("load balancers %v", lbs)
	}
}

func TestServiceWithTwoLoadBalancersDoesNotChangeToPods(t *testing.T) {
	t.Parallel()
	r := newDualRig(t, "instant", 2)
	s := newService(1, dualStack(corev1.IPFamilyPolicyPreferDualStack))
	r.living(s)
	r.eventually("it has two", func() bool { return len(r.all(s)) == 2 })
	r.settle()
	r.sim.ResetCounters()
	r.change(s, toPods)
	r.eventually("it is refused", func() bool { return len(r.recorded(event.LoadBalancerRefused)) > 0 })
	r.settle()
	for _, e := range r.sim.Journal() {
		if e.Mutating {
			t.Errorf("%s %v", e.Action, e.Params)
		}
	}
}

func TestDebugPageShowsThePods(t *testing.T) {
	t.Parallel()
	r := newPodsRig(t, "instant", 2)
	s := podService()
	c := r.living(s)
	r.settle()
	w := httptest.NewRecorder()
	c.DebugHandler().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "GET", "/debug/loadbalancers/shop/web-1", nil))
	if body := w.Body.String(); !strings.Contains(body, podAddress(1, 0)) || !strings.Contains(body, "nothing to do") {
		t.Errorf("the page shows\n%s", body)
	}
}
