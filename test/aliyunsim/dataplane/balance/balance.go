package balance

import (
	"context"
	"sync"

	"k8s.io/klog/v2"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/network"
	"github.com/kube-aliyun/kube-aliyun/test/sandbox"
)

// Balancers are the load balancers of a region. It is safe for concurrent use.
type Balancers struct {
	log klog.Logger

	mu      sync.Mutex
	routers map[*sandbox.Namespace]*router
}

// New makes load balancers that log what happens to their backends.
func New(log klog.Logger) *Balancers {
	return &Balancers{log: log, routers: map[*sandbox.Namespace]*router{}}
}

// Apply makes the load balancers in a VPC's router what they have to be: their
// addresses are local there. It does nothing where they are so already. No load
// balancers end what runs for the router; call it so before the namespace goes.
// After an error, which is of a part of them, call it again. The values must not
// be changed afterwards.
func (b *Balancers) Apply(ctx context.Context, namespace *sandbox.Namespace, lbs []network.LoadBalancer) error {
	b.mu.Lock()
	r := b.routers[namespace]
	if r == nil && len(lbs) > 0 {
		r = newRouter(b.log.WithValues("router", namespace.Name()), namespace)
		b.routers[namespace] = r
	}
	b.mu.Unlock()
	if r == nil {
		return nil
	}
	err := r.apply(ctx, lbs)
	if err == nil && len(lbs) == 0 {
		b.mu.Lock()
		delete(b.routers, namespace)
		b.mu.Unlock()
		r.close()
	}
	return err
}

// Health tells of every backend of every listener what its check has found; where
// there is no check, that nothing is known.
func (b *Balancers) Health() []network.Health {
	var all []network.Health
	for _, r := range b.all() {
		all = append(all, r.health()...)
	}
	return all
}

// Close ends health checks and proxies, and waits for them. What the kernel
// forwards goes on until the namespaces go.
func (b *Balancers) Close() {
	for _, r := range b.all() {
		r.close()
	}
}

func (b *Balancers) all() []*router {
	b.mu.Lock()
	defer b.mu.Unlock()
	routers := make([]*router, 0, len(b.routers))
	for _, r := range b.routers {
		routers = append(routers, r)
	}
	return routers
}
