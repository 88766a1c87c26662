package loadbalancer

import (
	"cmp"
	"maps"
	"slices"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/kube-aliyun/kube-aliyun/pkg/loadbalancer/plan"
	"github.com/kube-aliyun/kube-aliyun/pkg/ownership"
)

// insight is what the last pass of a Service left behind for people to look at.
// Nobody changes it once it is published.
type insight struct {
	service types.NamespacedName
	// began and ended bound the pass; reasons and result are the pass's.
	began, ended time.Time
	reasons      string
	result       string
	err          error
	balancers    []remembered
}

// remembered is a copy of what is known of one load balancer.
type remembered struct {
	role   ownership.Role
	actual *plan.Actual
	// verified, written and born are those of the state.
	verified, written, born time.Time
	ambiguous, adopted      bool
	pods                    pods
	generation              int
	// doubt and unproven are when they began, zero when there are none.
	doubt, unproven time.Time
	gone            map[string]string
	billing         map[string]time.Time
	// changed is when the last change was made, and change its steps.
	changed time.Time
	change  string
}

// insights are the insights of all Services.
type insights struct {
	mu  sync.Mutex
	all map[types.UID]*insight
}

// record publishes what a pass has left behind. Only the pass itself may call it.
func (i *insights) record(o *owner, n *insight) {
	n.service = o.service
	for _, st := range o.states {
		n.balancers = append(n.balancers, remember(st))
	}
	slices.SortFunc(n.balancers, func(x, y remembered) int { return cmp.Compare(x.role, y.role) })
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.all == nil {
		i.all = map[types.UID]*insight{}
	}
	i.all[o.uid] = n
}

func remember(st *state) remembered {
	r := remembered{
		role: st.role, verified: st.verified, written: st.written, born: st.born, ambiguous: st.ambiguous, adopted: st.adopted,
		generation: st.generation, unproven: st.unproven, gone: maps.Clone(st.gone), billing: maps.Clone(st.billing),
		changed: st.changed, change: st.change, pods: pods{known: st.pods.known, list: st.pods.list},
	}
	if st.actual != nil {
		r.actual = copied(st.actual)
	}
	if st.doubt != nil {
		r.doubt = st.doubt.at
	}
	return r
}

// copied returns a copy that shares with a the lists of backends alone: whoever
// changes one replaces it, and there are many.
func copied(a *plan.Actual) *plan.Actual {
	lean := *a
	lean.Backends, lean.Groups = nil, nil
	out := lean.Clone()
	out.Backends, out.Groups = a.Backends, slices.Clone(a.Groups)
	return out
}

// of returns the insight of a Service, or nil.
func (i *insights) of(uid types.UID) *insight {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.all[uid]
}

// drop forgets a Service that will not come back.
func (i *insights) drop(uid types.UID) {
	i.mu.Lock()
	defer i.mu.Unlock()
	delete(i.all, uid)
}

// list returns the insights by UID.
func (i *insights) list() map[types.UID]*insight {
	i.mu.Lock()
	defer i.mu.Unlock()
	return maps.Clone(i.all)
}
