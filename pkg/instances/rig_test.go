package instances

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes/fake"
	cloudprovider "k8s.io/cloud-provider"
	nodecontroller "k8s.io/cloud-provider/controllers/node"
	lifecyclecontroller "k8s.io/cloud-provider/controllers/nodelifecycle"
	controllersmetrics "k8s.io/component-base/metrics/prometheus/controllers"
	"k8s.io/utils/clock"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/credentials"
	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/ecs"
	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/transport"
	"github.com/kube-aliyun/kube-aliyun/pkg/event"
	"github.com/kube-aliyun/kube-aliyun/pkg/nodewatch"
	"github.com/kube-aliyun/kube-aliyun/pkg/servers"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("k8s.io/klog/v2.(*flushDaemon).run.func1"))
}

// fastClock runs scale times as fast as real time, 0 not at all, and can be
// moved forward.
type fastClock struct {
	clock.RealClock
	start time.Time
	scale int64
	moved *atomic.Int64
}

func (c fastClock) Now() time.Time {
	return c.start.Add(time.Duration(int64(time.Since(c.start))*c.scale + c.moved.Load()))
}

func (c fastClock) Since(t time.Time) time.Duration { return c.Now().Sub(t) }

// real is how long a duration takes.
func (c fastClock) real(d time.Duration) time.Duration {
	return time.Duration(int64(d) / max(c.scale, 1))
}

func (c fastClock) NewTimer(d time.Duration) clock.Timer {
	return c.RealClock.NewTimer(c.real(d))
}

// framework is as much of a cloud provider as the Node controllers use.
type framework struct {
	cloudprovider.Interface
	instances *Instances
}

func (f framework) Instances() (cloudprovider.Instances, bool) { return nil, false }

func (f framework) InstancesV2() (cloudprovider.InstancesV2, bool) { return f.instances, true }

// recorded are the events on Nodes, as "node reason".
type recorded struct {
	mu     sync.Mutex
	events []string
}

func (r *recorded) Event(object runtime.Object, reason *event.Reason, _ string, _ ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if n, ok := object.(*corev1.Node); ok {
		r.events = append(r.events, n.Name+" "+reason.Name)
	}
}

func (r *recorded) has(what string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Contains(r.events, what)
}

// rig is a simulated region, a fake API server, and the implementation between
// them. Its clock, but not the framework's, is scaled.
type rig struct {
	sim       *aliyunsim.Sim
	client    *fake.Clientset
	factory   informers.SharedInformerFactory
	instances *Instances
	clock     fastClock
	events    *recorded
}

func newRig(t *testing.T, seed string, scale int64, nodes ...*corev1.Node) rig {
	t.Helper()
	r := rig{
		sim:    aliyunsim.Start(t, aliyunsim.Options{Seed: seed}),
		client: fake.NewClientset(),
		clock:  fastClock{start: time.Now(), scale: scale, moved: &atomic.Int64{}},
		events: &recorded{},
	}
	for _, n := range nodes {
		if err := r.client.Tracker().Add(n); err != nil {
			t.Fatal(err)
		}
	}
	pipeline, err := transport.New(transport.Options{
		Region:      region,
		Credentials: credentials.Static(r.sim.AccessKeyID, r.sim.AccessKeySecret, ""),
		Endpoints:   map[transport.Product]string{transport.Ecs: r.sim.URL()},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pipeline.Close)
	cloud := ecs.New(pipeline)
	r.factory = informers.NewSharedInformerFactoryWithOptions(r.client, 0, informers.WithTransform(nodewatch.Transform))
	snapshot := servers.New(servers.Options{
		Region: region, VPCID: aliyunsim.SmallVPC, Cloud: cloud, Events: r.events, Clock: r.clock,
		Nodes: r.factory.Core().V1().Nodes().Lister(),
	})
	r.instances = New(Options{Region: region, Servers: snapshot, Cloud: cloud, Events: r.events, Clock: r.clock})
	return r
}

// run starts the informers and a controller, and ends both with the test.
func (r rig) run(t *testing.T, controller func(ctx context.Context, metrics *controllersmetrics.ControllerManagerMetrics)) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	r.factory.Core().V1().Nodes().Informer()
	r.factory.Start(ctx.Done())
	r.factory.WaitForCacheSync(ctx.Done())
	var done sync.WaitGroup
	done.Go(func() { controller(ctx, controllersmetrics.NewControllerManagerMetrics("test")) })
	t.Cleanup(func() {
		cancel()
		done.Wait()
		r.factory.Shutdown()
	})
}

// nodes runs the framework's node controller and returns it.
func (r rig) nodes(t *testing.T) *nodecontroller.CloudNodeController {
	t.Helper()
	controller, err := nodecontroller.NewCloudNodeController(
		r.factory.Core().V1().Nodes(), r.client, framework{instances: r.instances}, time.Hour, 50, 1)
	if err != nil {
		t.Fatal(err)
	}
	r.run(t, controller.RunWithContext)
	return controller
}

// lifecycle runs the framework's life cycle controller: a pass every 5 s of the
// rig's clock.
func (r rig) lifecycle(t *testing.T) {
	t.Helper()
	controller, err := lifecyclecontroller.NewCloudNodeLifecycleController(
		r.factory.Core().V1().Nodes(), r.instances.GuardDeletions(r.client), framework{instances: r.instances}, r.clock.real(5*time.Second), 1)
	if err != nil {
		t.Fatal(err)
	}
	r.run(t, controller.Run)
}

// pass lets time of the rig's clock go by.
func (r rig) pass(d time.Duration) {
	if r.clock.scale == 0 {
		r.clock.moved.Add(int64(d))
		return
	}
	<-time.After(r.clock.real(d))
}

func (r rig) get(t *testing.T, name string) *corev1.Node {
	t.Helper()
	n, err := r.client.CoreV1().Nodes().Get(t.Context(), name, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func (r rig) count(t *testing.T) int {
	t.Helper()
	nodes, err := r.client.CoreV1().Nodes().List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return len(nodes.Items)
}

func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	err := wait.PollUntilContextTimeout(t.Context(), 10*time.Millisecond, time.Minute, true,
		func(context.Context) (bool, error) { return condition(), nil })
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
}

// version makes resource versions, which the fake API server does not.
var version atomic.Int64

// simNode is the Node of server i-<n> of a small region: initialised, an hour
// old, with the given readiness for ten minutes.
func simNode(n int, ready corev1.ConditionStatus, changes ...func(*corev1.Node)) *corev1.Node {
	now := time.Now()
	out := &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{
			Name: fmt.Sprint("node-", n), UID: types.UID(fmt.Sprint("uid-", n)), CreationTimestamp: metav1.NewTime(now.Add(-time.Hour)),
			ResourceVersion: strconv.FormatInt(version.Add(1), 10),
		},
		Spec: corev1.NodeSpec{ProviderID: fmt.Sprint("cn-hangzhou.i-", n)},
		Status: corev1.NodeStatus{Conditions: []corev1.NodeCondition{{
			Type: corev1.NodeReady, Status: ready, LastTransitionTime: metav1.NewTime(now.Add(-10 * time.Minute)),
		}}},
	}
	for _, c := range changes {
		c(out)
	}
	return out
}

// simIP is the address of server i-<n> of a small region.
func simIP(n int) string {
	third, at := 1, (n-1)/2
	if n%2 == 0 {
		third = 17
	}
	return fmt.Sprintf("192.168.%d.%d", third+at/254, at%254+1)
}
