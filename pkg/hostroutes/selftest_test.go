package hostroutes

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
)

// selfTest runs rounds quickly on a server.
func (r *running) selfTest(t *testing.T, s *server) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		r.RunSelfTest(t.Context(), SelfTest{Interval: 50 * time.Millisecond, Port: 10250, Dial: s.ns.Dial})
	}()
	t.Cleanup(func() { <-done })
}

func TestIneffectiveRoutesAreTold(t *testing.T) {
	l := newLab(t)
	servers, c := l.servers(3)
	one := servers[0]
	// The VPC drops what its servers have no address for: here each server does,
	// on behalf of it.
	for _, s := range servers[1:] {
		l.ok(s.ns.Netlink().LinkSetDown(s.pods))
		l.ok(s.ns.Netlink().RouteAdd(&netlink.Route{Dst: ipNet(mustPrefix("10.2.0.0/16")), Type: 6})) // RTN_BLACKHOLE
		l.ok(s.ns.Netlink().AddrDel(s.pods, addressOf(s.podAddress()[:len(s.podAddress())-1]+"1/24")))
	}
	agent := one.start(one.config(c))
	within(t, 5*time.Second, "the routes", func() bool { return one.routed() == 2 })
	agent.selfTest(t, one)
	within(t, 30*time.Second, "the event", func() bool {
		return slices.ContainsFunc(agent.told(), func(e string) bool {
			return strings.HasPrefix(e, "node-1 PodRoutesIneffective Servers answer at port 10250") && strings.Contains(e, "of Node node-2") && strings.Contains(e, "source/destination check")
		})
	})
}

func TestEffectiveRoutesAndDeadServersAreNoReasonForAnEvent(t *testing.T) {
	l := newLab(t)
	servers, c := l.servers(2)
	// Nobody is there.
	c.nodes = append(c.nodes, node(3))
	one := servers[0]
	servers[1].start(servers[1].config(c))
	agent := one.start(one.config(c))
	within(t, 5*time.Second, "the routes", func() bool { return one.routed() == 2 && servers[1].routed() == 2 })
	s := SelfTest{Port: 10250, Dial: one.ns.Dial}
	want := agent.Wanted()
	got := map[string]outcome{}
	for _, r := range want.Routes {
		got[r.Gateway.String()] = s.ask(t.Context(), r, want.OwnRanges)
	}
	if got[ip(2)] != success || got[ip(3)] != unknown {
		t.Errorf("outcomes %v", got)
	}
	for range convinced {
		if failed := agent.round(t.Context(), s, want, 0); failed != 0 {
			t.Errorf("a round counts as failed")
		}
	}
	if told := agent.told(); len(told) > 0 {
		t.Errorf("events %q", told)
	}
}
