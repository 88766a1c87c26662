package servers

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	corelisters "k8s.io/client-go/listers/core/v1"
	"k8s.io/client-go/tools/cache"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/ecs"
	"github.com/kube-aliyun/kube-aliyun/pkg/event"
)

const vpcID = "vpc-1"

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var errCloud = errors.New("cloud fault")

// cloud answers listings from a map and counts pages of 100.
type cloud struct {
	mu      sync.Mutex
	servers map[string]ecs.Server
	calls   []string
	// fault is returned by every call while it is set; empty answers nothing.
	fault   error
	empty   bool
	latency time.Duration
}

func (c *cloud) Servers(ctx context.Context, f ecs.Filter) ([]ecs.Server, error) {
	select {
	case <-time.After(c.latency):
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(f.IDs) > 100 || len(f.PrivateIPs) > 100 {
		return nil, errors.New("too many items in a call")
	}
	c.calls = append(c.calls, fmt.Sprintf("ids=%d ips=%d", len(f.IDs), len(f.PrivateIPs)))
	if c.fault != nil {
		return nil, c.fault
	}
	if c.empty {
		return nil, nil
	}
	var out []ecs.Server
	for _, s := range c.servers {
		if len(f.IDs) > 0 && !slices.Contains(f.IDs, s.ID) || f.VPCID != "" && s.VPCID != f.VPCID {
			continue
		}
		if len(f.PrivateIPs) > 0 && !slices.ContainsFunc(s.PrivateIPs, func(ip string) bool { return slices.Contains(f.PrivateIPs, ip) }) {
			continue
		}
		out = append(out, s)
	}
	return out, nil
}

func (c *cloud) add(servers ...ecs.Server) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range servers {
		c.servers[s.ID] = s
	}
}

func (c *cloud) release(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.servers, id)
}

func (c *cloud) set(fault error, empty bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.fault, c.empty = fault, empty
}

// made returns the calls since the last time it was asked.
func (c *cloud) made() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	calls := c.calls
	c.calls = nil
	return calls
}

// events remembers which Nodes got which reason.
type events struct {
	mu  sync.Mutex
	got map[string]bool
}

func (e *events) Event(object runtime.Object, reason *event.Reason, format string, args ...any) {
	e.mu.Lock()
	defer e.mu.Unlock()
	name := "?"
	if node, ok := object.(*corev1.Node); ok {
		name = node.Name
	}
	e.got[name+" "+reason.Name+" "+fmt.Sprintf(format, args...)] = true
}

func (e *events) has(node string, reason *event.Reason) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	for got := range e.got {
		if strings.HasPrefix(got, node+" "+reason.Name+" ") {
			return true
		}
	}
	return false
}

type rig struct {
	*Snapshot
	cloud  *cloud
	nodes  cache.Indexer
	events *events
}

// newRig makes a snapshot over an in-memory cloud and lister. Tests run it in a
// synctest bubble, so that its pauses take no time.
func newRig(change ...func(*Options)) rig {
	r := rig{
		cloud:  &cloud{servers: map[string]ecs.Server{}, latency: 100 * time.Millisecond},
		nodes:  cache.NewIndexer(cache.MetaNamespaceKeyFunc, cache.Indexers{}),
		events: &events{got: map[string]bool{}},
	}
	options := Options{
		Region: "cn-hangzhou", VPCID: vpcID,
		Nodes: corelisters.NewNodeLister(r.nodes), Cloud: r.cloud, Events: r.events,
	}
	for _, c := range change {
		c(&options)
	}
	r.Snapshot = New(options)
	return r
}

// join adds Nodes to the lister.
func (r rig) join(t *testing.T, nodes ...*corev1.Node) {
	t.Helper()
	for _, n := range nodes {
		if err := r.nodes.Add(n); err != nil {
			t.Fatal(err)
		}
	}
}

// fleet adds n servers and their Nodes, with provider IDs.
func (r rig) fleet(t *testing.T, n int) []*corev1.Node {
	t.Helper()
	nodes := make([]*corev1.Node, 0, n)
	for i := range n {
		id := fmt.Sprintf("i-fleet%04d", i)
		r.cloud.add(server(id, ip(i)))
		nodes = append(nodes, node(fmt.Sprint("n", i), providerID("cn-hangzhou."+id)))
	}
	r.join(t, nodes...)
	return nodes
}

func ip(i int) string { return fmt.Sprintf("10.0.%d.%d", i/250, i%250+1) }

func server(id string, ips ...string) ecs.Server {
	return ecs.Server{ID: id, Status: ecs.Running, VPCID: vpcID, VSwitchID: "vsw-1", PrivateIPs: ips}
}

func node(name string, changes ...func(*corev1.Node)) *corev1.Node {
	n := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name, UID: types.UID("uid-" + name)}}
	for _, c := range changes {
		c(n)
	}
	return n
}

// expect looks a Node up and compares the server's ID, empty for an error.
func (r rig) expect(t *testing.T, n *corev1.Node, maxAge time.Duration, id string, want error) {
	t.Helper()
	got, err := r.Get(t.Context(), n, maxAge)
	if !errors.Is(err, want) || want == nil && err != nil {
		t.Fatalf("node %s: error %v, want %v", n.Name, err, want)
	}
	if id != "" && got.ID != id {
		t.Fatalf("node %s: server %q, want %q", n.Name, got.ID, id)
	}
}

// pass lets time go by, which takes none in a synctest bubble.
func pass(d time.Duration) { <-time.After(d) }
