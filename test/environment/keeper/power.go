package keeper

import (
	"context"
	"fmt"
	"sync"
	"time"

	"k8s.io/klog/v2"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/admin"
	"github.com/kube-aliyun/kube-aliyun/test/environment/cloud"
)

// Machines are real nodes on a region's servers, by the servers' ids.
type Machines interface {
	// PowerOn starts the programs of a node on a server that runs, PowerOff ends
	// them on one that was stopped, Forget on one that is released.
	PowerOn(ctx context.Context, id string) error
	PowerOff(ctx context.Context, id string) error
	Forget(ctx context.Context, id string) error
}

// Power follows the servers of a region, and makes them real nodes or ends these.
type Power struct {
	region   *admin.Client
	machines Machines
	// fixed is the server with the control plane, which is left alone.
	fixed string

	working sync.WaitGroup
	mu      sync.Mutex
	// on and busy are guarded by mu: servers whose node was started, and those
	// at which something is under way.
	on, busy map[string]bool
}

// NewPower returns a follower that finds these servers running as nodes.
func NewPower(region *admin.Client, machines Machines, fixed string, running []string) *Power {
	p := &Power{region: region, machines: machines, fixed: fixed, on: map[string]bool{}, busy: map[string]bool{}}
	for _, id := range running {
		p.on[id] = true
	}
	return p
}

// Run follows the region until the context ends, and returns when nothing is under
// way any more.
func (p *Power) Run(ctx context.Context) {
	defer p.working.Wait()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		if err := p.follow(ctx); err != nil && ctx.Err() == nil {
			klog.FromContext(ctx).Error(err, "Will look at the region again")
		}
		timer.Reset(period)
	}
}

// follow begins what servers need that changed.
func (p *Power) follow(ctx context.Context) error {
	region, err := cloud.Read(ctx, p.region)
	if err != nil {
		return fmt.Errorf("following the region: %w", err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, server := range region.Servers {
		runs := server.Status == cloud.Running
		switch last, seen := p.on[server.ID]; {
		case runs && !last:
			p.begin(ctx, server.ID, "Starting a node", p.machines.PowerOn, func(id string) { p.on[id] = true })
		case !runs && seen && last:
			p.begin(ctx, server.ID, "Ending the node of a stopped server", p.machines.PowerOff, func(id string) { p.on[id] = false })
		}
	}
	for id := range p.on {
		if _, there := region.Server(id); !there {
			p.begin(ctx, id, "Ending the node of a released server", p.machines.Forget, func(id string) { delete(p.on, id) })
		}
	}
	return nil
}

// begin does something at a server at which nothing is under way; done is called
// under the lock once it has succeeded. What fails is tried again when the region
// is looked at next.
func (p *Power) begin(ctx context.Context, id, what string, do func(context.Context, string) error, done func(id string)) {
	if id == p.fixed || p.busy[id] {
		return
	}
	p.busy[id] = true
	p.working.Go(func() {
		log := klog.FromContext(ctx).WithValues("server", id)
		log.Info(what)
		err := do(ctx, id)
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(p.busy, id)
		if err == nil {
			done(id)
		} else if ctx.Err() == nil {
			log.Error(err, "Will try again", "doing", what)
		}
	})
}
