package vpc

import (
	"fmt"
	"maps"
	"net/netip"
	"time"
)

// Seed describes the networks of a region. What has no id gets one.
type Seed struct {
	VPCs        []NetworkSeed    `json:"vpcs,omitempty"`
	VSwitches   []VSwitchSeed    `json:"vSwitches,omitempty"`
	RouteTables []RouteTableSeed `json:"routeTables,omitempty"`
	Routes      []RouteSeed      `json:"routes,omitempty"`
	EIPs        []EIPSeed        `json:"eips,omitempty"`
}

// NetworkSeed is a VPC. Unless RouteTables names a System table for it, it gets one.
type NetworkSeed struct {
	ID             string            `json:"id,omitempty"`
	Name           string            `json:"name,omitempty"`
	CIDR           string            `json:"cidr"`
	SecondaryCIDRs []string          `json:"secondaryCIDRs,omitempty"`
	IPv6CIDR       string            `json:"ipv6CIDR,omitempty"`
	RouterID       string            `json:"routerID,omitempty"`
	Default        bool              `json:"default,omitempty"`
	Tags           map[string]string `json:"tags,omitempty"`
}

// VSwitchSeed is a vSwitch. Without a route table it uses the VPC's System table.
type VSwitchSeed struct {
	ID         string            `json:"id,omitempty"`
	Name       string            `json:"name,omitempty"`
	VPC        string            `json:"vpc"`
	Zone       string            `json:"zone"`
	CIDR       string            `json:"cidr"`
	IPv6CIDR   string            `json:"ipv6CIDR,omitempty"`
	RouteTable string            `json:"routeTable,omitempty"`
	Tags       map[string]string `json:"tags,omitempty"`
	// Exhausted makes the vSwitch pretend that no address is free.
	Exhausted bool `json:"exhausted,omitempty"`
}

// RouteTableSeed is a route table; the type is System or Custom, Custom when empty.
type RouteTableSeed struct {
	ID   string            `json:"id,omitempty"`
	Name string            `json:"name,omitempty"`
	VPC  string            `json:"vpc"`
	Type string            `json:"type,omitempty"`
	Tags map[string]string `json:"tags,omitempty"`
}

// RouteSeed is a custom route entry, Available from the start. Its next hop need
// not exist. Without a table it is in the System table of the only VPC.
type RouteSeed struct {
	ID          string `json:"id,omitempty"`
	Table       string `json:"table,omitempty"`
	Destination string `json:"destination"`
	NextHop     string `json:"nextHop"`
	NextHopType string `json:"nextHopType,omitempty"`
	Name        string `json:"name,omitempty"`
	Description string `json:"description,omitempty"`
}

// Seed adds objects. A failure names what is wrong and leaves part of the seed
// behind; start over with a new Product.
func (p *Product) Seed(s Seed) error {
	for _, v := range s.VPCs {
		if err := p.seedVPC(v); err != nil {
			return err
		}
	}
	for _, t := range s.RouteTables {
		if err := p.seedTable(t); err != nil {
			return err
		}
	}
	for _, v := range ordered(p.VPCs, func(v *network) uint64 { return v.Seq }) {
		if p.systemTable(v.ID) != nil {
			continue
		}
		if err := p.seedTable(RouteTableSeed{VPC: v.ID, Type: tableSystem}); err != nil {
			return err
		}
	}
	for _, v := range s.VSwitches {
		if err := p.seedVSwitch(v); err != nil {
			return err
		}
	}
	for _, r := range s.Routes {
		if err := p.seedRoute(r); err != nil {
			return err
		}
	}
	for _, e := range s.EIPs {
		if err := p.seedEIP(e); err != nil {
			return err
		}
	}
	return nil
}

func (p *Product) seedVPC(s NetworkSeed) error {
	if s.ID == "" {
		s.ID = p.id("vpc")
	}
	if s.RouterID == "" {
		s.RouterID = p.id("vrt")
	}
	if _, twice := p.VPCs[s.ID]; twice {
		return fmt.Errorf("VPC %s exists already", s.ID)
	}
	for _, cidr := range append([]string{s.CIDR}, s.SecondaryCIDRs...) {
		if err := checkCIDR(cidr, false); err != nil {
			return fmt.Errorf("VPC %s: %w", s.ID, err)
		}
	}
	if s.IPv6CIDR != "" {
		if err := checkCIDR(s.IPv6CIDR, true); err != nil {
			return fmt.Errorf("VPC %s: %w", s.ID, err)
		}
	}
	p.VPCs[s.ID] = &network{
		Seq: p.nextSeq(), ID: s.ID, Name: s.Name, CIDR: s.CIDR, SecondaryCIDRs: s.SecondaryCIDRs, IPv6CIDR: s.IPv6CIDR,
		RouterID: s.RouterID, Default: s.Default, Created: p.seedTime(), Tags: cloneTags(s.Tags),
	}
	return nil
}

func (p *Product) seedTable(s RouteTableSeed) error {
	if s.ID == "" {
		s.ID = p.id("vtb")
	}
	if s.Type == "" {
		s.Type = tableCustom
	}
	switch {
	case p.Tables[s.ID] != nil:
		return fmt.Errorf("route table %s exists already", s.ID)
	case p.VPCs[s.VPC] == nil:
		return fmt.Errorf("route table %s: no VPC %q", s.ID, s.VPC)
	case s.Type != tableSystem && s.Type != tableCustom:
		return fmt.Errorf("route table %s: type %q is neither System nor Custom", s.ID, s.Type)
	case s.Type == tableSystem && p.systemTable(s.VPC) != nil:
		return fmt.Errorf("route table %s: VPC %s has a System table already", s.ID, s.VPC)
	}
	p.Tables[s.ID] = &table{
		Seq: p.nextSeq(), ID: s.ID, Name: s.Name, VPC: s.VPC, Type: s.Type, Created: p.seedTime(), Tags: cloneTags(s.Tags),
	}
	p.insertEntry(&entry{Table: s.ID, Destination: serviceRange.String(), NextHopType: "service", Type: entrySystem, Status: statusAvailable})
	for _, v := range ordered(p.VSwitches, func(v *vSwitch) uint64 { return v.Seq }) {
		if v.VPC == s.VPC {
			p.insertLocal(s.ID, v)
		}
	}
	return nil
}

func (p *Product) seedVSwitch(s VSwitchSeed) error {
	if s.ID == "" {
		s.ID = p.id("vsw")
	}
	if p.VSwitches[s.ID] != nil {
		return fmt.Errorf("vSwitch %s exists already", s.ID)
	}
	if p.VPCs[s.VPC] == nil {
		return fmt.Errorf("vSwitch %s: no VPC %q", s.ID, s.VPC)
	}
	if s.Zone == "" {
		return fmt.Errorf("vSwitch %s: no zone", s.ID)
	}
	if err := checkCIDR(s.CIDR, false); err != nil {
		return fmt.Errorf("vSwitch %s: %w", s.ID, err)
	}
	if bits := netip.MustParsePrefix(s.CIDR).Bits(); bits < 16 || bits > 29 {
		return fmt.Errorf("vSwitch %s: the mask of %s is not in 16 to 29", s.ID, s.CIDR)
	}
	if s.IPv6CIDR != "" {
		if err := checkCIDR(s.IPv6CIDR, true); err != nil {
			return fmt.Errorf("vSwitch %s: %w", s.ID, err)
		}
	}
	if s.RouteTable == "" {
		s.RouteTable = p.systemTable(s.VPC).ID
	}
	if t := p.Tables[s.RouteTable]; t == nil || t.VPC != s.VPC {
		return fmt.Errorf("vSwitch %s: VPC %s has no route table %q", s.ID, s.VPC, s.RouteTable)
	}
	v := &vSwitch{
		Seq: p.nextSeq(), ID: s.ID, Name: s.Name, VPC: s.VPC, Zone: s.Zone, CIDR: s.CIDR, IPv6CIDR: s.IPv6CIDR, Table: s.RouteTable,
		Created: p.seedTime(), Tags: cloneTags(s.Tags), Used: map[string]string{}, Exhausted: s.Exhausted,
	}
	p.VSwitches[v.ID] = v
	for _, t := range ordered(p.Tables, func(t *table) uint64 { return t.Seq }) {
		if t.VPC == v.VPC {
			p.insertLocal(t.ID, v)
		}
	}
	return nil
}

func (p *Product) seedRoute(s RouteSeed) error {
	if s.Table == "" && len(p.VPCs) == 1 {
		for id := range p.VPCs {
			s.Table = p.systemTable(id).ID
		}
	}
	if p.Tables[s.Table] == nil {
		return fmt.Errorf("route to %s: no route table %q", s.Destination, s.Table)
	}
	dst, bad := parseDestination(s.Destination)
	if bad != nil {
		return fmt.Errorf("route to %q: %w", s.Destination, bad)
	}
	if p.index.destinations[s.Table][dst.String()] != nil {
		return fmt.Errorf("route to %s exists already in table %s", dst, s.Table)
	}
	if s.ID != "" && p.Entries[s.ID] != nil {
		return fmt.Errorf("route entry %s exists already", s.ID)
	}
	if s.NextHopType == "" {
		s.NextHopType = hopInstance
	}
	p.insertEntry(&entry{
		ID: s.ID, Name: s.Name, Description: s.Description, Table: s.Table, Destination: dst.String(),
		NextHop: s.NextHop, NextHopType: s.NextHopType, Type: entryCustom, Status: statusAvailable,
	})
	return nil
}

// insertLocal adds the System entries that lead into a vSwitch.
func (p *Product) insertLocal(tableID string, v *vSwitch) {
	for _, cidr := range []string{v.CIDR, v.IPv6CIDR} {
		if cidr != "" && p.index.destinations[tableID][cidr] == nil {
			p.insertEntry(&entry{Table: tableID, Destination: cidr, NextHopType: "local", Type: entrySystem, Status: statusAvailable})
		}
	}
}

// insertEntry numbers an entry, gives it an id when it has none, and adds it.
func (p *Product) insertEntry(e *entry) {
	if e.ID == "" {
		e.ID = p.id("rte")
	}
	e.Seq = p.nextSeq()
	p.Entries[e.ID] = e
	p.index.add(e)
}

func (p *Product) systemTable(vpc string) *table {
	for _, t := range p.Tables {
		if t.VPC == vpc && t.Type == tableSystem {
			return t
		}
	}
	return nil
}

// seedTime is the creation time of seeded objects: now, or a fixed day before the
// first Advance.
func (p *Product) seedTime() time.Time {
	if p.now.IsZero() {
		return time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	return p.now
}

func checkCIDR(s string, v6 bool) error {
	prefix, err := netip.ParsePrefix(s)
	if err != nil {
		return fmt.Errorf("CIDR %q: %w", s, err)
	}
	if prefix != prefix.Masked() || prefix.Addr().Is6() != v6 {
		return fmt.Errorf("CIDR %q has host bits or the wrong family", s)
	}
	return nil
}

func cloneTags(tags map[string]string) map[string]string {
	if tags == nil {
		return map[string]string{}
	}
	return maps.Clone(tags)
}
