package naive

import (
	"fmt"
	"sync"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/informers"
	corelisters "k8s.io/client-go/listers/core/v1"
	cloudprovider "k8s.io/cloud-provider"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/ecs"
	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/slb"
	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/transport"
	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/vpc"
	"github.com/kube-aliyun/kube-aliyun/pkg/providerid"
)

// Cloud is a cloudprovider.Interface.
type Cloud struct {
	region, vpcID, tableID string

	ecs *ecs.Client
	vpc *vpc.Client
	slb *slb.Client

	nodes corelisters.NodeLister
	// routing is held during a change of the route table: the API takes one at a
	// time in a VPC, and the route controller asks for 200.
	routing sync.Mutex
}

var (
	_ cloudprovider.Interface    = (*Cloud)(nil)
	_ cloudprovider.InformerUser = (*Cloud)(nil)
	_ cloudprovider.InstancesV2  = (*Cloud)(nil)
	_ cloudprovider.Routes       = (*Cloud)(nil)
	_ cloudprovider.LoadBalancer = (*Cloud)(nil)
)

// New returns a provider for one VPC with one route table.
func New(d transport.Doer, region, vpcID, tableID string) *Cloud {
	return &Cloud{region: region, vpcID: vpcID, tableID: tableID, ecs: ecs.New(d), vpc: vpc.New(d), slb: slb.New(d)}
}

// SetInformers implements cloudprovider.InformerUser.
func (c *Cloud) SetInformers(factory informers.SharedInformerFactory) {
	c.nodes = factory.Core().V1().Nodes().Lister()
}

// Initialize implements cloudprovider.Interface.
func (c *Cloud) Initialize(cloudprovider.ControllerClientBuilder, <-chan struct{}) {}

// LoadBalancer implements cloudprovider.Interface.
func (c *Cloud) LoadBalancer() (cloudprovider.LoadBalancer, bool) { return c, true }

// Instances implements cloudprovider.Interface.
func (c *Cloud) Instances() (cloudprovider.Instances, bool) { return nil, false }

// InstancesV2 implements cloudprovider.Interface.
func (c *Cloud) InstancesV2() (cloudprovider.InstancesV2, bool) { return c, true }

// Zones implements cloudprovider.Interface.
func (c *Cloud) Zones() (cloudprovider.Zones, bool) { return nil, false }

// Clusters implements cloudprovider.Interface.
func (c *Cloud) Clusters() (cloudprovider.Clusters, bool) { return nil, false }

// Routes implements cloudprovider.Interface.
func (c *Cloud) Routes() (cloudprovider.Routes, bool) { return c, true }

// ProviderName implements cloudprovider.Interface.
func (c *Cloud) ProviderName() string { return "naive" }

// HasClusterID implements cloudprovider.Interface.
func (c *Cloud) HasClusterID() bool { return true }

// serverID is the server of an initialised Node.
func serverID(node *corev1.Node) (string, error) {
	_, id, err := providerid.Parse(node.Spec.ProviderID)
	if err != nil {
		return "", fmt.Errorf("node %s: %w", node.Name, err)
	}
	return id, nil
}

// internalIP is a Node's address, "" when it has none.
func internalIP(node *corev1.Node) string {
	for _, a := range node.Status.Addresses {
		if a.Type == corev1.NodeInternalIP {
			return a.Address
		}
	}
	return ""
}
