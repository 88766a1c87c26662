package vpc

import (
	"net/http"
	"net/netip"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/api"
)

// newEntry are the parameters of one entry to be created, single or in a batch.
type newEntry struct {
	Table, Destination, NextHop, NextHopType, Name, Description string
}

func (p *Product) createRouteEntry(c *api.Call) (api.Reply, *api.Error) {
	if reply, ok, err := p.Tokens.Replay(c, http.StatusBadRequest); ok || err != nil {
		return reply, err
	}
	want := newEntry{
		Table: c.Params["RouteTableId"], Destination: c.Params["DestinationCidrBlock"], NextHop: c.Params["NextHopId"],
		NextHopType: c.Params["NextHopType"], Name: c.Params["RouteEntryName"], Description: c.Params["Description"],
	}
	if hops := c.Params.Structs("NextHopList"); want.NextHop == "" && len(hops) == 1 {
		want.NextHop, want.NextHopType = hops[0]["NextHopId"], hops[0]["NextHopType"]
	}
	if want.NextHopType == "" {
		want.NextHopType = hopInstance
	}
	t := p.Tables[want.Table]
	if t == nil {
		return nil, tableNotFound(want.Table)
	}
	if err := p.busy(c, t); err != nil {
		return nil, err
	}
	dst, err := p.checkNew(t, want, false)
	if err != nil {
		return nil, err
	}
	if err := dryRun(c); err != nil {
		return nil, err
	}
	e := p.create(want, dst)
	p.move(e, statusPending, p.begin(c, t.VPC), c.Now)
	reply := api.Reply{"RouteEntryId": e.ID}
	p.Tokens.Keep(c, reply, p.Knobs.TokenRetention)
	return reply, nil
}

// checkNew applies the rules for a new entry to everything but the VPC's being busy.
func (p *Product) checkNew(t *table, want newEntry, batch bool) (netip.Prefix, *api.Error) {
	dst, err := parseDestination(want.Destination)
	if err != nil {
		return dst, err
	}
	if err := checkTexts(want.Name, want.Description); err != nil {
		return dst, err
	}
	if err := p.checkDestination(t.VPC, dst, batch); err != nil {
		return dst, err
	}
	if p.index.destinations[t.ID][dst.String()] != nil {
		return dst, api.Errorf(http.StatusBadRequest, "InvalidCIDRBlock.Duplicate",
			"The specified destination CIDR block %s is in the route table already.", dst)
	}
	if err := p.checkNextHop(t.VPC, want.NextHopType, want.NextHop); err != nil {
		return dst, err
	}
	if p.index.custom[t.ID] >= p.Knobs.RoutesPerTable {
		return dst, api.Errorf(http.StatusBadRequest, "QuotaExceeded",
			"The route table %s holds %d custom entries, which is its quota.", t.ID, p.index.custom[t.ID])
	}
	return dst, nil
}

// checkNextHop wants a server or an interface of the VPC; the simulator has no
// other kind of next hop.
func (p *Product) checkNextHop(vpc, kind, id string) *api.Error {
	if id == "" {
		return api.Missing("NextHopId")
	}
	missing := api.Errorf(http.StatusNotFound, "InvalidNextHopId.NotFound", "The specified next hop %q does not exist.", id)
	var at string
	switch kind {
	case hopInstance:
		s, ok := p.Servers().Server(id)
		if !ok {
			return missing
		}
		if s.VPCID == vpc && s.Status != "Running" && s.Status != "Stopped" {
			return api.Errorf(http.StatusBadRequest, "IncorrectInstanceStatus", "The instance %s is %s.", id, s.Status)
		}
		at = s.VPCID
	case hopInterface:
		interfaces, _ := p.Servers().(api.Interfaces)
		if interfaces == nil {
			return missing
		}
		i, ok := interfaces.Interface(id)
		if !ok {
			return missing
		}
		at = i.VPCID
	case "HaVip", "RouterInterface", "VpnGateway", "IPv6Gateway", "NatGateway", "Attachment", "VpcPeer", "Ipv4Gateway", "GatewayEndpoint", "Ecr":
		return missing
	default:
		return api.Invalid("NextHopType", kind)
	}
	if at != vpc {
		return api.Errorf(http.StatusNotFound, "OperationFailed.InstanceDismatchCurrentVpc", "The next hop %s is in the VPC %s, not in %s.", id, at, vpc)
	}
	return nil
}

func (p *Product) create(want newEntry, dst netip.Prefix) *entry {
	e := &entry{
		Name: want.Name, Description: want.Description, Table: want.Table, Destination: dst.String(),
		NextHop: want.NextHop, NextHopType: want.NextHopType, Type: entryCustom, Status: statusPending,
	}
	p.insertEntry(e)
	return e
}

func (p *Product) deleteRouteEntry(c *api.Call) (api.Reply, *api.Error) {
	e, t, err := p.target(c, c.Params["NextHopId"])
	if err != nil {
		return nil, err
	}
	if e != nil && e.Status != statusAvailable {
		return nil, entryStatusError()
	}
	if err := p.busy(c, t); err != nil {
		return nil, err
	}
	switch {
	case e == nil:
		return nil, entryNotFound()
	case e.Type != entryCustom:
		return nil, api.Errorf(http.StatusBadRequest, "OperationDenied", "A system route entry cannot be deleted.")
	}
	if err := dryRun(c); err != nil {
		return nil, err
	}
	p.move(e, statusDeleting, p.begin(c, t.VPC), c.Now)
	return api.Reply{}, nil
}

func (p *Product) modifyRouteEntry(c *api.Call) (api.Reply, *api.Error) {
	e, t, err := p.target(c, "")
	if err != nil {
		return nil, err
	}
	if e != nil && e.Status != statusAvailable {
		return nil, entryStatusError()
	}
	if err := p.busy(c, t); err != nil {
		return nil, err
	}
	name, description, hop := c.Params["RouteEntryName"], c.Params["Description"], c.Params["NewNextHopId"]
	switch {
	case e == nil:
		return nil, entryNotFound()
	case e.Type != entryCustom:
		return nil, api.Errorf(http.StatusBadRequest, "OperationDenied", "A system route entry cannot be modified.")
	case name == "" && description == "" && hop == "":
		return nil, api.Missing("RouteEntryName")
	}
	if err := checkTexts(name, description); err != nil {
		return nil, err
	}
	kind := c.Params["NewNextHopType"]
	if kind == "" {
		kind = hopInstance
	}
	if hop != "" {
		if err := p.checkNextHop(t.VPC, kind, hop); err != nil {
			return nil, err
		}
	}
	if err := dryRun(c); err != nil {
		return nil, err
	}
	if name != "" {
		e.Name = name
	}
	if description != "" {
		e.Description = description
	}
	if hop == "" || hop == e.NextHop && kind == e.NextHopType {
		p.VPCs[t.VPC].BusyUntil = c.Now.Add(c.Latency) // texts change at once: busy until the reply alone
		return api.Reply{}, nil
	}
	p.index.removeHop(e)
	e.NextHop, e.NextHopType = hop, kind
	p.index.addHop(e)
	p.move(e, statusModifying, p.begin(c, t.VPC), c.Now)
	return api.Reply{}, nil
}

// target finds the entry that a call names by RouteEntryId, or by table,
// destination and nextHop (any when that is empty). The entry is nil when it does
// not exist; the table then is the one named, nil being a failure.
func (p *Product) target(c *api.Call, nextHop string) (*entry, *table, *api.Error) {
	q := c.Params
	tableID := q["RouteTableId"]
	if id := q["RouteEntryId"]; id != "" {
		e := p.Entries[id]
		if e == nil || tableID != "" && e.Table != tableID || e.Type == entryCustom && !match(nextHop, e.NextHop) {
			return nil, nil, entryNotFound()
		}
		return e, p.Tables[e.Table], nil
	}
	switch {
	case tableID == "":
		return nil, nil, api.Missing("RouteEntryId")
	case q["DestinationCidrBlock"] == "":
		return nil, nil, api.Missing("DestinationCidrBlock")
	case nextHop == "" && c.Action == "DeleteRouteEntry" && len(q.Structs("NextHopList")) == 0:
		return nil, nil, api.Missing("NextHopId")
	}
	t := p.Tables[tableID]
	if t == nil {
		return nil, nil, tableNotFound(tableID)
	}
	dst, err := parseDestination(q["DestinationCidrBlock"])
	if err != nil {
		return nil, nil, err
	}
	if hops := q.Structs("NextHopList"); nextHop == "" && len(hops) > 0 {
		nextHop = hops[0]["NextHopId"]
	}
	e := p.index.destinations[t.ID][dst.String()]
	if e != nil && e.Type == entryCustom && nextHop != "" && e.NextHop != nextHop {
		e = nil
	}
	return e, t, nil
}

func checkTexts(name, description string) *api.Error {
	if len(name) > 128 {
		return api.Invalid("RouteEntryName", name)
	}
	if len(description) > 256 {
		return api.Invalid("Description", description)
	}
	return nil
}

func tableNotFound(id string) *api.Error {
	return api.Errorf(http.StatusNotFound, "InvalidRouteTableId.NotFound", "The specified route table %q does not exist.", id)
}

func entryNotFound() *api.Error {
	return api.Errorf(http.StatusBadRequest, "InvalidRouteEntry.NotFound", "The specified route entry does not exist.")
}

// dryRun ends a call with DryRun=true that would have succeeded.
func dryRun(c *api.Call) *api.Error {
	dry, err := c.Params.Bool("DryRun", false)
	if err != nil {
		return err
	}
	if dry {
		return api.Errorf(http.StatusBadRequest, "DryRunOperation", "Request validation has been passed with DryRun flag set.")
	}
	return nil
}
