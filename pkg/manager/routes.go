package manager

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/ecs"
	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/vpc"
	"github.com/kube-aliyun/kube-aliyun/pkg/routes"
	"github.com/kube-aliyun/kube-aliyun/pkg/servers"
)

// newRoutes makes the route controller, or nil with --configure-cloud-routes=false.
func (p *parts) newRoutes(machines *ecs.Client, network *vpc.Client, snapshot *servers.Snapshot) (*routes.Controller, error) {
	cfg, shared := p.replica.cfg, p.replica.framework.ComponentConfig.KubeCloudShared
	if !shared.ConfigureCloudRoutes {
		return nil, nil
	}
	cidrs, err := clusterCIDRs(shared.ClusterCIDR)
	if err != nil {
		return nil, err
	}
	return routes.New(routes.Options{
		Network: network, Machines: machines, Servers: snapshot,
		Client: p.replica.framework.Client, Nodes: p.informers.Core().V1().Nodes(), Events: p.events,
		VPCID: cfg.Location.VPCID, ClusterID: p.clusterID, ClusterName: shared.ClusterName, ClusterCIDRs: cidrs,
		TableIDs: cfg.Routes.TableIDs, KeepSourceDestCheck: cfg.Routes.KeepSourceDestCheck, DeleteUnmarked: cfg.Routes.DeleteUnmarked,
		Period: shared.RouteReconciliationPeriod.Duration,
	})
}

var errNoClusterCIDR = errors.New("--cluster-cidr is missing: it says which Pod routes are the cluster's; give it, or --configure-cloud-routes=false")

// clusterCIDRs reads --cluster-cidr: one range, or one of each family.
func clusterCIDRs(list string) ([]netip.Prefix, error) {
	if strings.TrimSpace(list) == "" {
		return nil, errNoClusterCIDR
	}
	var out []netip.Prefix
	for item := range strings.SplitSeq(list, ",") {
		prefix, err := netip.ParsePrefix(strings.TrimSpace(item))
		if err != nil {
			return nil, fmt.Errorf("--cluster-cidr: %w", err)
		}
		out = append(out, prefix.Masked())
	}
	if len(out) > 2 || (len(out) == 2 && out[0].Addr().Is4() == out[1].Addr().Is4()) {
		return nil, fmt.Errorf("--cluster-cidr: %q is neither one range nor one of each address family", list)
	}
	return out, nil
}
