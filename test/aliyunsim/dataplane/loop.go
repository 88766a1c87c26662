package dataplane

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"time"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/dataplane/fabric"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/network"
)

// period is how soon the kernel follows the region.
const period = 50 * time.Millisecond

// run keeps the network as it has to be.
func (p *Plane) run(ctx context.Context) {
	defer close(p.done)
	ticker := time.NewTicker(period)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case answer := <-p.settle:
			answer <- p.tick(ctx)
		case <-ticker.C:
			p.tell(p.tick(ctx))
		}
	}
}

// tell logs a failure when it comes, not as long as it stays.
func (p *Plane) tell(err error) {
	text := ""
	if err != nil {
		text = err.Error()
	}
	if text != p.told && err != nil {
		p.log.Error(err, "The data plane is not what it has to be; trying again")
	}
	p.told = text
}

// tick makes the kernel follow a change of the region, and the region one of the
// backends' health.
func (p *Plane) tick(ctx context.Context) error {
	want := p.Source.Network()
	var err error
	if last := p.now.Load(); p.pending || last == nil || !reflect.DeepEqual(*last, want) {
		p.now.Store(&want)
		err = p.apply(ctx, want)
		p.pending = err != nil
	}
	if p.Balancers == nil {
		return err
	}
	if findings := p.Balancers.Health(); p.observed == nil || !slices.Equal(findings, p.observed) {
		p.Source.Observe(findings)
		p.observed = append([]network.Health{}, findings...)
	}
	return err
}

// apply changes everything that has to change, one step after the other; what
// fails does not hold up the rest.
func (p *Plane) apply(ctx context.Context, want network.Network) error {
	var problems []error
	remaining := map[string]bool{}
	for _, v := range want.VPCs {
		remaining[v.ID] = true
	}
	for id, r := range p.routers {
		if !remaining[id] {
			problems = append(problems, p.leave(ctx, id, r))
		}
	}
	problems = append(problems, p.fabric.Apply(ctx, want), p.disks.Apply(want))
	balancers := map[string][]network.LoadBalancer{}
	for _, lb := range want.LoadBalancers {
		home := fabric.Home(lb, want)
		balancers[home] = append(balancers[home], lb)
	}
	for _, v := range want.VPCs {
		if err := p.serve(ctx, v.ID, balancers[v.ID]); err != nil {
			problems = append(problems, fmt.Errorf("VPC %s: %w", v.ID, err))
		}
	}
	return errors.Join(problems...)
}

// serve runs in a VPC's router what servers and clients find there.
func (p *Plane) serve(ctx context.Context, vpc string, lbs []network.LoadBalancer) error {
	ns := p.fabric.Router(vpc)
	if ns == nil {
		return nil // that is an error already
	}
	r := p.routers[vpc]
	if r == nil {
		offered, err := p.offer(ctx, vpc, ns)
		if err != nil {
			return err
		}
		r = &routed{ns: ns, services: offered}
		p.routers[vpc] = r
	}
	if p.Balancers == nil {
		return nil
	}
	return p.Balancers.Apply(ctx, ns, lbs)
}

// leave ends what runs in a router that goes.
func (p *Plane) leave(ctx context.Context, vpc string, r *routed) error {
	delete(p.routers, vpc)
	r.services.close()
	if p.Balancers == nil {
		return nil
	}
	return p.Balancers.Apply(ctx, r.ns, nil)
}
