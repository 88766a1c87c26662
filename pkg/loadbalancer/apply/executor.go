package apply

import (
	"context"
	"fmt"
	"time"

	"k8s.io/utils/clock"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/slb"
	"github.com/kube-aliyun/kube-aliyun/pkg/loadbalancer/plan"
)

// Executor carries out plans. It is safe for concurrent use on different load
// balancers.
type Executor struct {
	Cloud Cloud
	Clock clock.WithTicker
	// IndexLag is how long a new load balancer may be unknown to calls.
	IndexLag time.Duration
}

// Target is the load balancer that a plan is carried out on.
type Target struct {
	// Actual is the model; each step that succeeds changes it.
	Actual *plan.Actual
	// Born is when the load balancer was created, zero if not lately: until
	// IndexLag later a call may not know it yet.
	Born time.Time
	// Fresh: the model was read, or made, in this very pass. A refusal is then the
	// request's fault, not the model's.
	Fresh bool
}

// run is one plan on its way.
type run struct {
	*Executor
	Target
	outcome Outcome
	failed  map[string]bool
	stopped bool
}

// Run carries out steps on a living load balancer; CreateInstance is not among
// them. A step that fails leaves out those that depend on it, not the others,
// unless the failure concerns all.
func (e *Executor) Run(ctx context.Context, steps []plan.Step, target Target) Outcome {
	r := run{Executor: e, Target: target, failed: map[string]bool{}}
	r.outcome.Rejected = map[string]error{}
	for _, s := range steps {
		if r.stopped {
			break
		}
		if r.skip(s) {
			continue
		}
		r.step(ctx, s)
	}
	return r.outcome
}

// skip reports whether a step depends on one that failed.
func (r *run) skip(s plan.Step) bool {
	if r.failed[scope(s)] || r.skipACL(s) || r.skipExtension(s) {
		r.failed[scope(s)] = true
		return true
	}
	if (s.Bind || s.Kind == plan.CreateListener && s.GroupName != "") && r.failed["group "+s.GroupName] {
		r.failed[scope(s)] = true
		return true
	}
	if s.Kind == plan.DeleteGroup || s.Kind == plan.RemoveBackends || s.Kind == plan.RemoveGroupBackends {
		// A listener that could not be moved still uses what it used.
		for _, f := range r.outcome.Failures {
			if f.Step.Kind == plan.SetListener && f.Step.Bind {
				return true
			}
		}
		for failed := range r.failed {
			if s.Kind == plan.DeleteGroup && failed == "group "+s.GroupName {
				return true
			}
		}
	}
	return false
}

// step carries out one step and enters the result in the model.
func (r *run) step(ctx context.Context, s plan.Step) {
	id, err := r.call(ctx, s)
	if err != nil && lbGone(err) && r.settle(ctx) {
		id, err = r.call(ctx, s)
	}
	if err != nil && r.Fresh && r.rejectable(s, err) {
		r.split(ctx, s, err)
		return
	}
	if err != nil {
		r.fail(ctx, s, err)
		return
	}
	r.done(s, id)
}

func (r *run) done(s plan.Step, id string) {
	was := slb.ListenerStopped
	if l := r.Actual.Listener(s.Listener.ListenerKey); l != nil {
		was = l.Status
	}
	s.Apply(r.Actual, id)
	r.outcome.Done++
	l := r.Actual.Listener(s.Listener.ListenerKey)
	if l == nil {
		return
	}
	switch s.Kind { //nolint:exhaustive // the others leave the listener's state alone
	case plan.StartListener:
		l.Status = slb.ListenerStarting
		r.outcome.Touched = append(r.outcome.Touched, l.ListenerKey)
	case plan.SetListener:
		if was == slb.ListenerRunning || was == slb.ListenerConfiguring {
			l.Status = slb.ListenerConfiguring
			r.outcome.Touched = append(r.outcome.Touched, l.ListenerKey)
		}
	}
}

// fail records a failure and decides what else is pointless.
func (r *run) fail(ctx context.Context, s plan.Step, err error) {
	r.failed[scope(s)] = true
	r.outcome.Failures = append(r.outcome.Failures, Failure{Step: s, Err: err})
	switch {
	case ctx.Err() != nil:
		r.stopped, r.outcome.Doubtful = true, true
	case lbGone(err):
		r.stopped, r.outcome.Doubtful, r.outcome.Gone = true, true, true
	case ends(err):
		r.stopped, r.outcome.Doubtful = true, true
	case contradicts(err) && !s.Billing(), contradictsACL(s, err), contradictsExtension(s, err):
		r.outcome.Doubtful = true
	}
}

// settle waits until a load balancer that has just been created is known to
// calls, and reports whether it is worth while trying again.
func (r *run) settle(ctx context.Context) bool {
	return !r.Born.IsZero() && r.Visible(ctx, r.Actual.Instance.ID, r.Born)
}

// settlePause is how often a new load balancer is looked for.
const settlePause = time.Second

// Visible waits until a load balancer that was created at born is known to calls,
// and reports whether it is. It gives up IndexLag after born.
func (e *Executor) Visible(ctx context.Context, id string, born time.Time) bool {
	for e.Clock.Since(born) < e.IndexLag {
		timer := e.Clock.NewTimer(min(settlePause, e.IndexLag))
		select {
		case <-ctx.Done():
			timer.Stop()
			return false
		case <-timer.C():
		}
		if _, err := e.Cloud.Get(ctx, id); err == nil {
			return true
		}
	}
	return false
}

// call makes the step's one call and returns the ID of what it created.
func (r *run) call(ctx context.Context, s plan.Step) (string, error) {
	lb, key, in := r.Actual.Instance.ID, s.Listener.ListenerKey, s.Instance
	switch s.Kind {
	case plan.SetName:
		return "", r.Cloud.SetName(ctx, lb, in.Name)
	case plan.SetDeleteProtection:
		return "", r.Cloud.SetDeleteProtection(ctx, lb, in.DeleteProtection)
	case plan.SetModificationProtection:
		return "", r.Cloud.SetModificationProtection(ctx, lb, in.ModificationProtection, in.ModificationReason)
	case plan.ModifyInternetSpec:
		return "", r.Cloud.ModifyInternetSpec(ctx, lb, in.InternetChargeType, in.Bandwidth)
	case plan.ModifyInstanceSpec:
		return "", r.Cloud.ModifyInstanceSpec(ctx, lb, in.Spec)
	case plan.ModifyInstanceChargeType:
		return "", r.Cloud.ModifyInstanceChargeType(ctx, lb, in.InstanceChargeType)
	case plan.TagInstance:
		return "", r.Cloud.Tag(ctx, lb, in.Tags)
	case plan.UntagInstance:
		return "", r.Cloud.Untag(ctx, lb, s.Keys...)
	case plan.CreateListener:
		l := s.Listener
		l.LoadBalancerID, l.GroupID, l.Attributes = lb, s.GroupID(r.Actual), plan.WithACL(l.Attributes, r.Actual)
		return "", r.Cloud.CreateListener(ctx, l)
	case plan.SetListener:
		change := slb.Change{Attributes: plan.WithACL(s.Changed, r.Actual)}
		if s.Bind {
			id := s.GroupID(r.Actual)
			change.GroupID = &id
		}
		return "", r.Cloud.SetListener(ctx, lb, key, change)
	case plan.StartListener:
		return "", r.Cloud.StartListener(ctx, lb, key)
	case plan.DeleteListener:
		return "", r.Cloud.DeleteListener(ctx, lb, key)
	case plan.AddBackends, plan.SetBackends, plan.RemoveBackends, plan.CreateGroup, plan.AddGroupBackends, plan.SetGroupBackends,
		plan.RemoveGroupBackends, plan.DeleteGroup:
		return r.callGroup(ctx, s)
	case plan.CreateACL, plan.AddACLEntries, plan.RemoveACLEntries, plan.DeleteACL:
		return r.callACL(ctx, s)
	case plan.CreateExtension:
		return r.Cloud.CreateExtension(ctx, lb, key.Port, s.Extension)
	case plan.SetExtension:
		return "", r.Cloud.SetExtension(ctx, s.Extension)
	case plan.DeleteExtension:
		return "", r.Cloud.DeleteExtension(ctx, s.Extension)
	case plan.CreateInstance:
	}
	return "", fmt.Errorf("%s is no step of a living load balancer", s.Kind)
}
