package nodewatch

import (
	"context"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	coreinformers "k8s.io/client-go/informers/core/v1"
	corelisters "k8s.io/client-go/listers/core/v1"
	"k8s.io/client-go/tools/cache"
	"k8s.io/utils/clock"
)

// Key is the name of the one Node that handlers of a decorated informer are told of.
const Key = "all-nodes"

// Options of the decorator and of Notify. The zero value is usable.
type Options struct {
	Window Window
	Clock  clock.WithDelayedExecution
	// Relevant says whether an update of a Node counts; nil means the default of
	// the function that takes the options.
	Relevant func(oldNode, newNode *corev1.Node) bool
}

func (o Options) withDefaults(relevant func(oldNode, newNode *corev1.Node) bool) Options {
	if o.Window == (Window{}) {
		o.Window = DefaultWindow
	}
	if o.Clock == nil {
		o.Clock = clock.RealClock{}
	}
	if o.Relevant == nil {
		o.Relevant = relevant
	}
	return o
}

// Decorate returns a Node informer for the upstream service controller. That
// controller walks all Services for each Node key, comparing all Nodes for each
// Service, so a start costs O(Services x Nodes^2) and each join an update of
// every Service. Its queue drops equal keys; so its handlers are told of one
// constant Node, once per burst. The lister and the store are the real ones.
//
// Updates count by default when labels, spec or deletion change: the controller
// looks at the exclusion label and the provider ID (k8s.io/cloud-provider
// v0.37, shouldSyncUpdatedNode) and decides itself about what it is handed.
func Decorate(ctx context.Context, inner coreinformers.NodeInformer, options Options) coreinformers.NodeInformer {
	return &informer{inner: inner, shared: &sharedInformer{
		SharedIndexInformer: inner.Informer(),
		ctx:                 ctx,
		options:             options.withDefaults(SpecChanged),
	}}
}

type informer struct {
	inner  coreinformers.NodeInformer
	shared *sharedInformer
}

func (i *informer) Informer() cache.SharedIndexInformer { return i.shared }

func (i *informer) Lister() corelisters.NodeLister { return i.inner.Lister() }

// sharedInformer wraps each handler that is added. A handler's own resync period
// is dropped: an unchanged Node is never news to it.
type sharedInformer struct {
	cache.SharedIndexInformer
	ctx     context.Context //nolint:containedctx // bounds the handlers' timers
	options Options
}

func (s *sharedInformer) AddEventHandler(handler cache.ResourceEventHandler) (cache.ResourceEventHandlerRegistration, error) {
	return s.SharedIndexInformer.AddEventHandler(newHandler(s.ctx, s.options, handler))
}

func (s *sharedInformer) AddEventHandlerWithResyncPeriod(handler cache.ResourceEventHandler, _ time.Duration) (cache.ResourceEventHandlerRegistration, error) {
	return s.AddEventHandler(handler)
}

func (s *sharedInformer) AddEventHandlerWithOptions(handler cache.ResourceEventHandler, options cache.HandlerOptions) (cache.ResourceEventHandlerRegistration, error) {
	options.ResyncPeriod = nil
	return s.SharedIndexInformer.AddEventHandlerWithOptions(newHandler(s.ctx, s.options, handler), options)
}

// keyed returns the Node under the constant key. The copy is shallow: the
// receiver must not change it, as with every object of an informer.
func keyed(node *corev1.Node) *corev1.Node {
	out := *node
	out.Name = Key
	return &out
}

// token stands for "some Node came or went".
func token() *corev1.Node {
	return &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: Key}}
}
