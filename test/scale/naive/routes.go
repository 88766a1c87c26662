package naive

import (
	"context"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	cloudprovider "k8s.io/cloud-provider"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/ecs"
	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/vpc"
)

const (
	// routeMark is the description of the entries of this provider.
	routeMark = "naive"
	// routePause and routeLimit: how often and how long an entry is waited for.
	routePause = time.Second
	routeLimit = time.Minute
)

// ListRoutes implements cloudprovider.Routes.
func (c *Cloud) ListRoutes(ctx context.Context, _ string) ([]*cloudprovider.Route, error) {
	entries, err := c.vpc.RouteEntries(ctx, c.tableID)
	if err != nil {
		return nil, err
	}
	nodes, err := c.nodes.List(labels.Everything())
	if err != nil {
		return nil, fmt.Errorf("list nodes: %w", err)
	}
	nameOf := make(map[string]types.NodeName, len(nodes))
	for _, node := range nodes {
		if id, err := serverID(node); err == nil {
			nameOf[id] = types.NodeName(node.Name)
		}
	}
	var routes []*cloudprovider.Route
	for i := range entries {
		if e := &entries[i]; e.Description == routeMark {
			routes = append(routes, &cloudprovider.Route{Name: e.ID, TargetNode: nameOf[e.NextHopID], DestinationCIDR: e.CIDR})
		}
	}
	return routes, nil
}

// CreateRoute implements cloudprovider.Routes: one Node, one change of its
// interface, one entry, one wait.
func (c *Cloud) CreateRoute(ctx context.Context, _, _ string, route *cloudprovider.Route) error {
	node, err := c.nodes.Get(string(route.TargetNode))
	if err != nil {
		return fmt.Errorf("route to %s: %w", route.TargetNode, err)
	}
	id, err := serverID(node)
	if err != nil {
		return err
	}
	c.routing.Lock()
	defer c.routing.Unlock()
	if err := c.letThrough(ctx, internalIP(node)); err != nil {
		return err
	}
	results, err := c.vpc.CreateRouteEntries(ctx, []vpc.NewEntry{{
		TableID: c.tableID, CIDR: route.DestinationCIDR, ServerID: id, Description: routeMark,
	}})
	if err != nil {
		return err
	}
	if results[0].Err != nil {
		return results[0].Err
	}
	return c.await(ctx, route.DestinationCIDR, func(found []vpc.RouteEntry) bool {
		return len(found) > 0 && found[0].Status == vpc.Available
	})
}

// letThrough switches off the check that drops Pod traffic.
func (c *Cloud) letThrough(ctx context.Context, address string) error {
	interfaces, err := c.ecs.Interfaces(ctx, ecs.InterfaceFilter{PrivateIPs: []string{address}, VPCID: c.vpcID})
	if err != nil {
		return err
	}
	for _, nic := range interfaces {
		if !nic.SourceDestCheck {
			continue
		}
		if err := c.ecs.SetSourceDestCheck(ctx, nic.ID, false); err != nil {
			return err
		}
	}
	return nil
}

// DeleteRoute implements cloudprovider.Routes.
func (c *Cloud) DeleteRoute(ctx context.Context, _ string, route *cloudprovider.Route) error {
	c.routing.Lock()
	defer c.routing.Unlock()
	results, err := c.vpc.DeleteRouteEntries(ctx, []vpc.RouteEntry{{ID: route.Name, TableID: c.tableID, CIDR: route.DestinationCIDR}})
	if err != nil {
		return err
	}
	if results[0].Err != nil {
		return results[0].Err
	}
	return c.await(ctx, route.DestinationCIDR, func(found []vpc.RouteEntry) bool { return len(found) == 0 })
}

// await looks at one destination until done says so.
func (c *Cloud) await(ctx context.Context, cidr string, done func([]vpc.RouteEntry) bool) error {
	err := wait.PollUntilContextTimeout(ctx, routePause, routeLimit, true, func(ctx context.Context) (bool, error) {
		found, err := c.vpc.RouteEntriesTo(ctx, c.tableID, []string{cidr})
		return err == nil && done(found), err
	})
	if err != nil {
		return fmt.Errorf("wait for the route to %s: %w", cidr, err)
	}
	return nil
}
