package hostroutes

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/vishvananda/netlink"

	"github.com/kube-aliyun/kube-aliyun/pkg/hostroutes/plan"
)

// mortal is a Kernel that takes a number of writes; then the process is dead.
type mortal struct {
	Kernel
	left int
}

var errDead = errors.New("dead")

func (m *mortal) Do(s plan.Step) error {
	if m.left == 0 {
		return errDead
	}
	m.left--
	return m.Kernel.Do(s)
}

func TestR34ProcessMayDieBetweenAnyTwoWrites(t *testing.T) {
	l := newLab(t)
	one := l.server(1)
	moved := node(3)
	moved.InternalIPs = []string{ip(30)}
	nodes := []plan.Node{one.node, node(2), moved, node(4), node(5)}
	cfg := one.config(newCluster(nodes...))
	// start makes the table that the writes begin with.
	start := func() {
		for _, r := range one.listed() {
			l.ok(one.ns.Netlink().RouteDel(&r))
		}
		one.add("10.2.1.0/24", ip(2), 7, ourProtocol)          // harmful
		one.add("10.2.2.0/24", ip(2), 0, ourProtocol)          // of another metric
		one.add("10.2.3.0/24", ip(3), ourMetric, ourProtocol)  // moved
		one.add("10.2.9.0/24", ip(9), ourMetric, ourProtocol)  // gone
		one.add("10.2.10.0/24", ip(9), ourMetric, ourProtocol) // gone
	}
	start()
	one.add("10.2.4.0/24", ip(40), 600, 4)
	one.add("10.77.0.0/16", ip(40), 0, 3)
	others := one.routes(false)

	if r := New(cfg).Pass(t.Context(), nodes, nil); r.Err != nil || r.Writes() != 9 {
		t.Fatalf("the whole pass: %+v", r)
	}
	right := one.routes(true)
	for n := range 9 {
		start()
		dying := cfg
		dying.Kernel = &mortal{Kernel: cfg.Kernel, left: n}
		if r := New(dying).Pass(t.Context(), nodes, nil); !errors.Is(r.Err, errDead) || r.Writes() != n {
			t.Errorf("dead after %d writes: %+v", n, r)
		}
		if r := New(cfg).Pass(t.Context(), nodes, nil); r.Err != nil || r.Writes() != 9-n {
			t.Errorf("%d writes, then a new process: %+v", n, r)
		}
		if got := one.routes(true); !slices.Equal(got, right) {
			t.Errorf("%d writes, then a new process:\n%s\nwant\n%s", n, strings.Join(got, "\n"), strings.Join(right, "\n"))
		}
	}
	if after := one.routes(false); !slices.Equal(after, others) {
		t.Errorf("others' routes were\n%s\nand are\n%s", strings.Join(others, "\n"), strings.Join(after, "\n"))
	}
}

// listed are our own routes as netlink has them.
func (s *server) listed() []netlink.Route {
	s.lab.t.Helper()
	list, err := s.ns.Netlink().RouteListFiltered(netlink.FAMILY_V4, &netlink.Route{Protocol: ourProtocol}, netlink.RT_FILTER_PROTOCOL)
	s.lab.ok(err)
	return list
}

func TestFailedRouteLeavesItsPredecessorAndTheOthersAlone(t *testing.T) {
	l := newLab(t)
	one := l.server(1)
	moved := node(2)
	moved.InternalIPs = []string{ip(20)}
	cfg := one.config(newCluster())
	nodes := []plan.Node{one.node, moved, node(3)}
	one.add("10.2.2.0/24", ip(2), ourMetric, ourProtocol)
	cfg.Kernel = failing{cfg.Kernel, plan.Append}
	r := New(cfg).Pass(t.Context(), nodes, nil)
	if !errors.Is(r.Err, errDead) || r.Added != 1 || r.Removed != 0 || one.routed() != 2 {
		t.Errorf("%+v, routes %q", r, one.routes(true))
	}
}

// failing is a Kernel that fails at one operation.
type failing struct {
	Kernel
	at plan.Operation
}

func (f failing) Do(s plan.Step) error {
	if s.Operation == f.at {
		return errDead
	}
	return f.Kernel.Do(s)
}

func TestEndedContextStopsBetweenTwoWrites(t *testing.T) {
	l := newLab(t)
	one := l.server(1)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if r := New(one.config(newCluster())).Pass(ctx, []plan.Node{one.node, node(2)}, nil); !errors.Is(r.Err, context.Canceled) || one.routed() != 0 {
		t.Errorf("%+v", r)
	}
}
