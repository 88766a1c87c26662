package loadbalancer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/informers"
	coreinformers "k8s.io/client-go/informers/core/v1"
	"k8s.io/client-go/kubernetes/fake"
	"k8s.io/client-go/tools/cache"
	cloudprovider "k8s.io/cloud-provider"
	"k8s.io/cloud-provider/controllers/service"
	"k8s.io/component-base/featuregate"
	controllersmetrics "k8s.io/component-base/metrics/prometheus/controllers"
	"k8s.io/klog/v2"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/credentials"
	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/ecs"
	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/slb"
	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/transport"
	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/vpc"
	"github.com/kube-aliyun/kube-aliyun/pkg/config"
	"github.com/kube-aliyun/kube-aliyun/pkg/event"
	"github.com/kube-aliyun/kube-aliyun/pkg/loadbalancer/audit"
	"github.com/kube-aliyun/kube-aliyun/pkg/loadbalancer/classes"
	"github.com/kube-aliyun/kube-aliyun/pkg/loadbalancer/plan"
	"github.com/kube-aliyun/kube-aliyun/pkg/nodewatch"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/api"
)

const testCluster = "test-cluster"

// rig is a simulated region and a Kubernetes API without a server; controllers
// come and go.
type rig struct {
	t    testing.TB
	sim  *aliyunsim.Sim
	kube *fake.Clientset
	// eyes read the cloud for the test, past the controllers' transport.
	eyes *slb.Client

	// logger takes the controllers' log; nil: the process's does.
	logger *klog.Logger

	// window is how long Node events are gathered.
	window nodewatch.Window

	mu     sync.Mutex
	events []string
	// lives are the controllers that have been started and not stopped.
	lives map[*controller]bool
}

func newRig(t testing.TB, profile string, servers int) *rig {
	t.Helper()
	return newRigIn(t, profile, aliyunsim.SmallRegion(servers), servers)
}

// newRigIn is newRig in a region of one's own that holds servers i-1 and on.
func newRigIn(t testing.TB, profile, seed string, servers int) *rig {
	t.Helper()
	r := &rig{
		t: t, kube: fake.NewClientset(), window: nodewatch.Window{Quiet: 50 * time.Millisecond, Max: 200 * time.Millisecond},
		sim: aliyunsim.Start(t, aliyunsim.Options{Seed: seed, Profile: profile}),
	}
	r.sim.Knobs(func(k *api.Knobs) {
		k.LoadBalancersPerAccount, k.AttachmentsPerServer, k.StrictBackends = 1000, 1000, true
	})
	r.eyes = slb.New(r.transport(nil))
	for i := 1; i <= servers; i++ {
		r.addNode(i)
	}
	return r
}

// transport returns a pipeline to the region; observe may be nil.
func (r *rig) transport(observe func(transport.Attempt)) *transport.Transport {
	r.t.Helper()
	endpoints := map[transport.Product]string{}
	for _, p := range []transport.Product{transport.Ecs, transport.Vpc, transport.Slb, transport.Sts} {
		endpoints[p] = r.sim.URL()
	}
	tr, err := transport.New(transport.Options{
		Region: "cn-hangzhou", Credentials: credentials.Static(r.sim.AccessKeyID, r.sim.AccessKeySecret, ""),
		Endpoints: endpoints, InsecureEndpoints: true, Observe: observe,
	})
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(tr.Close)
	return tr
}

// Event implements Events.
func (r *rig) Event(_ runtime.Object, reason *event.Reason, format string, args ...any) {
	text := reason.Name + ": " + fmt.Sprintf(format, args...)
	r.mu.Lock()
	defer r.mu.Unlock()
	if !slices.Contains(r.events, text) { // as the recorder does
		r.events = append(r.events, text)
	}
}

// recorded returns the events of a reason.
func (r *rig) recorded(reason *event.Reason) []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []string
	for _, e := range r.events {
		if strings.HasPrefix(e, reason.Name+": ") {
			out = append(out, e)
		}
	}
	return out
}

// upstreamEvents returns the events of upstream's service controller on a Service.
func (r *rig) upstreamEvents(s *corev1.Service) []string {
	r.t.Helper()
	list, err := r.kube.CoreV1().Events(s.Namespace).List(r.t.Context(), metav1.ListOptions{})
	if err != nil {
		r.t.Fatal(err)
	}
	var out []string
	for i := range list.Items {
		if e := &list.Items[i]; e.InvolvedObject.UID == s.UID {
			out = append(out, e.Type+" "+e.Reason)
		}
	}
	return out
}

// controller is one life of the process: our part, and upstream's service
// controller on top of it.
type controller struct {
	*Balancers
	rig    *rig
	cancel context.CancelFunc
	done   chan struct{}
}

// cloud is a cloudprovider.Interface with load balancers only.
type cloud struct {
	cloudprovider.Interface
	balancers cloudprovider.LoadBalancer
}

func (c cloud) LoadBalancer() (cloudprovider.LoadBalancer, bool) { return c.balancers, true }
func (c cloud) ProviderName() string                             { return "aliyun" }
func (c cloud) HasClusterID() bool                               { return true }

var metricsOnce = sync.OnceValue(func() *controllersmetrics.ControllerManagerMetrics {
	return controllersmetrics.NewControllerManagerMetrics("test")
})

// start begins a life of the controller. change may alter its options.
func (r *rig) start(change ...func(*Options)) *controller {
	r.t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(r.t.Context()))
	if r.logger != nil {
		ctx = klog.NewContext(ctx, *r.logger)
	}
	factory := informers.NewSharedInformerFactory(r.kube, 0)
	options := Options{
		ClusterID: testCluster, Location: config.Location{Region: "cn-hangzhou", VPCID: aliyunsim.SmallVPC, VSwitchIDs: []string{aliyunsim.SmallVSwitchH}},
		Settings: config.LoadBalancer{
			BackendsPerLoadBalancer: 50, AttachmentsPerServer: 1000, AllowInternet: true, AddressType: "internet", InstanceChargeType: "PayByCLCU",
			InternetChargeType: "paybytraffic", Spec: "slb.s1.small", DeleteProtection: true, ConsoleProtection: true, HealthCheckPort: 10256,
			AuditPeriod: 10 * time.Minute,
		},
		Cloud: slb.New(r.transport(nil)), ElasticIPs: vpc.New(r.transport(nil)).LoadBalancerEIPs, Services: factory.Core().V1().Services().Lister(), Nodes: factory.Core().V1().Nodes().Lister(),
		EndpointSlices: factory.Discovery().V1().EndpointSlices().Lister(), Pods: r.kube.CoreV1(), Interfaces: ecs.New(r.transport(nil)), Live: live{r.kube}, Statuses: r.kube.CoreV1(), Events: r, IndexLag: 300 * time.Millisecond,
	}
	for _, c := range change {
		c(&options)
	}
	balancers, err := New(options)
	if err != nil {
		r.t.Fatal(err)
	}
	c := &controller{Balancers: balancers, rig: r, cancel: cancel, done: make(chan struct{})}
	window := nodewatch.Options{Window: r.window}
	upstream, err := service.New(cloud{balancers: balancers}, r.kube, factory.Core().V1().Services(),
		quiet{factory.Core().V1().Nodes()}, "kubernetes", featuregate.NewFeatureGate())
	if err != nil {
		r.t.Fatal(err)
	}
	ofClass, err := classes.New(classes.Options{
		Services: factory.Core().V1().Services(), Client: r.kube.CoreV1(), Balancer: balancers, Events: r, Cluster: "kubernetes", Workers: 5,
	})
	if err != nil {
		r.t.Fatal(err)
	}
	if _, err := nodewatch.Notify(ctx, factory.Core().V1().Nodes().Informer(), window, balancers.NodesChanged); err != nil {
		r.t.Fatal(err)
	}
	if _, err := factory.Discovery().V1().EndpointSlices().Informer().AddEventHandler(balancers.EndpointSliceHandler()); err != nil {
		r.t.Fatal(err)
	}
	factory.Start(ctx.Done())
	factory.WaitForCacheSync(ctx.Done())
	var parts sync.WaitGroup
	parts.Go(func() { balancers.Run(ctx) })
	parts.Go(func() { upstream.Run(ctx, 20, metricsOnce()) })
	parts.Go(func() { ofClass.Run(ctx) })
	go func() {
		parts.Wait()
		factory.Shutdown()
		close(c.done)
	}()
	r.t.Cleanup(c.stop)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.lives == nil {
		r.lives = map[*controller]bool{}
	}
	r.lives[c] = true
	return c
}

// quiet is a Node informer that tells the service controller nothing: its Node
// worker reads, without a lock, what its Service workers write (v0.37), and what
// it would do NodesChanged does too.
type quiet struct{ coreinformers.NodeInformer }

func (q quiet) Informer() cache.SharedIndexInformer { return quietInformer{q.NodeInformer.Informer()} }

type quietInformer struct{ cache.SharedIndexInformer }

func (quietInformer) AddEventHandlerWithResyncPeriod(cache.ResourceEventHandler, time.Duration) (cache.ResourceEventHandlerRegistration, error) {
	return nil, nil //nolint:nilnil // the controller does not look at it
}

// surveyed waits until the survey has ended and all is quiet.
func (c *controller) surveyed() *controller {
	c.rig.t.Helper()
	select {
	case <-c.warm:
	case <-time.After(testPatience):
		c.rig.t.Fatal("the survey does not end")
	}
	c.rig.settle()
	return c
}

// stop ends a life and waits for it.
func (c *controller) stop() {
	c.cancel()
	<-c.done
	c.rig.mu.Lock()
	defer c.rig.mu.Unlock()
	delete(c.rig.lives, c)
}

type live struct{ kube *fake.Clientset }

func (l live) GetService(ctx context.Context, namespace, name string, options metav1.GetOptions) (*corev1.Service, error) {
	return l.kube.CoreV1().Services(namespace).Get(ctx, name, options)
}

// addNode adds the Node of server i-<n>.
func (r *rig) addNode(n int) {
	r.t.Helper()
	node := &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("node-%d", n), UID: types.UID(fmt.Sprintf("node-uid-%d", n)), Labels: map[string]string{
			corev1.LabelTopologyZone: []string{"cn-hangzhou-h", "cn-hangzhou-i"}[(n+1)%2],
		}},
		Spec: corev1.NodeSpec{ProviderID: fmt.Sprintf("cn-hangzhou.i-%d", n)},
	}
	if _, err := r.kube.CoreV1().Nodes().Create(r.t.Context(), node, metav1.CreateOptions{}); err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) removeNode(n int) {
	r.t.Helper()
	if err := r.kube.CoreV1().Nodes().Delete(r.t.Context(), fmt.Sprintf("node-%d", n), metav1.DeleteOptions{}); err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) changeNode(n int, change func(*corev1.Node)) {
	r.t.Helper()
	node, err := r.kube.CoreV1().Nodes().Get(r.t.Context(), fmt.Sprintf("node-%d", n), metav1.GetOptions{})
	if err != nil {
		r.t.Fatal(err)
	}
	change(node)
	if _, err := r.kube.CoreV1().Nodes().Update(r.t.Context(), node, metav1.UpdateOptions{}); err != nil {
		r.t.Fatal(err)
	}
}

// newService returns Service web-<n> with TCP port 80.
func newService(n int, change ...func(*corev1.Service)) *corev1.Service {
	s := &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: "shop", Name: fmt.Sprintf("web-%d", n), UID: types.UID(fmt.Sprintf("00000000-0000-4000-8000-%012d", n)),
			Annotations: map[string]string{},
		},
		Spec: corev1.ServiceSpec{
			Type: corev1.ServiceTypeLoadBalancer, ExternalTrafficPolicy: corev1.ServiceExternalTrafficPolicyCluster,
			IPFamilies: []corev1.IPFamily{corev1.IPv4Protocol},
			Ports:      []corev1.ServicePort{{Name: "p0", Protocol: corev1.ProtocolTCP, Port: 80, NodePort: nodePort(n, 0)}},
		},
	}
	for _, c := range change {
		c(s)
	}
	return s
}

func nodePort(service, port int) int32 { return int32(30000 + (service*10+port)%2700) }

func withPorts(count int) func(*corev1.Service) {
	return func(s *corev1.Service) {
		s.Spec.Ports = nil
		for i := range count {
			protocol := []corev1.Protocol{corev1.ProtocolTCP, corev1.ProtocolUDP}[i%2]
			s.Spec.Ports = append(s.Spec.Ports, corev1.ServicePort{
				Name: fmt.Sprintf("p%d", i), Protocol: protocol, Port: int32(80 + i/2), NodePort: nodePort(0, i),
			})
		}
	}
}

func (r *rig) create(s *corev1.Service) {
	r.t.Helper()
	if _, err := r.kube.CoreV1().Services(s.Namespace).Create(r.t.Context(), s, metav1.CreateOptions{}); err != nil {
		r.t.Fatal(err)
	}
}

// change changes a Service as the API server would have it changed.
func (r *rig) change(s *corev1.Service, change func(*corev1.Service)) {
	r.t.Helper()
	now := r.service(s)
	change(now)
	if _, err := r.kube.CoreV1().Services(s.Namespace).Update(r.t.Context(), now, metav1.UpdateOptions{}); err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) service(s *corev1.Service) *corev1.Service {
	r.t.Helper()
	now, err := r.kube.CoreV1().Services(s.Namespace).Get(r.t.Context(), s.Name, metav1.GetOptions{})
	if err != nil {
		r.t.Fatal(err)
	}
	return now
}

// remove marks a Service as deleted; removed reports whether its finalizer has
// gone.
func (r *rig) remove(s *corev1.Service) {
	r.change(s, func(s *corev1.Service) { s.DeletionTimestamp = &metav1.Time{Time: time.Now()} })
}

func (r *rig) removed(s *corev1.Service) bool { return len(r.service(s).Finalizers) == 0 }

// address returns the address in a Service's status, or "".
func (r *rig) address(s *corev1.Service) string {
	ingress := r.service(s).Status.LoadBalancer.Ingress
	if len(ingress) == 0 {
		return ""
	}
	return ingress[0].IP
}

func (r *rig) total() int {
	n := 0
	for _, count := range r.sim.Counts() {
		n += count
	}
	return n
}

// look returns the one load balancer of a Service, complete.
func (r *rig) look(s *corev1.Service) (*plan.Actual, error) {
	r.t.Helper()
	all := r.all(s)
	if len(all) != 1 {
		return nil, fmt.Errorf("%d load balancers", len(all))
	}
	o, err := audit.Read(r.t.Context(), r.eyes, all[0].ID, time.Now)
	if err == nil && o.Actual == nil {
		err = errors.New("it is gone")
	}
	return o.Actual, err
}

// only is look that must not fail.
func (r *rig) only(s *corev1.Service) *plan.Actual {
	r.t.Helper()
	lb, err := r.look(s)
	if err != nil {
		r.t.Fatalf("Service %s: %v", s.Name, err)
	}
	return lb
}

// all lists the load balancers of a Service.
func (r *rig) all(s *corev1.Service) []slb.LoadBalancer {
	r.t.Helper()
	lbs, err := r.eyes.List(r.t.Context(), slb.Filter{Tags: map[string]string{"kube-aliyun.io/service-uid": string(s.UID)}})
	if err != nil {
		r.t.Fatal(err)
	}
	return lbs
}

// weightsOf returns the default group of a load balancer as server=weight.
func weightsOf(a *plan.Actual) string {
	out := make([]string, 0, len(a.Backends))
	for _, b := range a.Backends {
		out = append(out, fmt.Sprintf("%s=%d", b.ServerID, b.Weight))
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}
