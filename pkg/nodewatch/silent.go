package nodewatch

import (
	"time"

	coreinformers "k8s.io/client-go/informers/core/v1"
	corelisters "k8s.io/client-go/listers/core/v1"
	"k8s.io/client-go/tools/cache"
)

// Silence returns a Node informer whose handlers are told of nothing; lister,
// store and HasSynced are the real ones. The upstream service controller over it
// still gives each EnsureLoadBalancer all Nodes, but never walks its Services for
// a Node: that is for the load balancers' own queue, which Notify serves. It is
// also the only way to keep that walk from reading the controller's cache of
// Services while another worker writes it (v0.37.2, serviceCache.allServices).
func Silence(inner coreinformers.NodeInformer) coreinformers.NodeInformer {
	return silentInformer{inner: inner}
}

type silentInformer struct{ inner coreinformers.NodeInformer }

func (s silentInformer) Informer() cache.SharedIndexInformer {
	return silentShared{SharedIndexInformer: s.inner.Informer()}
}

func (s silentInformer) Lister() corelisters.NodeLister { return s.inner.Lister() }

// silentShared registers nothing of a handler but that it exists, so that its
// registration tells when the initial list has been delivered.
type silentShared struct{ cache.SharedIndexInformer }

var nothing = cache.ResourceEventHandlerFuncs{}

func (s silentShared) AddEventHandler(cache.ResourceEventHandler) (cache.ResourceEventHandlerRegistration, error) {
	return s.SharedIndexInformer.AddEventHandler(nothing)
}

func (s silentShared) AddEventHandlerWithResyncPeriod(cache.ResourceEventHandler, time.Duration) (cache.ResourceEventHandlerRegistration, error) {
	return s.SharedIndexInformer.AddEventHandler(nothing)
}

func (s silentShared) AddEventHandlerWithOptions(_ cache.ResourceEventHandler, options cache.HandlerOptions) (cache.ResourceEventHandlerRegistration, error) {
	options.ResyncPeriod = nil
	return s.SharedIndexInformer.AddEventHandlerWithOptions(nothing, options)
}
