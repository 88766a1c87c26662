package apply

import (
	"errors"
	"slices"
	"strings"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/apierror"
	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/slb"
	"github.com/kube-aliyun/kube-aliyun/pkg/loadbalancer/build"
	"github.com/kube-aliyun/kube-aliyun/pkg/loadbalancer/plan"
	"github.com/kube-aliyun/kube-aliyun/pkg/ownership"
)

// skipExtension reports whether a step about domain extensions depends on one that
// failed: the mark, the listener, or for the mark's removal another extension.
func (r *run) skipExtension(s plan.Step) bool {
	switch s.Kind { //nolint:exhaustive // the others do not depend on domain extensions
	case plan.CreateExtension:
		return r.failed[string(plan.TagInstance)] || r.failed[scopeListener+s.Listener.String()]
	case plan.SetListener:
		if text, changed := s.Changed[slb.Description]; !changed || build.KeepsDomains(text) {
			return false
		}
		for failed := range r.failed {
			if strings.HasPrefix(failed, scopeExtension+s.Listener.String()+" ") {
				return true // the mark would be lost
			}
		}
	case plan.UntagInstance:
		if !slices.Contains(s.Keys, ownership.TagExtensions) {
			return false
		}
		for failed := range r.failed {
			if strings.HasPrefix(failed, scopeExtension) {
				return true
			}
		}
	}
	return false
}

// contradictsExtension reports whether an error says that a listener's domain
// extensions are not as they were believed to be (SLB API: InvalidParameter for a
// domain that has one, and for one that is gone).
func contradictsExtension(s plan.Step, err error) bool {
	return strings.HasPrefix(scope(s), scopeExtension) && errors.Is(err, apierror.ErrInvalid)
}
