package routes

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/klog/v2"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/transport"
	"github.com/kube-aliyun/kube-aliyun/pkg/event"
	"github.com/kube-aliyun/kube-aliyun/pkg/metric"
)

// bulk is how many Nodes' servers are asked for side by side.
const bulk = 200

// trustAge is how old a whole reading may be for a write that only adds: one
// audit period, and the time that the next audit may take.
func (c *Controller) trustAge() time.Duration { return c.opts.Period + c.opts.Period/2 }

// current returns the tables that may hold the cluster's entries.
func (c *Controller) current() []*table {
	ids := c.tables.relevant()
	out := make([]*table, 0, len(ids))
	for _, id := range ids {
		out = append(out, c.engine.table(id))
	}
	return out
}

// warm takes the first look at everything: servers, interfaces and tables in
// bulk. What fails here is done again Node by Node.
func (c *Controller) warm(ctx context.Context) {
	logger := klog.FromContext(ctx)
	nodes := c.allNodes()
	found := make(map[*corev1.Node]string, len(nodes))
	var mu sync.Mutex
	forEach(nodes, func(node *corev1.Node) {
		n, foreign, _, err := c.resolve(ctx, node)
		if foreign || err != nil || n.Standing != Routed {
			return
		}
		if _, err := c.tables.need(ctx, n.VSwitch); err != nil {
			return
		}
		mu.Lock()
		defer mu.Unlock()
		found[node] = n.Server
	})
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := c.checker.warm(ctx, found); err != nil {
			logger.Error(err, "Network interfaces not read yet")
		}
	})
	wg.Go(func() {
		if err := c.audit(ctx, transport.Normal); err != nil {
			logger.Error(err, "Route tables not audited yet")
		}
	})
	wg.Wait()
}

// forEach calls f for every Node, many side by side.
func forEach(nodes []*corev1.Node, f func(*corev1.Node)) {
	slots := make(chan struct{}, bulk)
	var wg sync.WaitGroup
	for _, node := range nodes {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			f(node)
		})
	}
	wg.Wait()
}

// auditPeriodically audits once a period, sooner after a failure, until ctx ends.
func (c *Controller) auditPeriodically(ctx context.Context) {
	var wg sync.WaitGroup
	wg.Go(func() {
		c.everyPeriod(ctx, "route tables", func(ctx context.Context) error { return c.audit(ctx, transport.Audit) })
	})
	wg.Go(func() { c.everyPeriod(ctx, "network interfaces", c.recheck) })
	wg.Wait()
}

func (c *Controller) everyPeriod(ctx context.Context, what string, audit func(context.Context) error) {
	pause := c.opts.Period
	for {
		select {
		case <-c.opts.Clock.After(pause):
		case <-ctx.Done():
			return
		}
		pause = c.opts.Period
		if err := audit(ctx); err != nil && ctx.Err() == nil {
			klog.FromContext(ctx).Error(err, "Not audited", "what", what)
			pause = min(pause, lastBackoff)
		}
	}
}

// audit reads every table at that priority, puts the Nodes into the queue whose
// routes are not right, and removes or reports what belongs to nobody.
func (c *Controller) audit(ctx context.Context, p transport.Priority) error {
	tables := c.current()
	errs := make([]error, len(tables))
	var wg sync.WaitGroup
	for i, t := range tables {
		wg.Go(func() {
			_, err := t.reads.Do(ctx, p)
			if err == nil {
				c.tables.retire(t.id, !t.holds(c.opts.ClusterID))
				c.wrong(t)
				err = c.orphans(ctx, t)
			}
			errs[i] = err
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

// wrong puts the Nodes into the queue whose routes in the table are not right.
func (c *Controller) wrong(t *table) {
	facts, needed := c.facts(), c.tables.isNeeded(t.id)
	for _, node := range c.allNodes() {
		n, ok := c.roster.get(node.Name)
		if !ok {
			c.periodically(node.Name)
			continue
		}
		t.view(needed, func(now *Table) {
			if len(forNode(facts, &n, now)) > 0 || len(inTransition(&n, now)) > 0 {
				c.periodically(node.Name)
			}
		})
	}
}

func (c *Controller) periodically(name string) {
	c.mu.Lock()
	c.periodic[name] = true
	c.mu.Unlock()
	c.queue.Add(name)
}

// orphans deletes the entries of the cluster in a table that have no Node, also
// those whose Node went while no controller ran, and reports unmarked ones.
func (c *Controller) orphans(ctx context.Context, t *table) error {
	var plan Plan
	facts := c.facts()
	t.view(c.tables.isNeeded(t.id), func(now *Table) { plan = forNobody(facts, now) })
	var writes Plan
	unmarked := 0
	for i := range plan {
		if plan[i].Action == Delete {
			writes = append(writes, plan[i])
			continue
		}
		if plan[i].Reason == event.RouteUnmarked {
			unmarked++
		}
		klog.FromContext(ctx).V(2).Info("Route left alone", "table", t.id, "cidr", plan[i].CIDR, "nextHop", plan[i].Entry.NextHopID, "why", plan[i].Why)
		c.event(&plan[i])
	}
	metric.RoutesUnmarked.WithLabelValues(t.id).Set(float64(unmarked))
	var changed atomic.Bool
	bounded, cancel := context.WithTimeout(ctx, syncTimeout)
	defer cancel()
	err := c.apply(bounded, t, writes, &changed)
	if changed.Load() {
		c.room()
	}
	if errors.Is(err, errContradicted) {
		return nil // it changed since: the next audit decides afresh
	}
	return err
}

// everybody puts all Nodes into the queue: a table was added.
func (c *Controller) everybody() {
	for _, node := range c.allNodes() {
		c.queue.Add(node.Name)
	}
}

// noRoom notes a Node that a table had no room for; room lets all of them try
// again after entries went.
func (c *Controller) noRoom(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.crowded[name] = true
}

func (c *Controller) room() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for name := range c.crowded {
		c.queue.Add(name)
	}
	clear(c.crowded)
}

// missing reports whether a route of the Node is known to be absent or not to be
// right in some needed table; known is false when a table was not read yet.
func (c *Controller) missing(n *Node) (missing, known bool) {
	for _, t := range c.current() {
		if !c.tables.isNeeded(t.id) {
			continue
		}
		if !t.trusted(c.opts.Clock.Now(), c.trustAge()) {
			return false, false
		}
		if c.missingIn(t, n) {
			return true, true
		}
	}
	return false, true
}

// missingIn reports whether the table's memory lacks a route of the Node.
func (c *Controller) missingIn(t *table, n *Node) bool {
	for _, cidr := range n.CIDRs {
		e, ok := t.get(cidr)
		if !ok || !e.leadsTo(n.Server) || e.moving() || e.Marked && !e.ours(c.opts.ClusterID) {
			return true
		}
	}
	return false
}
