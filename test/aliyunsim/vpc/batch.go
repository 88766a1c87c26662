package vpc

import (
	"fmt"
	"maps"
	"net/http"
	"slices"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/api"
)

// maxBatch is how many entries CreateRouteEntries and DeleteRouteEntries take.
const maxBatch = 50

// The published failures of single items.
const (
	itemDuplicate = "VPC_ROUTE_ENTRY_CIDR_BLOCK_DUPLICATE"
	itemStatus    = "VPC_ROUTE_ENTRY_STATUS_ERROR"
	itemNotExist  = "VPC_ROUTER_ENTRY_NOT_EXIST"
)

// batchItems reads RouteEntries.N, checks the fields every item needs, and refuses
// the whole call while a VPC of any item is busy.
func (p *Product) batchItems(c *api.Call, required ...string) ([]api.Params, *api.Error) {
	items := c.Params.Structs("RouteEntries")
	if len(items) == 0 {
		return nil, api.Missing("RouteEntries.1.RouteTableId")
	}
	if len(items) > maxBatch {
		return nil, api.Errorf(http.StatusBadRequest, "InvalidParameter",
			"The specified parameter RouteEntries is not valid: %d items, at most %d are allowed.", len(items), maxBatch)
	}
	for i, item := range items {
		for _, name := range required {
			if item[name] == "" {
				return nil, api.Missing(fmt.Sprintf("RouteEntries.%d.%s", i+1, name))
			}
		}
	}
	for _, vpc := range p.vpcsOf(items) {
		if err := p.conflict(c, vpc); err != nil {
			return nil, err
		}
	}
	return items, nil
}

func (p *Product) vpcsOf(items []api.Params) []string {
	vpcs := map[string]bool{}
	for _, item := range items {
		if t := p.Tables[item["RouteTableId"]]; t != nil {
			vpcs[t.VPC] = true
		}
	}
	return slices.Sorted(maps.Keys(vpcs))
}

func (p *Product) createRouteEntries(c *api.Call) (api.Reply, *api.Error) {
	items, err := p.batchItems(c, "RouteTableId", "DstCidrBlock", "NextHop", "NextHopType")
	if err != nil {
		return nil, err
	}
	if err := dryRun(c); err != nil {
		return nil, err
	}
	created := []*entry{}
	failed := []api.Reply{}
	for _, q := range items {
		e, err := p.createItem(q)
		if err != nil {
			code := err.Code
			if code == "InvalidCIDRBlock.Duplicate" {
				code = itemDuplicate
			}
			failed = append(failed, failedItem(q, code, err.Message))
			continue
		}
		created = append(created, e)
	}
	ids := []string{}
	for _, e := range created {
		ids = append(ids, e.ID)
		p.move(e, statusPending, p.begin(c, p.Tables[e.Table].VPC), c.Now)
	}
	return api.Reply{"SuccessCount": len(ids), "FailedCount": len(failed), "RouteEntryIds": ids, "FailedRouteEntries": failed}, nil
}

func (p *Product) createItem(q api.Params) (*entry, *api.Error) {
	t := p.Tables[q["RouteTableId"]]
	if t == nil {
		return nil, tableNotFound(q["RouteTableId"])
	}
	want := newEntry{
		Table: t.ID, Destination: q["DstCidrBlock"], NextHop: q["NextHop"], NextHopType: q["NextHopType"],
		Name: q["Name"], Description: q["Description"],
	}
	if want.Description == "" {
		want.Description = q["Describption"]
	}
	dst, err := p.checkNew(t, want, true)
	if err != nil {
		return nil, err
	}
	if v := q["IpVersion"]; v != "" && !sameVersion(v, ipVersion(dst.String())) {
		return nil, api.Invalid("IpVersion", v)
	}
	return p.create(want, dst), nil
}

func (p *Product) deleteRouteEntries(c *api.Call) (api.Reply, *api.Error) {
	items, err := p.batchItems(c, "RouteTableId")
	if err != nil {
		return nil, err
	}
	for i, q := range items {
		if q["RouteEntryId"] == "" && (q["DstCidrBlock"] == "" || q["NextHop"] == "") {
			return nil, api.Missing(fmt.Sprintf("RouteEntries.%d.RouteEntryId", i+1))
		}
	}
	if err := dryRun(c); err != nil {
		return nil, err
	}
	failed := []api.Reply{}
	doomed := []*entry{}
	for _, q := range items {
		e := p.deleteItem(q)
		switch {
		case e == nil:
			failed = append(failed, failedItem(q, itemNotExist, "The specified route entry does not exist."))
		case e.Type != entryCustom:
			failed = append(failed, failedItem(q, "OperationDenied", "A system route entry cannot be deleted."))
		case e.Status != statusAvailable || slices.Contains(doomed, e):
			failed = append(failed, failedItem(q, itemStatus, "The status of the route entry does not allow this operation."))
		default:
			doomed = append(doomed, e)
		}
	}
	for _, e := range doomed {
		p.move(e, statusDeleting, p.begin(c, p.Tables[e.Table].VPC), c.Now)
	}
	return api.Reply{"SuccessCount": len(doomed), "FailedCount": len(failed), "FailedRouteEntries": failed}, nil
}

// deleteItem finds the entry that an item of DeleteRouteEntries names, or nil.
func (p *Product) deleteItem(q api.Params) *entry {
	if id := q["RouteEntryId"]; id != "" {
		if e := p.Entries[id]; e != nil && e.Table == q["RouteTableId"] && match(q["NextHop"], e.NextHop) {
			return e
		}
		return nil
	}
	dst, err := parseDestination(q["DstCidrBlock"])
	if err != nil {
		return nil
	}
	e := p.index.destinations[q["RouteTableId"]][dst.String()]
	if e != nil && e.Type == entryCustom && e.NextHop != q["NextHop"] {
		return nil
	}
	return e
}

func failedItem(q api.Params, code, message string) api.Reply {
	return api.Reply{
		"DstCidrBlock": q["DstCidrBlock"], "NextHop": q["NextHop"], "RouteEntryId": q["RouteEntryId"],
		"FailedCode": code, "FailedMessage": message,
	}
}
