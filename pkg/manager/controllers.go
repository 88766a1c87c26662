package manager

import (
	"context"
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/util/sets"
	utilfeature "k8s.io/apiserver/pkg/util/feature"
	nodecontroller "k8s.io/cloud-provider/controllers/node"
	lifecyclecontroller "k8s.io/cloud-provider/controllers/nodelifecycle"
	servicecontroller "k8s.io/cloud-provider/controllers/service"
	"k8s.io/cloud-provider/names"
	controllersmetrics "k8s.io/component-base/metrics/prometheus/controllers"
	controllerapp "k8s.io/controller-manager/app"
	"k8s.io/klog/v2"

	"github.com/kube-aliyun/kube-aliyun/pkg/loadbalancer/classes"
	"github.com/kube-aliyun/kube-aliyun/pkg/nodeshards"
	"github.com/kube-aliyun/kube-aliyun/pkg/nodewatch"
)

// controllerNames are what --controllers takes: the framework's names, and ours.
func controllerNames() []string {
	all := []string{names.CloudNodeController, names.CloudNodeLifecycleController, names.ServiceLBController, names.NodeRouteController,
		diskProvisionerController, nodeJoinController}
	slices.Sort(all)
	return all
}

// controllerAliases are the framework's older names of the same controllers.
func controllerAliases() map[string]string {
	return names.CCMControllerAliases()
}

// lead runs the controllers until ctx ends or one of them fails.
func (p *parts) lead(ctx context.Context) error {
	client := p.replica.framework.Client
	if err := retryUnless[*ClusterIDError](ctx, func() error { return storeClusterID(ctx, client, p.clusterID) }); err != nil {
		if cancelled(ctx, err) {
			return nil
		}
		return err
	}
	metrics := controllersmetrics.NewControllerManagerMetrics(Name)
	running, ctx := newGroup(ctx)
	p.startNodeShards(ctx, running)
	for _, c := range []struct {
		name  string
		start func(context.Context, *group, *controllersmetrics.ControllerManagerMetrics) error
	}{
		{names.CloudNodeController, p.startNodes},
		{names.CloudNodeLifecycleController, p.startLifecycle},
		{names.ServiceLBController, p.startServices},
		{names.NodeRouteController, p.startRoutes},
		{diskProvisionerController, p.startProvisioner},
		{nodeJoinController, p.startNodeJoin},
	} {
		if !controllerapp.IsControllerEnabled(c.name, sets.NewString(), p.replica.framework.ComponentConfig.Generic.Controllers) {
			klog.FromContext(ctx).Info("Controller is disabled", "controller", c.name)
			continue
		}
		if err := c.start(ctx, running, metrics); err != nil {
			running.cancel()
			_ = running.wait()
			return fmt.Errorf("start %s: %w", c.name, err)
		}
	}
	p.startRoom(ctx, running)
	return running.wait()
}

// startNodes starts the framework's node controller.
func (p *parts) startNodes(ctx context.Context, running *group, metrics *controllersmetrics.ControllerManagerMetrics) error {
	config := p.replica.framework.ComponentConfig
	c, err := nodecontroller.NewCloudNodeController(p.informers.Core().V1().Nodes(), p.replica.framework.Client, p.cloud,
		config.NodeStatusUpdateFrequency.Duration, config.NodeController.ConcurrentNodeSyncs, config.NodeController.ConcurrentNodeStatusUpdates)
	if err != nil {
		return err
	}
	running.start(ctx, names.CloudNodeController, func(ctx context.Context) error {
		c.RunWithContext(ctx, metrics)
		return nil
	})
	return nil
}

// startLifecycle starts the framework's node life cycle controller with a client
// that deletes on proof only.
func (p *parts) startLifecycle(ctx context.Context, running *group, metrics *controllersmetrics.ControllerManagerMetrics) error {
	config := p.replica.framework.ComponentConfig.NodeLifecycleController
	c, err := lifecyclecontroller.NewCloudNodeLifecycleController(p.informers.Core().V1().Nodes(),
		p.instances.GuardDeletions(p.replica.framework.Client), p.cloud,
		config.NodeMonitorPeriod.Duration, int(config.ConcurrentNodeLifecycleSyncs))
	if err != nil {
		return err
	}
	running.start(ctx, names.CloudNodeLifecycleController, func(ctx context.Context) error {
		c.Run(ctx, metrics)
		return nil
	})
	return nil
}

// startServices starts the framework's service controller without its walk over
// all Services for each Node, and the load balancers, which follow Nodes themselves.
func (p *parts) startServices(ctx context.Context, running *group, metrics *controllersmetrics.ControllerManagerMetrics) error {
	config := p.replica.framework.ComponentConfig
	c, err := servicecontroller.New(p.cloud, p.replica.framework.Client, p.informers.Core().V1().Services(),
		nodewatch.Silence(p.informers.Core().V1().Nodes()), config.KubeCloudShared.ClusterName, utilfeature.DefaultFeatureGate)
	if err != nil {
		return err
	}
	ofClass, err := classes.New(classes.Options{
		Services: p.informers.Core().V1().Services(), Client: p.replica.framework.Client.CoreV1(), Balancer: p.balancers,
		Events: p.events, Cluster: config.KubeCloudShared.ClusterName, Workers: int(config.ServiceController.ConcurrentServiceSyncs),
	})
	if err != nil {
		return err
	}
	running.start(ctx, "load balancer classes", func(ctx context.Context) error {
		ofClass.Run(ctx)
		return nil
	})
	running.start(ctx, "drained nodes", func(ctx context.Context) error {
		p.drain.Run(ctx)
		return nil
	})
	running.start(ctx, "load balancers", func(ctx context.Context) error {
		p.balancers.Run(ctx)
		return nil
	})
	running.start(ctx, names.ServiceLBController, func(ctx context.Context) error {
		c.Run(ctx, int(config.ServiceController.ConcurrentServiceSyncs), metrics)
		return nil
	})
	return nil
}

// startNodeShards starts the publisher of Nodes where that is asked for.
func (p *parts) startNodeShards(ctx context.Context, running *group) {
	if !p.replica.cfg.PublishNodeShards {
		return
	}
	nodes := p.informers.Core().V1().Nodes()
	publisher := nodeshards.NewPublisher(nodes.Lister(), nodes.Informer(), p.replica.framework.Client.CoreV1())
	running.start(ctx, "node shards", publisher.Run)
}

// startRoutes starts this project's route controller under the framework's name.
func (p *parts) startRoutes(ctx context.Context, running *group, metrics *controllersmetrics.ControllerManagerMetrics) error {
	if p.routes == nil {
		klog.FromContext(ctx).Info("Routes are not configured", "flag", "--configure-cloud-routes=false")
		return nil
	}
	running.start(ctx, names.NodeRouteController, func(ctx context.Context) error {
		metrics.ControllerStarted("route")
		defer metrics.ControllerStopped("route")
		return p.routes.Run(ctx, routeWorkers)
	})
	return nil
}

// routeWorkers is how many Nodes may wait for their routes at a time: those that
// wait together share the calls.
const routeWorkers = 200
