package vpc

import (
	"cmp"
	"net/http"
	"slices"
	"strconv"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/api"
)

// Page sizes of DescribeRouteEntryList: 100 are documented, 500 work.
const (
	entryPage    = 10
	maxEntryPage = 500
)

// entryItem is one line of DescribeRouteEntryList.
type entryItem struct {
	RouteEntryID         string `json:"RouteEntryId"`
	RouteEntryName       string
	Description          string
	DestinationCidrBlock string
	RouteTableID         string `json:"RouteTableId"`
	Status               string
	Type                 string
	Origin               string
	IPVersion            string `json:"IpVersion"`
	ServiceType          string `json:",omitempty"`
	NextHops             nextHops
}

type nextHops struct{ NextHop []nextHop }

type nextHop struct {
	NextHopID   string `json:"NextHopId"`
	NextHopType string
	Enabled     int
	Weight      int
}

// describeRouteEntryList pages by the entries' order of creation: what is created
// or deleted between two pages neither doubles nor hides another entry.
func (p *Product) describeRouteEntryList(c *api.Call) (api.Reply, *api.Error) {
	tableID := c.Params["RouteTableId"]
	if p.Tables[tableID] == nil {
		return nil, api.Errorf(http.StatusBadRequest, "InvalidRouteTable.NotFound", "The specified route table %q does not exist.", tableID)
	}
	size, err := c.Params.Int("MaxResult", entryPage)
	if err != nil {
		return nil, err
	}
	if size < 1 || size > maxEntryPage {
		if !p.Knobs.ClampPageSize {
			return nil, api.Invalid("MaxResult", c.Params["MaxResult"])
		}
		size = min(max(size, 1), maxEntryPage)
	}
	position, err := c.Position("IllegalParam.NextToken")
	if err != nil {
		return nil, err
	}
	var after uint64
	if position != "" {
		if after, err = parseSeq(position); err != nil {
			return nil, err
		}
	}
	wanted := entryFilter(c.Params)
	entries := p.index.entries[tableID]
	start, found := slices.BinarySearchFunc(entries, after, func(e *entry, seq uint64) int { return cmp.Compare(e.Seq, seq) })
	if found {
		start++
	}
	items := make([]entryItem, 0, min(size, len(entries)-start))
	token := ""
	var last uint64
	for _, e := range entries[start:] {
		if !wanted(e) {
			continue
		}
		if len(items) == size {
			token = c.NextToken(strconv.FormatUint(last, 10))
			break
		}
		items = append(items, item(e))
		last = e.Seq
	}
	return api.Reply{"NextToken": token, "RouteEntrys": api.Reply{"RouteEntry": items}}, nil
}

func parseSeq(position string) (uint64, *api.Error) {
	seq, err := strconv.ParseUint(position, 10, 64)
	if err != nil {
		return 0, api.Errorf(http.StatusBadRequest, "IllegalParam.NextToken", "The specified NextToken is invalid.")
	}
	return seq, nil
}

func entryFilter(q api.Params) func(*entry) bool {
	destinations := q.List("DestCidrBlockList")
	return func(e *entry) bool {
		return match(q["RouteEntryId"], e.ID) && match(q["RouteEntryName"], e.Name) && match(q["RouteEntryType"], e.Type) &&
			match(q["DestinationCidrBlock"], e.Destination) && in(destinations, e.Destination) &&
			match(q["NextHopId"], e.NextHop) && match(q["NextHopType"], e.NextHopType) && match(q["ServiceType"], serviceType(e)) &&
			(q["IpVersion"] == "" || sameVersion(q["IpVersion"], ipVersion(e.Destination)))
	}
}

func item(e *entry) entryItem {
	origin := "CustomCreate"
	if e.Type == entrySystem {
		origin = "SystemCreate"
	}
	return entryItem{
		RouteEntryID: e.ID, RouteEntryName: e.Name, Description: e.Description, DestinationCidrBlock: e.Destination,
		RouteTableID: e.Table, Status: e.Status, Type: e.Type, Origin: origin, IPVersion: ipVersion(e.Destination),
		ServiceType: serviceType(e),
		NextHops:    nextHops{NextHop: []nextHop{{NextHopID: e.NextHop, NextHopType: e.NextHopType, Enabled: 1, Weight: 0}}},
	}
}

// serviceType marks the entry of the cloud's own services.
func serviceType(e *entry) string {
	if e.NextHopType == "service" {
		return "MANAGED"
	}
	return ""
}

// describeRouteTables is the deprecated list of tables that carries all entries.
func (p *Product) describeRouteTables(c *api.Call) (api.Reply, *api.Error) {
	q := c.Params
	found := []*table{}
	for _, t := range ordered(p.Tables, func(t *table) uint64 { return t.Seq }) {
		router := p.VPCs[t.VPC].RouterID
		if match(q["RouteTableId"], t.ID) && match(q["RouteTableName"], t.Name) && match(q["VRouterId"], router) &&
			match(q["RouterId"], router) && match(q["RouterType"], "VRouter") && match(q["Type"], t.Type) && match(q["ResourceGroupId"], "") {
			found = append(found, t)
		}
	}
	return p.pageReply(c, "RouteTables", "RouteTable", len(found), func(number, size int) []api.Reply {
		return each(api.PageOf(found, number, size), func(t *table) api.Reply {
			line := p.tableItem(t)
			entries := make([]entryItem, 0, len(p.index.entries[t.ID]))
			for _, e := range p.index.entries[t.ID] {
				entries = append(entries, item(e))
			}
			line["VRouterId"], line["RouteEntrys"] = p.VPCs[t.VPC].RouterID, api.Reply{"RouteEntry": entries}
			return line
		})
	})
}
