package hostroutes

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/vishvananda/netns"

	"github.com/kube-aliyun/kube-aliyun/pkg/hostroutes/kernel"
	"github.com/kube-aliyun/kube-aliyun/pkg/hostroutes/plan"
)

func mustPrefix(s string) netip.Prefix { return netip.MustParsePrefix(s) }

// many are the Nodes 1 to n.
func many(n int) []plan.Node {
	nodes := make([]plan.Node, 0, n)
	for number := 1; number <= n; number++ {
		nodes = append(nodes, node(number))
	}
	return nodes
}

// resident is this process's memory in MiB.
func resident(t *testing.T) int {
	t.Helper()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(status)) {
		if fields := strings.Fields(line); len(fields) > 1 && fields[0] == "VmRSS:" {
			kib, err := strconv.Atoi(fields[1])
			if err != nil {
				t.Fatal(err)
			}
			return kib / 1024
		}
	}
	return 0
}

func TestR39FiveThousandNodesAgainstOneAgent(t *testing.T) {
	l := newLab(t)
	l.bits = 16
	one := l.server(1)
	nodes := many(5000)
	cfg := one.config(newCluster(nodes...))
	k, ok := cfg.Kernel.(*kernel.Kernel)
	if !ok {
		t.Fatal("not a kernel")
	}
	began := time.Now()
	agent := one.start(cfg)
	within(t, 10*time.Second, "a pass", func() bool { return len(agent.passes()) > 0 })
	took, writes := time.Since(began), k.Writes()
	if got := one.routed(); got != 4999 || writes != 4999 {
		t.Errorf("%d routes by %d writes", got, writes)
	}
	if took > 3*time.Second {
		t.Errorf("the first programming took %s", took)
	}
	agent.stop() // it makes passes of its own when routes go
	began = time.Now()
	r := agent.Pass(t.Context(), nodes, nil)
	if r.Writes() > 0 || k.Writes() != writes {
		t.Errorf("a pass without a change writes: %+v", r)
	}
	idle := time.Since(began)

	// A host that dies in the middle and one that comes with the next pass.
	more := append(nodes[:4000:4000], node(5001))
	r = agent.Pass(t.Context(), more, nil)
	if r.Added != 1 || r.Removed != 1000 {
		t.Errorf("1,000 Nodes less, one more: %+v", r)
	}
	runtime.GC()
	fmt.Printf("5,000 Nodes against one agent: first programming %s, %d netlink writes; pass without a change %s, 0 writes; %d MiB resident with the test\n",
		took.Round(time.Millisecond), writes, idle.Round(time.Millisecond), resident(t))
}

func TestR39LossOfNewsIsSurvived(t *testing.T) {
	l := newLab(t)
	one := l.server(1)
	cfg := one.config(newCluster(one.node, node(2)))
	slow := &slowWatch{Kernel: cfg.Kernel, gate: make(chan struct{})}
	cfg.Kernel, cfg.Buffer = slow, 4096
	agent := one.start(cfg)
	within(t, 5*time.Second, "the route", func() bool { return one.routed() == 1 })
	// Far more news than fit, while nobody reads them; the last one is of our route.
	h := one.ns.Netlink()
	for range 200 {
		l.ok(h.RouteAdd(one.route("10.77.0.0/16", ip(9), 1, 4)))
		l.ok(h.RouteDel(one.route("10.77.0.0/16", ip(9), 1, 4)))
	}
	l.ok(h.RouteDel(one.route("10.2.2.0/24", ip(2), ourMetric, ourProtocol)))
	close(slow.gate)
	within(t, 5*time.Second, "the route is back", func() bool { return one.routed() == 1 })
	if slow.lost.Load() == 0 {
		t.Error("nothing was lost: the test shows nothing")
	}
	if errs := agent.errs(); len(errs) > 0 {
		t.Error(errs)
	}
}

// slowWatch is a Kernel whose news are not read until the gate opens.
type slowWatch struct {
	Kernel
	gate chan struct{}
	lost atomic.Int32
}

func (s *slowWatch) Watch(ctx context.Context, w kernel.Watch) {
	changed, lost := w.Changed, w.Lost
	first := true
	w.Changed = func() {
		changed()
		if !first {
			select {
			case <-s.gate:
			case <-ctx.Done():
			}
		}
		first = false
	}
	w.Lost = func(err error) { s.lost.Add(1); lost(err) }
	s.Kernel.Watch(ctx, w)
}

// mesh runs an Agent on each of n servers, and measures until all have all routes.
func mesh(t *testing.T, n int) {
	t.Helper()
	l := newLab(t)
	l.bits = 16
	nodes := many(n)
	var servers []*server
	var kernels []*kernel.Kernel
	for number := 1; number <= n; number++ {
		servers = append(servers, l.server(number))
	}
	began := time.Now()
	c := newCluster(nodes...)
	var agents []*running
	for _, s := range servers {
		cfg := s.config(c)
		k, err := kernel.Open(netns.NsHandle(s.ns.FD()))
		l.ok(err)
		t.Cleanup(k.Close)
		cfg.Kernel = k
		kernels = append(kernels, k)
		agents = append(agents, s.start(cfg))
	}
	for _, a := range agents {
		within(t, time.Minute, "a pass", func() bool { return len(a.passes()) > 0 })
	}
	took := time.Since(began)
	writes := int64(0)
	for i, s := range servers {
		if got := s.routed(); got != n-1 {
			t.Errorf("server %d has %d routes", i+1, got)
		}
		writes += kernels[i].Writes()
		if errs := agents[i].errs(); len(errs) > 0 {
			t.Errorf("server %d: %v", i+1, errs)
		}
	}
	// The last one leaves, and every server hears of it.
	left := time.Now()
	c.set(nodes[:n-1]...)
	for _, s := range servers[:n-1] {
		within(t, 10*time.Second, "the route of the Node that left is gone", func() bool { return s.routed() == n-2 })
	}
	gone := time.Since(left)
	if want := int64(n * (n - 1)); writes != want {
		t.Errorf("%d writes, want %d", writes, want)
	}
	fmt.Printf("%d servers with an agent each: all routes after %s, %d netlink writes (%d a server); a Node's leaving is everywhere after %s; %d MiB resident in all\n",
		n, took.Round(time.Millisecond), writes, n-1, gone.Round(time.Millisecond), resident(t))
	first, last := servers[0], servers[n-2]
	l.answer(last.ns, fmt.Sprintf("10.%d.%d.1:80", 2+last.number/256, last.number%256))
	if got, err := ask(t.Context(), first.ns, fmt.Sprintf("10.%d.%d.1:80", 2+last.number/256, last.number%256)); err != nil || got != ip(1) {
		t.Errorf("the first asks the last one's bridge: %q, %v", got, err)
	}
}

func TestMeshOfThree(t *testing.T)  { mesh(t, 3) }
func TestMeshOfTwenty(t *testing.T) { mesh(t, 20) }
