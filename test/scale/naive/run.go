package naive

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	utilfeature "k8s.io/apiserver/pkg/util/feature"
	"k8s.io/client-go/informers"
	coreinformers "k8s.io/client-go/informers/core/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/leaderelection"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
	nodecontroller "k8s.io/cloud-provider/controllers/node"
	lifecyclecontroller "k8s.io/cloud-provider/controllers/nodelifecycle"
	routecontroller "k8s.io/cloud-provider/controllers/route"
	servicecontroller "k8s.io/cloud-provider/controllers/service"
	controllersmetrics "k8s.io/component-base/metrics/prometheus/controllers"
	_ "k8s.io/controller-manager/pkg/features/register" // the route controller asks for its feature gate

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/credentials"
	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/transport"
)

// The framework's defaults (k8s.io/cloud-provider/config/v1alpha1).
const (
	workers            = 1
	nodeStatusPeriod   = 5 * time.Minute
	nodeMonitorPeriod  = 5 * time.Second
	routePeriod        = 10 * time.Second
	minResync          = 12 * time.Hour
	qps                = 20
	burst              = 30
	clusterName        = "kubernetes"
	leaseNamespace     = "kube-system"
	leaseName          = "cloud-controller-manager"
	leaseDuration      = 15 * time.Second
	leaseRenewDeadline = 10 * time.Second
	leaseRetryPeriod   = 2 * time.Second
)

// Options are where the provider works.
type Options struct {
	// Kubeconfig is a file.
	Kubeconfig string
	// Endpoint serves all products, as host:port.
	Endpoint                     string
	AccessKeyID, AccessKeySecret string
	Region, VPCID, RouteTableID  string
	// ClusterCIDR is the range of Pod addresses.
	ClusterCIDR string
	// Identity is the replica's name in the election.
	Identity string
	// Hurried lifts the limit of requests to the Kubernetes API, to prepare a
	// situation; what is measured runs without.
	Hurried bool
}

// Run leads the stock controllers over the naive provider until ctx ends or the
// lease is lost.
func Run(ctx context.Context, o Options) error {
	_, cidr, err := net.ParseCIDR(o.ClusterCIDR)
	if err != nil {
		return fmt.Errorf("cluster CIDR: %w", err)
	}
	endpoint := "http://" + o.Endpoint
	t, err := transport.New(transport.Options{
		Region: o.Region, Credentials: credentials.Static(o.AccessKeyID, o.AccessKeySecret, ""), UserAgent: "naive",
		Endpoints: map[transport.Product]string{transport.Ecs: endpoint, transport.Vpc: endpoint, transport.Slb: endpoint},
	})
	if err != nil {
		return fmt.Errorf("transport: %w", err)
	}
	defer t.Close()
	client, err := o.client("leader-election")
	if err != nil {
		return err
	}
	lock, err := resourcelock.New(resourcelock.LeasesResourceLock, leaseNamespace, leaseName,
		client.CoreV1(), client.CoordinationV1(), resourcelock.ResourceLockConfig{Identity: o.Identity})
	if err != nil {
		return fmt.Errorf("lease: %w", err)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var failed error
	leaderelection.RunOrDie(ctx, leaderelection.LeaderElectionConfig{
		Lock: lock, LeaseDuration: leaseDuration, RenewDeadline: leaseRenewDeadline, RetryPeriod: leaseRetryPeriod,
		Callbacks: leaderelection.LeaderCallbacks{
			OnStartedLeading: func(ctx context.Context) {
				failed = o.lead(ctx, New(t, o.Region, o.VPCID, o.RouteTableID), cidr)
				cancel()
			},
			OnStoppedLeading: func() {},
		},
	})
	return failed
}

// client makes a client with the framework's limits; each controller has its own.
func (o Options) client(user string) (kubernetes.Interface, error) {
	config, err := clientcmd.BuildConfigFromFlags("", o.Kubeconfig)
	if err != nil {
		return nil, fmt.Errorf("kubeconfig: %w", err)
	}
	config.QPS, config.Burst, config.UserAgent = qps, burst, "naive/"+user
	if o.Hurried {
		config.QPS = -1
	}
	config.ContentType = "application/vnd.kubernetes.protobuf"
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("client: %w", err)
	}
	return client, nil
}

// lead runs the controllers until ctx ends.
func (o Options) lead(ctx context.Context, cloud *Cloud, cidr *net.IPNet) error {
	var clients []kubernetes.Interface
	for _, user := range []string{"informers", "node", "node-lifecycle", "service", "route"} {
		client, err := o.client(user)
		if err != nil {
			return err
		}
		clients = append(clients, client)
	}
	shared := informers.NewSharedInformerFactory(clients[0], minResync)
	cloud.SetInformers(shared)
	nodes, services := shared.Core().V1().Nodes(), shared.Core().V1().Services()
	node, err1 := nodecontroller.NewCloudNodeController(nodes, clients[1], cloud, nodeStatusPeriod, workers, workers)
	lifecycle, err2 := lifecyclecontroller.NewCloudNodeLifecycleController(nodes, clients[2], cloud, nodeMonitorPeriod, workers)
	service, err3 := servicecontroller.New(cloud, clients[3], services, nodes, clusterName, utilfeature.DefaultFeatureGate)
	route, err4 := newRoutes(cloud, clients[4], nodes, cidr)
	if err := errors.Join(err1, err2, err3, err4); err != nil {
		return fmt.Errorf("controllers: %w", err)
	}
	metrics := controllersmetrics.NewControllerManagerMetrics("naive")
	go node.RunWithContext(ctx, metrics)
	go lifecycle.Run(ctx, metrics)
	go service.Run(ctx, workers, metrics)
	go route.Run(ctx, routePeriod, metrics)
	shared.StartWithContext(ctx)
	<-ctx.Done()
	return nil
}

// newRoutes makes the stock route controller. Its first attempt to register its
// metric panics, because package metric, which the transport brings along, has
// one of the same name; there is no second attempt.
func newRoutes(cloud *Cloud, client kubernetes.Interface, nodes coreinformers.NodeInformer, cidr *net.IPNet) (*routecontroller.RouteController, error) {
	construct := func() (*routecontroller.RouteController, error) {
		return routecontroller.New(cloud, client, nodes, clusterName, []*net.IPNet{cidr})
	}
	func() {
		defer func() { _ = recover() }()
		_, _ = construct()
	}()
	return construct()
}
