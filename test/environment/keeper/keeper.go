// Package keeper plays the kubelets of a simulated region: each running server
// has a living Node, that of a stopped or released one falls silent.
package keeper

import (
	"context"
	"errors"
	"fmt"
	"time"

	"k8s.io/klog/v2"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/admin"
	"github.com/kube-aliyun/kube-aliyun/test/cluster/nodes"
	"github.com/kube-aliyun/kube-aliyun/test/environment/cloud"
)

const (
	// period is how often the region is looked at.
	period = 500 * time.Millisecond
	// share bounds the part of the time that is spent on looking: reading a
	// large region takes long.
	share = 10
)

// Keeper follows the servers of a region.
type Keeper struct {
	region *admin.Client
	fleet  *nodes.Fleet
	// known are the servers as they were when they were last looked at.
	known map[string]known
}

// known is what the keeper remembers of a server: the name of its Node, which is
// its private address, and whether its kubelet runs.
type known struct {
	node  string
	alive bool
}

// New returns a keeper that registers Nodes in a fleet, which must be run.
func New(region *admin.Client, fleet *nodes.Fleet) *Keeper {
	return &Keeper{region: region, fleet: fleet, known: map[string]known{}}
}

// Run follows the region until the context ends.
func (k *Keeper) Run(ctx context.Context) {
	log := klog.FromContext(ctx)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		begin := time.Now()
		if err := k.follow(ctx); err != nil && ctx.Err() == nil {
			log.Error(err, "Will look at the region again")
		}
		timer.Reset(max(period, share*time.Since(begin)))
	}
}

// follow makes the Nodes what the servers are.
func (k *Keeper) follow(ctx context.Context) error {
	region, err := cloud.Read(ctx, k.region)
	if err != nil {
		return fmt.Errorf("following the region: %w", err)
	}
	var joining []cloud.Server
	var problems []error
	for _, server := range region.Servers {
		last, seen := k.known[server.ID]
		runs := server.Status == cloud.Running
		switch {
		case !seen && runs:
			joining = append(joining, server)
		case seen && last.alive != runs:
			problems = append(problems, k.turn(ctx, server.ID, last.node, runs))
		}
	}
	problems = append(problems, k.join(ctx, joining))
	for id, last := range k.known {
		if _, there := region.Server(id); !there {
			problems = append(problems, k.silence(ctx, id, last.node))
		}
	}
	return errors.Join(problems...)
}

// join registers the Nodes of new servers: all of them, or they are new again.
func (k *Keeper) join(ctx context.Context, servers []cloud.Server) error {
	if len(servers) == 0 {
		return nil
	}
	klog.FromContext(ctx).Info("Servers join", "count", len(servers), "first", servers[0].ID)
	list := make([]nodes.Node, 0, len(servers))
	for _, server := range servers {
		// The kubelet does not know its provider ID.
		list = append(list, nodes.Node{Name: server.PrivateIP, InternalIP: server.PrivateIP})
	}
	if err := k.fleet.Add(ctx, list...); err != nil {
		return err
	}
	for _, server := range servers {
		k.known[server.ID] = known{node: server.PrivateIP, alive: true}
	}
	return nil
}

// turn makes the kubelet of a server that was stopped or started die or live.
func (k *Keeper) turn(ctx context.Context, id, node string, runs bool) error {
	if !runs {
		klog.FromContext(ctx).Info("Server was stopped", "server", id, "node", node)
		k.known[id] = known{node: node}
		return k.fleet.Kill(node)
	}
	klog.FromContext(ctx).Info("Server was started", "server", id, "node", node)
	if err := k.fleet.Revive(ctx, node); err != nil {
		return err
	}
	k.known[id] = known{node: node, alive: true}
	return nil
}

// silence ends the heartbeats of a released server, unless its address belongs
// to another by now.
func (k *Keeper) silence(ctx context.Context, id, node string) error {
	klog.FromContext(ctx).Info("Server was released", "server", id, "node", node)
	delete(k.known, id)
	for _, other := range k.known {
		if other.node == node {
			return nil
		}
	}
	return k.fleet.Kill(node)
}
