package manager

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/scheme"
	cloudprovider "k8s.io/cloud-provider"
	"k8s.io/klog/v2"
	"k8s.io/utils/clock"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/ecs"
	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/slb"
	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/transport"
	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/vpc"
	"github.com/kube-aliyun/kube-aliyun/pkg/config"
	"github.com/kube-aliyun/kube-aliyun/pkg/disks"
	"github.com/kube-aliyun/kube-aliyun/pkg/drain"
	"github.com/kube-aliyun/kube-aliyun/pkg/event"
	"github.com/kube-aliyun/kube-aliyun/pkg/instances"
	"github.com/kube-aliyun/kube-aliyun/pkg/loadbalancer"
	"github.com/kube-aliyun/kube-aliyun/pkg/nodejoin"
	"github.com/kube-aliyun/kube-aliyun/pkg/nodewatch"
	"github.com/kube-aliyun/kube-aliyun/pkg/provider"
	"github.com/kube-aliyun/kube-aliyun/pkg/provisioner"
	"github.com/kube-aliyun/kube-aliyun/pkg/routes"
	"github.com/kube-aliyun/kube-aliyun/pkg/servers"
)

// parts are everything that works, made once and used by the controllers while
// this replica leads.
type parts struct {
	replica   *replica
	clusterID string
	transport *transport.Transport
	informers informers.SharedInformerFactory
	events    *event.Recorder
	instances *instances.Instances
	// routes is nil where they are not configured.
	routes    *routes.Controller
	balancers *loadbalancer.Balancers
	cloud     *provider.Provider
	// volumes, room and their transport are nil without a volume socket.
	volumes         *disks.Volumes
	room            *disks.Room
	volumeTransport *transport.Transport
	drain           *drain.Watcher
	// provisioner is nil without a volume socket.
	provisioner *provisioner.Provisioner
	// joining is nil where nobody is to sign for kubelets.
	joining *nodejoin.Controller
}

// assemble waits for location and credentials, makes the parts and warms the
// informers. It reads from Kubernetes and the metadata service alone.
func (r *replica) assemble(ctx context.Context, fence func() error) (*parts, error) {
	client := r.framework.Client
	md, err := newMetadata(r.cfg)
	if err != nil {
		return nil, err
	}
	if err := completeLocation(ctx, r.cfg, md, r.ready); err != nil {
		return nil, err
	}
	source, err := r.newCredentials(ctx, md, client)
	if err != nil {
		return nil, err
	}
	refused := &refusals{}
	t, source, err := newTransport(r.cfg, source, fence, refused)
	if err != nil {
		return nil, err
	}
	available := watchCredentials(ctx, source, r.ready, func() string {
		if code := refused.last(); code != "" {
			return refusedKey(r.cfg, code)
		}
		return ""
	})

	p := &parts{replica: r, transport: t, informers: r.factory}
	if err := p.identify(ctx); err != nil {
		return nil, err
	}
	if err := p.makeVolumes(ctx, source, refused.observe); err != nil {
		return nil, err
	}
	if err := p.make(ctx); err != nil {
		return nil, err
	}
	if err := p.warm(ctx); err != nil {
		return nil, err
	}
	select {
	case <-available:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if err := p.checkCloud(ctx); err != nil {
		return nil, err
	}
	klog.FromContext(ctx).Info("Ready to lead", "clusterID", p.clusterID, "region", r.cfg.Location.Region, "vpc", r.cfg.Location.VPCID)
	return p, nil
}

// identify settles the cluster's ID; it waits for the Kubernetes API and
// refuses another cluster's.
func (p *parts) identify(ctx context.Context) error {
	client := p.replica.framework.Client
	err := retry(ctx, func() error {
		id, err := clusterID(ctx, client, p.replica.cfg.Cluster.ID)
		p.clusterID = id
		return err
	})
	if err != nil {
		return err
	}
	return retryUnless[*ClusterIDError](ctx, func() error {
		_, err := checkClusterID(ctx, client, p.clusterID)
		return err
	})
}

// newInformers makes the one informer factory. Managed fields and image lists,
// most of a Node's size, are dropped.
func newInformers(client kubernetes.Interface, resync metav1.Duration) informers.SharedInformerFactory {
	return informers.NewSharedInformerFactoryWithOptions(client, resync.Duration, informers.WithTransform(nodewatch.Transform))
}

// make makes the parts; nothing is called yet.
func (p *parts) make(ctx context.Context) error {
	cfg, framework := p.replica.cfg, p.replica.framework
	core := p.informers.Core().V1()
	p.events = event.New(framework.EventBroadcaster.NewRecorder(scheme.Scheme, corev1.EventSource{Component: Name}))
	cluster := framework.ComponentConfig.KubeCloudShared

	ecsClient, vpcClient, slbClient := ecs.New(p.transport), vpc.New(p.transport), slb.New(p.transport)
	snapshot := servers.New(servers.Options{
		Region: cfg.Location.Region, VPCID: cfg.Location.VPCID, Nodes: core.Nodes().Lister(), Cloud: ecsClient,
		Events: p.events, HostNames: cfg.Location.NodeNameType == config.Hostname,
	})
	p.instances = instances.New(instances.Options{
		Region: cfg.Location.Region, Servers: snapshot, Cloud: ecsClient, Events: p.events,
		StatusPeriod: framework.ComponentConfig.NodeStatusUpdateFrequency.Duration,
	})
	var err error
	// Nodes that are drained together leave each load balancer by one call.
	drained := nodewatch.NewDebouncer(ctx, clock.RealClock{}, nodewatch.DefaultWindow, func() { p.balancers.NodesChanged() })
	p.drain, err = drain.NewWatcher(framework.Client, core.Nodes().Informer(), drained.Trigger)
	if err != nil {
		return err
	}
	p.balancers, err = loadbalancer.New(loadbalancer.Options{
		ClusterID: p.clusterID, ClusterName: cluster.ClusterName,
		Location: cfg.Location, Settings: cfg.LoadBalancer, Cloud: slbClient, ElasticIPs: vpcClient.LoadBalancerEIPs,
		Predecessors: predecessors(framework.Client, clock.RealClock{}),
		APIEndpoints: append(slices.Clone(cfg.LoadBalancer.APIEndpoints), apiHost(framework.Kubeconfig.Host)),
		Services:     core.Services().Lister(), Nodes: core.Nodes().Lister(),
		EndpointSlices: p.informers.Discovery().V1().EndpointSlices().Lister(),
		Pods:           framework.Client.CoreV1(), Interfaces: ecsClient,
		Live: liveServices{framework.Client}, DeleteOrphans: cfg.LoadBalancer.DeleteOrphans,
		Statuses: framework.Client.CoreV1(), Drained: p.drain.Drained,
		Events: p.events, Workers: int(framework.ComponentConfig.ServiceController.ConcurrentServiceSyncs),
	})
	if err != nil {
		return err
	}
	if p.routes, err = p.newRoutes(ecsClient, vpcClient, snapshot); err != nil {
		return err
	}
	p.volumes = p.newVolumes(snapshot)
	p.provisioner = p.newProvisioner(ecsClient)
	p.joining = p.newNodeJoin(ecsClient)
	var routing cloudprovider.Routes
	if p.routes != nil {
		routing = p.routes.Routes()
	}
	p.cloud = provider.New(ProviderName, p.instances, routing, p.balancers)
	return p.watchEndpoints(ctx)
}

// apiHost returns the name or address of an API server out of its URL, or "".
func apiHost(server string) string {
	if !strings.Contains(server, "://") {
		server = "https://" + server
	}
	u, err := url.Parse(server)
	if err != nil {
		return ""
	}
	return u.Hostname()
}

// liveServices reads Services past every cache.
type liveServices struct{ client kubernetes.Interface }

// GetService implements loadbalancer.LiveServices.
func (l liveServices) GetService(ctx context.Context, namespace, name string, options metav1.GetOptions) (*corev1.Service, error) {
	return l.client.CoreV1().Services(namespace).Get(ctx, name, options)
}

// watchEndpoints tells the load balancers of changed endpoints, and of Nodes
// that changed together.
func (p *parts) watchEndpoints(ctx context.Context) error {
	_, err := p.informers.Discovery().V1().EndpointSlices().Informer().AddEventHandler(p.balancers.EndpointSliceHandler())
	if err != nil {
		return fmt.Errorf("watch EndpointSlices: %w", err)
	}
	_, err = nodewatch.Notify(ctx, p.informers.Core().V1().Nodes().Informer(), nodewatch.Options{}, p.balancers.NodesChanged)
	if err != nil {
		return fmt.Errorf("watch Nodes: %w", err)
	}
	return nil
}

// warm starts the informers and waits for their first lists.
func (p *parts) warm(ctx context.Context) error {
	core := p.informers.Core().V1()
	core.Services().Informer()
	p.informers.StartWithContext(ctx)
	p.replica.ready.set(conditionInformers, "reading Nodes, Services and EndpointSlices from the Kubernetes API")
	for kind, synced := range p.informers.WaitForCacheSync(ctx.Done()) {
		if !synced {
			return fmt.Errorf("read %s from the Kubernetes API: %w", kind, ctx.Err())
		}
	}
	p.replica.ready.ok(conditionInformers)
	return nil
}

// stop gives back what the parts hold.
func (p *parts) stop() {
	p.transport.Close()
	if p.volumeTransport != nil {
		p.volumeTransport.Close()
	}
}
