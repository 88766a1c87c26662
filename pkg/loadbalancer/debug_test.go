package loadbalancer

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/kube-aliyun/kube-aliyun/pkg/loadbalancer/annotation"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/fault"
)

// page asks the debug pages for a path below DebugPath.
func (c *controller) page(path string) (int, string) {
	c.rig.t.Helper()
	w := httptest.NewRecorder()
	c.DebugHandler().ServeHTTP(w, httptest.NewRequestWithContext(c.rig.t.Context(), http.MethodGet, DebugPath+path, nil))
	return w.Code, w.Body.String()
}

func says(t *testing.T, page string, wants ...string) {
	t.Helper()
	for _, want := range wants {
		if !strings.Contains(page, want) {
			t.Errorf("the page does not say %q:\n%s", want, page)
		}
	}
}

func TestDebugPageShowsWantedActualPlanAndTrust(t *testing.T) {
	r := newRig(t, "instant", 2)
	c := r.start()
	s := newService(1)
	r.create(s)
	r.eventually("the Service has an address", func() bool { return r.address(s) != "" })
	r.settle()
	lb := r.only(s)
	calls := r.total()
	code, index := c.page("")
	if code != http.StatusOK {
		t.Errorf("the index answers %d", code)
	}
	says(t, index, "shop/web-1", lb.Instance.ID, lb.Instance.Address, resultChanged, "idle")
	_, page := c.page("/shop/web-1")
	says(
		t, page, "Service shop/web-1, UID "+string(s.UID), "queue: idle", "last error: none", "trust: verified",
		"last change: ", "create listener tcp/80", "wanted:", "NodePort: 30010", "actual:", "ID: "+lb.Instance.ID,
		"i-1 weight 100", "plan:\n  nothing to do",
	)
	if n := r.total(); n != calls {
		t.Errorf("the pages made %d calls", n-calls)
	}
}

func TestDebugPageShowsWhyAServiceIsRefused(t *testing.T) {
	r := newRig(t, "instant", 1)
	c := r.start()
	s := newService(1, func(s *corev1.Service) { s.Annotations[annotation.Prefix+"scheduler"] = "random" })
	r.create(s)
	r.eventually("the Service is refused", func() bool { return c.insights.of(s.UID) != nil })
	_, page := c.page("/shop/web-1")
	says(t, page, `"random" must be`, "trust: no load balancer is known", "actual:\n  none", "refused: ", "next pass in ")
}

func TestDebugPageShowsWhatAFailedPassWaitsFor(t *testing.T) {
	r := newRig(t, "instant", 1)
	c := r.start()
	r.sim.Fault(fault.Rule{Kind: fault.ServerError, Status: http.StatusForbidden, Code: "Forbidden.RAM", Action: callCreate})
	s := newService(1)
	r.create(s)
	r.eventually("a pass has failed", func() bool { n := c.insights.of(s.UID); return n != nil && n.err != nil })
	_, page := c.page("/shop/web-1")
	says(t, page, resultFailed, "Forbidden.RAM", "create load balancer a00000000")
}

func TestDebugPageKnowsNothingOfOtherServices(t *testing.T) {
	r := newRig(t, "instant", 1)
	c := r.start()
	r.create(newService(1, func(s *corev1.Service) { s.Spec.Type = corev1.ServiceTypeClusterIP }))
	r.settle()
	for _, path := range []string{"/shop/web-1", "/shop/nobody"} {
		if code, page := c.page(path); code != http.StatusNotFound {
			t.Errorf("%s answers %d: %s", path, code, page)
		}
	}
	if _, index := c.page(""); strings.Contains(index, "web-1") {
		t.Errorf("the index lists a Service that wants no load balancer:\n%s", index)
	}
}
