// Package provider puts the parts together as the framework's cloud provider.
package provider

import cloudprovider "k8s.io/cloud-provider"

// Provider is a cloudprovider.Interface over parts that live as long as the
// process: the framework asks for them at every operation.
type Provider struct {
	name          string
	instances     cloudprovider.InstancesV2
	routes        cloudprovider.Routes
	loadBalancers cloudprovider.LoadBalancer
}

// New returns a provider; a nil part is reported as not supported.
func New(name string, instances cloudprovider.InstancesV2, routes cloudprovider.Routes, loadBalancers cloudprovider.LoadBalancer) *Provider {
	return &Provider{name: name, instances: instances, routes: routes, loadBalancers: loadBalancers}
}

var _ cloudprovider.Interface = (*Provider)(nil)

// Initialize implements cloudprovider.Interface. The manager hands everything
// to the parts when it makes them, so nothing is left to do.
func (p *Provider) Initialize(cloudprovider.ControllerClientBuilder, <-chan struct{}) {}

// LoadBalancer implements cloudprovider.Interface.
func (p *Provider) LoadBalancer() (cloudprovider.LoadBalancer, bool) {
	return p.loadBalancers, p.loadBalancers != nil
}

// InstancesV2 implements cloudprovider.Interface.
func (p *Provider) InstancesV2() (cloudprovider.InstancesV2, bool) {
	return p.instances, p.instances != nil
}

// Routes implements cloudprovider.Interface.
func (p *Provider) Routes() (cloudprovider.Routes, bool) { return p.routes, p.routes != nil }

// Instances implements cloudprovider.Interface; InstancesV2 replaces it.
func (p *Provider) Instances() (cloudprovider.Instances, bool) { return nil, false }

// Zones implements cloudprovider.Interface; InstancesV2 replaces it.
func (p *Provider) Zones() (cloudprovider.Zones, bool) { return nil, false }

// Clusters implements cloudprovider.Interface; no controller asks for it.
func (p *Provider) Clusters() (cloudprovider.Clusters, bool) { return nil, false }

// ProviderName implements cloudprovider.Interface.
func (p *Provider) ProviderName() string { return p.name }

// HasClusterID implements cloudprovider.Interface: there always is one.
func (p *Provider) HasClusterID() bool { return true }
