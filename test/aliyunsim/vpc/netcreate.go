package vpc

import (
	"net/http"
	"net/netip"
	"slices"
	"time"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/api"
)

// What a region and a VPC may hold (VPC API: CreateVpc, CreateVSwitch; the quota
// of VPCs is a new account's).
const (
	maxVPCs      = 10
	maxVSwitches = 150
	defaultCIDR  = "172.16.0.0/12"
)

// privateRanges are those that a VPC may have, and parts of them.
var privateRanges = []netip.Prefix{
	netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("172.16.0.0/12"), netip.MustParsePrefix("192.168.0.0/16"),
}

// createVPC makes a VPC with its System table. Both are Pending at first.
func (p *Product) createVPC(c *api.Call) (api.Reply, *api.Error) {
	if reply, ok, err := p.Tokens.Replay(c, http.StatusBadRequest); ok || err != nil {
		return reply, err
	}
	cidr := c.Params["CidrBlock"]
	if cidr == "" {
		cidr = defaultCIDR
	}
	prefix, err := parseDestination(cidr)
	if err != nil || !slices.ContainsFunc(privateRanges, func(r netip.Prefix) bool { return contains(r, prefix) }) {
		return nil, api.Errorf(http.StatusBadRequest, "InvalidCidrBlock", "The specified CIDR block %q is not valid.", cidr)
	}
	tags, err := c.Params.Tags()
	if err != nil {
		return nil, err
	}
	if len(p.VPCs) >= maxVPCs {
		return nil, api.Errorf(http.StatusBadRequest, "QuotaExceeded.Vpc", "The number of VPCs exceeds the quota of %d.", maxVPCs)
	}
	if err := dryRun(c); err != nil {
		return nil, err
	}
	seed := NetworkSeed{ID: p.id("vpc"), RouterID: p.id("vrt"), Name: c.Params["VpcName"], CIDR: cidr, Tags: tags}
	table := RouteTableSeed{ID: p.id("vtb"), VPC: seed.ID, Type: tableSystem}
	if bad := p.seedVPC(seed); bad != nil {
		return nil, api.Errorf(http.StatusBadRequest, "InvalidCidrBlock", "%v", bad)
	}
	if bad := p.seedTable(table); bad != nil {
		return nil, api.Errorf(http.StatusInternalServerError, "InternalError", "%v", bad)
	}
	p.VPCs[seed.ID].Due = c.Now.Add(p.Knobs.NetworkTransition)
	reply := api.Reply{"VpcId": seed.ID, "VRouterId": seed.RouterID, "RouteTableId": table.ID, "ResourceGroupId": ""}
	p.Tokens.Keep(c, reply, p.Knobs.TokenRetention)
	return reply, nil
}

// createVSwitch makes a vSwitch, Pending at first. The API takes none while the VPC
// or another vSwitch of it is being made.
func (p *Product) createVSwitch(c *api.Call) (api.Reply, *api.Error) {
	if reply, ok, err := p.Tokens.Replay(c, http.StatusBadRequest); ok || err != nil {
		return reply, err
	}
	q := c.Params
	v := p.VPCs[q["VpcId"]]
	if v == nil {
		return nil, api.Errorf(http.StatusNotFound, "InvalidVpcId.NotFound", "The specified VPC %q does not exist.", q["VpcId"])
	}
	if c.Now.Before(v.Due) {
		return nil, api.Errorf(http.StatusBadRequest, "IncorrectVpcStatus", "The VPC %s is not Available.", v.ID)
	}
	prefix, err := parseDestination(q["CidrBlock"])
	if err != nil || prefix.Bits() < 16 || prefix.Bits() > 29 || !p.inVPC(v, prefix) {
		return nil, api.Errorf(http.StatusBadRequest, "InvalidCidrBlock", "The specified CIDR block %q is not valid in VPC %s.", q["CidrBlock"], v.ID)
	}
	siblings := 0
	for _, other := range p.VSwitches {
		if other.VPC != v.ID {
			continue
		}
		siblings++
		if c.Now.Before(other.Due) {
			return nil, api.Errorf(http.StatusBadRequest, "OperationConflict", "Another vSwitch of VPC %s is being created.", v.ID)
		}
		if netip.MustParsePrefix(other.CIDR).Overlaps(prefix) {
			return nil, api.Errorf(http.StatusBadRequest, "InvalidCidrBlock.Overlapped",
				"The specified CIDR block %s overlaps with that of vSwitch %s.", prefix, other.ID)
		}
	}
	if siblings >= maxVSwitches {
		return nil, api.Errorf(http.StatusBadRequest, "QuotaExceeded.VSwitch", "The number of vSwitches exceeds the quota of %d.", maxVSwitches)
	}
	tags, err := c.Params.Tags()
	if err != nil {
		return nil, err
	}
	seed := VSwitchSeed{ID: p.id("vsw"), Name: q["VSwitchName"], VPC: v.ID, Zone: q["ZoneId"], CIDR: prefix.String(), Tags: tags}
	if bad := p.seedVSwitch(seed); bad != nil {
		return nil, api.Errorf(http.StatusBadRequest, "InvalidParameter", "%v", bad)
	}
	p.VSwitches[seed.ID].Due = c.Now.Add(p.Knobs.NetworkTransition)
	reply := api.Reply{"VSwitchId": seed.ID}
	p.Tokens.Keep(c, reply, p.Knobs.TokenRetention)
	return reply, nil
}

func (p *Product) inVPC(v *network, prefix netip.Prefix) bool {
	return slices.ContainsFunc(append([]string{v.CIDR}, v.SecondaryCIDRs...), func(cidr string) bool {
		return contains(netip.MustParsePrefix(cidr), prefix)
	})
}

func contains(outer, inner netip.Prefix) bool {
	return outer.Bits() <= inner.Bits() && outer.Contains(inner.Addr())
}

// availableAt is the state of a VPC or vSwitch that is Available from due on.
func (p *Product) availableAt(due time.Time) string {
	if p.now.Before(due) {
		return statusPending
	}
	return statusAvailable
}
