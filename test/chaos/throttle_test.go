package chaos

import (
	"fmt"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/api"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/fault"
	"github.com/kube-aliyun/kube-aliyun/test/rig"
)

// claims compares what the cluster says with what the region has, each time that
// it says something.
type claims struct {
	w       *world
	servers []string

	mu      sync.Mutex
	seen    map[string]bool
	falsely []string
}

// watchClaims watches Services and Nodes until the test's end. A Service that
// shows an address must have these servers behind it.
func (w *world) watchClaims(servers []string) *claims {
	w.T.Helper()
	c := &claims{w: w, servers: servers, seen: map[string]bool{}}
	services, err := w.Client.CoreV1().Services(w.Namespace).Watch(w.T.Context(), metav1.ListOptions{})
	if err != nil {
		w.T.Fatal(err)
	}
	nodes, err := w.Client.CoreV1().Nodes().Watch(w.T.Context(), metav1.ListOptions{})
	if err != nil {
		w.T.Fatal(err)
	}
	var readers sync.WaitGroup
	for _, source := range []watch.Interface{services, nodes} {
		readers.Go(func() {
			for e := range source.ResultChan() {
				c.check(e.Object)
			}
		})
	}
	w.T.Cleanup(func() {
		services.Stop()
		nodes.Stop()
		readers.Wait()
	})
	return c
}

func (c *claims) check(object any) {
	problem, name := "", ""
	switch o := object.(type) {
	case *corev1.Service:
		if len(o.Status.LoadBalancer.Ingress) == 0 {
			return
		}
		name = "Service " + o.Name
		lbs := c.w.balancersOf(o.UID)
		if len(lbs) != 1 {
			problem = fmt.Sprintf("%d load balancers", len(lbs))
		} else {
			problem = balancerServes(&lbs[0], o.Spec.Ports, c.servers)
		}
	case *corev1.Node:
		if condition(o, corev1.NodeNetworkUnavailable) != corev1.ConditionFalse {
			return
		}
		name = "Node " + o.Name
		problem = reachable(o, c.w.Routes(), c.w.networkSettings())
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.seen[name] = true
	if problem != "" {
		c.falsely = append(c.falsely, name+" claims to be ready with "+problem)
	}
}

// verdict returns how many objects claimed success, and who did so falsely.
func (c *claims) verdict() (objects int, falsely []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.seen), c.falsely
}

// convergence is what it took to bring up Nodes and Services.
type convergence struct {
	calls      int
	throttled  int
	took       time.Duration
	perOutcome map[string]map[string]int
}

const crowd = 10

// converge brings up as many Nodes and Services, of which a share of the calls is
// throttled.
func converge(t *testing.T, share float64) convergence {
	t.Helper()
	w := newWorld(t, rig.Options{Servers: crowd})
	// A success that is claimed too early must be false for long enough to be seen.
	w.Sim.Knobs(func(k *api.Knobs) { k.ListenerTransition, k.RouteOperation = time.Second, time.Second })
	if share > 0 {
		w.Sim.Fault(fault.Rule{Kind: fault.Throttle, Probability: share})
	}
	w.Sim.ResetCounters()
	watcher := w.watchClaims(servers(1, crowd))
	start := time.Now()
	w.startWhole()
	for n := 1; n <= crowd; n++ {
		w.CreateService(serviceName(n), nil, rig.Port(80), rig.UDPPort(53))
	}
	for n := 1; n <= crowd; n++ {
		w.await(longEnough, "the Services are whole", func() string { return w.serviceWhole(serviceName(n), servers(1, crowd)...) })
	}
	got := convergence{took: time.Since(start), perOutcome: w.Sim.CountsByCode()}
	w.settle()
	for _, n := range w.Sim.Counts() {
		got.calls += n
	}
	for _, codes := range got.perOutcome {
		got.throttled += codes["Throttling.User"]
	}
	if all := w.LoadBalancers(); len(all) != crowd {
		t.Errorf("%d load balancers for %d Services: %s", len(all), crowd, describe(all))
	}
	objects, falsely := watcher.verdict()
	if objects != 2*crowd {
		t.Errorf("%d Nodes and Services claimed success, so the watcher has missed some", objects)
	}
	for _, f := range falsely {
		t.Error(f)
	}
	return got
}

func TestEverythingConvergesWithAFifthOfTheCallsThrottled(t *testing.T) {
	var calm, rough convergence
	t.Run("calm", func(t *testing.T) { calm = converge(t, 0) })
	t.Run("throttled", func(t *testing.T) { rough = converge(t, 0.2) })
	t.Logf("calm: %d calls in %s; throttled: %d calls, %d of them refused, in %s",
		calm.calls, calm.took.Round(100*time.Millisecond), rough.calls, rough.throttled, rough.took.Round(100*time.Millisecond))
	if rough.throttled == 0 {
		t.Error("nothing was throttled")
	}
	if rough.calls > 3*calm.calls {
		t.Errorf("throttling made %d calls of %d: %v", rough.calls, calm.calls, rough.perOutcome)
	}
}
