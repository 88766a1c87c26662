//go:build bench

package scale

import (
	"context"
	"encoding/json"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/informers"
	corelisters "k8s.io/client-go/listers/core/v1"
	"k8s.io/klog/v2"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/api"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/journal"
	"github.com/kube-aliyun/kube-aliyun/test/cluster/nodes"
	"github.com/kube-aliyun/kube-aliyun/test/rig"
	"github.com/kube-aliyun/kube-aliyun/test/scale/tally"
)

const (
	// quiet is how long no call means that the work is done.
	quiet = 4 * time.Second
	// atOnce is how many requests the benchmark has in flight.
	atOnce = 16
)

// world is a cluster and a region of the benchmark's own, with one of the two
// controllers at work.
type world struct {
	*rig.Rig
	t        *testing.T
	log      *tally.Log
	fleet    *nodes.Fleet
	nodes    corelisters.NodeLister
	services corelisters.ServiceLister
	what     subject
}

func newWorld(t *testing.T, servers int, profile string, what subject) *world {
	t.Helper()
	w := &world{t: t, log: &tally.Log{}, what: what}
	w.Rig = rig.New(t, rig.Options{
		Servers: servers, Profile: profile, NoNodes: true,
		Region: func(o *aliyunsim.Options) { o.Observe = w.log.Observe },
	})
	// Whatever the profile, quotas are not what is measured.
	w.Sim.Knobs(func(k *api.Knobs) {
		k.LoadBalancersPerAccount, k.AttachmentsPerServer, k.RoutesPerTable = 1000, 1000, 2000
	})
	ctx, cancel := context.WithCancel(t.Context())
	factory := informers.NewSharedInformerFactory(w.Client, 0)
	w.nodes, w.services = factory.Core().V1().Nodes().Lister(), factory.Core().V1().Services().Lister()
	factory.StartWithContext(ctx)
	factory.WaitForCacheSync(ctx.Done())
	// The Nodes' hearts beat slowly: their own load on the API server is not the
	// subject.
	w.fleet = nodes.New(w.Client, klog.Background(), nodes.HeartbeatEvery(time.Minute))
	ran := make(chan error, 1)
	go func() { ran <- w.fleet.Run(ctx) }()
	t.Cleanup(func() {
		what.stop()
		w.removeServices()
		cancel()
		factory.Shutdown()
		if err := <-ran; err != nil {
			t.Error(err)
		}
	})
	return w
}

// addNodes registers the Nodes of the servers first to last.
func (w *world) addNodes(first, last int) {
	w.t.Helper()
	var list []nodes.Node
	for number := first; number <= last; number++ {
		list = append(list, nodes.Node{Name: rig.NodeName(number), InternalIP: w.Server(number).PrimaryIP})
	}
	if err := w.fleet.Add(w.t.Context(), list...); err != nil {
		w.t.Fatal(err)
	}
}

// schedulable: no taint is left, and its Pods can be reached.
func schedulable(node *corev1.Node) bool {
	if len(node.Spec.Taints) > 0 {
		return false
	}
	for _, c := range node.Status.Conditions {
		if c.Type == corev1.NodeNetworkUnavailable {
			return c.Status == corev1.ConditionFalse
		}
	}
	return false
}

// awaitSchedulable returns how many Nodes are schedulable once all of n are, or
// the limit is over.
func (w *world) awaitSchedulable(n int, limit time.Duration) (took time.Duration, reached int) {
	return w.await(limit, n, func() int {
		list, err := w.nodes.List(labels.Everything())
		if err != nil {
			w.t.Fatal(err)
		}
		done := 0
		for _, node := range list {
			if schedulable(node) {
				done++
			}
		}
		return done
	})
}

// awaitAddresses waits until n Services of the namespace have an address.
func (w *world) awaitAddresses(n int, limit time.Duration) (took time.Duration, reached int) {
	return w.await(limit, n, func() int {
		done := 0
		for _, s := range w.all() {
			if len(s.Status.LoadBalancer.Ingress) > 0 {
				done++
			}
		}
		return done
	})
}

// awaitGone waits until the namespace has no Services.
func (w *world) awaitGone(limit time.Duration) (took time.Duration, left int) {
	took, reached := w.await(limit, 0, func() int { return -len(w.all()) })
	return took, -reached
}

func (w *world) all() []*corev1.Service {
	list, err := w.services.Services(w.Namespace).List(labels.Everything())
	if err != nil {
		w.t.Fatal(err)
	}
	return list
}

// await counts twenty times a second until the count is n.
func (w *world) await(limit time.Duration, n int, count func() int) (took time.Duration, reached int) {
	start := time.Now()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		reached = count()
		if took = time.Since(start); reached >= n || took > limit {
			return took, reached
		}
		<-tick.C
	}
}

// settle waits until no call was made for a while, and returns whether that was
// within the limit.
func (w *world) settle(limit time.Duration) bool {
	_, reached := w.await(limit, 1, func() int {
		if w.log.Idle() > quiet {
			return 1
		}
		return 0
	})
	return reached == 1
}

// each does something for the numbers first to last side by side.
func (w *world) each(first, last int, do func(ctx context.Context, number int) error) {
	w.t.Helper()
	group, ctx := errgroup.WithContext(w.t.Context())
	group.SetLimit(atOnce)
	for number := first; number <= last; number++ {
		group.Go(func() error { return do(ctx, number) })
	}
	if err := group.Wait(); err != nil {
		w.t.Fatal(err)
	}
}

// removeServices takes the Services out whatever holds them.
func (w *world) removeServices() {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(w.t.Context()), 2*time.Minute)
	defer cancel()
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	for _, s := range w.all() {
		group.Go(func() error {
			err := w.patchService(ctx, s.Name, `{"metadata":{"finalizers":null}}`)
			if err == nil {
				err = w.Client.CoreV1().Services(s.Namespace).Delete(ctx, s.Name, metav1.DeleteOptions{})
			}
			if apierrors.IsNotFound(err) {
				return nil
			}
			return err
		})
	}
	if err := group.Wait(); err != nil {
		w.t.Error(err)
	}
}

// balancersWith counts the load balancers in which a server is.
func (w *world) balancersWith(number int) int {
	w.t.Helper()
	var raw json.RawMessage
	var err error
	w.Sim.Do(func(region *aliyunsim.Region) { raw, err = region.SLB.Dump() })
	var state struct {
		LoadBalancers []json.RawMessage `json:"loadBalancers"`
	}
	if err == nil {
		err = json.Unmarshal(raw, &state)
	}
	if err != nil {
		w.t.Fatal(err)
	}
	found := 0
	for _, lb := range state.LoadBalancers {
		if strings.Contains(string(lb), strconv.Quote(rig.ServerID(number))) {
			found++
		}
	}
	return found
}

// balancers counts the load balancers of the region.
func (w *world) balancers() (n int) {
	w.Sim.Do(func(region *aliyunsim.Region) { n = len(region.SLB.IDs()) })
	return n
}

func ofSLB(e *journal.Entry) bool { return strings.EqualFold(string(e.Product), "slb") }
