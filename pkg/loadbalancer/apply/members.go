package apply

import (
	"context"
	"errors"
	"fmt"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/apierror"
	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/slb"
	"github.com/kube-aliyun/kube-aliyun/pkg/loadbalancer/plan"
)

// callGroup makes the calls on server groups.
func (r *run) callGroup(ctx context.Context, s plan.Step) (string, error) {
	lb, group := r.Actual.Instance.ID, s.GroupID(r.Actual)
	switch s.Kind { //nolint:exhaustive // the others are call's
	case plan.AddBackends:
		reply, err := r.Cloud.AddBackends(ctx, lb, s.Backends)
		r.learn(reply, err)
		return "", err
	case plan.SetBackends:
		_, err := r.Cloud.SetBackends(ctx, lb, s.Backends)
		return "", err
	case plan.RemoveBackends:
		_, err := r.Cloud.RemoveBackends(ctx, lb, s.Backends)
		return "", err
	case plan.CreateGroup:
		created, err := r.Cloud.CreateGroup(ctx, lb, s.GroupName, s.Backends)
		return created.ID, err
	case plan.AddGroupBackends:
		return "", r.Cloud.AddGroupBackends(ctx, group, s.Backends)
	case plan.SetGroupBackends:
		return "", r.Cloud.SetGroupBackends(ctx, group, s.Backends)
	case plan.RemoveGroupBackends:
		return "", r.Cloud.RemoveGroupBackends(ctx, group, s.Backends)
	case plan.DeleteGroup:
		err := r.Cloud.DeleteGroup(ctx, group)
		if errors.Is(err, apierror.ErrNotFound) && !lbGone(err) {
			return "", nil
		}
		return "", err
	}
	return "", fmt.Errorf("%s is no step on a server group", s.Kind)
}

// learn takes over members of the default group that a reply tells of and the
// model does not know: somebody added them by hand. The next plan removes them.
func (r *run) learn(reply []slb.Backend, err error) {
	if err != nil {
		return
	}
	told := map[string]slb.Backend{}
	for _, b := range reply {
		told[b.ServerID] = b
	}
	for _, b := range r.Actual.Backends {
		if _, found := told[b.ServerID]; !found {
			return // not the whole group: nothing can be learnt
		}
	}
	r.Actual.Backends = make([]slb.Backend, 0, len(reply))
	for _, b := range reply {
		r.Actual.Backends = append(r.Actual.Backends, slb.Backend{ServerID: b.ServerID, Weight: b.Weight, Type: b.Type, ServerIP: b.ServerIP})
	}
}

// rejectable reports whether a refused call may be one bad server's fault.
func (r *run) rejectable(s plan.Step, err error) bool {
	if lbGone(err) || ends(err) || apierror.MaybeExecuted(err) {
		return false
	}
	switch s.Kind { //nolint:exhaustive // the others add no server
	case plan.AddBackends, plan.AddGroupBackends, plan.CreateGroup:
		return len(s.Backends) > 0
	}
	return false
}

// hopeless is how many servers may be refused, with none accepted, before the
// rest of the call is given up.
const hopeless = 5

// split finds the servers of a refused call that are at fault, by halves, so that
// a bad one harms itself only. Where no server at all is accepted and the group
// has no other, the fault is not with the servers: the step has failed.
func (r *run) split(ctx context.Context, s plan.Step, err error) {
	all := s.Backends
	if s.Kind == plan.CreateGroup {
		// The group first, without its members: they follow in further calls.
		empty := s
		empty.Backends = nil
		id, createErr := r.call(ctx, empty)
		if createErr != nil {
			r.fail(ctx, s, createErr)
			return
		}
		r.done(empty, id)
		s.Kind = plan.AddGroupBackends
	}
	if r.halves(ctx, s, all, err, 0) > 0 || r.populated(s) || r.failed[scope(s)] {
		return
	}
	for _, b := range all {
		delete(r.outcome.Rejected, b.Name())
	}
	r.fail(ctx, s, err)
}

// populated reports whether the step's group has members.
func (r *run) populated(s plan.Step) bool {
	if s.Kind == plan.AddBackends {
		return len(r.Actual.Backends) > 0
	}
	id := s.GroupID(r.Actual)
	for i := range r.Actual.Groups {
		if r.Actual.Groups[i].ID == id {
			return len(r.Actual.Groups[i].Backends) > 0
		}
	}
	return false
}

// halves adds the servers of a call that was refused with err. It returns how
// many are in.
func (r *run) halves(ctx context.Context, s plan.Step, backends []slb.Backend, err error, accepted int) int {
	if len(backends) == 1 || accepted == 0 && len(r.outcome.Rejected) >= hopeless {
		for _, b := range backends {
			r.outcome.Rejected[b.Name()] = err
		}
		return accepted
	}
	middle := len(backends) / 2
	for _, half := range [][]slb.Backend{backends[:middle], backends[middle:]} {
		if r.stopped {
			return accepted
		}
		part := s
		part.Backends = half
		id, err := r.call(ctx, part)
		switch {
		case err == nil:
			r.done(part, id)
			accepted += len(half)
		case r.rejectable(part, err) && ctx.Err() == nil:
			accepted = r.halves(ctx, s, half, err, accepted)
		default:
			r.fail(ctx, part, err)
			return accepted
		}
	}
	return accepted
}
