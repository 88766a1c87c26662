package classes

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	coreinformers "k8s.io/client-go/informers/core/v1"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"
	corelisters "k8s.io/client-go/listers/core/v1"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/util/workqueue"
	cloudprovider "k8s.io/cloud-provider"
	servicehelpers "k8s.io/cloud-provider/service/helpers"
	"k8s.io/klog/v2"

	"github.com/kube-aliyun/kube-aliyun/pkg/event"
)

// Balancer makes and deletes load balancers; *loadbalancer.Balancers does. The
// methods are the framework's.
type Balancer interface {
	GetLoadBalancer(ctx context.Context, cluster string, service *corev1.Service) (*corev1.LoadBalancerStatus, bool, error)
	EnsureLoadBalancer(ctx context.Context, cluster string, service *corev1.Service, nodes []*corev1.Node) (*corev1.LoadBalancerStatus, error)
	EnsureLoadBalancerDeleted(ctx context.Context, cluster string, service *corev1.Service) error
}

// Events records events on objects; *event.Recorder does.
type Events interface {
	Event(object runtime.Object, reason *event.Reason, format string, args ...any)
}

// Options of New. All are required.
type Options struct {
	Services coreinformers.ServiceInformer
	// Client writes finalizers and status; a clientset's CoreV1().
	Client   corev1client.ServicesGetter
	Balancer Balancer
	Events   Events
	Cluster  string
	// Workers is how many Services are worked on at a time.
	Workers int
}

// Controller leads Services of our class to their load balancers.
type Controller struct {
	options  Options
	services corelisters.ServiceLister
	queue    workqueue.TypedRateLimitingInterface[types.NamespacedName]
}

// The pauses before a failed turn is repeated, as the service controller has them.
const (
	firstPause = 5 * time.Second
	mostPause  = 5 * time.Minute
)

// New watches Services; Run works on them.
func New(options Options) (*Controller, error) {
	c := &Controller{
		options: options, services: options.Services.Lister(),
		queue: workqueue.NewTypedRateLimitingQueueWithConfig(
			workqueue.NewTypedItemExponentialFailureRateLimiter[types.NamespacedName](firstPause, mostPause),
			workqueue.TypedRateLimitingQueueConfig[types.NamespacedName]{Name: "aliyun-loadbalancer-class"},
		),
	}
	_, err := options.Services.Informer().AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc: func(obj any) {
			if s, ok := obj.(*corev1.Service); ok && concerns(s) {
				c.queue.Add(nameOf(s))
			}
		},
		UpdateFunc: func(before, now any) {
			old, isService := before.(*corev1.Service)
			s, isToo := now.(*corev1.Service)
			if isService && isToo && concerns(s) && changed(old, s) {
				c.queue.Add(nameOf(s))
			}
		},
	})
	if err != nil {
		return nil, fmt.Errorf("watch Services: %w", err)
	}
	return c, nil
}

func nameOf(s *corev1.Service) types.NamespacedName {
	return types.NamespacedName{Namespace: s.Namespace, Name: s.Name}
}

// concerns reports whether a Service is or was this package's.
func concerns(s *corev1.Service) bool { return Wants(s) || hasFinalizer(s) }

// changed reports whether an update asks for a turn: a new status does not, nor a
// mere resync. An address that is taken out of the status does: the service
// controller does that to a Service that it gives up to our class.
func changed(old, now *corev1.Service) bool {
	return old.UID != now.UID || !concerns(old) || old.DeletionTimestamp.IsZero() != now.DeletionTimestamp.IsZero() ||
		!slices.Equal(old.Finalizers, now.Finalizers) ||
		len(now.Status.LoadBalancer.Ingress) < len(old.Status.LoadBalancer.Ingress) ||
		!equality.Semantic.DeepEqual(old.Spec, now.Spec) || !equality.Semantic.DeepEqual(old.Annotations, now.Annotations)
}

// Run works until ctx is done and the turns in flight have ended. The informer must
// be started by somebody else.
func (c *Controller) Run(ctx context.Context) {
	if !cache.WaitForCacheSync(ctx.Done(), c.options.Services.Informer().HasSynced) {
		return
	}
	var workers sync.WaitGroup
	for range c.options.Workers {
		workers.Go(func() {
			for c.next(ctx) {
			}
		})
	}
	<-ctx.Done()
	c.queue.ShutDown()
	workers.Wait()
}

func (c *Controller) next(ctx context.Context) bool {
	name, quit := c.queue.Get()
	if quit {
		return false
	}
	defer c.queue.Done(name)
	if ctx.Err() != nil {
		return false
	}
	err := c.turn(ctx, name)
	switch {
	case err == nil:
		c.queue.Forget(name)
	case ctx.Err() == nil:
		c.queue.AddRateLimited(name)
		klog.FromContext(ctx).V(1).Info("Will try again", "service", name, "err", err)
	}
	return true
}

// turn works on one Service.
func (c *Controller) turn(ctx context.Context, name types.NamespacedName) error {
	service, err := c.services.Services(name.Namespace).Get(name.Name)
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read Service %s: %w", name, err)
	}
	switch {
	case Wants(service):
		err = c.ensure(ctx, service)
	case hasFinalizer(service):
		err = c.cleanUp(ctx, service)
	}
	if err != nil && !apierrors.IsConflict(err) && ctx.Err() == nil {
		c.options.Events.Event(service, event.SyncLoadBalancerFailed, "%v; it is tried again", err)
	}
	return err
}

// ensure makes the load balancer; the finalizer is there before anything is made.
// A Service that the framework's service controller still has to give up comes
// again when its finalizer goes: two writers of one list would undo each other.
func (c *Controller) ensure(ctx context.Context, service *corev1.Service) error {
	if servicehelpers.HasLBFinalizer(service) {
		return nil
	}
	if !hasFinalizer(service) {
		if err := c.addFinalizer(ctx, service); err != nil {
			return err
		}
	}
	status, err := c.options.Balancer.EnsureLoadBalancer(ctx, c.options.Cluster, service, nil)
	if errors.Is(err, cloudprovider.ImplementedElsewhere) {
		return nil // refused, and told so
	}
	if err != nil {
		return fmt.Errorf("make the load balancer: %w", err)
	}
	return c.setStatus(ctx, service, status)
}

// cleanUp deletes the load balancer of a Service that is going, or is none of ours
// any more. One that the framework's service controller has taken over keeps it.
func (c *Controller) cleanUp(ctx context.Context, service *corev1.Service) error {
	if Serves(service) && service.DeletionTimestamp == nil {
		if !servicehelpers.HasLBFinalizer(service) {
			return nil // not yet: its finalizer brings the Service here again
		}
		return c.release(ctx, service, false)
	}
	_, exists, err := c.options.Balancer.GetLoadBalancer(ctx, c.options.Cluster, service)
	if err != nil {
		return fmt.Errorf("look for the load balancer: %w", err)
	}
	if exists {
		if err := c.options.Balancer.EnsureLoadBalancerDeleted(ctx, c.options.Cluster, service); err != nil {
			return fmt.Errorf("delete the load balancer: %w", err)
		}
	}
	// The status of a load balancer that somebody else makes now is theirs.
	return c.release(ctx, service, service.Spec.Type != corev1.ServiceTypeLoadBalancer)
}
