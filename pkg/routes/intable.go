package routes

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"sync/atomic"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/apierror"
	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/vpc"
	"github.com/kube-aliyun/kube-aliyun/pkg/event"
	"github.com/kube-aliyun/kube-aliyun/pkg/ownership"
)

// rounds is how often a plan is made anew when the table turns out to be
// different from what was remembered.
const rounds = 5

var (
	// errConflict: something that is not ours stands in the way.
	errConflict = errors.New("the route is not ours to make right")
	// errMissing: an entry is known not to be there or not to be right.
	errMissing = errors.New("the route is not there")
)

// inTable plans and applies until the plan for this table is empty and every
// entry of the Node n (nil: none to wait for) has settled.
func (c *Controller) inTable(ctx context.Context, t *table, plan func(*Facts, *Table) Plan, n *Node, changed *atomic.Bool) error {
	refreshed := false
	for range rounds {
		if err := c.engine.ensure(ctx, t, c.trustAge()); err != nil {
			return err
		}
		var steps Plan
		var moving []netip.Prefix
		facts := c.facts()
		t.view(c.tables.isNeeded(t.id), func(now *Table) {
			steps = plan(facts, now)
			moving = inTransition(n, now)
		})
		writes, conflicts := c.sort(t, steps)
		if len(writes) == 0 && len(conflicts) > 0 {
			if writes = c.provable(ctx, n, conflicts); len(writes) == 0 && !refreshed && !t.readWithin(c.opts.Clock.Now(), fresh) {
				refreshed = true // perhaps somebody has put it right since
				if err := readTo(ctx, c.engine.cloud, t.memory, prefixesOf(conflicts)); err != nil {
					return err
				}
				continue
			}
		}
		switch {
		case len(writes) > 0:
			err := c.apply(ctx, t, writes, changed)
			if err != nil && !errors.Is(err, errContradicted) && !errors.Is(err, apierror.ErrConflict) {
				return c.knownMissing(t, n, err)
			}
		case len(moving) > 0:
			for _, prefix := range moving {
				if err := t.watch.settle(ctx, prefix, steady); err != nil {
					t.doubt()
					return err
				}
			}
		case len(conflicts) > 0:
			return c.report(conflicts)
		case t.trusted(c.opts.Clock.Now(), c.trustAge()):
			return nil
		}
	}
	return c.knownMissing(t, n, errContradicted)
}

// knownMissing adds to a failure that the Node's entry is known not to be right.
func (c *Controller) knownMissing(t *table, n *Node, err error) error {
	if n != nil && n.Standing == Routed && c.tables.isNeeded(t.id) && c.missingIn(t, n) {
		return fmt.Errorf("%w: %w", errMissing, err)
	}
	return err
}

// inTransition lists the Node's destinations that an operation runs on.
func inTransition(n *Node, t *Table) []netip.Prefix {
	if n == nil {
		return nil
	}
	var out []netip.Prefix
	for _, cidr := range n.CIDRs {
		if e, ok := t.Entries[cidr]; ok && e.moving() {
			out = append(out, cidr)
		}
	}
	return out
}

// sort parts a plan: the writes, and what stands in the way. Take-overs go to the
// background.
func (c *Controller) sort(t *table, plan Plan) (writes, conflicts Plan) {
	for i := range plan {
		switch plan[i].Action {
		case Create, Delete, Replace:
			writes = append(writes, plan[i])
		case TakeOver:
			c.engine.offer(rename{table: t, node: plan[i].Node, entry: plan[i].Entry})
		case Report:
			conflicts = append(conflicts, plan[i])
		case SwitchOff:
		}
	}
	return writes, conflicts
}

// provable turns the conflicts with entries whose servers are proved to be gone
// into writes. A proof that cannot be had is none.
func (c *Controller) provable(ctx context.Context, n *Node, conflicts Plan) Plan {
	var writes Plan
	for i := range conflicts {
		step := conflicts[i]
		if n == nil || step.Reason != event.RouteConflict || step.Entry.NextHopType != vpc.NextHopInstance {
			continue
		}
		if gone, err := c.prove(ctx, step.Entry.NextHopID); err == nil && gone {
			step.Action, step.Server, step.Why = Replace, n.Server, "its server is released"
			writes = append(writes, step)
		}
	}
	return writes
}

func prefixesOf(plan Plan) []netip.Prefix {
	out := make([]netip.Prefix, len(plan))
	for i := range plan {
		out[i] = plan[i].CIDR
	}
	return out
}

// report records the events of what stands in the way and returns it as an error.
func (c *Controller) report(conflicts Plan) error {
	problems := make([]error, len(conflicts))
	for i := range conflicts {
		c.event(&conflicts[i])
		problems[i] = fmt.Errorf("%w: route %s in %s: %s", errConflict, conflicts[i].CIDR, conflicts[i].Table, conflicts[i].Why)
	}
	return errors.Join(problems...)
}

// event records a report on its Node.
func (c *Controller) event(step *Step) {
	node, err := c.lister.Get(step.Node)
	if err != nil {
		return // the Node went; its own reconciliation follows
	}
	if step.Entry.ID != "" {
		c.opts.Events.Event(node, step.Reason, "route entry %s for %s in route table %s is left alone: %s", step.Entry.ID, step.CIDR, step.Table, step.Why)
		return
	}
	c.opts.Events.Event(node, step.Reason, "no route for %s in route table %s: %s", step.CIDR, step.Table, step.Why)
}

// apply makes the writes of a plan side by side.
func (c *Controller) apply(ctx context.Context, t *table, writes Plan, changed *atomic.Bool) error {
	errs := make([]error, len(writes))
	var wg sync.WaitGroup
	for i := range writes {
		wg.Go(func() { errs[i] = c.write(ctx, t, &writes[i], changed) })
	}
	wg.Wait()
	return errors.Join(errs...)
}

// write makes one write. The creation that belongs to a Replace is the next plan's.
func (c *Controller) write(ctx context.Context, t *table, step *Step, changed *atomic.Bool) error {
	if step.Action == Create {
		_, err := t.creates.Do(ctx, vpc.NewEntry{
			TableID: t.id, CIDR: step.CIDR.String(), ServerID: step.Server, IPv6: step.CIDR.Addr().Is6(),
			Name:        ownership.RouteName(c.opts.ClusterID),
			Description: ownership.RouteDescription(c.opts.ClusterID, c.opts.ClusterName, step.Node),
		})
		if err != nil {
			return fmt.Errorf("create route %s in %s: %w", step.CIDR, t.id, err)
		}
		changed.Store(true)
		return nil
	}
	owner, claimed := claimant(c.indexer, step.CIDR)
	_, err := t.deletes.Do(ctx, removal{entry: step.Entry, still: func(now Entry) bool {
		o, cl := claimant(c.indexer, step.CIDR)
		return o == owner && cl == claimed && now.NextHopID == step.Entry.NextHopID && now.Marked == step.Entry.Marked && now.Mark == step.Entry.Mark
	}})
	if err != nil {
		return fmt.Errorf("delete route %s in %s: %w", step.CIDR, t.id, err)
	}
	changed.Store(true)
	if step.Action == Replace {
		if node, err := c.lister.Get(step.Node); err == nil {
			c.opts.Events.Event(node, event.RouteReplaced, "route entry %s for %s in route table %s to %s is replaced: %s",
				step.Entry.ID, step.CIDR, t.id, step.Entry.NextHopID, step.Why)
		}
	}
	return nil
}
