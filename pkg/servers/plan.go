package servers

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"time"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/ecs"
)

const (
	// perCall is how many IDs or addresses one listing call takes.
	perCall = 100
	// witnesses is how many servers known to exist are added to a listing, so that
	// an answer that lacks one can be told from an answer that lacks all.
	witnesses = 10
)

// plan is what one flight asks.
type plan struct {
	at        time.Time
	ids       []string
	addresses []netip.Addr
	// hosts are the Nodes that may have to be found by host name.
	hosts []hostWish
}

// hostWish is a Node's clues and how old the answer may be; a negative limit
// means any age.
type hostWish struct {
	clues clues
	limit time.Duration
}

// plan collects what is missing for any Node and what is too old for the Nodes
// that are wished for. Those beside them are taken along at half the age, so that
// all come of age together and the pages of the next flight are full. The caller
// holds the lock.
func (s *Snapshot) plan(wants []want, now time.Time) (plan, error) {
	p := plan{at: now}
	nodes, err := s.nodes(nil)
	if err != nil {
		return p, err
	}
	listed := len(nodes)
	for _, w := range wants {
		if w.node != nil {
			nodes = append(nodes, w.node)
		}
	}
	ids, addresses := map[string]bool{}, map[netip.Addr]bool{}
	for i, node := range nodes {
		c := read(node, s.options.Region, s.options.HostNames)
		if c.foreign {
			continue
		}
		limit := time.Duration(-1) // only what was never asked
		for _, w := range wants {
			age := w.maxAge
			if w.node != nil && w.node.Name != node.Name {
				if i >= listed || !w.among(node) {
					continue
				}
				age /= 2
			}
			if limit < 0 || age < limit {
				limit = age
			}
		}
		s.need(&p, &c, limit, ids, addresses)
	}
	return p, nil
}

// need adds what one Node needs to the plan. A negative limit means that
// answers of any age will do.
func (s *Snapshot) need(p *plan, c *clues, limit time.Duration, ids map[string]bool, addresses map[netip.Addr]bool) {
	old := func(at time.Time, limit time.Duration) bool {
		return at.IsZero() || limit >= 0 && p.at.Sub(at) >= limit
	}
	known := s.store.resolve(c)
	s.store.use(known.server.ID, p.at)
	id := c.id()
	if id != "" {
		s.store.use(id, p.at)
		e := s.store.servers[id]
		if (e == nil || old(e.asked, bounded(limit, e.present))) && !ids[id] {
			ids[id] = true
			p.ids = append(p.ids, id)
		}
		if c.provider != "" || e != nil && e.present {
			return
		}
	}
	found := known.err == nil
	for _, address := range c.addresses {
		if address.Is4() && !addresses[address] && old(s.store.asked[address], bounded(limit, found)) {
			addresses[address] = true
			p.addresses = append(p.addresses, address)
		}
	}
	if c.host != "" && s.options.VPCID != "" {
		p.hosts = append(p.hosts, hostWish{clues: *c, limit: limit})
	}
}

// bounded shortens the age that an answer "absent" may have.
func bounded(limit time.Duration, present bool) time.Duration {
	if present || limit < absentAge {
		return limit
	}
	return absentAge
}

// execute makes the calls of a plan. A call that fails harms only the Nodes that
// it asks for; the first error is returned.
func (s *Snapshot) execute(ctx context.Context, p plan) error {
	var failures []error
	for _, chunk := range s.chunks(p) {
		failures = append(failures, s.askIDs(ctx, chunk))
	}
	for chunk := range slices.Chunk(p.addresses, perCall) {
		failures = append(failures, s.askAddresses(ctx, chunk))
	}
	failures = append(failures, s.askHosts(ctx, p))
	s.mu.Lock()
	s.store.forget(p.at)
	s.mu.Unlock()
	return errors.Join(failures...)
}

// chunks divides the IDs of a plan into calls and adds witnesses where there is
// room. Once an ID is under suspicion, room is made.
func (s *Snapshot) chunks(p plan) [][]string {
	s.mu.Lock()
	defer s.mu.Unlock()
	size := perCall
	if slices.ContainsFunc(p.ids, func(id string) bool {
		e := s.store.servers[id]
		return s.unproven[id] || e != nil && !e.present
	}) {
		size -= witnesses
	}
	reserve := s.reserve(p.ids)
	var chunks [][]string
	for chunk := range slices.Chunk(p.ids, size) {
		room := min(perCall-len(chunk), len(reserve))
		chunks = append(chunks, slices.Concat(chunk, reserve[:room]))
	}
	return chunks
}

// reserve are up to ten servers known to exist that are not asked for anyway,
// those first whose answer is the oldest.
func (s *Snapshot) reserve(asked []string) []string {
	taken := make(map[string]bool, len(asked))
	for _, id := range asked {
		taken[id] = true
	}
	var ids []string
	for id, e := range s.store.servers {
		if e.present && !taken[id] {
			ids = append(ids, id)
		}
	}
	slices.SortFunc(ids, func(a, b string) int {
		return s.store.servers[a].asked.Compare(s.store.servers[b].asked)
	})
	return ids[:min(len(ids), witnesses)]
}

// askIDs lists servers by ID. A listing that holds none of them proves nothing.
func (s *Snapshot) askIDs(ctx context.Context, ids []string) error {
	at := s.clock.Now()
	found, err := s.options.Cloud.Servers(ctx, ecs.Filter{IDs: ids})
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	present := map[string]bool{}
	for _, server := range found {
		if slices.Contains(ids, server.ID) {
			present[server.ID] = true
			s.store.put(server, at)
		}
	}
	for _, id := range ids {
		switch {
		case len(present) == 0:
			s.unproven[id] = true
			continue
		case !present[id]:
			s.store.lacks(id, at)
		}
		delete(s.unproven, id)
	}
	if len(present) == 0 {
		return ErrUnproven
	}
	return nil
}

// askAddresses lists the VPC's servers by private address.
func (s *Snapshot) askAddresses(ctx context.Context, addresses []netip.Addr) error {
	at := s.clock.Now()
	filter := ecs.Filter{VPCID: s.options.VPCID}
	for _, address := range addresses {
		filter.PrivateIPs = append(filter.PrivateIPs, address.String())
	}
	found, err := s.options.Cloud.Servers(ctx, filter)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, server := range found {
		s.store.put(server, at)
		delete(s.unproven, server.ID)
	}
	for _, address := range addresses {
		s.store.lookedUp(address, at)
	}
	return nil
}

// askHosts lists the VPC when a Node's host name is left as the only clue.
func (s *Snapshot) askHosts(ctx context.Context, p plan) error {
	s.mu.Lock()
	left := slices.ContainsFunc(p.hosts, func(w hostWish) bool {
		r := s.store.resolve(&w.clues)
		found := !errors.Is(r.err, ErrAbsent)
		return !r.final && (r.asked.IsZero() || w.limit >= 0 && p.at.Sub(r.asked) >= bounded(w.limit, found))
	})
	s.mu.Unlock()
	if !left {
		return nil
	}
	at := s.clock.Now()
	found, err := s.options.Cloud.Servers(ctx, ecs.Filter{VPCID: s.options.VPCID})
	if err != nil {
		return err
	}
	if len(found) == 0 {
		return ErrUnproven
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.store.listedVPC(found, at)
	return nil
}
