package servers

import (
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/ecs"
	"github.com/kube-aliyun/kube-aliyun/pkg/event"
)

// resolution is what the store says about the clues of one Node.
type resolution struct {
	server ecs.Server
	// err is ErrForeign, an *AbsentError or a *RefusedError; nil with a server.
	err error
	// asked is the oldest listing that the answer rests on; zero when something
	// has never been asked.
	asked time.Time
	// final: no listing can change the answer.
	final bool
}

// fresh says whether the answer is young enough: it rests on listings of at most
// the age, or on none older than since.
func (r *resolution) fresh(now time.Time, maxAge time.Duration, since time.Time) bool {
	if r.final {
		return true
	}
	if r.asked.IsZero() {
		return false
	}
	if errors.Is(r.err, ErrAbsent) {
		maxAge = min(maxAge, absentAge)
	}
	return now.Sub(r.asked) <= maxAge || !since.IsZero() && !r.asked.Before(since)
}

// resolve follows the clues: provider ID, instance ID in the name, addresses,
// host name. All must lead to one server.
func (s *store) resolve(c *clues) resolution {
	if c.foreign {
		return resolution{err: ErrForeign, final: true}
	}
	if c.provider != "" && c.name != "" && c.provider != c.name {
		return resolution{err: disagree("provider ID names %s, the Node's name %s", c.provider, c.name), final: true}
	}
	id := c.id()
	if id == "" {
		return s.byClues(c, time.Time{}, false)
	}
	e := s.servers[id]
	switch {
	case e == nil:
		return resolution{}
	case e.present:
		return s.checked(c, e.server, e.asked)
	case c.provider == "":
		// A name that only looks like an instance ID is no clue.
		return s.byClues(c, e.asked, true)
	default:
		return resolution{asked: e.asked, err: &AbsentError{
			Server: id, First: e.firstAbsent, Last: e.asked, clue: c.String(),
		}}
	}
}

// byClues looks for the server of a Node that names no instance ID. The answer
// is no younger than asked, if that is given.
func (s *store) byClues(c *clues, asked time.Time, given bool) resolution {
	found := map[string]bool{}
	older := func(at time.Time) {
		if !given || at.Before(asked) {
			asked, given = at, true
		}
	}
	for _, address := range c.addresses {
		if !address.Is4() {
			continue
		}
		older(s.asked[address])
		if id, ok := s.byAddress[address]; ok {
			found[id] = true
		}
	}
	if len(found) == 0 && c.host != "" {
		older(s.listed)
		found = maps.Clone(s.byHost[c.host])
	}
	ids := slices.Sorted(maps.Keys(found))
	switch len(ids) {
	case 0:
		return resolution{asked: asked, err: &AbsentError{clue: c.String()}, final: !given}
	case 1:
		return s.checked(c, s.servers[ids[0]].server, asked)
	default:
		return resolution{asked: asked, err: disagree("%s leads to several servers: %s", c, strings.Join(ids, ", "))}
	}
}

// checked holds a server that was found against the other clues.
func (s *store) checked(c *clues, server ecs.Server, asked time.Time) resolution {
	r := resolution{server: server, asked: asked}
	if s.vpc != "" && server.VPCID != s.vpc {
		r.err = &RefusedError{Reason: event.ServerInOtherVPC, Message: fmt.Sprintf(
			"server %s is in VPC %s, the cluster in %s; correct the Node's provider ID or move the server", server.ID, server.VPCID, s.vpc)}
		return r
	}
	if !c.strict {
		return r
	}
	has := owned(&server)
	for _, address := range c.addresses {
		if !has[address] {
			r.err = disagree("server %s does not have the Node's address %s", server.ID, address)
			return r
		}
	}
	return r
}

// owned are all addresses of a server.
func owned(server *ecs.Server) map[netip.Addr]bool {
	has := map[netip.Addr]bool{}
	for _, text := range slices.Concat(server.PrivateIPs, server.PublicIPs, server.IPv6s, []string{server.ElasticIP}) {
		if address, ok := parse(text); ok {
			has[address] = true
		}
	}
	return has
}

func disagree(format string, args ...any) error {
	return &RefusedError{
		Reason:  event.ServerCluesDisagree,
		Message: fmt.Sprintf(format, args...) + "; correct the one that is wrong",
	}
}
