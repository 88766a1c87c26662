package vpc

import (
	"maps"
	"slices"
	"time"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/api"
)

// maxIDs is how many ids the comma lists of DescribeVpcs take; listPage and
// maxListPage are the page sizes of the VPC lists.
const (
	maxIDs      = 20
	listPage    = 10
	maxListPage = 50
)

func (p *Product) describeVpcs(c *api.Call) (api.Reply, *api.Error) {
	ids, err := commaList(c.Params, "VpcId", maxIDs)
	if err != nil {
		return nil, err
	}
	q := c.Params
	found := []*network{}
	for _, v := range ordered(p.VPCs, func(v *network) uint64 { return v.Seq }) {
		if in(ids, v.ID) && match(q["VpcName"], v.Name) && match(q["ResourceGroupId"], "") && q.HasTags(v.Tags) &&
			matchBool(q["IsDefault"], v.Default) && matchBool(q["EnableIpv6"], v.IPv6CIDR != "") {
			found = append(found, v)
		}
	}
	return p.pageReply(c, "Vpcs", "Vpc", len(found), func(number, size int) []api.Reply {
		return each(api.PageOf(found, number, size), p.vpcItem)
	})
}

func (p *Product) vpcItem(v *network) api.Reply {
	vSwitches := []string{}
	for _, s := range ordered(p.VSwitches, func(s *vSwitch) uint64 { return s.Seq }) {
		if s.VPC == v.ID {
			vSwitches = append(vSwitches, s.ID)
		}
	}
	return api.Reply{
		"VpcId": v.ID, "VpcName": v.Name, "Status": p.availableAt(v.Due), "CidrBlock": v.CIDR, "Ipv6CidrBlock": v.IPv6CIDR,
		"EnabledIpv6": v.IPv6CIDR != "", "VRouterId": v.RouterID, "RegionId": p.Region, "IsDefault": v.Default,
		"CreationTime":        stamp(v.Created),
		"SecondaryCidrBlocks": api.Reply{"SecondaryCidrBlock": list(v.SecondaryCIDRs)},
		"UserCidrs":           api.Reply{"UserCidr": []string{}},
		"RouterTableIds":      api.Reply{"RouterTableIds": p.tableIDs(v.ID)},
		"VSwitchIds":          api.Reply{"VSwitchId": vSwitches},
		"Tags":                tagItems(v.Tags),
	}
}

func (p *Product) describeVSwitches(c *api.Call) (api.Reply, *api.Error) {
	ids, err := commaList(c.Params, "VSwitchId", maxIDs)
	if err != nil {
		return nil, err
	}
	q := c.Params
	found := []*vSwitch{}
	for _, v := range ordered(p.VSwitches, func(v *vSwitch) uint64 { return v.Seq }) {
		if in(ids, v.ID) && match(q["VpcId"], v.VPC) && match(q["ZoneId"], v.Zone) && match(q["VSwitchName"], v.Name) &&
			match(q["RouteTableId"], v.Table) && match(q["ResourceGroupId"], "") && q.HasTags(v.Tags) &&
			matchBool(q["IsDefault"], false) && matchBool(q["EnableIpv6"], v.IPv6CIDR != "") {
			found = append(found, v)
		}
	}
	return p.pageReply(c, "VSwitches", "VSwitch", len(found), func(number, size int) []api.Reply {
		return each(api.PageOf(found, number, size), p.vSwitchItem)
	})
}

func (p *Product) vSwitchItem(v *vSwitch) api.Reply {
	return api.Reply{
		"VSwitchId": v.ID, "VSwitchName": v.Name, "VpcId": v.VPC, "Status": p.availableAt(v.Due), "CidrBlock": v.CIDR,
		"Ipv6CidrBlock": v.IPv6CIDR, "EnabledIpv6": v.IPv6CIDR != "", "ZoneId": v.Zone, "AvailableIpAddressCount": v.available(),
		"CreationTime": stamp(v.Created), "IsDefault": false,
		"RouteTable": api.Reply{"RouteTableId": v.Table, "RouteTableType": p.Tables[v.Table].Type},
		"Tags":       tagItems(v.Tags),
	}
}

func (p *Product) describeVRouters(c *api.Call) (api.Reply, *api.Error) {
	found := []*network{}
	for _, v := range ordered(p.VPCs, func(v *network) uint64 { return v.Seq }) {
		if match(c.Params["VRouterId"], v.RouterID) {
			found = append(found, v)
		}
	}
	return p.pageReply(c, "VRouters", "VRouter", len(found), func(number, size int) []api.Reply {
		return each(api.PageOf(found, number, size), func(v *network) api.Reply {
			return api.Reply{
				"VRouterId": v.RouterID, "VRouterName": v.Name, "VpcId": v.ID, "RegionId": p.Region, "CreationTime": stamp(v.Created),
				"RouteTableIds": api.Reply{"RouteTableId": p.tableIDs(v.ID)},
			}
		})
	})
}

func (p *Product) describeRouteTableList(c *api.Call) (api.Reply, *api.Error) {
	q := c.Params
	found := []*table{}
	for _, t := range ordered(p.Tables, func(t *table) uint64 { return t.Seq }) {
		if match(q["VpcId"], t.VPC) && match(q["RouteTableId"], t.ID) && match(q["RouteTableName"], t.Name) &&
			match(q["RouteTableType"], t.Type) && match(q["RouterId"], p.VPCs[t.VPC].RouterID) &&
			match(q["RouterType"], "VRouter") && match(q["ResourceGroupId"], "") && q.HasTags(t.Tags) {
			found = append(found, t)
		}
	}
	reply, err := p.pageReply(c, "RouterTableList", "RouterTableListType", len(found), func(number, size int) []api.Reply {
		return each(api.PageOf(found, number, size), p.tableItem)
	})
	if err != nil {
		return nil, err
	}
	// The only list of the product that repeats the outcome in the body.
	reply["Code"], reply["Message"], reply["Success"] = "200", "", true
	return reply, nil
}

func (p *Product) tableItem(t *table) api.Reply {
	vSwitches := []string{}
	for _, v := range ordered(p.VSwitches, func(v *vSwitch) uint64 { return v.Seq }) {
		if v.Table == t.ID {
			vSwitches = append(vSwitches, v.ID)
		}
	}
	return api.Reply{
		"RouteTableId": t.ID, "RouteTableName": t.Name, "RouteTableType": t.Type, "VpcId": t.VPC, "RouterId": p.VPCs[t.VPC].RouterID,
		"RouterType": "VRouter", "Status": statusAvailable, "AssociateType": "VSwitch", "RoutePropagationEnable": true,
		"CreationTime": stamp(t.Created),
		"VSwitchIds":   api.Reply{"VSwitchId": vSwitches},
		"Tags":         tagItems(t.Tags),
	}
}

// tableIDs are the route tables of a VPC in order of creation.
func (p *Product) tableIDs(vpc string) []string {
	ids := []string{}
	for _, t := range ordered(p.Tables, func(t *table) uint64 { return t.Seq }) {
		if t.VPC == vpc {
			ids = append(ids, t.ID)
		}
	}
	return ids
}

// pageReply is the answer of a list in the PageNumber style.
func (p *Product) pageReply(c *api.Call, outer, inner string, total int, page func(number, size int) []api.Reply) (api.Reply, *api.Error) {
	return p.pageReplyUpTo(c, maxListPage, outer, inner, total, page)
}

func (p *Product) pageReplyUpTo(
	c *api.Call, maxSize int, outer, inner string, total int, page func(number, size int) []api.Reply,
) (api.Reply, *api.Error) {
	number, size, err := c.Params.Page(listPage, maxSize, p.Knobs.ClampPageSize)
	if err != nil {
		return nil, err
	}
	return api.Reply{
		"PageNumber": number, "PageSize": size, "TotalCount": total,
		outer: api.Reply{inner: page(number, size)},
	}, nil
}

func each[T any](items []T, f func(T) api.Reply) []api.Reply {
	out := make([]api.Reply, 0, len(items))
	for _, item := range items {
		out = append(out, f(item))
	}
	return out
}

// tagItems renders tags as VPC does: Key and Value, where ECS and SLB say TagKey
// and TagValue.
func tagItems(tags map[string]string) api.Reply {
	items := make([]api.Reply, 0, len(tags))
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		items = append(items, api.Reply{"Key": key, "Value": tags[key]})
	}
	return api.Reply{"Tag": items}
}

func list(items []string) []string {
	if items == nil {
		return []string{}
	}
	return items
}

func stamp(t time.Time) string {
	return t.UTC().Format(time.RFC3339)
}
