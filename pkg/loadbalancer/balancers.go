package loadbalancer

import (
	"context"
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	cloudprovider "k8s.io/cloud-provider"
)

// Balancers is a cloudprovider.LoadBalancer. It works between Run's beginning
// and its end.
type Balancers struct {
	options Options
}

var _ cloudprovider.LoadBalancer = (*Balancers)(nil)

// New checks the options. Nothing is read or written before Run.
func New(options Options) (*Balancers, error) {
	if err := options.complete(); err != nil {
		return nil, fmt.Errorf("load balancers: %w", err)
	}
	return &Balancers{options: options}, nil
}

var errNotBuilt = errors.New("not built yet")

// Run works until ctx is done and all passes in flight have ended. The informers
// must be synced; only the leader may call it.
func (b *Balancers) Run(ctx context.Context) { <-ctx.Done() }

// NodesChanged asks for a pass of every load balancer after Nodes came, went,
// began to drain or changed their server; callers gather bursts.
func (b *Balancers) NodesChanged() {}

// EndpointsChanged asks for a pass of the Service whose endpoints changed. It
// costs nothing where endpoints do not matter.
func (b *Balancers) EndpointsChanged(namespace, service string) {}

// Plan returns as text what would be done for a Service, reading but not writing.
// It works without Run.
func (b *Balancers) Plan(ctx context.Context, service *corev1.Service) (string, error) {
	return "", errNotBuilt
}

// GetLoadBalancer implements cloudprovider.LoadBalancer.
func (b *Balancers) GetLoadBalancer(ctx context.Context, clusterName string, service *corev1.Service) (*corev1.LoadBalancerStatus, bool, error) {
	return nil, false, errNotBuilt
}

// GetLoadBalancerName implements cloudprovider.LoadBalancer.
func (b *Balancers) GetLoadBalancerName(ctx context.Context, clusterName string, service *corev1.Service) string {
	return cloudprovider.DefaultLoadBalancerName(service)
}

// EnsureLoadBalancer implements cloudprovider.LoadBalancer.
func (b *Balancers) EnsureLoadBalancer(ctx context.Context, clusterName string, service *corev1.Service, nodes []*corev1.Node) (*corev1.LoadBalancerStatus, error) {
	return nil, errNotBuilt
}

// UpdateLoadBalancer implements cloudprovider.LoadBalancer.
func (b *Balancers) UpdateLoadBalancer(ctx context.Context, clusterName string, service *corev1.Service, nodes []*corev1.Node) error {
	return errNotBuilt
}

// EnsureLoadBalancerDeleted implements cloudprovider.LoadBalancer.
func (b *Balancers) EnsureLoadBalancerDeleted(ctx context.Context, clusterName string, service *corev1.Service) error {
	return errNotBuilt
}
