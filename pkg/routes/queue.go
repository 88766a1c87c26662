package routes

import (
	"context"
	"errors"
	"time"

	"k8s.io/klog/v2"

	"github.com/kube-aliyun/kube-aliyun/pkg/metric"
	"github.com/kube-aliyun/kube-aliyun/pkg/servers"
)

const (
	// firstBackoff bounds the pause after a failure that may pass by itself.
	firstBackoff = 15 * time.Second
	// lastBackoff bounds the pause after one that somebody must do something about.
	lastBackoff = 2 * time.Minute
	// drainCheck is how often a leaving Node's Pods are looked at.
	drainCheck = 2 * time.Second
)

// work takes Nodes from the queue until it is shut down.
func (c *Controller) work(ctx context.Context) {
	for {
		name, shutdown := c.queue.Get()
		if shutdown {
			return
		}
		c.one(ctx, name)
		c.queue.Done(name)
	}
}

// one reconciles a Node and decides when to look at it again.
func (c *Controller) one(ctx context.Context, name string) {
	trigger := c.trigger(name)
	bounded, cancel := context.WithTimeout(ctx, syncTimeout)
	defer cancel()
	res, err := c.sync(bounded, name)
	if ctx.Err() != nil {
		return
	}
	outcome := "noop"
	switch {
	case err != nil:
		outcome = "error"
	case res.changed:
		outcome = "changed"
	}
	metric.RouteSyncs.WithLabelValues(outcome, trigger).Inc()
	c.mu.Lock()
	defer c.mu.Unlock()
	if err == nil {
		delete(c.failures, name)
		if res.again > 0 {
			c.queue.AddAfter(name, res.again)
		}
		return
	}
	pause := backoff(c.failures[name], err)
	c.failures[name]++
	c.queue.AddAfter(name, pause)
	klog.FromContext(ctx).V(2).Info("Routes of the Node are not right yet", "node", name, "retryAfter", pause, "reason", err.Error())
}

// trigger says what put the Node into the queue, in the framework's words.
func (c *Controller) trigger(name string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.periodic[name] {
		delete(c.periodic, name)
		return "periodic"
	}
	return "node_change"
}

// backoff is the pause after so many failures before this one: 1, 2, 4, 8, 15 s,
// and on to 2 minutes when the failure will not pass by itself.
func backoff(before int, err error) time.Duration {
	pause := time.Second << min(before, 10)
	if permanent(err) {
		return min(pause, lastBackoff)
	}
	return min(pause, firstBackoff)
}

// permanent failures need somebody to do something. A refusal by the API is not
// among them: one shared call every 15 s finds out when it ends.
func permanent(err error) bool {
	for _, target := range []error{errConflict, errLeft, errNoTable, errNoAddress, servers.ErrRefused, servers.ErrAbsent} {
		if errors.Is(err, target) {
			return true
		}
	}
	return false
}
