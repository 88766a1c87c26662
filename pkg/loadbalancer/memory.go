package loadbalancer

import (
	"maps"
	"slices"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/slb"
	"github.com/kube-aliyun/kube-aliyun/pkg/loadbalancer/audit"
	"github.com/kube-aliyun/kube-aliyun/pkg/loadbalancer/plan"
	"github.com/kube-aliyun/kube-aliyun/pkg/metric"
	"github.com/kube-aliyun/kube-aliyun/pkg/ownership"
)

// memory holds what is known of all Services, and what concerns all of them.
type memory struct {
	mu     sync.Mutex
	owners map[types.UID]*owner
	// ids are the known load balancers, for those who may not touch the states.
	ids map[key]string
	// names are the Services by UID, as of their last pass.
	names map[types.UID]types.NamespacedName
	// strays are load balancers beside which a listing showed another one.
	strays map[key]bool
	// listed: some Service has, or had in this life, an access control list.
	listed bool
	// keptACLs are the names of the access control lists that Services have, or may
	// have.
	keptACLs map[types.UID][]string
	// strayACLs are names of access control lists that a listing showed, by Service.
	strayACLs map[types.UID][]string
	// seen are observations that wait for their Service's next pass.
	seen map[key]audit.Observation
	// members are the servers of each load balancer; attached counts them.
	members  map[key][]string
	attached map[string]int
	// rejected are servers that the API refused.
	rejected map[candidate]rejection
	// waiting are the Services some of whose Pods wait for their readiness gate.
	waiting map[types.UID]bool
}

func newMemory() *memory {
	return &memory{
		owners: map[types.UID]*owner{}, ids: map[key]string{}, seen: map[key]audit.Observation{},
		names: map[types.UID]types.NamespacedName{}, keptACLs: map[types.UID][]string{}, strayACLs: map[types.UID][]string{},
		strays:  map[key]bool{},
		members: map[key][]string{}, attached: map[string]int{}, rejected: map[candidate]rejection{},
		waiting: map[types.UID]bool{},
	}
}

// of returns what is known of a Service.
func (m *memory) of(uid types.UID) *owner {
	m.mu.Lock()
	defer m.mu.Unlock()
	o := m.owners[uid]
	if o == nil {
		o = newOwner(uid)
		m.owners[uid] = o
	}
	return o
}

// publish tells everybody what a pass has made of its Service's load balancers.
func (m *memory) publish(o *owner) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.names[o.uid] = o.service
	if delete(m.keptACLs, o.uid); len(o.acls) > 0 {
		m.keptACLs[o.uid], m.listed = slices.Collect(maps.Keys(o.acls)), true
	}
	for _, s := range o.states {
		if old := m.ids[s.key()]; old != "" && old != s.id() {
			m.count(s.key(), nil)
		}
		if s.actual == nil {
			delete(m.ids, s.key())
			continue
		}
		m.ids[s.key()] = s.id()
		backends := s.members()
		servers := make([]string, 0, len(backends))
		for i := range backends {
			if server := o.pods.host(backends[i]); server != "" {
				servers = append(servers, server)
			}
		}
		slices.Sort(servers)
		m.count(s.key(), slices.Compact(servers)) // a server has several ports in some groups
	}
	metric.LoadBalancersManaged.WithLabelValues().Set(float64(len(m.ids)))
}

// count enters the servers of a load balancer, each once, in the index of
// attachments.
func (m *memory) count(k key, servers []string) {
	for _, server := range m.members[k] {
		if m.attached[server]--; m.attached[server] <= 0 {
			delete(m.attached, server)
		}
	}
	for _, server := range servers {
		m.attached[server]++
	}
	if len(servers) == 0 {
		delete(m.members, k)
		return
	}
	m.members[k] = servers
}

// drop forgets a Service that will not come back.
func (m *memory) drop(uid types.UID) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.owners, uid)
	delete(m.names, uid)
	delete(m.waiting, uid)
	delete(m.strayACLs, uid)
	delete(m.keptACLs, uid)
	ofService := func(k key) bool { return k.uid == uid }
	maps.DeleteFunc(m.seen, func(k key, _ audit.Observation) bool { return ofService(k) })
	maps.DeleteFunc(m.strays, func(k key, _ bool) bool { return ofService(k) })
}

// idle returns the Services that have no load balancer.
func (m *memory) idle() map[types.UID]types.NamespacedName {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := maps.Clone(m.names)
	for k := range m.ids {
		delete(out, k.uid)
	}
	return out
}

// stray notes that a Service has another load balancer than the known one.
func (m *memory) stray(k key) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.strays[k] = true
}

// takeStray tells a pass whether that was noted.
func (m *memory) takeStray(k key) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	found := m.strays[k]
	delete(m.strays, k)
	return found
}

// full returns whether a server can take another load balancer of a role.
func (m *memory) full(role ownership.Role, limit int, now time.Time) func(string) bool {
	return func(server string) bool {
		m.mu.Lock()
		defer m.mu.Unlock()
		return limit > 0 && m.attached[server] >= limit || now.Before(m.rejected[candidate{server, role}].until)
	}
}

// candidate is a server as a backend of the load balancers of one role: one may
// lack an address of a family.
type candidate struct {
	server string
	role   ownership.Role
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
func (m *memory) reject(role ownership.Role, servers map[string]error, now time.Time) time.Duration {
	m.mu.Lock()
	defer m.mu.Unlock()
	for c, old := range m.rejected {
		if now.Sub(old.until) > old.pause {
			delete(m.rejected, c) // accepted since, or not asked about
		}
	}
	wait := mostRejection
	for server := range servers {
		c := candidate{server, role}
		r, again := m.rejected[c]
		switch {
		case !again:
			r = rejection{until: now.Add(firstRejection), pause: firstRejection}
		case now.After(r.until):
			r.pause = min(2*r.pause, mostRejection)
			r.until = now.Add(r.pause)
		}
		m.rejected[c] = r
		wait = min(wait, r.until.Sub(now))
	}
	return wait
}

// refusedUntil returns until when a backend of an IPv4 load balancer that the API
// refused is left out; zero when it is not.
func (m *memory) refusedUntil(backend string, now time.Time) time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	if until := m.rejected[candidate{backend, ownership.RoleLoadBalancer}].until; until.After(now) {
		return until
	}
	return time.Time{}
}

// waits notes whether Pods of a Service wait for their readiness gate, and returns
// for how many Services some do.
func (m *memory) waits(uid types.UID, waiting bool) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.waiting, uid)
	if waiting {
		m.waiting[uid] = true
	}
	return len(m.waiting)
}

// known returns the IDs of all load balancers.
func (m *memory) known() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	ids := make([]string, 0, len(m.ids))
	for _, id := range m.ids {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return slices.Compact(ids) // several Services may share one
}

// uids returns the Services that have a load balancer.
func (m *memory) uids() []types.UID {
	m.mu.Lock()
	defer m.mu.Unlock()
	uids := map[types.UID]bool{}
	for k := range m.ids {
		uids[k.uid] = true
	}
	return slices.Collect(maps.Keys(uids))
}

// has reports whether a Service has a load balancer.
func (m *memory) has(uid types.UID) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, role := range roles {
		if m.ids[key{uid: uid, role: role}] != "" {
			return true
		}
	}
	return false
}

// idOf returns a load balancer's ID, or "".
func (m *memory) idOf(k key) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.ids[k]
}

// observe keeps an observation for the next passes of the Services that use the
// load balancer, and returns them.
func (m *memory) observe(o audit.Observation) []types.UID {
	m.mu.Lock()
	defer m.mu.Unlock()
	var uids []types.UID
	for k, id := range m.ids {
		if id != o.ID {
			continue
		}
		own := o
		if o.Actual != nil && len(uids) > 0 {
			own.Actual = o.Actual.Clone()
		}
		m.seen[k] = own
		uids = append(uids, k.uid)
	}
	return uids
}

// takeSeen returns the observation that waits for a pass.
func (m *memory) takeSeen(k key) (audit.Observation, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	o, found := m.seen[k]
	delete(m.seen, k)
	return o, found
}

// members returns the servers of the Service on its load balancer.
func (s *state) members() []slb.Backend {
	switch {
	case s.actual == nil:
		return nil
	case s.adopted:
		return ownMembers(s.actual, s.uid)
	}
	return membersOf(s.actual)
}

// membersOf returns the servers of a load balancer, each once, with its weight:
// those of the default group while it is used, else those of a vServer group; of
// one whose backends are Pods, the Pods of all groups in use.
func membersOf(a *plan.Actual) []slb.Backend {
	if len(a.Backends) > 0 {
		return a.Backends
	}
	if pods := podMembers(a); len(pods) > 0 {
		return pods
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
