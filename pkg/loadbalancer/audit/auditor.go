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

// Auditor reads the load balancers that are kept, up to ten at a time, evenly over
// the period: those first that were read longest ago.
type Auditor struct {
	Options
	// seen is when each load balancer was read last; of one that came to be known
	// since the last turn, that turn.
	seen map[string]time.Time
	// last is when the last turn was, or when Run began.
	last time.Time
	// owed is what the turns so far have left to the next one, in parts of a load
	// balancer: as many as there are turns in a period make one.
	owed int
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

// looks is how many times in a period the auditor sees how many load balancers
// there are, so that many new ones do not wait for a turn that few had set.
const looks = 10

// Run reads until ctx is done. The load balancers that are known at its beginning
// are taken for just read.
func (a *Auditor) Run(ctx context.Context) {
	ctx = transport.WithPriority(ctx, transport.Audit)
	a.last = a.Clock.Now()
	nextList := a.last.Add(a.Period)
	for {
		gap := max(a.Period/time.Duration(turns(len(a.due()))), minimumGap)
		now, nextTurn := a.Clock.Now(), a.last.Add(gap)
		wait := max(min(nextTurn.Sub(now), nextList.Sub(now), a.Period/looks), 0)
		timer := a.Clock.NewTimer(wait)
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
			due := a.due()
			a.last = now
			a.turn(ctx, due[:a.share(len(due))])
		}
	}
}

// turns is how many turns a period has.
func turns(known int) int { return max((known+perCall-1)/perCall, 1) }

// share returns how many load balancers the turn that begins takes: each period
// takes all of them once, its turns nearly the same number.
func (a *Auditor) share(known int) int {
	a.owed += known
	share := a.owed / turns(known)
	a.owed %= turns(known)
	return min(share, known, perCall)
}

// due returns the load balancers that are kept, the one read longest ago first.
// One that is new was not there at the last turn, so nothing of it is older.
func (a *Auditor) due() []string {
	known := a.Known()
	seen := make(map[string]time.Time, len(known))
	for _, id := range known {
		at, found := a.seen[id]
		if !found {
			at = a.last
		}
		seen[id] = at
	}
	a.seen = seen
	slices.SortFunc(known, func(x, y string) int { return cmp.Or(seen[x].Compare(seen[y]), cmp.Compare(x, y)) })
	return known
}

// turn reads up to ten load balancers.
func (a *Auditor) turn(ctx context.Context, batch []string) {
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
