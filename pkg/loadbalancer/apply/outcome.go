package apply

import (
	"errors"
	"fmt"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/apierror"
	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/slb"
	"github.com/kube-aliyun/kube-aliyun/pkg/loadbalancer/plan"
)

// Failure is a step that failed.
type Failure struct {
	Step plan.Step
	Err  error
}

// Outcome is what became of a plan.
type Outcome struct {
	Failures []Failure
	// Rejected are the backends that the API refuses, by name (slb.Backend.Name), each
	// with its reason. The others of their call are in.
	Rejected map[string]error
	// Touched are the listeners whose state has to be verified.
	Touched []slb.ListenerKey
	// Done counts the steps that were carried out.
	Done int
	// Doubtful: an answer contradicts what was believed, or was lost: the load
	// balancer must be read before anything else is done.
	Doubtful bool
	// Gone: the load balancer does not exist.
	Gone bool
}

// Err joins the failures, each with its step.
func (o Outcome) Err() error {
	problems := make([]error, 0, len(o.Failures))
	for _, f := range o.Failures {
		problems = append(problems, fmt.Errorf("%s: %w", f.Step.Kind, f.Err))
	}
	return errors.Join(problems...)
}

// lbGone reports whether an error proves that the load balancer does not exist.
func lbGone(err error) bool {
	return errors.Is(err, apierror.ErrNotFound) && apierror.CodeOf(err) == "InvalidLoadBalancerId.NotFound"
}

// ends reports whether an error makes further calls pointless for now: no
// answer, no permission, throttled, or busy for longer than the transport waits.
func ends(err error) bool {
	switch apierror.KindOf(err) {
	case apierror.Throttled, apierror.Busy, apierror.Denied, apierror.Unavailable:
		return true
	case apierror.Unknown, apierror.NotFound, apierror.Conflict, apierror.Quota, apierror.Invalid:
		return false
	}
	return false
}

// contradicts reports whether an error says that the load balancer is not as it
// was believed to be.
func contradicts(err error) bool {
	return errors.Is(err, apierror.ErrNotFound) || errors.Is(err, apierror.ErrConflict)
}

const (
	scopeListener  = "listener "
	scopeExtension = "domain extension of "
)

// scope names what else is pointless, or wrong, when a step has failed: servers
// are not removed from a group that others could not be added to, a listener is
// not started that could not be created.
func scope(s plan.Step) string {
	switch s.Kind {
	case plan.AddBackends, plan.SetBackends, plan.RemoveBackends:
		return "default group"
	case plan.CreateGroup, plan.AddGroupBackends, plan.SetGroupBackends, plan.RemoveGroupBackends:
		return "group " + s.GroupName
	case plan.CreateExtension, plan.SetExtension, plan.DeleteExtension:
		return scopeExtension + s.Listener.String() + " " + s.Extension.Domain
	case plan.CreateListener, plan.SetListener, plan.StartListener, plan.DeleteListener:
		return scopeListener + s.Listener.String()
	case plan.DeleteGroup:
		return "groups"
	case plan.CreateACL, plan.AddACLEntries, plan.RemoveACLEntries, plan.DeleteACL:
		return scopeACL
	case plan.CreateInstance, plan.SetName, plan.SetDeleteProtection, plan.SetModificationProtection, plan.ModifyInternetSpec,
		plan.ModifyInstanceSpec, plan.ModifyInstanceChargeType, plan.TagInstance, plan.UntagInstance:
		return string(s.Kind)
	}
	return string(s.Kind)
}
