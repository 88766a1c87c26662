package routes

import (
	"context"
	"errors"
	"net/netip"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/kube-aliyun/kube-aliyun/pkg/drain"
	"github.com/kube-aliyun/kube-aliyun/pkg/servers"
)

// proofAge is how long the proof that a server is gone is kept.
const proofAge = 10 * time.Minute

// resolve finds out what routes need to know of a Node. foreign Nodes are none of
// ours. waiting: the Node is announced to go, but has Pods left.
func (c *Controller) resolve(ctx context.Context, node *corev1.Node) (n Node, foreign, waiting bool, err error) {
	n = Node{Name: node.Name, CIDRs: podCIDRs(node)}
	if len(n.CIDRs) == 0 {
		return n, true, false, nil
	}
	if drain.Announced(node) {
		empty, err := drain.Emptied(ctx, c.opts.Client, node.Name)
		if err != nil {
			return n, false, true, err
		}
		if empty {
			last, _ := c.roster.get(node.Name)
			n.Server, n.VSwitch, n.Standing = last.Server, last.VSwitch, Leaving
			c.roster.put(n)
			return n, false, false, nil
		}
		waiting = true
	}
	server, err := c.opts.Servers.ServerFor(ctx, node)
	switch {
	case errors.Is(err, servers.ErrForeign):
		c.roster.drop(node.Name)
		return n, true, waiting, nil
	case err != nil:
		return n, false, waiting, err
	}
	n.Server, n.VSwitch, n.Standing = server.ID, server.VSwitchID, Routed
	c.roster.put(n)
	return n, false, waiting, nil
}

// facts are what plans depend on now.
func (c *Controller) facts() *Facts {
	return &Facts{
		ClusterID:    c.opts.ClusterID,
		ClusterCIDRs: c.opts.ClusterCIDRs,
		Reserved:     c.tables.blocked(),
		Claimant:     func(p netip.Prefix) (string, bool) { return claimant(c.indexer, p) },
		NodeOf:       c.roster.nodeOf,
		Gone:         c.proved,
		// No Node at all: the Kubernetes API may have lost them, and the Pods still run.
		Orphans:        len(c.indexer.ListKeys()) > 0,
		DeleteUnmarked: c.opts.DeleteUnmarked,
	}
}

// proved reports whether a server was proved to be gone.
func (c *Controller) proved(server string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	at, ok := c.released[server]
	return ok && c.opts.Clock.Since(at) < proofAge
}

// prove asks whether a server is gone and reports a new proof.
func (c *Controller) prove(ctx context.Context, server string) (bool, error) {
	exists, err := c.opts.Machines.ServerExists(ctx, server)
	if err != nil || exists {
		return false, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.released[server] = c.opts.Clock.Now()
	return true, nil
}
