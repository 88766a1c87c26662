package routes

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes/fake"
	"k8s.io/client-go/tools/cache"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/credentials"
	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/ecs"
	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/transport"
	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/vpc"
	"github.com/kube-aliyun/kube-aliyun/pkg/event"
	"github.com/kube-aliyun/kube-aliyun/pkg/servers"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/api"
)

// rig is a simulated region, a pretended Kubernetes API and, once run, a controller.
type rig struct {
	t      *testing.T
	sim    *aliyunsim.Sim
	client *fake.Clientset
	events *recorder
	vpc    *vpc.Client
	ecs    *ecs.Client
	opts   Options
	// controller is the one that runs; stop ends it.
	controller *Controller
	stop       func()
	// ended is closed when Run has returned failed.
	ended  chan struct{}
	failed error
}

const (
	testTable  = aliyunsim.SmallRouteTable
	longEnough = 20 * time.Second
)

// newRig starts a region of n servers, for a test that runs beside others: they
// wait more than they compute.
func newRig(t *testing.T, n int) *rig {
	t.Helper()
	t.Parallel()
	return newRigWith(t, aliyunsim.Options{Seed: aliyunsim.SmallRegion(n)})
}

// newRigWith starts a region. Route operations take as long as the controller's
// interval of looking at them.

func newRigWith(t *testing.T, options aliyunsim.Options) *rig {
	t.Helper()
	sim := aliyunsim.Start(t, options)
	const operation = 30 * time.Millisecond
	sim.Knobs(func(k *api.Knobs) { k.RouteOperation = operation; k.RoutesPerTable = 2000 })
	doer, err := transport.New(transport.Options{
		Region: "cn-hangzhou", Credentials: credentials.Static(aliyunsim.TestKey, aliyunsim.TestSecret, ""),
		Endpoints: map[transport.Product]string{transport.Ecs: sim.URL(), transport.Vpc: sim.URL()},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(doer.Close)
	// The managed fields that NewClientset keeps cost more than all the rest.
	client := fake.NewSimpleClientset()
	r := &rig{t: t, sim: sim, client: client, events: &recorder{}, vpc: vpc.New(doer), ecs: ecs.New(doer)}
	r.opts = Options{
		Network: r.vpc, Machines: r.ecs, Client: r.client, Events: r.events, VPCID: aliyunsim.SmallVPC, ClusterID: "c1",
		ClusterCIDRs: []netip.Prefix{prefix("10.0.0.0/14"), prefix("fd00:10::/48")}, Poll: 2 * operation,
	}
	return r
}

// start runs a new controller; change may alter its options.
func (r *rig) start(change ...func(*Options)) {
	r.t.Helper()
	r.prepare(func(ctx context.Context, c *Controller) error { return c.Run(ctx, 100) }, change...)
}

// prepare makes a controller over a running informer and calls run.
func (r *rig) prepare(run func(context.Context, *Controller) error, change ...func(*Options)) {
	r.t.Helper()
	opts := r.opts
	for _, f := range change {
		f(&opts)
	}
	factory := informers.NewSharedInformerFactory(r.client, 0)
	opts.Nodes = factory.Core().V1().Nodes()
	opts.Servers = servers.New(servers.Options{
		Region: "cn-hangzhou", VPCID: aliyunsim.SmallVPC, Nodes: opts.Nodes.Lister(), Cloud: r.ecs, Events: r.events,
	})
	c, err := New(opts)
	if err != nil {
		r.t.Fatal(err)
	}
	r.controller = c
	ctx, cancel := context.WithCancel(r.t.Context())
	factory.Start(ctx.Done())
	var wg sync.WaitGroup
	ended := make(chan struct{})
	r.ended = ended
	wg.Go(func() { defer close(ended); r.failed = run(ctx, c) })
	r.stop = sync.OnceFunc(func() { cancel(); wg.Wait(); factory.Shutdown() })
	r.t.Cleanup(r.stop)
	if !cache.WaitForCacheSync(ctx.Done(), opts.Nodes.Informer().HasSynced) {
		r.t.Fatal("informer not synced")
	}
}

// node is the Node of the region's i-th server.
func node(i int) *corev1.Node {
	third, n := 1, (i-1)/2
	if i%2 == 0 {
		third = 17
	}
	return &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("node-%d", i), UID: types.UID(fmt.Sprintf("uid-%d", i))},
		Spec: corev1.NodeSpec{
			ProviderID: fmt.Sprintf("cn-hangzhou.i-%d", i), PodCIDR: cidr(i), PodCIDRs: []string{cidr(i)},
		},
		Status: corev1.NodeStatus{Addresses: []corev1.NodeAddress{
			{Type: corev1.NodeInternalIP, Address: fmt.Sprintf("192.168.%d.%d", third+n/254, n%254+1)},
		}},
	}
}

// cidr is the Pod CIDR of the i-th Node.
func cidr(i int) string { return fmt.Sprintf("10.%d.%d.0/24", i/256, i%256) }

func (r *rig) addNodes(from, to int) {
	r.t.Helper()
	for i := from; i <= to; i++ {
		r.add(node(i))
	}
}

func (r *rig) add(n *corev1.Node) {
	r.t.Helper()
	if _, err := r.client.CoreV1().Nodes().Create(r.t.Context(), n, metav1.CreateOptions{}); err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) delete(name string) {
	r.t.Helper()
	if err := r.client.CoreV1().Nodes().Delete(r.t.Context(), name, metav1.DeleteOptions{}); err != nil {
		r.t.Fatal(err)
	}
}

// update changes a Node's spec.
func (r *rig) update(name string, change func(*corev1.Node)) {
	r.t.Helper()
	n, err := r.client.CoreV1().Nodes().Get(r.t.Context(), name, metav1.GetOptions{})
	if err != nil {
		r.t.Fatal(err)
	}
	change(n)
	if _, err := r.client.CoreV1().Nodes().Update(r.t.Context(), n, metav1.UpdateOptions{}); err != nil {
		r.t.Fatal(err)
	}
}

// condition returns the Node's NetworkUnavailable.
func (r *rig) condition(name string) corev1.NodeCondition {
	r.t.Helper()
	n, err := r.client.CoreV1().Nodes().Get(r.t.Context(), name, metav1.GetOptions{})
	if err != nil {
		r.t.Fatal(err)
	}
	c, _ := networkCondition(n)
	return c
}

// ready waits until the Nodes are routed.
func (r *rig) ready(from, to int) {
	r.t.Helper()
	for i := from; i <= to; i++ {
		r.eventually(fmt.Sprintf("node-%d is routed", i), func() bool {
			return r.condition(fmt.Sprintf("node-%d", i)).Status == corev1.ConditionFalse
		})
	}
}

// entries reads a table's custom entries as destination and next hop, without
// disturbing the counters.
func (r *rig) entries(table ...string) map[string]vpc.RouteEntry {
	r.t.Helper()
	id := testTable
	if len(table) > 0 {
		id = table[0]
	}
	list, err := r.vpc.RouteEntries(r.t.Context(), id)
	if err != nil {
		r.t.Fatal(err)
	}
	out := map[string]vpc.RouteEntry{}
	for _, e := range list {
		if e.Custom {
			out[e.CIDR] = e
		}
	}
	return out
}

// plant makes entries by hand.
func (r *rig) plant(entries ...vpc.NewEntry) {
	r.t.Helper()
	for i := range entries {
		if entries[i].TableID == "" {
			entries[i].TableID = testTable
		}
		results, err := r.vpc.CreateRouteEntries(r.t.Context(), entries[i:i+1])
		if err != nil || results[0].Err != nil {
			r.t.Fatalf("%+v, %v", results, err)
		}
	}
	r.eventually("planted entries are available", func() bool {
		for _, e := range r.entries(entries[0].TableID) {
			if e.Status != vpc.Available {
				return false
			}
		}
		return true
	})
}

// marked is an entry with a cluster's mark.
func marked(cidr, server, cluster, node string) vpc.NewEntry {
	e := made(cidr, server, cluster, node)
	return vpc.NewEntry{CIDR: cidr, ServerID: server, Name: e.Name, Description: e.Description}
}

// eventually waits until done, a condition that is asked often, holds.
func (r *rig) eventually(what string, done func() bool) {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), longEnough)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !done() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			r.t.Fatalf("not in time: %s; events %q, calls %v", what, r.events.all(), r.sim.Counts())
		}
	}
}

// quiet waits until no call was made for a while.
func (r *rig) quiet() {
	r.t.Helper()
	last, since := -1, time.Now()
	r.eventually("no more calls", func() bool {
		total := 0
		for _, n := range r.sim.Counts() {
			total += n
		}
		if total != last {
			last, since = total, time.Now()
		}
		return time.Since(since) > 400*time.Millisecond
	})
}

// recorder remembers events.
type recorder struct {
	mu     sync.Mutex
	events []string
}

func (r *recorder) Event(object runtime.Object, reason *event.Reason, format string, args ...any) {
	name := "?"
	if n, ok := object.(*corev1.Node); ok {
		name = n.Name
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, name+" "+reason.Name+" "+fmt.Sprintf(format, args...))
}

func (r *recorder) all() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]string(nil), r.events...)
}

// has reports whether an event begins with the words and contains the others.
func (r *recorder) has(begin string, contains ...string) bool {
	for _, e := range r.all() {
		ok := strings.HasPrefix(e, begin)
		for _, c := range contains {
			ok = ok && strings.Contains(e, c)
		}
		if ok {
			return true
		}
	}
	return false
}
