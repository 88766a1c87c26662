package servers

import (
	"net/netip"
	"strings"
	"time"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/ecs"
)

// forgetAfter is how long what no Node leads to any more is kept.
const forgetAfter = time.Hour

// store is what listings have said. Its times are those of the start of the
// listing, so an age is never too young. It is not safe for concurrent use.
type store struct {
	// vpc bounds the indices of addresses and host names; empty means any.
	vpc     string
	servers map[string]*entry
	// byAddress and byHost lead to present servers of the VPC.
	byAddress map[netip.Addr]string
	byHost    map[string]map[string]bool
	// asked is when an address was last looked up.
	asked map[netip.Addr]time.Time
	// listed is when the whole VPC was last listed, for host names.
	listed time.Time
}

// entry is what is known of one instance ID.
type entry struct {
	server  ecs.Server
	present bool
	// asked is the latest listing that answers for the ID.
	asked time.Time
	// used is when a Node last led to it, however often it was asked for beside
	// others.
	used time.Time
	// firstAbsent begins the unbroken row of listings that lack it.
	firstAbsent time.Time
}

func newStore(vpc string) *store {
	return &store{
		vpc:       vpc,
		servers:   map[string]*entry{},
		byAddress: map[netip.Addr]string{},
		byHost:    map[string]map[string]bool{},
		asked:     map[netip.Addr]time.Time{},
	}
}

// put takes in a server of a listing begun at the given time.
func (s *store) put(server ecs.Server, at time.Time) {
	used := s.lastUse(server.ID, at)
	s.drop(server.ID)
	s.servers[server.ID] = &entry{server: server, present: true, asked: at, used: used}
	if s.vpc != "" && server.VPCID != s.vpc {
		return
	}
	for _, text := range server.PrivateIPs {
		if address, ok := parse(text); ok {
			s.byAddress[address] = server.ID
		}
	}
	host := strings.ToLower(server.HostName)
	if host == "" {
		return
	}
	if s.byHost[host] == nil {
		s.byHost[host] = map[string]bool{}
	}
	s.byHost[host][server.ID] = true
}

// lacks takes in that a good listing begun at the given time lacks an ID.
func (s *store) lacks(id string, at time.Time) {
	first := at
	if e := s.servers[id]; e != nil && !e.present {
		first = e.firstAbsent
	}
	used := s.lastUse(id, at)
	s.drop(id)
	s.servers[id] = &entry{asked: at, used: used, firstAbsent: first}
}

// lastUse is when a Node last led to an ID; now, for a new one.
func (s *store) lastUse(id string, now time.Time) time.Time {
	if e := s.servers[id]; e != nil {
		return e.used
	}
	return now
}

// use notes that a Node leads to an ID.
func (s *store) use(id string, now time.Time) {
	if e := s.servers[id]; e != nil {
		e.used = now
	}
}

// lookedUp takes in that a listing by address begun at the given time is complete.
func (s *store) lookedUp(address netip.Addr, at time.Time) {
	s.asked[address] = at
	if id, found := s.byAddress[address]; found && s.servers[id].asked.Before(at) {
		delete(s.byAddress, address)
	}
}

// drop removes an ID and what leads to it.
func (s *store) drop(id string) {
	e := s.servers[id]
	if e == nil {
		return
	}
	delete(s.servers, id)
	for _, text := range e.server.PrivateIPs {
		if address, ok := parse(text); ok && s.byAddress[address] == id {
			delete(s.byAddress, address)
		}
	}
	host := strings.ToLower(e.server.HostName)
	delete(s.byHost[host], id)
	if len(s.byHost[host]) == 0 {
		delete(s.byHost, host)
	}
}

// forget drops what no Node has led to in a long time.
func (s *store) forget(now time.Time) {
	for id, e := range s.servers {
		if now.Sub(e.used) > forgetAfter {
			s.drop(id)
		}
	}
	for address, at := range s.asked {
		if now.Sub(at) > forgetAfter {
			delete(s.asked, address)
		}
	}
}

// count is the number of servers known to exist.
func (s *store) count() int {
	n := 0
	for _, e := range s.servers {
		if e.present {
			n++
		}
	}
	return n
}

// listedVPC takes in a complete, non-empty listing of the VPC.
func (s *store) listedVPC(found []ecs.Server, at time.Time) {
	for _, server := range found {
		s.put(server, at)
	}
	for id, e := range s.servers {
		if e.present && e.server.VPCID == s.vpc && e.asked.Before(at) {
			s.lacks(id, at)
		}
	}
	s.listed = at
}
