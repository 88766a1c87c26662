package routes

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/apierror"
	"github.com/kube-aliyun/kube-aliyun/pkg/event"
)

// result is what became of one reconciliation.
type result struct {
	changed bool
	// again is when to look at the Node again although nothing failed.
	again time.Duration
}

// sync makes the routes of one Node right, or takes away those of one that is gone.
func (c *Controller) sync(ctx context.Context, name string) (result, error) {
	node, err := c.lister.Get(name)
	if apierrors.IsNotFound(err) {
		return c.departed(ctx, name)
	}
	if err != nil {
		return result{}, fmt.Errorf("get node %s: %w", name, err)
	}
	n, foreign, waiting, err := c.resolve(ctx, node)
	var res result
	if waiting {
		res.again = drainCheck
	}
	if foreign || n.Standing == Leaving {
		c.checker.forget(name) // its interface is not looked after
	}
	if foreign || err != nil {
		return res, err
	}
	if n.Standing == Leaving {
		return c.leaving(ctx, node, &n)
	}
	grown, err := c.tables.need(ctx, n.VSwitch)
	if err != nil {
		return res, err
	}
	if grown {
		c.everybody()
	}
	res.changed, err = c.routed(ctx, node, &n)
	return res, err
}

// routed makes the routes and the source/destination check of a Node right and
// says so in its condition.
func (c *Controller) routed(ctx context.Context, node *corev1.Node, n *Node) (bool, error) {
	var changed atomic.Bool
	var routeErr, checkErr, earlyErr error
	var wg sync.WaitGroup
	now := node // as it is after the early word
	if early, needed := c.early(n); needed {
		now = early.with(node, metav1.NewTime(c.opts.Clock.Now()))
		wg.Go(func() { earlyErr = c.say(ctx, node, early) })
	}
	wg.Go(func() { routeErr = c.everyTable(ctx, node, n, &changed) })
	wg.Go(func() { checkErr = c.checker.check(ctx, node, n.Server) })
	wg.Wait()
	if earlyErr != nil {
		return changed.Load(), earlyErr
	}
	err := errors.Join(routeErr, checkErr)
	if ctx.Err() != nil {
		return changed.Load(), err
	}
	c.tell(node, n, routeErr, checkErr)
	if v, certain := judge(routeErr, checkErr); certain || !hasCondition(now) {
		if err := c.say(ctx, now, v); err != nil {
			return changed.Load(), err
		}
	}
	return changed.Load(), err
}

// early is what the condition says while a Node that is known to have no traffic
// is mended.
func (c *Controller) early(n *Node) (v verdict, needed bool) {
	if missing, known := c.missing(n); known && missing {
		return unavailable(reasonMissing, "the routes to the Node's Pods are being created"), true
	}
	if c.checker.isAgain(n.Name) {
		return unavailable(reasonCheckOn, errCheckOn.Error()), true
	}
	return verdict{}, false
}

// everyTable makes the Node's routes right in all tables side by side.
func (c *Controller) everyTable(ctx context.Context, node *corev1.Node, n *Node, changed *atomic.Bool) error {
	tables := c.current()
	errs := make([]error, len(tables))
	var wg sync.WaitGroup
	for i, t := range tables {
		wg.Go(func() {
			err := c.inTable(ctx, t, func(f *Facts, now *Table) Plan {
				return append(forNode(f, n, now), forName(f, n.Name, now)...)
			}, n, changed)
			if errors.Is(err, apierror.ErrQuota) {
				c.noRoom(node.Name)
			}
			if n.Standing == Routed && !c.tables.isNeeded(t.id) {
				return // no Pod's traffic depends on it; the audit comes back to it
			}
			errs[i] = err
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

// leaving takes the routes of a Node away whose server is about to be released.
func (c *Controller) leaving(ctx context.Context, node *corev1.Node, n *Node) (result, error) {
	var changed atomic.Bool
	err := c.everyTable(ctx, node, n, &changed)
	if err == nil && (changed.Load() || hasCondition(node)) {
		err = c.say(ctx, node, unavailable(reasonLeaving, "the Node is leaving; its routes are removed so that its server can be released"))
	}
	if changed.Load() {
		c.room()
	}
	return result{changed: changed.Load()}, err
}

// departed takes the routes of a Node away that is no more.
func (c *Controller) departed(ctx context.Context, name string) (result, error) {
	c.mu.Lock()
	seen := c.deleted[name]
	c.mu.Unlock()
	if !seen && len(c.indexer.ListKeys()) == 0 {
		return result{}, nil // see Facts.Orphans; the audit comes back to it
	}
	last, _ := c.roster.get(name)
	last.Name, last.Standing = name, Leaving
	var changed atomic.Bool
	tables := c.current()
	errs := make([]error, len(tables))
	var wg sync.WaitGroup
	for i, t := range tables {
		wg.Go(func() {
			errs[i] = c.inTable(ctx, t, func(f *Facts, now *Table) Plan { return forGone(f, &last, now) }, nil, &changed)
		})
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		return result{changed: changed.Load()}, err
	}
	c.roster.drop(name)
	c.checker.forget(name)
	c.mu.Lock()
	delete(c.deleted, name)
	delete(c.crowded, name)
	c.mu.Unlock()
	if changed.Load() {
		c.room()
	}
	return result{changed: changed.Load()}, nil
}

// say writes the Node's condition.
func (c *Controller) say(ctx context.Context, node *corev1.Node, v verdict) error {
	return setCondition(ctx, c.opts.Client, node, v, metav1.NewTime(c.opts.Clock.Now()))
}

func hasCondition(node *corev1.Node) bool {
	_, exists := networkCondition(node)
	return exists
}

// judge turns the outcome into a condition. It is certain unless the cloud could
// not be asked: then a Node keeps the condition it has.
func judge(routeErr, checkErr error) (v verdict, certain bool) {
	switch {
	case routeErr == nil && checkErr == nil:
		return routed(), true
	case errors.Is(routeErr, errConflict):
		return unavailable(reasonConflict, first(routeErr)), true
	case errors.Is(routeErr, errMissing):
		return unavailable(reasonMissing, first(routeErr)), true
	case routeErr != nil:
		return unavailable(reasonMissing, "the routes to the Node's Pods could not be verified: "+first(routeErr)), false
	case errors.Is(checkErr, errCheckOn):
		return unavailable(reasonCheckOn, first(checkErr)), true
	default:
		return unavailable(reasonCheckOn, "the source/destination check could not be verified: "+first(checkErr)), false
	}
}

// first returns the first line of an error, for conditions.
func first(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}

// tell records events about what keeps the Node from having its routes. A failure
// that may pass by itself is told from the second time on.
func (c *Controller) tell(node *corev1.Node, n *Node, routeErr, checkErr error) {
	c.mu.Lock()
	before := c.failures[node.Name]
	c.mu.Unlock()
	switch {
	case routeErr == nil || errors.Is(routeErr, errConflict): // told where it was found
	case errors.Is(routeErr, apierror.ErrQuota):
		for _, t := range c.current() {
			if c.tables.isNeeded(t.id) && c.missingIn(t, n) {
				c.opts.Events.Event(node, event.RouteQuotaReached,
					"route table %s is full with %d custom entries and takes none for this node: %s; raise the quota of custom route entries per table in the Quota Center, or remove entries",
					t.id, t.custom(), first(routeErr))
			}
		}
	case before > 0:
		c.opts.Events.Event(node, event.FailedToCreateRoute, "routes are not right: %s; it is tried again", first(routeErr))
	}
	if checkErr != nil && (before > 0 || permanent(checkErr)) {
		c.opts.Events.Event(node, event.SourceDestCheckOn, "Pod traffic may be dropped: %s; allow ecs:DescribeNetworkInterfaces and ecs:ModifyNetworkInterfaceAttribute, or switch it off by hand",
			first(checkErr))
	}
}
