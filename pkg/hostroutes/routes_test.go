package hostroutes

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"

	"github.com/kube-aliyun/kube-aliyun/pkg/hostroutes/kernel"
	"github.com/kube-aliyun/kube-aliyun/pkg/hostroutes/plan"
)

// servers makes servers 1 to n with a Pod each, and the cluster of their Nodes.
func (l *lab) servers(n int) ([]*server, *cluster) {
	l.t.Helper()
	c := newCluster()
	var all []*server
	for number := 1; number <= n; number++ {
		s := l.server(number)
		s.runPod()
		all = append(all, s)
		c.nodes = append(c.nodes, s.node)
	}
	return all, c
}

// routed tells how many routes of ours the server has.
func (s *server) routed() int { return len(s.routes(true)) }

func TestPodsReachPodsWithTheirOwnAddresses(t *testing.T) {
	l := newLab(t)
	l.six = true
	servers, c := l.servers(3)
	for _, s := range servers {
		s.start(s.config(c))
	}
	for _, from := range servers {
		within(t, 5*time.Second, "all routes", func() bool { return from.routed() == 4 })
	}
	for _, from := range servers {
		for _, to := range servers {
			for own, address := range map[string]string{
				from.podAddress():                          to.podAddress() + ":80",
				fmt.Sprintf("fd02:0:0:%x::2", from.number): fmt.Sprintf("[fd02:0:0:%x::2]:80", to.number),
			} {
				// IPv6 takes a moment to find its neighbours on new links.
				within(t, 5*time.Second, own+" is answered by "+address+", and seen with its own address", func() bool {
					got, err := ask(t.Context(), from.pod, address)
					return err == nil && got == own
				})
			}
		}
	}
}

func TestR33StaleRouteToOwnPodsIsRemoved(t *testing.T) {
	for _, stale := range []int{0, 5, ourMetric} {
		t.Run(fmt.Sprint("metric ", stale), func(t *testing.T) {
			l := newLab(t)
			servers, c := l.servers(2)
			one := servers[0]
			// The bridge comes after the route, as after a reboot.
			l.ok(one.ns.Netlink().AddrDel(one.pods, addressOf("10.2.1.1/24")))
			one.add("10.2.1.0/24", ip(2), stale, ourProtocol)
			l.address(one.ns, one.pods, "10.2.1.1/24")
			_, before := ask(t.Context(), one.ns, one.podAddress()+":80")
			if lost := before != nil; lost != (stale == 0) {
				t.Fatalf("before the start the host's own Pod answers: %v", before)
			}
			one.start(one.config(c))
			took := within(t, 5*time.Second, "the host reaches its own Pod", func() bool {
				got, err := ask(t.Context(), one.ns, one.podAddress()+":80")
				routes := one.routes(true)
				return err == nil && got == "10.2.1.1" && len(routes) == 1 && strings.HasPrefix(routes[0], "10.2.2.0/24")
			})
			t.Logf("after %s", took)
			if got := one.routes(true); len(got) != 1 || !strings.Contains(got[0], "10.2.2.0/24 via "+ip(2)) || !strings.Contains(got[0], "metric 512 proto 107") {
				t.Errorf("routes: %q", got)
			}
		})
	}
}

func TestR34RestartFindsWhatHappenedMeanwhileAndChangesNothingElse(t *testing.T) {
	l := newLab(t)
	one := l.server(1)
	nodes := []plan.Node{one.node}
	for number := 2; number <= 20; number++ {
		nodes = append(nodes, node(number))
	}
	for _, p := range []int{3, 4, 17} { // by hand, at boot, by a routing program
		one.add("10.77.0.0/16", ip(9), 100+p, p)
		one.add("10.2.5.0/24", ip(9), 600+p, p)
	}
	rule := one.route("10.2.6.0/24", ip(9), 512, 4)
	rule.Table = 100
	l.ok(one.ns.Netlink().RouteAdd(rule))
	before := one.routes(false)

	c := newCluster(nodes...)
	first := one.start(one.config(c))
	within(t, 5*time.Second, "19 routes", func() bool { return one.routed() == 19 })
	first.stop()
	if one.routed() != 19 {
		t.Error("the end took routes away")
	}
	// Nodes 2 to 4 are gone, 21 and 22 have come, 10 has another address.
	moved := slices.Concat(nodes[:1], nodes[4:], []plan.Node{node(21), node(22)})
	for i := range moved {
		if moved[i].Name == "node-10" {
			moved[i].InternalIPs = []string{ip(150)}
		}
	}
	c.set(moved...)
	second := one.start(one.config(c))
	within(t, 5*time.Second, "a pass", func() bool { return len(second.passes()) > 0 && second.passes()[0].Waiting == "" })
	want := plan.Build(moved, plan.Host{Uplink: plan.Link{Index: one.uplink.Attrs().Index, Prefixes: []netip.Prefix{netip.MustParsePrefix(ip(1) + "/24")}}}, one.config(c).Settings)
	if got := one.routes(true); len(got) != len(want.Routes) || len(got) != 18 {
		t.Errorf("%d routes, want %d:\n%s", len(got), len(want.Routes), strings.Join(got, "\n"))
	}
	for _, r := range want.Routes {
		if line := fmt.Sprintf("%s via %s dev %d table 254 metric 512 proto 107", r.Destination, r.Gateway, r.Link); !strings.Contains(strings.Join(one.routes(true), "\n"), line) {
			t.Errorf("not there: %s", line)
		}
	}
	if got := second.passes()[0]; got.Added != 3 || got.Removed != 4 || got.Err != nil {
		t.Errorf("the first pass: %+v", got)
	}
	if after := one.routes(false); !slices.Equal(before, after) {
		t.Errorf("others' routes were\n%s\nand are\n%s", strings.Join(before, "\n"), strings.Join(after, "\n"))
	}
}

func TestR35LostRoutesComeBack(t *testing.T) {
	l := newLab(t)
	l.six = true
	servers, c := l.servers(2)
	one := servers[0]
	agent := one.start(one.config(c))
	all := func() bool { return one.routed() == 2 }
	within(t, 5*time.Second, "both routes", all)

	h := one.ns.Netlink()
	for _, r := range []*netlink.Route{one.route("10.2.2.0/24", ip(2), ourMetric, ourProtocol), one.route("fd02:0:0:2::/64", "fd99::2", ourMetric, ourProtocol)} {
		l.ok(h.RouteDel(r))
		t.Logf("a deleted route is back after %s", within(t, 2*time.Second, "the route is back", all))
	}
	l.ok(h.LinkSetDown(one.uplink))
	within(t, time.Second, "the kernel dropped the routes", func() bool { return one.routed() == 0 })
	l.ok(h.LinkSetUp(one.uplink))
	// IPv6 addresses go with the link.
	l.ok(h.AddrReplace(one.uplink, addressOf("fd99::1/64")))
	t.Logf("after the link went and came: %s", within(t, 5*time.Second, "both routes are back", all))

	l.ok(h.AddrDel(one.uplink, addressOf(ip(1)+"/24")))
	within(t, time.Second, "the kernel dropped the IPv4 route", func() bool { return one.routed() == 1 })
	l.ok(h.AddrAdd(one.uplink, addressOf(ip(1)+"/24")))
	t.Logf("after the address went and came: %s", within(t, 5*time.Second, "both routes are back", all))
	if got, err := ask(t.Context(), one.pod, servers[1].podAddress()+":80"); err == nil && got != one.podAddress() {
		t.Errorf("%q, %v", got, err)
	}
	if errs := agent.errs(); len(errs) > 0 {
		t.Errorf("errors: %v", errs)
	}
}

func TestR38RoutesStayUntilTheAPIHasConfirmedThatManyNodesAreGone(t *testing.T) {
	l := newLab(t)
	one := l.server(1)
	nodes := []plan.Node{one.node}
	for number := 2; number <= 21; number++ {
		nodes = append(nodes, node(number))
	}
	c := newCluster(nodes...)
	agent := one.start(one.config(c))
	within(t, 5*time.Second, "20 routes", func() bool { return one.routed() == 20 })
	settled := func() {
		t.Helper()
		n := len(agent.passes())
		within(t, 3*time.Second, "a pass", func() bool { return len(agent.passes()) > n })
	}
	stays := func(what string) {
		t.Helper()
		if got := one.routed(); got != 20 {
			t.Errorf("%s: %d routes", what, got)
		}
	}
	c.set()
	settled()
	stays("after an empty list")

	// Without an answer nothing is confirmed, however often it is asked for.
	c.mu.Lock()
	c.fresh = func() ([]plan.Node, error) { return nil, errors.New("no route to host") }
	c.mu.Unlock()
	c.set(nodes[:11]...)
	within(t, 5*time.Second, "three second looks", func() bool { c.mu.Lock(); defer c.mu.Unlock(); return c.asked >= 3 })
	stays("after a list with half of the Nodes, and no second one")
	if told := strings.Join(agent.told(), "\n"); !strings.Contains(told, "node-1 PodRouteDeletesHeld The Nodes of 10 of 20 routes are gone at once") {
		t.Errorf("events:\n%s", told)
	}

	// A second list that has them speaks for them.
	c.mu.Lock()
	c.fresh = func() ([]plan.Node, error) { return nodes[:20], nil }
	c.mu.Unlock()
	within(t, 5*time.Second, "the Node that is gone by both lists has no route", func() bool { return one.routed() == 19 })

	c.mu.Lock()
	c.fresh = func() ([]plan.Node, error) { return nodes[:11], nil }
	c.mu.Unlock()
	c.set(nodes[:11]...)
	within(t, 5*time.Second, "the confirmed ones are gone", func() bool { return one.routed() == 10 })
	// Few may go at once.
	c.set(nodes[:9]...)
	within(t, 3*time.Second, "two more are gone", func() bool { return one.routed() == 8 })
}

func TestR38NothingIsRemovedBeforeTheFirstCompleteList(t *testing.T) {
	l := newLab(t)
	one := l.server(1)
	one.add("10.2.2.0/24", ip(2), ourMetric, ourProtocol)
	c := newCluster()
	c.unsynced = true
	agent := one.start(one.config(c))
	within(t, 3*time.Second, "two passes", func() bool { return len(agent.passes()) >= 2 })
	if one.routed() != 1 {
		t.Error("the route of the last run is gone")
	}
}

func TestR36TwoAgentsAndAHundredRestartsLoseNothing(t *testing.T) {
	l := newLab(t)
	servers, c := l.servers(2)
	one := servers[0]
	servers[1].start(servers[1].config(c))
	one.start(one.config(c))
	within(t, 5*time.Second, "both are routed", func() bool { return one.routed() == 1 && servers[1].routed() == 1 })

	stop, lost := make(chan struct{}), make(chan int)
	go func() {
		failed := 0
		for {
			select {
			case <-stop:
				lost <- failed
				return
			default:
			}
			if got, err := ask(t.Context(), one.pod, servers[1].podAddress()+":80"); err != nil || got != one.podAddress() {
				failed++
			}
		}
	}()
	cfg := one.config(c)
	for range 100 {
		again := one.start(cfg)
		within(t, 5*time.Second, "a pass", func() bool { return len(again.passes()) > 0 })
		again.stop()
		for _, p := range again.passes() {
			if p.Writes() > 0 || p.Err != nil {
				t.Fatalf("a restart wrote or failed: %+v", p)
			}
		}
	}
	close(stop)
	if n := <-lost; n > 0 {
		t.Errorf("%d requests were lost", n)
	}
	k, ok := cfg.Kernel.(*kernel.Kernel)
	if !ok || k.Writes() != 0 {
		t.Errorf("100 restarts made %d writes", k.Writes())
	}
}
