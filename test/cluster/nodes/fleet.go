package nodes

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/klog/v2"
)

const (
	// defaultHeartbeat is a kubelet's period of lease renewals.
	defaultHeartbeat = 10 * time.Second
	// parallel is how many requests are in flight at most.
	parallel = 8
)

// ErrUnknownNode says that a name was never given to Add, or was removed.
var ErrUnknownNode = errors.New("no such node in the fleet")

// Fleet is a set of Nodes that are kept alive while Run runs.
type Fleet struct {
	client    kubernetes.Interface
	log       klog.Logger
	heartbeat time.Duration
	// queue holds the names of Nodes whose heartbeat is due.
	queue workqueue.TypedRateLimitingInterface[string]

	informers informers.SharedInformerFactory
	// pods is nil without WithPods.
	pods *kubelets

	mu      sync.Mutex
	members map[string]*member
}

// member is what the fleet knows of one of its Nodes.
type member struct {
	node Node
	// beating is held during a heartbeat, and guards lease.
	beating sync.Mutex
	// lease is the Node's lease as last written, nil before the first.
	lease *coordinationv1.Lease
	// alive is false after Kill, or when somebody has deleted the Node.
	alive bool
}

// Option changes a default of a Fleet.
type Option func(*Fleet)

// HeartbeatEvery sets the period of lease renewals (default 10 s, as a
// kubelet's). kube-controller-manager's grace period must be some times longer.
// 1,000 Nodes at 10 s cost the API server and etcd about half a processor: a
// measurement at that scale wants a minute and more.
func HeartbeatEvery(period time.Duration) Option {
	return func(f *Fleet) { f.heartbeat = period }
}

// New returns an empty fleet. The client needs the rights of an administrator
// on Nodes, and on Leases in kube-node-lease.
func New(client kubernetes.Interface, log klog.Logger, options ...Option) *Fleet {
	f := &Fleet{
		client:    client,
		log:       log,
		heartbeat: defaultHeartbeat,
		members:   map[string]*member{},
		informers: informers.NewSharedInformerFactoryWithOptions(client, 0, informers.WithTransform(trim)),
		queue: workqueue.NewTypedRateLimitingQueue(
			workqueue.NewTypedItemExponentialFailureRateLimiter[string](100*time.Millisecond, 5*time.Second)),
	}
	for _, option := range options {
		option(f)
	}
	return f
}

// Add registers Nodes and keeps them alive from now on. A Node that exists
// already is taken over as it is. It may be called before or while Run runs.
func (f *Fleet) Add(ctx context.Context, list ...Node) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(parallel)
	for _, node := range list {
		group.Go(func() error { return f.join(ctx, node) })
	}
	if err := group.Wait(); err != nil {
		return fmt.Errorf("adding nodes: %w", err)
	}
	return nil
}

// join registers one Node and begins its heartbeats.
func (f *Fleet) join(ctx context.Context, node Node) error {
	_, err := f.client.CoreV1().Nodes().Create(ctx, node.object(time.Now()), metav1.CreateOptions{})
	if err != nil && !apierrors.IsAlreadyExists(err) {
		return fmt.Errorf("registering node %s: %w", node.Name, err)
	}
	f.mu.Lock()
	f.members[node.Name] = &member{node: node, alive: true}
	f.mu.Unlock()
	f.queue.Add(node.Name)
	f.pods.wake(node.Name)
	return nil
}

// Kill stops the heartbeats of a Node, as the death of its machine does.
func (f *Fleet) Kill(name string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	m, found := f.members[name]
	if !found {
		return fmt.Errorf("killing %s: %w", name, ErrUnknownNode)
	}
	m.alive = false
	return nil
}

// Revive starts the machine of a Node again: its kubelet registers it, should
// it have been deleted, and reports it Ready.
func (f *Fleet) Revive(ctx context.Context, name string) error {
	f.mu.Lock()
	m, found := f.members[name]
	f.mu.Unlock()
	if !found {
		return fmt.Errorf("reviving %s: %w", name, ErrUnknownNode)
	}
	return f.join(ctx, m.node)
}

// Remove ends a Node for good and deletes its object and lease.
func (f *Fleet) Remove(ctx context.Context, name string) error {
	f.mu.Lock()
	m, found := f.members[name]
	delete(f.members, name)
	f.mu.Unlock()
	if !found {
		return fmt.Errorf("removing %s: %w", name, ErrUnknownNode)
	}
	// A heartbeat that is under way would make the deleted lease again.
	m.beating.Lock()
	defer m.beating.Unlock()
	if err := f.client.CoreV1().Nodes().Delete(ctx, name, metav1.DeleteOptions{}); err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("deleting node %s: %w", name, err)
	}
	err := f.client.CoordinationV1().Leases(corev1.NamespaceNodeLease).Delete(ctx, name, metav1.DeleteOptions{})
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("deleting the lease of node %s: %w", name, err)
	}
	return nil
}

// Alive returns the sorted names of the Nodes whose heart beats.
func (f *Fleet) Alive() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	names := make([]string, 0, len(f.members))
	for name, m := range f.members {
		if m.alive {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

func (f *Fleet) isAlive(name string) bool {
	return f.living(name) != nil
}

// living returns the member of that name, or nil when it is dead or unknown.
func (f *Fleet) living(name string) *member {
	f.mu.Lock()
	defer f.mu.Unlock()
	if m, found := f.members[name]; found && m.alive {
		return m
	}
	return nil
}

// lose ends the heartbeats of a Node whose object is gone. A kubelet does not
// register again by itself.
func (f *Fleet) lose(name string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if m, found := f.members[name]; found {
		m.alive = false
	}
}
