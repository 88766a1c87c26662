package routes

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	coreinformers "k8s.io/client-go/informers/core/v1"
	"k8s.io/client-go/kubernetes"
	corelisters "k8s.io/client-go/listers/core/v1"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/klog/v2"
	"k8s.io/utils/clock"
)

// Name is the controller's name, the one of the framework's route controller.
const Name = "node-route-controller"

const (
	defaultPeriod = 10 * time.Minute
	defaultPoll   = time.Second
	// syncTimeout bounds one reconciliation of a Node.
	syncTimeout = 3 * time.Minute
)

// Options configure a Controller. All fields without "default" are required.
type Options struct {
	Network  Network
	Machines Machines
	Servers  Servers
	Client   kubernetes.Interface
	Nodes    coreinformers.NodeInformer
	Events   Events

	VPCID     string
	ClusterID string
	// ClusterName is for people, in descriptions of routes; default empty.
	ClusterName string
	// ClusterCIDRs are the ranges that the Nodes' Pod CIDRs come from.
	ClusterCIDRs []netip.Prefix
	// TableIDs are the route tables to write; default: those of the servers' vSwitches.
	TableIDs []string
	// KeepSourceDestCheck leaves the check of interfaces alone; default false.
	KeepSourceDestCheck bool
	// DeleteUnmarked deletes unmarked routes in the cluster CIDRs without a Node; default false.
	DeleteUnmarked bool
	// Period is how often the tables are read whole; default 10 minutes.
	Period time.Duration
	// Poll is how often a route in transition is looked at; default one second.
	Poll time.Duration
	// Clock defaults to the real one.
	Clock clock.WithTicker
}

// Controller keeps the routes of the cluster's Nodes. Make one with New.
type Controller struct {
	opts    Options
	engine  *engine
	tables  *tableSet
	checker *checker
	roster  *roster
	lister  corelisters.NodeLister
	indexer cache.Indexer
	synced  cache.InformerSynced
	// queue holds names of Nodes; Run makes it.
	queue workqueue.TypedDelayingInterface[string]

	mu sync.Mutex
	// failures counts the failed reconciliations of a Node in a row.
	failures map[string]int
	// deleted are the Nodes whose deletion was seen as such.
	deleted map[string]bool
	// periodic are the Nodes that the audit put into the queue.
	periodic map[string]bool
	// crowded are the Nodes that a table had no room for.
	crowded map[string]bool
	// released are servers proved to be gone, with the time of the proof.
	released map[string]time.Time
}

// New returns a controller. It sends nothing yet, but puts an index on the Node
// informer.
func New(opts Options) (*Controller, error) {
	if opts.VPCID == "" || opts.ClusterID == "" || len(opts.ClusterCIDRs) == 0 {
		return nil, errors.New("routes need a VPC, a cluster ID and a cluster CIDR")
	}
	if opts.Period <= 0 {
		opts.Period = defaultPeriod
	}
	if opts.Poll <= 0 {
		opts.Poll = defaultPoll
	}
	if opts.Clock == nil {
		opts.Clock = clock.RealClock{}
	}
	informer := opts.Nodes.Informer()
	if err := addIndex(informer); err != nil {
		return nil, err
	}
	c := &Controller{
		opts:     opts,
		engine:   newEngine(opts.Network, opts.ClusterID, opts.ClusterName, opts.Clock, opts.Poll),
		tables:   &tableSet{cloud: opts.Network, vpcID: opts.VPCID, configured: opts.TableIDs, clock: opts.Clock, needed: map[string]bool{}, retired: map[string]bool{}},
		roster:   newRoster(),
		lister:   opts.Nodes.Lister(),
		indexer:  informer.GetIndexer(),
		synced:   informer.HasSynced,
		failures: map[string]int{}, deleted: map[string]bool{}, periodic: map[string]bool{}, crowded: map[string]bool{},
		released: map[string]time.Time{},
	}
	c.checker = newChecker(opts.Machines, opts.VPCID, opts.KeepSourceDestCheck, c.addresses)
	return c, nil
}

// Check reads what the VPC has and returns ErrUnknownTable for a configured table
// that it lacks and ErrCollision for a cluster CIDR that cannot be routed, all
// joined. Run does not mind collisions: only Nodes that collide go without routes.
func (c *Controller) Check(ctx context.Context) error {
	if err := c.tables.learn(ctx); err != nil {
		return fmt.Errorf("check the routes' settings: %w", err)
	}
	return c.tables.collisions(c.opts.ClusterCIDRs)
}

// Run reconciles Nodes with that many workers until ctx ends. The writes that are
// under way then may take a few seconds more; no other starts. It returns early when a configured route table
// does not exist.
func (c *Controller) Run(ctx context.Context, workers int) error {
	ctx = klog.NewContext(ctx, klog.FromContext(ctx).WithName(Name))
	var wg sync.WaitGroup
	defer wg.Wait()
	c.queue = workqueue.NewTypedDelayingQueueWithConfig(workqueue.TypedDelayingQueueConfig[string]{Name: "routes", Clock: c.opts.Clock})
	defer c.queue.ShutDown()
	informer := c.opts.Nodes.Informer()
	watching, err := informer.AddEventHandler(c.handler())
	if err != nil {
		return fmt.Errorf("watch nodes: %w", err)
	}
	defer func() {
		if err := informer.RemoveEventHandler(watching); err != nil {
			klog.FromContext(ctx).Error(err, "Nodes are still watched")
		}
	}()
	if !cache.WaitForCacheSync(ctx.Done(), c.synced) {
		return nil
	}
	inner, stop := context.WithCancel(ctx)
	defer stop()
	wg.Go(func() { c.RunEngine(inner) })
	if err := c.begin(ctx); err != nil {
		return err
	}
	for range workers {
		wg.Go(func() { c.work(inner) })
	}
	c.auditPeriodically(ctx)
	return nil
}

// RunEngine makes the calls that Routes puts in, until ctx ends. Run does it by
// itself; this is for those who use Routes with another controller.
func (c *Controller) RunEngine(ctx context.Context) {
	var wg sync.WaitGroup
	wg.Go(func() { c.engine.run(ctx) })
	wg.Go(func() { c.checker.looks.Run(ctx) })
	wg.Wait()
}

// begin learns the tables and takes the first look at everything in bulk.
func (c *Controller) begin(ctx context.Context) error {
	for wait := time.Second; ; wait = min(2*wait, firstBackoff) {
		err := c.tables.learnUnlessFresh(ctx)
		if err == nil {
			break
		}
		if errors.Is(err, ErrUnknownTable) {
			return err
		}
		klog.FromContext(ctx).Error(err, "Route tables not read yet")
		select {
		case <-c.opts.Clock.After(wait):
		case <-ctx.Done():
			return nil
		}
	}
	if err := c.tables.collisions(c.opts.ClusterCIDRs); err != nil {
		klog.FromContext(ctx).Error(err, "Some Nodes will have no routes")
	}
	c.warm(ctx)
	return nil
}

// addresses are the IPv4 InternalIPs of the Nodes that have Pod CIDRs.
func (c *Controller) addresses() []string {
	var out []string
	for _, node := range c.allNodes() {
		if a, ok := internalIP(node); ok && a.Is4() && len(podCIDRs(node)) > 0 {
			out = append(out, a.String())
		}
	}
	return out
}

func (c *Controller) allNodes() []*corev1.Node {
	nodes, err := c.lister.List(labels.Everything())
	if err != nil { // an informer's lister does not fail
		return nil
	}
	return nodes
}
