package vpc

import (
	"net/netip"
	"slices"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/api"
	plan "github.com/kube-aliyun/kube-aliyun/test/aliyunsim/network"
)

// Layout says what of the region's network are its VPCs, in the order of their
// creation. Entries that are Pending or Deleting are in no table; one that is
// being modified leads where it is going to.
func (p *Product) Layout() []plan.VPC {
	vSwitches := map[string][]plan.VSwitch{}
	for _, v := range ordered(p.VSwitches, func(v *vSwitch) uint64 { return v.Seq }) {
		vSwitches[v.VPC] = append(vSwitches[v.VPC], plan.VSwitch{ID: v.ID, CIDR: prefix(v.CIDR), IPv6CIDR: prefix(v.IPv6CIDR), Table: v.Table})
	}
	tables := map[string][]plan.RouteTable{}
	for _, t := range ordered(p.Tables, func(t *table) uint64 { return t.Seq }) {
		made := plan.RouteTable{ID: t.ID, Routes: p.routes(t.ID)}
		if t.Type == tableSystem {
			tables[t.VPC] = slices.Insert(tables[t.VPC], 0, made)
		} else {
			tables[t.VPC] = append(tables[t.VPC], made)
		}
	}
	out := make([]plan.VPC, 0, len(p.VPCs))
	for _, v := range ordered(p.VPCs, func(v *network) uint64 { return v.Seq }) {
		out = append(out, plan.VPC{ID: v.ID, CIDR: prefix(v.CIDR), VSwitches: vSwitches[v.ID], Tables: tables[v.ID]})
	}
	return out
}

// routes are the custom entries of a table that are in force.
func (p *Product) routes(table string) []plan.Route {
	var out []plan.Route
	for _, e := range p.index.entries[table] {
		if e.Type != entryCustom || e.Status != statusAvailable && e.Status != statusModifying {
			continue
		}
		if destination := prefix(e.Destination); destination.IsValid() {
			out = append(out, plan.Route{Destination: destination, Server: p.hopServer(e)})
		}
	}
	return out
}

// hopServer is the server behind an entry's next hop; "" where there is none.
func (p *Product) hopServer(e *entry) string {
	if e.NextHopType != hopInterface {
		return e.NextHop
	}
	interfaces, ok := p.Servers().(api.Interfaces)
	if !ok {
		return ""
	}
	i, _ := interfaces.Interface(e.NextHop)
	return i.InstanceID
}

// prefix is a CIDR; the zero prefix for none.
func prefix(cidr string) netip.Prefix {
	out, err := netip.ParsePrefix(cidr)
	if err != nil {
		return netip.Prefix{}
	}
	return out
}
