package nodewatch

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/informers"
	coreinformers "k8s.io/client-go/informers/core/v1"
	"k8s.io/client-go/kubernetes/fake"
	corelisters "k8s.io/client-go/listers/core/v1"
	cloudprovider "k8s.io/cloud-provider"
	servicecontroller "k8s.io/cloud-provider/controllers/service"
	controllersmetrics "k8s.io/component-base/metrics/prometheus/controllers"
	"k8s.io/utils/clock"
)

// balancer counts what the service controller asks for and remembers the Nodes
// that each Service was last given.
type balancer struct {
	cloudprovider.Interface
	ensures, updates atomic.Int32

	mu    sync.Mutex
	nodes map[string]int
}

func (b *balancer) LoadBalancer() (cloudprovider.LoadBalancer, bool) { return b, true }

func (b *balancer) GetLoadBalancer(context.Context, string, *corev1.Service) (*corev1.LoadBalancerStatus, bool, error) {
	return nil, false, nil
}

func (b *balancer) GetLoadBalancerName(context.Context, string, *corev1.Service) string { return "" }

func (b *balancer) EnsureLoadBalancer(_ context.Context, _ string, service *corev1.Service, nodes []*corev1.Node) (*corev1.LoadBalancerStatus, error) {
	b.ensures.Add(1)
	b.given(service, nodes)
	return &corev1.LoadBalancerStatus{Ingress: []corev1.LoadBalancerIngress{{IP: "192.0.2.1"}}}, nil
}

func (b *balancer) UpdateLoadBalancer(_ context.Context, _ string, service *corev1.Service, nodes []*corev1.Node) error {
	b.updates.Add(1)
	b.given(service, nodes)
	return nil
}

func (b *balancer) EnsureLoadBalancerDeleted(context.Context, string, *corev1.Service) error {
	return nil
}

func (b *balancer) given(service *corev1.Service, nodes []*corev1.Node) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.nodes[service.Name] = len(nodes)
}

// last is how many Nodes a Service was last given.
func (b *balancer) last(service string) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.nodes[service]
}

// all reports whether every one of s Services was last given n Nodes.
func (b *balancer) all(s, n int) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, got := range b.nodes {
		if got != n {
			return false
		}
	}
	return len(b.nodes) == s
}

// countingInformer counts how often the Nodes are listed: the service controller
// does so once per Service and Node key.
type countingInformer struct {
	coreinformers.NodeInformer
	lists *atomic.Int32
}

func (c countingInformer) Lister() corelisters.NodeLister {
	return countingLister{c.NodeInformer.Lister(), c.lists}
}

type countingLister struct {
	corelisters.NodeLister
	lists *atomic.Int32
}

func (c countingLister) List(selector labels.Selector) ([]*corev1.Node, error) {
	c.lists.Add(1)
	return c.NodeLister.List(selector)
}

// gate is a clock whose timers fire when it is open. The service controller
// reads its cache of Services without a lock while it writes it (v0.37.2,
// allServices), which the race detector would report whenever a Node key meets
// the first sync of a Service.
type gate struct {
	clock.RealClock
	open chan struct{}
}

func (g gate) AfterFunc(d time.Duration, f func()) clock.Timer {
	return g.RealClock.AfterFunc(d, func() {
		<-g.open
		f()
	})
}

type rig struct {
	client   *fake.Clientset
	balancer *balancer
	lists    *atomic.Int32
	nodes    corelisters.NodeLister
}

// start runs the real service controller over a decorated Node informer with n
// Nodes and s Services that exist already.
func start(t *testing.T, window Window, s, n int) rig {
	t.Helper()
	timers := gate{open: make(chan struct{})}
	defer close(timers.open)
	return startWith(t, s, n, func(ctx context.Context, inner coreinformers.NodeInformer) coreinformers.NodeInformer {
		return Decorate(ctx, inner, Options{Window: window, Clock: timers})
	})
}

type decorator func(ctx context.Context, inner coreinformers.NodeInformer) coreinformers.NodeInformer

func startWith(t *testing.T, s, n int, decorate decorator) rig {
	t.Helper()
	objects := make([]runtime.Object, 0, s+n)
	for i := range s {
		objects = append(objects, &corev1.Service{
			ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: fmt.Sprint("s", i), UID: types.UID(fmt.Sprint("s", i))},
			Spec:       corev1.ServiceSpec{Type: corev1.ServiceTypeLoadBalancer},
		})
	}
	for i := range n {
		objects = append(objects, node(fmt.Sprint("n", i), nil))
	}
	r := rig{
		client:   fake.NewClientset(objects...),
		balancer: &balancer{nodes: map[string]int{}},
		lists:    &atomic.Int32{},
	}
	ctx, cancel := context.WithCancel(t.Context())
	factory := informers.NewSharedInformerFactoryWithOptions(r.client, 0, informers.WithTransform(Transform))
	nodes := decorate(ctx, countingInformer{factory.Core().V1().Nodes(), r.lists})
	r.nodes = factory.Core().V1().Nodes().Lister()
	controller, err := servicecontroller.New(r.balancer, r.client, factory.Core().V1().Services(), nodes, "test", nil)
	if err != nil {
		t.Fatal(err)
	}
	factory.Start(ctx.Done())
	var done sync.WaitGroup
	done.Go(func() {
		controller.Run(ctx, 10, controllersmetrics.NewControllerManagerMetrics("test"))
	})
	t.Cleanup(func() {
		cancel()
		done.Wait()
		factory.Shutdown()
	})
	eventually(t, "every Service has all Nodes", func() bool { return r.balancer.all(s, n) })
	return r
}

func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	err := wait.PollUntilContextTimeout(t.Context(), 10*time.Millisecond, time.Minute, true,
		func(context.Context) (bool, error) { return condition(), nil })
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
}

// settle waits until the controller lists no more Nodes.
func (r rig) settle(t *testing.T) {
	t.Helper()
	last, since := r.lists.Load(), time.Now()
	eventually(t, "the controller is at rest", func() bool {
		if now := r.lists.Load(); now != last {
			last, since = now, time.Now()
		}
		return time.Since(since) > 500*time.Millisecond
	})
}

func TestJoiningNodesUpdateEachServiceOncePerBurst(t *testing.T) {
	const services, joins = 20, 50
	r := start(t, Window{Quiet: 300 * time.Millisecond, Max: 3 * time.Second}, services, 1)
	for i := range joins {
		if _, err := r.client.CoreV1().Nodes().Create(t.Context(), node(fmt.Sprint("new", i), nil), metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
		pass(10 * time.Millisecond) // the Nodes join one after the other
	}
	eventually(t, "every Service has the new Nodes", func() bool { return r.balancer.all(services, joins+1) })
	r.settle(t)
	got := r.balancer.updates.Load()
	t.Logf("%d joins, %d Services: %d updates, %d lists", joins, services, got, r.lists.Load())
	if got > 2*services {
		t.Errorf("%d updates for %d Services", got, services)
	}
}

func TestStartComparesNodesOncePerService(t *testing.T) {
	const services, nodes = 200, 400
	before := cpu(t)
	r := start(t, Window{Quiet: 300 * time.Millisecond, Max: 3 * time.Second}, services, nodes)
	// A label that excludes a Node is news: when it has arrived, the initial burst
	// has been handled as well.
	excluded := node("n0", func(n *corev1.Node) { n.Labels = map[string]string{corev1.LabelNodeExcludeBalancers: ""} })
	excluded.ResourceVersion = "2"
	if _, err := r.client.CoreV1().Nodes().Update(t.Context(), excluded, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the excluded Node is out", func() bool { return r.balancer.all(services, nodes-1) })
	r.settle(t)
	t.Logf("%d Services, %d Nodes: %d lists, %.1f CPU seconds", services, nodes, r.lists.Load(), cpu(t)-before)
	if got := r.lists.Load(); got > 4*services {
		t.Errorf("the Nodes were listed %d times for %d Services", got, services)
	}
}

func TestUpdatesThatTheControllerMindsReachIt(t *testing.T) {
	r := start(t, Window{Quiet: 50 * time.Millisecond, Max: time.Second}, 1, 2)
	eventually(t, "the initial burst is over", func() bool { return r.lists.Load() == 2 })
	before := r.balancer.updates.Load()
	changed := node("n0", func(n *corev1.Node) { n.Spec.ProviderID = "cn-hangzhou.i-1"; n.ResourceVersion = "2" })
	if _, err := r.client.CoreV1().Nodes().Update(t.Context(), changed, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the provider ID causes an update", func() bool { return r.balancer.updates.Load() == before+1 })
	if err := r.client.CoreV1().Nodes().Delete(t.Context(), "n1", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the deleted Node is out", func() bool { return r.balancer.all(1, 1) })
}

func TestSilencedControllerWalksNoServicesForNodes(t *testing.T) {
	const services = 20
	r := startWith(t, services, 3, func(_ context.Context, inner coreinformers.NodeInformer) coreinformers.NodeInformer {
		return Silence(inner)
	})
	if err := r.client.CoreV1().Nodes().Delete(t.Context(), "n1", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	// A Service that is new is given the Nodes as they are.
	late := &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "late", UID: "late"},
		Spec:       corev1.ServiceSpec{Type: corev1.ServiceTypeLoadBalancer},
	}
	eventually(t, "the lister lacks the Node", func() bool {
		_, err := r.nodes.Get("n1")
		return err != nil
	})
	if _, err := r.client.CoreV1().Services("default").Create(t.Context(), late, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the new Service is served", func() bool { return r.balancer.last("late") == 2 })
	if r.balancer.updates.Load() != 0 || r.lists.Load() != services+1 {
		t.Errorf("%d updates, %d lists", r.balancer.updates.Load(), r.lists.Load())
	}
}

// cpu is the time that this process has spent, in seconds.
func cpu(t *testing.T) float64 {
	t.Helper()
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		t.Fatal(err)
	}
	return float64(usage.Utime.Nano()+usage.Stime.Nano()) / 1e9
}
