package loadbalancer

import (
	"slices"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/slb"
	"github.com/kube-aliyun/kube-aliyun/pkg/loadbalancer/audit"
	"github.com/kube-aliyun/kube-aliyun/pkg/loadbalancer/plan"
	"github.com/kube-aliyun/kube-aliyun/pkg/metric"
)

// state is what is known of one Service's load balancer. Only the Service's
// passes, of which there is one at a time, touch it.
type state struct {
	uid     types.UID
	service types.NamespacedName

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
	// asked: an Ensure has been called since the last deletion, so a load balancer
	// that is missing may be created.
	asked bool
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
	// listed is the last listing by tag of a Service that wants no load balancer.
	listed *listing
	// unproven is when a load balancer began to be missing without a proof.
	unproven time.Time
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
}

// id returns the load balancer's ID, or "".
func (s *state) id() string {
	if s.actual == nil {
		return ""
	}
	return s.actual.Instance.ID
}

// believed reports whether the load balancer is known and nothing has contradicted
// what is known of it, however old that is.
func (s *state) believed() bool {
	return s.actual != nil && !s.ambiguous && !s.verified.IsZero()
}

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
	s.actual, s.verified, s.born, s.ambiguous = nil, time.Time{}, time.Time{}, false
}

// memory holds the states of all Services, and what concerns all of them.
type memory struct {
	mu     sync.Mutex
	states map[types.UID]*state
	// ids are the known load balancers by Service, for those who may not touch
	// the states.
	ids map[types.UID]string
	// names are the Services by UID, as of their last pass.
	names map[types.UID]types.NamespacedName
	// strays are Services of which a listing showed another load balancer.
	strays map[types.UID]bool
	// seen are observations that wait for their Service's next pass.
	seen map[types.UID]audit.Observation
	// members are the servers of each load balancer; attached counts them.
	members  map[string][]string
	attached map[string]int
	// rejected are servers that the API refused.
	rejected map[string]rejection
}

func newMemory() *memory {
	return &memory{
		states: map[types.UID]*state{}, ids: map[types.UID]string{}, seen: map[types.UID]audit.Observation{},
		names: map[types.UID]types.NamespacedName{}, strays: map[types.UID]bool{},
		members: map[string][]string{}, attached: map[string]int{}, rejected: map[string]rejection{},
	}
}

// of returns the state of a Service, a new one if need be.
func (m *memory) of(uid types.UID) *state {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.states[uid]
	if s == nil {
		s = &state{uid: uid, gone: map[string]string{}, billing: map[string]time.Time{}}
		m.states[uid] = s
	}
	return s
}

// publish tells everybody what a pass has made of its Service's load balancer.
func (m *memory) publish(s *state) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.names[s.uid] = s.service
	if old := m.ids[s.uid]; old != "" && old != s.id() {
		m.count(old, nil)
	}
	if s.actual == nil {
		delete(m.ids, s.uid)
	} else {
		m.ids[s.uid] = s.id()
		backends := membersOf(s.actual)
		servers := make([]string, 0, len(backends))
		for i := range backends {
			servers = append(servers, backends[i].ServerID)
		}
		slices.Sort(servers)
		m.count(s.id(), slices.Compact(servers)) // a server has several ports in some groups
	}
	metric.LoadBalancersManaged.WithLabelValues().Set(float64(len(m.ids)))
}

// count enters the servers of a load balancer, each once, in the index of
// attachments.
func (m *memory) count(id string, servers []string) {
	for _, server := range m.members[id] {
		if m.attached[server]--; m.attached[server] <= 0 {
			delete(m.attached, server)
		}
	}
	for _, server := range servers {
		m.attached[server]++
	}
	if len(servers) == 0 {
		delete(m.members, id)
		return
	}
	m.members[id] = servers
}

// drop forgets a Service that will not come back.
func (m *memory) drop(uid types.UID) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.states, uid)
	delete(m.seen, uid)
	delete(m.names, uid)
	delete(m.strays, uid)
}

// idle returns the Services that have no load balancer.
func (m *memory) idle() map[types.UID]types.NamespacedName {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := map[types.UID]types.NamespacedName{}
	for uid, name := range m.names {
		if m.ids[uid] == "" {
			out[uid] = name
		}
	}
	return out
}

// stray notes that a Service has another load balancer than the known one.
func (m *memory) stray(uid types.UID) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.strays[uid] = true
}

// takeStray tells a pass whether that was noted.
func (m *memory) takeStray(uid types.UID) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	found := m.strays[uid]
	delete(m.strays, uid)
	return found
}

// full returns whether a server can take another load balancer.
func (m *memory) full(limit int, now time.Time) func(string) bool {
	return func(server string) bool {
		m.mu.Lock()
		defer m.mu.Unlock()
		return limit > 0 && m.attached[server] >= limit || now.Before(m.rejected[server].until)
	}
}

// rejection is a server that the API refused.
type rejection struct {
	until time.Time
	pause time.Duration
}

// The pauses before a server that the API refused is tried again; they double.
const (
	firstRejection = time.Minute
	mostRejection  = time.Hour
)

// reject remembers servers that the API refused, and returns when the first of
// them may be tried again.
func (m *memory) reject(servers map[string]error, now time.Time) time.Duration {
	m.mu.Lock()
	defer m.mu.Unlock()
	for server, old := range m.rejected {
		if now.Sub(old.until) > old.pause {
			delete(m.rejected, server) // accepted since, or not asked about
		}
	}
	wait := mostRejection
	for server := range servers {
		r, again := m.rejected[server]
		switch {
		case !again:
			r = rejection{until: now.Add(firstRejection), pause: firstRejection}
		case now.After(r.until):
			r.pause = min(2*r.pause, mostRejection)
			r.until = now.Add(r.pause)
		}
		m.rejected[server] = r
		wait = min(wait, r.until.Sub(now))
	}
	return wait
}

// known returns the IDs of all load balancers.
func (m *memory) known() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	ids := make([]string, 0, len(m.ids))
	for _, id := range m.ids {
		ids = append(ids, id)
	}
	return ids
}

// uids returns the Services that have a load balancer.
func (m *memory) uids() []types.UID {
	m.mu.Lock()
	defer m.mu.Unlock()
	uids := make([]types.UID, 0, len(m.ids))
	for uid := range m.ids {
		uids = append(uids, uid)
	}
	return uids
}

// idOf returns the ID of a Service's load balancer, or "".
func (m *memory) idOf(uid types.UID) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.ids[uid]
}

// observe keeps an observation for the next pass of its Service, and returns
// whose it is.
func (m *memory) observe(o audit.Observation) (types.UID, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for uid, id := range m.ids {
		if id == o.ID {
			m.seen[uid] = o
			return uid, true
		}
	}
	return "", false
}

// takeSeen returns the observation that waits for a pass.
func (m *memory) takeSeen(uid types.UID) (audit.Observation, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	o, found := m.seen[uid]
	delete(m.seen, uid)
	return o, found
}

// membersOf returns the servers of a load balancer, each once, with its weight:
// those of the default group while it is used, else those of a vServer group.
func membersOf(a *plan.Actual) []slb.Backend {
	if len(a.Backends) > 0 {
		return a.Backends
	}
	for i := range a.Listeners {
		for j := range a.Groups {
			if a.Groups[j].ID == a.Listeners[i].GroupID {
				return a.Groups[j].Backends
			}
		}
	}
	return nil
}
