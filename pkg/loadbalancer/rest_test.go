package loadbalancer

import (
	"maps"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
)

// testPatience is more than a condition takes on a machine with far more work than
// processors.
const testPatience = time.Minute

// The intervals at which tests look at a condition: they grow, as most conditions
// cost calls, which slow down what is waited for.
const (
	firstLook = 5 * time.Millisecond
	mostLook  = 50 * time.Millisecond
)

// eventually waits until a condition holds.
func (r *rig) eventually(what string, condition func() bool) {
	r.t.Helper()
	deadline := time.Now().Add(testPatience)
	for pause := firstLook; !condition(); pause = min(pause*3/2, mostLook) {
		if time.Now().After(deadline) {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.t.Fatalf("%s: not after %s; calls %v; events %q", what, testPatience, r.sim.CountsByCode(), r.events)
		}
		r.settleFor(pause)
	}
}

// settleFor lets the controllers work for a while.
func (r *rig) settleFor(d time.Duration) {
	timer := time.NewTimer(d)
	<-timer.C
}

// How long it has to be quiet before everything counts as done: longer than Node
// events are gathered, and as many looks as fit into that time, which take longer
// where the machine has other work.
const (
	quietTime  = 300 * time.Millisecond
	quietLooks = 30
	// soon is how far away what is due in a queue may be to be waited for.
	soon = 700 * time.Millisecond
)

// settle waits until no pass is under way or due soon, and no call has been made
// for a while: what was to come has come.
func (r *rig) settle() {
	r.t.Helper()
	last, since, looks := r.total(), time.Now(), 0
	for deadline := time.Now().Add(testPatience); looks < quietLooks || time.Since(since) < quietTime; r.settleFor(quietTime / quietLooks) {
		if time.Now().After(deadline) {
			r.t.Fatal("the controller does not come to rest")
		}
		looks++
		if n := r.total(); n != last || r.busy() {
			last, since, looks = n, time.Now(), 0
		}
	}
}

// busy reports whether a pass of a living controller is under way or due soon.
func (r *rig) busy() bool {
	r.mu.Lock()
	lives := slices.Collect(maps.Keys(r.lives))
	r.mu.Unlock()
	for _, c := range lives {
		for _, uid := range c.owned() {
			s := c.queue.State(uid)
			if !s.Running.IsZero() || len(s.Reasons) > 0 && s.Due.Before(c.options.Clock.Now().Add(soon)) {
				return true
			}
		}
	}
	return false
}

// owned returns the Services that the controller has ever worked on.
func (c *controller) owned() []types.UID {
	c.memory.mu.Lock()
	defer c.memory.mu.Unlock()
	uids := make([]types.UID, 0, len(c.memory.owners))
	for uid := range c.memory.owners {
		uids = append(uids, uid)
	}
	return uids
}

// listedAgain waits until audits have listed the cluster's load balancers twice
// more: what the first list showed has had its consequences.
func (r *rig) listedAgain() {
	r.t.Helper()
	before := r.sim.Counts()[callList]
	r.eventually("audits list again", func() bool { return r.sim.Counts()[callList] >= before+2 })
}

// failed waits until upstream's controller has told that an Ensure failed.
func (r *rig) failed(s *corev1.Service) {
	r.t.Helper()
	r.eventually("the Service's pass fails", func() bool { return slices.Contains(r.upstreamEvents(s), "Warning SyncLoadBalancerFailed") })
}
