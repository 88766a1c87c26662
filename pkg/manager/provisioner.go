package manager

import (
	"context"

	controllersmetrics "k8s.io/component-base/metrics/prometheus/controllers"
	"k8s.io/klog/v2"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/ecs"
	"github.com/kube-aliyun/kube-aliyun/pkg/provisioner"
)

// diskProvisionerController is what --controllers calls the provisioner with its
// growth.
const diskProvisionerController = "disk-provisioner-controller"

// newProvisioner makes what creates, deletes and grows the disks of claims; nil
// where no volume socket is served, since nobody could attach them.
func (p *parts) newProvisioner(cloud *ecs.Client) *provisioner.Provisioner {
	cfg, core := p.replica.cfg, p.informers.Core().V1()
	if cfg.Volumes.Socket == "" {
		return nil
	}
	provisioner.Watch(p.informers)
	return provisioner.New(provisioner.Options{
		Cloud: cloud, Disks: p.volumes, Nodes: core.Nodes().Lister(), Events: p.events,
		Volumes: core.PersistentVolumes().Lister(), Live: p.replica.framework.Client.CoreV1().PersistentVolumes(),
		ClusterID: p.clusterID, ClusterName: p.replica.framework.ComponentConfig.KubeCloudShared.ClusterName,
		Region: cfg.Location.Region, Zone: cfg.Location.Zone,
	})
}

// startProvisioner starts provisioning and growth.
func (p *parts) startProvisioner(ctx context.Context, running *group, metrics *controllersmetrics.ControllerManagerMetrics) error {
	if p.provisioner == nil {
		klog.FromContext(ctx).Info("No disks are created for claims, since no volume socket is configured", "flag", "--volume-socket")
		return nil
	}
	running.start(ctx, diskProvisionerController, func(ctx context.Context) error {
		metrics.ControllerStarted(diskProvisionerController)
		defer metrics.ControllerStopped(diskProvisionerController)
		p.replica.library.Run(ctx, p.provisioner)
		return nil
	})
	grower := provisioner.NewGrower(p.provisioner)
	running.start(ctx, "disk growth", func(ctx context.Context) error {
		return grower.Run(ctx, p.informers.Core().V1().PersistentVolumes().Informer())
	})
	return nil
}
