package loadbalancer

import (
	"net/http"
	"strings"
	"testing"

	"github.com/kube-aliyun/kube-aliyun/pkg/event"
	"github.com/kube-aliyun/kube-aliyun/pkg/loadbalancer/annotation"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/fault"
)

// wantEvents compares the events of a reason, each of which must say a text.
func (r *rig) wantEvents(reason *event.Reason, texts ...string) {
	r.t.Helper()
	got := r.recorded(reason)
	if len(got) != len(texts) {
		r.t.Errorf("events %q, want %d", got, len(texts))
		return
	}
	for i, text := range texts {
		if !strings.Contains(got[i], text) {
			r.t.Errorf("event %q does not say %q", got[i], text)
		}
	}
}

func TestEventsTellStateAndLastChange(t *testing.T) {
	r := newRig(t, "instant", 2)
	r.start()
	s := newService(1, withPorts(2))
	r.create(s)
	r.eventually("the Service has an address", func() bool { return r.address(s) != "" })
	r.settle()
	lb := r.only(s).Instance
	r.wantEvents(event.LoadBalancerReady, "load balancer "+lb.ID+" ("+lb.Address+", internet, PayByCLCU) was created; it has 2 listeners and 2 servers")
	r.wantEvents(event.LoadBalancerChanged)
	r.annotate(s, annotation.Prefix+"scheduler", "rr")
	r.eventually("a change is told", func() bool { return len(r.recorded(event.LoadBalancerChanged)) > 0 })
	r.wantEvents(event.LoadBalancerChanged, "load balancer "+lb.ID+": set listener tcp/80: Scheduler=rr; set listener udp/80: Scheduler=rr")
}

func TestServersThatComeAndGoAreToldOnceInAWhile(t *testing.T) {
	r := newRig(t, "instant", 3)
	r.start()
	s := newService(1)
	r.create(s)
	r.eventually("the Service has an address", func() bool { return r.address(s) != "" })
	for n := 3; n > 1; n-- {
		r.removeNode(n)
		r.eventually("the server has left", func() bool { return len(r.only(s).Backends) == n-1 })
	}
	r.settle()
	r.wantEvents(event.LoadBalancerChanged, "its servers are those that should be")
	r.wantEvents(event.LoadBalancerWaiting)
}

func TestEventsTellWhyALoadBalancerWaits(t *testing.T) {
	r := newRig(t, "instant", 2)
	r.start()
	s := newService(1)
	r.create(s)
	r.eventually("the Service has an address", func() bool { return r.address(s) != "" })
	r.settle()
	rule := r.sim.Fault(fault.Rule{Kind: fault.ServerError, Status: http.StatusForbidden, Code: "Forbidden.RAM", Action: "RemoveBackendServers"})
	r.removeNode(2)
	r.eventually("the reason is told", func() bool { return len(r.recorded(event.LoadBalancerWaiting)) > 0 })
	if got := r.recorded(event.LoadBalancerWaiting)[0]; !strings.Contains(got, "is tried again: remove backends: ") || !strings.Contains(got, "Forbidden.RAM") {
		t.Errorf("event %q", got)
	}
	r.sim.ClearFault(rule)
	r.eventually("the server has left", func() bool { return weightsOf(r.only(s)) == "i-1=100" })
}
