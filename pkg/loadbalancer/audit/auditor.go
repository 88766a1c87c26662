package audit

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"k8s.io/klog/v2"
	"k8s.io/utils/clock"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/slb"
	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/transport"
)

// Options of New.
type Options struct {
	Cloud     Cloud
	Clock     clock.WithTicker
	ClusterID string
	// Period is how often each load balancer is read.
	Period time.Duration
	// Known returns the IDs of the load balancers that are kept.
	Known func() []string
	// Observed takes what was read of a load balancer that is kept.
	Observed func(ctx context.Context, o Observation)
	// Listed takes the complete list of the cluster's load balancers.
	Listed func(ctx context.Context, all []slb.LoadBalancer)
}

// Auditor reads the load balancers that are kept, ten at a time, evenly over the
// period: the ten whose turn was longest ago.
type Auditor struct {
	Options
	// seen is when each load balancer was read last, or came to be known.
	seen map[string]time.Time
}

// New returns an auditor; Run makes it work.
func New(options Options) *Auditor {
	return &Auditor{Options: options, seen: map[string]time.Time{}}
}

// Slack is how much older than a period what is known of a load balancer can
// become while audits are on time: a turn is taken by ten at a time.
func Slack(period time.Duration) time.Duration { return period / 4 }

// minimumGap bounds the rate of turns.
const minimumGap = 100 * time.Millisecond

// Run reads until ctx is done. The load balancers that are known at its beginning
// are taken for just read.
func (a *Auditor) Run(ctx context.Context) {
	ctx = transport.WithPriority(ctx, transport.Audit)
	nextList := a.Clock.Now().Add(a.Period)
	nextTurn := time.Time{}
	for {
		now := a.Clock.Now()
		due := a.due(now)
		gap := max(a.Period/time.Duration(max((len(due)+perCall-1)/perCall, 1)), minimumGap)
		if nextTurn.IsZero() || nextTurn.Sub(now) > gap {
			nextTurn = now.Add(gap)
		}
		timer := a.Clock.NewTimer(max(min(nextTurn.Sub(now), nextList.Sub(now), a.Period), minimumGap))
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C():
		}
		now = a.Clock.Now()
		if !now.Before(nextList) {
			nextList = now.Add(a.Period)
			a.list(ctx)
		}
		if !now.Before(nextTurn) {
			nextTurn = now.Add(gap)
			a.turn(ctx, a.due(now), now.Add(gap/2-a.Period))
		}
	}
}

// due returns the load balancers that are kept, the one read longest ago first.
func (a *Auditor) due(now time.Time) []string {
	known := a.Known()
	seen := make(map[string]time.Time, len(known))
	for _, id := range known {
		at, found := a.seen[id]
		if !found {
			at = now
		}
		seen[id] = at
	}
	a.seen = seen
	slices.SortFunc(known, func(x, y string) int { return cmp.Or(seen[x].Compare(seen[y]), cmp.Compare(x, y)) })
	return known
}

// turn reads up to ten load balancers, those that were not read since a moment.
func (a *Auditor) turn(ctx context.Context, due []string, since time.Time) {
	batch := slices.DeleteFunc(due[:min(perCall, len(due))], func(id string) bool { return a.seen[id].After(since) })
	if len(batch) == 0 {
		return
	}
	start := a.Clock.Now()
	for _, id := range batch {
		a.seen[id] = start
	}
	logger := klog.FromContext(ctx)
	listeners, err := listenersOf(ctx, a.Cloud, batch)
	if err != nil {
		logger.V(1).Info("Audit of listeners failed", "err", err)
		return
	}
	for _, id := range batch {
		o, err := complete(ctx, a.Cloud, id, start, listeners)
		if err != nil {
			logger.V(1).Info("Audit of a load balancer failed", "loadBalancer", id, "err", err)
			continue
		}
		a.Observed(ctx, o)
	}
}

// list tells of all load balancers of the cluster.
func (a *Auditor) list(ctx context.Context) {
	all, err := List(ctx, a.Cloud, a.ClusterID)
	if err != nil {
		klog.FromContext(ctx).V(1).Info("Audit of the list failed", "err", fmt.Errorf("audit: %w", err))
		return
	}
	a.Listed(ctx, all)
}
