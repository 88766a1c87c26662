package nodewatch

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
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

type rig struct {
	client   *fake.Clientset
	balancer *balancer
	lists    *atomic.Int32
	nodes    corelisters.NodeLister
}

// start runs the real service controller over a silenced Node informer with n
// Nodes and s Services that exist already.
func start(t *testing.T, s, n int) rig {
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
	nodes := Silence(countingInformer{factory.Core().V1().Nodes(), r.lists})
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

func TestStartListsNodesOncePerService(t *testing.T) {
	const services, nodes = 200, 400
	r := start(t, services, nodes)
	if got := r.lists.Load(); got != services {
		t.Errorf("the Nodes were listed %d times for %d Services", got, services)
	}
}

func TestSilencedControllerWalksNoServicesForNodes(t *testing.T) {
	const services = 20
	r := start(t, services, 3)
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
