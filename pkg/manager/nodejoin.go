package manager

import (
	"context"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	controllersmetrics "k8s.io/component-base/metrics/prometheus/controllers"
	"k8s.io/utils/clock"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/ecs"
	"github.com/kube-aliyun/kube-aliyun/pkg/nodejoin"
)

// nodeJoinController is what --controllers calls the signer of kubelets' certificates.
const nodeJoinController = "node-join-controller"

// newNodeJoin makes what signs for servers that join; nil where that is not asked for.
func (p *parts) newNodeJoin(cloud *ecs.Client) *nodejoin.Controller {
	cfg := p.replica.cfg
	if cfg.NodeSignerSecret == "" {
		return nil
	}
	return nodejoin.New(nodejoin.Options{
		Client: p.replica.framework.Client, Nodes: p.informers.Core().V1().Nodes().Lister(), Cloud: cloud, Events: p.events,
		VPCID: cfg.Location.VPCID, Namespace: metav1.NamespaceSystem, Secret: cfg.NodeSignerSecret, Clock: clock.RealClock{},
	})
}

// startNodeJoin starts it.
func (p *parts) startNodeJoin(ctx context.Context, running *group, metrics *controllersmetrics.ControllerManagerMetrics) error {
	if p.joining == nil {
		return nil
	}
	running.start(ctx, nodeJoinController, func(ctx context.Context) error {
		metrics.ControllerStarted(nodeJoinController)
		defer metrics.ControllerStopped(nodeJoinController)
		return p.joining.Run(ctx)
	})
	return nil
}
