package apply

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/apierror"
	"github.com/kube-aliyun/kube-aliyun/pkg/loadbalancer/plan"
	"github.com/kube-aliyun/kube-aliyun/pkg/ownership"
)

const scopeACL = "access control list"

// skipACL reports whether a step depends on an access control list, or on what has
// to be done before one, and that failed. No listener is made that would be open
// to everybody, or to nobody, because its list could not be filled.
func (r *run) skipACL(s plan.Step) bool {
	switch s.Kind { //nolint:exhaustive // the others do not depend on the list
	case plan.CreateACL:
		return r.failed[string(plan.TagInstance)] // the mark by which it is found
	case plan.CreateListener, plan.SetListener:
		return r.failed[scopeACL] && s.NeedsACL(r.Actual)
	case plan.DeleteACL:
		for failed := range r.failed {
			if strings.HasPrefix(failed, scopeListener) {
				return true // it may use the list still
			}
		}
	case plan.UntagInstance:
		return r.failed[scopeACL] && slices.Contains(s.Keys, ownership.TagACL)
	case plan.TagInstance:
		_, marks := s.Instance.Tags[ownership.TagACL]
		return r.failed[scopeACL] && marks // the mark would be lost
	}
	return false
}

// callACL makes the call of a step about the access control list.
func (r *run) callACL(ctx context.Context, s plan.Step) (string, error) {
	id := s.ACL.ID
	if id == "" && r.Actual.ACL != nil {
		id = r.Actual.ACL.ID
	}
	switch s.Kind { //nolint:exhaustive // the others are call's
	case plan.CreateACL:
		return r.Cloud.CreateACL(ctx, s.ACL)
	case plan.AddACLEntries:
		return "", r.Cloud.AddACLEntries(ctx, id, s.ACL.Entries)
	case plan.RemoveACLEntries:
		return "", r.Cloud.RemoveACLEntries(ctx, id, s.ACL.Entries)
	}
	err := r.Cloud.DeleteACL(ctx, id)
	if errors.Is(err, apierror.ErrNotFound) {
		return "", nil
	}
	return "", err
}

// contradictsACL reports whether an error says that the access control list is not
// as it was believed to be: the API answers with one code to a name that exists,
// an entry that is there and an entry that is not (SLB API: InvalidParameter).
func contradictsACL(s plan.Step, err error) bool {
	return scope(s) == scopeACL && errors.Is(err, apierror.ErrInvalid)
}
