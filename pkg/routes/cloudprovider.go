package routes

import (
	"context"
	"fmt"
	"net/netip"
	"sync/atomic"

	"k8s.io/apimachinery/pkg/types"
	cloudprovider "k8s.io/cloud-provider"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/transport"
	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/vpc"
)

// Routes is the framework's view of the same engine, for those who run the
// framework's own route controller. It works while Run or RunEngine does. The
// cluster name that the framework hands over is not looked at: it is the same in
// every installation; the cluster ID decides.
func (c *Controller) Routes() cloudprovider.Routes { return frameworkRoutes{c} }

type frameworkRoutes struct{ c *Controller }

// ListRoutes lists the cluster's routes: those that are there in every needed
// table, each once.
func (r frameworkRoutes) ListRoutes(ctx context.Context, _ string) ([]*cloudprovider.Route, error) {
	c := r.c
	if len(c.tables.relevant()) == 0 {
		if err := c.tables.learn(ctx); err != nil {
			return nil, fmt.Errorf("list routes: %w", err)
		}
	}
	for _, node := range c.allNodes() {
		if n, foreign, _, err := c.resolve(ctx, node); err == nil && !foreign && n.Standing == Routed {
			if _, err := c.tables.need(ctx, n.VSwitch); err != nil {
				return nil, fmt.Errorf("list routes: %w", err)
			}
		}
	}
	count := map[string]int{}
	routes := map[string]*cloudprovider.Route{}
	prefixes := map[string]netip.Prefix{}
	needed := 0
	for _, t := range c.current() {
		if _, err := t.reads.Do(ctx, transport.Normal); err != nil {
			return nil, fmt.Errorf("list routes: %w", err)
		}
		isNeeded := c.tables.isNeeded(t.id)
		if isNeeded {
			needed++
		}
		for _, e := range t.table(isNeeded).Entries {
			if !e.ours(c.opts.ClusterID) || e.Status == vpc.Deleting {
				continue
			}
			if isNeeded {
				count[e.CIDR]++
			}
			routes[e.CIDR], prefixes[e.CIDR] = r.route(e), e.Prefix
		}
	}
	out := make([]*cloudprovider.Route, 0, len(routes))
	for cidr, route := range routes {
		if _, wanted := claimant(c.indexer, prefixes[cidr]); !wanted || count[cidr] == needed {
			out = append(out, route)
		}
	}
	return out, nil
}

// route names the Node that the entry leads to; one that leads to no Node of ours
// is a blackhole.
func (r frameworkRoutes) route(e Entry) *cloudprovider.Route {
	node, ok := r.c.roster.nodeOf(e.NextHopID)
	if !ok {
		node = e.Mark.Node
	}
	return &cloudprovider.Route{
		Name: e.ID, TargetNode: types.NodeName(node), DestinationCIDR: e.CIDR, Blackhole: !ok && r.c.proved(e.NextHopID),
	}
}

// CreateRoute makes the routes of the Node that the route is for.
func (r frameworkRoutes) CreateRoute(ctx context.Context, _, _ string, route *cloudprovider.Route) error {
	c := r.c
	node, err := c.lister.Get(string(route.TargetNode))
	if err != nil {
		return fmt.Errorf("create route: get node %s: %w", route.TargetNode, err)
	}
	n, _, _, err := c.resolve(ctx, node)
	if err != nil {
		return fmt.Errorf("create route: %w", err)
	}
	if _, err := c.tables.need(ctx, n.VSwitch); err != nil {
		return fmt.Errorf("create route: %w", err)
	}
	var changed atomic.Bool
	if err := c.everyTable(ctx, node, &n, &changed); err != nil {
		return fmt.Errorf("create route: %w", err)
	}
	return nil
}

// DeleteRoute deletes the cluster's entries with the route's destination.
func (r frameworkRoutes) DeleteRoute(ctx context.Context, _ string, route *cloudprovider.Route) error {
	c := r.c
	prefix, ok := parseCIDR(route.DestinationCIDR)
	if !ok {
		return fmt.Errorf("delete route: %q is no CIDR", route.DestinationCIDR)
	}
	var changed atomic.Bool
	for _, t := range c.current() {
		err := c.inTable(ctx, t, func(f *Facts, now *Table) Plan {
			e, exists := now.Entries[prefix]
			if !exists || !e.ours(f.ClusterID) || e.Status == vpc.Deleting {
				return nil
			}
			return Plan{{Action: Delete, Table: t.id, CIDR: prefix, Entry: e, Why: "the route controller asks for it"}}
		}, nil, &changed)
		if err != nil {
			return fmt.Errorf("delete route: %w", err)
		}
	}
	return nil
}
