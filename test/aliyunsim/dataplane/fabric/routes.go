package fabric

import (
	"errors"
	"net/netip"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// hop is where a route leads: to an address on a link, to the link itself, or
// nowhere, which swallows packets without a word.
type hop struct {
	via  netip.Addr
	link int
}

var nowhere = hop{}

// kernelTable is one table of a namespace's kernel, as far as it is ours.
type kernelTable struct {
	number int
	have   map[netip.Prefix]hop
}

// sync adds, changes and deletes routes.
func (t *kernelTable) sync(h *netlink.Handle, want map[netip.Prefix]hop) error {
	if t.have == nil {
		t.have = map[netip.Prefix]hop{}
	}
	var problems []error
	for destination, to := range t.have {
		now, wanted := want[destination]
		// IPv6 puts routes of other kinds beside each other instead of replacing them.
		if wanted && (now == to || destination.Addr().Is4()) {
			continue
		}
		if err := h.RouteDel(t.route(destination, to)); err != nil && !errors.Is(err, unix.ESRCH) {
			problems = append(problems, err)
			continue
		}
		delete(t.have, destination)
	}
	for destination, to := range want {
		if now, exists := t.have[destination]; exists && now == to || destination.Addr().Is6() && !hasIPv6() {
			continue
		}
		if err := h.RouteReplace(t.route(destination, to)); err != nil {
			problems = append(problems, err)
			continue
		}
		t.have[destination] = to
	}
	return errors.Join(problems...)
}

func (t *kernelTable) route(destination netip.Prefix, to hop) *netlink.Route {
	r := &netlink.Route{Table: t.number, Dst: ipNet(destination.Masked()), LinkIndex: to.link, Family: family(destination.Addr())}
	switch {
	case to == nowhere:
		r.Type = unix.RTN_BLACKHOLE
	case to.via.IsValid():
		r.Gw = to.via.AsSlice()
		r.SetFlag(netlink.FLAG_ONLINK)
	default:
		r.Scope = netlink.SCOPE_LINK
	}
	return r
}

// forget drops what was known of routes over a link that is gone: the kernel has
// deleted them with it.
func (t *kernelTable) forget(link int) {
	for destination, to := range t.have {
		if to.link == link {
			delete(t.have, destination)
		}
	}
}

func family(a netip.Addr) int {
	if a.Is4() {
		return unix.AF_INET
	}
	return unix.AF_INET6
}
