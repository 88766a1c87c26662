package loadbalancer

import (
	"context"
	"fmt"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/client-go/tools/cache"
	cloudprovider "k8s.io/cloud-provider"
	"k8s.io/klog/v2"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/slb"
	"github.com/kube-aliyun/kube-aliyun/pkg/loadbalancer/annotation"
	"github.com/kube-aliyun/kube-aliyun/pkg/loadbalancer/apply"
	"github.com/kube-aliyun/kube-aliyun/pkg/loadbalancer/audit"
	"github.com/kube-aliyun/kube-aliyun/pkg/loadbalancer/build"
	"github.com/kube-aliyun/kube-aliyun/pkg/loadbalancer/classes"
	"github.com/kube-aliyun/kube-aliyun/pkg/loadbalancer/queue"
	"github.com/kube-aliyun/kube-aliyun/pkg/loadbalancer/reference"
	"github.com/kube-aliyun/kube-aliyun/pkg/ownership"
)

// Balancers is a cloudprovider.LoadBalancer. It works between Run's beginning
// and its end.
type Balancers struct {
	options  Options
	config   build.Config
	policy   reference.Policy
	memory   *memory
	insights insights
	queue    *queue.Queue[answer]
	executor *apply.Executor
	poller   *apply.Poller
	checker  *reference.Checker
	elastic  *elasticIPs
	// surveyedACLs: the access control lists have been listed in this life; the
	// auditor's alone.
	surveyedACLs bool
	// slack is how much older than an audit period the memory may be.
	slack time.Duration
	// warm is closed when the survey has ended; started is when it began.
	warm    chan struct{}
	started time.Time
}

var _ cloudprovider.LoadBalancer = (*Balancers)(nil)

// The pauses before a failed pass is repeated.
const (
	firstPause = time.Second
	mostPause  = 5 * time.Minute
)

// New checks the options. Nothing is read or written before Run.
func New(options Options) (*Balancers, error) {
	if err := options.complete(); err != nil {
		return nil, fmt.Errorf("load balancers: %w", err)
	}
	policy := reference.Policy{ClusterID: options.ClusterID, Untagged: reference.Untagged(options.Settings.UntaggedReferences)}
	b := &Balancers{
		options: options,
		config: build.Config{
			ClusterID: options.ClusterID, ClusterName: options.ClusterName,
			VPCID: options.Location.VPCID, VSwitchIDs: options.Location.VSwitchIDs, Defaults: options.Settings,
		},
		policy:   policy,
		memory:   newMemory(),
		executor: &apply.Executor{Cloud: options.Cloud, Clock: options.Clock, IndexLag: options.IndexLag},
		poller:   apply.NewPoller(options.Cloud, options.Clock),
		checker:  newChecker(options, policy),
		elastic:  newElasticIPs(options),
		slack:    audit.Slack(options.Settings.AuditPeriod),
		warm:     make(chan struct{}),
	}
	b.queue = queue.New(queue.Options[answer]{
		Name: "aliyun-loadbalancer", Workers: options.Workers, Pass: b.pass, Repeat: repeat,
		Timeout: passTimeout, First: firstPause, Most: mostPause, Clock: options.Clock,
	})
	return b, nil
}

// Run works until ctx is done and all passes in flight have ended. The informers
// must be synced; only the leader may call it, once.
func (b *Balancers) Run(ctx context.Context) {
	b.started = b.options.Clock.Now()
	var parts sync.WaitGroup
	defer parts.Wait()
	parts.Go(func() { b.poller.Run(ctx) })
	parts.Go(func() { b.queue.Run(ctx) })
	parts.Go(func() {
		b.survey(ctx)
		audit.New(audit.Options{
			Cloud: b.options.Cloud, Clock: b.options.Clock, ClusterID: b.options.ClusterID, Period: b.options.Settings.AuditPeriod,
			Known: b.memory.known, Listed: func(ctx context.Context, all []slb.LoadBalancer) {
				b.listed(ctx, all)
				b.lists(ctx, all)
			},
			Observed: func(_ context.Context, o audit.Observation) {
				for _, uid := range b.memory.observe(o) {
					b.queue.Add(uid, reasonAudit)
				}
			},
		}).Run(ctx)
	})
}

// surveys is how often the survey at the start is tried before each Service has
// to look for its load balancer by itself.
const surveys = 3

// survey reads all load balancers at once, so that those that are as they should
// be need no call of their own. No pass begins before it has ended.
func (b *Balancers) survey(ctx context.Context) {
	for n := range surveys {
		all, observations, err := audit.Survey(ctx, b.options.Cloud, b.options.ClusterID, b.options.Clock.Now)
		if err == nil {
			err = b.takeOver(observations)
		}
		if err == nil {
			close(b.warm)
			klog.FromContext(ctx).V(1).Info("Surveyed load balancers", "count", len(observations))
			b.listed(ctx, all)
			return
		}
		klog.FromContext(ctx).Error(err, "Survey of load balancers failed", "attempt", n+1)
		timer := b.options.Clock.NewTimer(firstPause << n)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C():
		}
	}
	close(b.warm)
}

// NodesChanged asks for a pass of every load balancer after Nodes came, went,
// began to drain or changed their server; callers gather bursts.
func (b *Balancers) NodesChanged() {
	for _, uid := range b.memory.uids() {
		b.queue.Add(uid, reasonNodes)
	}
}

// EndpointsChanged asks for a pass of the Service whose endpoints changed. It
// costs nothing where endpoints do not matter.
func (b *Balancers) EndpointsChanged(namespace, service string) {
	s, err := b.options.Services.Services(namespace).Get(service)
	if err != nil || s.Spec.ExternalTrafficPolicy != corev1.ServiceExternalTrafficPolicyLocal && !b.config.ToPods(s) || !b.memory.has(s.UID) {
		return
	}
	b.queue.Add(s.UID, reasonEndpoints)
}

// EndpointSliceHandler returns a handler for the informer of EndpointSlices.
func (b *Balancers) EndpointSliceHandler() cache.ResourceEventHandler {
	changed := func(obj any) {
		if gone, ok := obj.(cache.DeletedFinalStateUnknown); ok {
			obj = gone.Obj
		}
		if slice, ok := obj.(*discoveryv1.EndpointSlice); ok && slice.Labels[discoveryv1.LabelServiceName] != "" {
			b.EndpointsChanged(slice.Namespace, slice.Labels[discoveryv1.LabelServiceName])
		}
	}
	return cache.ResourceEventHandlerFuncs{
		AddFunc: changed, DeleteFunc: changed,
		UpdateFunc: func(_, now any) { changed(now) },
	}
}

// GetLoadBalancer implements cloudprovider.LoadBalancer: it says that there is
// one as long as anything of it is left.
func (b *Balancers) GetLoadBalancer(ctx context.Context, _ string, service *corev1.Service) (*corev1.LoadBalancerStatus, bool, error) {
	a, err := b.queue.Do(ctx, service.UID, reasonLookup, service)
	if err != nil {
		return nil, false, err
	}
	return a.status, a.exists, nil
}

// GetLoadBalancerName implements cloudprovider.LoadBalancer.
func (b *Balancers) GetLoadBalancerName(_ context.Context, _ string, service *corev1.Service) string {
	return annotation.Parse(service.Annotations).Settings.Or(annotation.Name, ownership.LoadBalancerName(string(service.UID)))
}

// EnsureLoadBalancer implements cloudprovider.LoadBalancer. The nodes are taken
// from the lister, not from the call.
//
// A Service that is refused has been told so by an event of ours; any error would
// make the service controller tell the same again in an event of its own. The one
// answer with which it leaves a Service and its status as they are, until the
// Service changes, is ImplementedElsewhere.
func (b *Balancers) EnsureLoadBalancer(ctx context.Context, _ string, service *corev1.Service, _ []*corev1.Node) (*corev1.LoadBalancerStatus, error) {
	a, err := b.queue.Do(ctx, service.UID, reasonEnsure, service)
	if err != nil && hopeless(err) {
		return nil, cloudprovider.ImplementedElsewhere
	}
	if err != nil {
		return nil, err
	}
	return a.status, nil
}

// UpdateLoadBalancer implements cloudprovider.LoadBalancer. It never creates a
// load balancer.
func (b *Balancers) UpdateLoadBalancer(ctx context.Context, _ string, service *corev1.Service, _ []*corev1.Node) error {
	_, err := b.queue.Do(ctx, service.UID, reasonUpdate, service)
	if err != nil && hopeless(err) {
		return nil // the backends are right; what is wrong is Ensure's to tell
	}
	return err
}

// EnsureLoadBalancerDeleted implements cloudprovider.LoadBalancer. The service
// controller asks for it too when a Service that it served takes our class: the
// load balancer goes on then.
func (b *Balancers) EnsureLoadBalancerDeleted(ctx context.Context, _ string, service *corev1.Service) error {
	if classes.Wants(service) {
		return cloudprovider.ImplementedElsewhere
	}
	_, err := b.queue.Do(ctx, service.UID, reasonDelete, service)
	return err
}
