package fabric

import (
	"errors"
	"maps"
	"net/netip"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/network"
)

var (
	everywhere4 = netip.MustParsePrefix("0.0.0.0/0")
	everywhere6 = netip.MustParsePrefix("::/0")
)

// hops tells for every server where a route to it leads, by its id.
func (f *Fabric) hops(servers []network.Server) func(id string, destination netip.Prefix) hop {
	known := make(map[string]*server, len(servers))
	for _, s := range servers {
		if made := f.servers[s.ID]; made != nil {
			known[s.ID] = made
		}
	}
	return func(id string, destination netip.Prefix) hop {
		s := known[id]
		switch {
		case s == nil:
			return nowhere
		case destination.Addr().Is4():
			return hop{via: s.Address, link: s.bridge.link.Attrs().Index}
		case s.IPv6.IsValid():
			return hop{via: s.IPv6, link: s.bridge.link.Attrs().Index}
		default:
			return nowhere
		}
	}
}

// syncTables makes the kernel's tables those of the VPC, and the vSwitches follow
// theirs.
func (r *router) syncTables(v network.VPC, to func(string, netip.Prefix) hop) error {
	var problems []error
	h := r.ns.Netlink()
	connected := map[netip.Prefix]hop{}
	for _, b := range r.bridges {
		connected[b.CIDR.Masked()] = hop{link: b.link.Attrs().Index}
		if b.IPv6CIDR.IsValid() {
			connected[b.IPv6CIDR.Masked()] = hop{link: b.link.Attrs().Index}
		}
	}
	wanted := map[string]bool{}
	for i, t := range v.Tables {
		wanted[t.ID] = true
		if r.tables[t.ID] == nil {
			r.tables[t.ID] = &kernelTable{number: firstTable + r.tableNumbers.take()}
		}
		// What has no route is lost, rather than answered.
		routes := map[netip.Prefix]hop{everywhere4: nowhere, everywhere6: nowhere}
		inMain := map[netip.Prefix]hop{}
		for _, e := range t.Routes {
			destination := e.Destination.Masked()
			routes[destination] = to(e.Server, destination)
			inMain[destination] = routes[destination]
		}
		for destination, b := range connected {
			routes[destination] = b
			delete(inMain, destination) // the kernel has it, with its bridge's address
		}
		problems = append(problems, r.tables[t.ID].sync(h, routes))
		if i == 0 {
			maps.Copy(inMain, r.uplink)
			problems = append(problems, r.main.sync(h, inMain))
		}
	}
	for _, s := range v.VSwitches {
		if b, t := r.bridges[s.ID], r.tables[s.Table]; b != nil && t != nil {
			b.Table = s.Table
			problems = append(problems, r.setRule(b, t.number))
		}
	}
	for id, t := range r.tables {
		if wanted[id] {
			continue
		}
		if err := t.sync(h, nil); err != nil {
			problems = append(problems, err)
			continue
		}
		r.tableNumbers.give(t.number - firstTable)
		delete(r.tables, id)
	}
	return errors.Join(problems...)
}
