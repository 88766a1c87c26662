package loadbalancer

import (
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/slb"
	"github.com/kube-aliyun/kube-aliyun/pkg/loadbalancer/plan"
	"github.com/kube-aliyun/kube-aliyun/pkg/ownership"
)

// owner is what is known of one Service. Only the Service's passes, of which
// there is one at a time, touch it and its states.
type owner struct {
	uid     types.UID
	service types.NamespacedName
	// states are the Service's load balancers by their role: one for each address
	// family.
	states map[ownership.Role]*state
	// asked: an Ensure has been called since the last deletion, so a load balancer
	// that is missing may be created.
	asked bool
	// acls are the access control lists that the Service may have, by name.
	acls map[string]ownACL
	// met: this process has asked for a load balancer of the Service, or has seen
	// one, so what acls does not hold is not there.
	met bool
	// listed is the last listing by tag of a Service that wants no load balancer.
	listed *listing
	// pods are the endpoints of a Service whose backends are Pods.
	pods pods
	// foreign are load balancers of others that may hold something of a Service
	// that does not name them any more.
	foreign []string
}

// key names one load balancer of a Service.
type key struct {
	uid  types.UID
	role ownership.Role
}

// state is what is known of one load balancer of a Service.
type state struct {
	*owner
	role ownership.Role

	// actual is the load balancer as the process believes it to be; nil when none
	// is known.
	actual *plan.Actual
	// verified is when actual was read or written last without an error since;
	// zero: it is not to be relied upon.
	verified time.Time
	// written is when the process last wrote to the load balancer.
	written time.Time
	// born is when the process created the load balancer.
	born time.Time
	// adopted: somebody else made actual, and the Service names it.
	adopted bool
	// searched: an access control list of the Service's name has been looked for
	// beside an adopted load balancer, which carries no mark, and nothing has failed
	// since.
	searched bool
	// ambiguous: listings showed another load balancer than the known one.
	ambiguous bool

	// generation goes into the client token; it grows when the ID that a token
	// returns is of a load balancer in gone.
	generation int
	// gone are the load balancers of the Service that are proven not to exist any
	// more, each with its address as far as it was known.
	gone map[string]string
	// doubt is a creation without an answer.
	doubt *doubt
	// billing are the changes of what is paid that were asked for, and when: the
	// API shows them a day later and refuses to be asked twice.
	billing map[string]time.Time
	// drift are the steps that are needed only because others changed the load
	// balancer, until it is told that they were carried out.
	drift []string
	// changed is when the load balancer was changed last, and change the steps.
	changed time.Time
	change  string
	// lacking is why a load balancer that the Service can do without is not there.
	lacking *unavailableError
	// unproven is when a load balancer began to be missing without a proof.
	unproven time.Time
}

// newOwner returns what is known of a Service at first: nothing.
func newOwner(uid types.UID) *owner {
	return &owner{uid: uid, states: map[ownership.Role]*state{}, acls: map[string]ownACL{}}
}

// state returns the state of a role, a new one if need be.
func (o *owner) state(role ownership.Role) *state {
	s := o.states[role]
	if s == nil {
		s = &state{owner: o, role: role, gone: map[string]string{}, billing: map[string]time.Time{}}
		o.states[role] = s
	}
	return s
}

// exists reports whether any load balancer of the Service is known.
func (o *owner) exists() bool {
	for _, s := range o.states {
		if s.actual != nil {
			return true
		}
	}
	return false
}

// doubt is a creation that may have been carried out.
type doubt struct {
	token string
	at    time.Time
}

// listing is what a listing by tag showed.
type listing struct {
	at  time.Time
	lbs []slb.LoadBalancer
	// acls are the access control lists that are left where no load balancer is.
	acls []slb.ACL
	// held are the load balancers of others that hold something of the Service.
	held []*plan.Actual
}

// key returns the name of the state's load balancer.
func (s *state) key() key { return key{uid: s.uid, role: s.role} }

// id returns the load balancer's ID, or "".
func (s *state) id() string {
	if s.actual == nil {
		return ""
	}
	return s.actual.Instance.ID
}

// believed reports whether the load balancer is known and nothing has contradicted
// what is known of it, however old that is.
func (s *state) believed() bool { return s.remembered() && !s.ambiguous }

// remembered reports whether nothing has contradicted what is known of the load
// balancer itself, whether or not there is another one beside it.
func (s *state) remembered() bool { return s.actual != nil && !s.verified.IsZero() }

// isGone reports whether a load balancer is proven not to exist any more.
func (s *state) isGone(id string) bool {
	_, gone := s.gone[id]
	return gone
}

// forget drops the load balancer; gone: it is proven not to exist any more.
func (s *state) forget(gone bool) {
	if gone && s.actual != nil {
		s.gone[s.id()] = s.actual.Instance.Address
	}
	s.drift = nil
	s.actual, s.verified, s.born, s.ambiguous, s.adopted, s.searched = nil, time.Time{}, time.Time{}, false, false, false
}
