package vpc

import (
	"context"
	"errors"
	"fmt"

	sdk "github.com/aliyun/alibaba-cloud-sdk-go/services/vpc"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/apierror"
	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/transport"
)

const (
	actionCreate = "CreateRouteEntries"
	actionDelete = "DeleteRouteEntries"
)

// errBatch is a programming error: more items than one call takes.
var errBatch = fmt.Errorf("more than %d route entries in one call", MaxBatch)

// CreateRouteEntries creates up to MaxBatch entries in one call. The results are
// in the order of the input; an error means that the whole call failed, and
// whether anything was created is then to be read. The API matches a failed item
// by destination and next hop without its table, so put one table in a call.
// The call is not repeatable: the API forbids to send the same batch again soon.
func (c *Client) CreateRouteEntries(ctx context.Context, entries []NewEntry) ([]Result, error) {
	if len(entries) > MaxBatch {
		return nil, errBatch
	}
	req := sdk.CreateCreateRouteEntriesRequest()
	items := make([]sdk.CreateRouteEntriesRouteEntries, len(entries))
	hops := make([]hop, len(entries))
	for i, e := range entries {
		items[i] = sdk.CreateRouteEntriesRouteEntries{
			RouteTableId: e.TableID, DstCidrBlock: e.CIDR, NextHop: e.ServerID, NextHopType: NextHopInstance,
			IpVersion: ipVersion(e.IPv6), Name: e.Name, Description: e.Description,
		}
		hops[i] = hop{cidr: e.CIDR, next: e.ServerID}
	}
	req.RouteEntries = &items
	resp := sdk.CreateCreateRouteEntriesResponse()
	err := c.doer.Do(ctx, transport.Call{Product: transport.Vpc, Request: req, Response: resp, Mutating: true})
	if err != nil {
		return nil, fmt.Errorf("create %d route entries: %w", len(entries), err)
	}
	results, err := outcome(actionCreate, hops, resp.SuccessCount, resp.FailedRouteEntries, resp.RequestId)
	if err != nil {
		return nil, fmt.Errorf("create %d route entries: %w", len(entries), err)
	}
	number(results, resp.RouteEntryIds)
	return results, nil
}

// DeleteRouteEntries deletes up to MaxBatch entries in one call. The results are
// in the order of the input; an entry that does not exist counts as deleted.
func (c *Client) DeleteRouteEntries(ctx context.Context, entries []RouteEntry) ([]Result, error) {
	if len(entries) > MaxBatch {
		return nil, errBatch
	}
	req := sdk.CreateDeleteRouteEntriesRequest()
	items := make([]sdk.DeleteRouteEntriesRouteEntries, len(entries))
	hops := make([]hop, len(entries))
	for i, e := range entries {
		items[i] = sdk.DeleteRouteEntriesRouteEntries{RouteTableId: e.TableID, RouteEntryId: e.ID}
		if e.ID == "" {
			items[i].DstCidrBlock, items[i].NextHop = e.CIDR, e.NextHopID
		}
		hops[i] = hop{id: e.ID, cidr: e.CIDR, next: e.NextHopID}
	}
	req.RouteEntries = &items
	resp := sdk.CreateDeleteRouteEntriesResponse()
	err := c.doer.Do(urgent(ctx), transport.Call{
		Product: transport.Vpc, Request: req, Response: resp, Mutating: true, Repeatable: true,
	})
	if err != nil {
		return nil, fmt.Errorf("delete %d route entries: %w", len(entries), err)
	}
	results, err := outcome(actionDelete, hops, resp.SuccessCount, resp.FailedRouteEntries, resp.RequestId)
	if err != nil {
		return nil, fmt.Errorf("delete %d route entries: %w", len(entries), err)
	}
	for i := range results {
		results[i].EntryID = entries[i].ID
		if errors.Is(results[i].Err, apierror.ErrNotFound) {
			results[i].Err = nil
		}
	}
	return results, nil
}

// urgent lets deletions go before audits and creations in the limiter.
func urgent(ctx context.Context) context.Context {
	return transport.WithPriority(ctx, transport.Urgent)
}

func ipVersion(six bool) string {
	if six {
		return "6"
	}
	return "4"
}

// hop is what a failed item of a batch answer is recognised by.
type hop struct {
	id, cidr, next string
}

// is reports whether a failed item is about h. The item's fields that are empty
// do not count.
func (h hop) is(f *sdk.FailedRouteEntriesItem) bool {
	if h.id != "" && f.RouteEntryId != "" {
		return h.id == f.RouteEntryId
	}
	return h.cidr == f.DstCidrBlock && (f.NextHop == "" || h.next == f.NextHop)
}

// outcome spreads the failures of a batch answer over the items. An answer that
// does not account for every item fails as a whole, as one that may have been
// executed.
func outcome(action string, hops []hop, succeeded int, failed []sdk.FailedRouteEntriesItem, requestID string) ([]Result, error) {
	incomplete := func(format string, args ...any) error {
		return &apierror.Error{
			Product: string(transport.Vpc), Action: action, RequestID: requestID, Kind: apierror.Unavailable, Sent: true,
			Message: "incomplete answer: " + fmt.Sprintf(format, args...),
		}
	}
	if succeeded+len(failed) != len(hops) {
		return nil, incomplete("%d succeeded and %d failed of %d", succeeded, len(failed), len(hops))
	}
	results := make([]Result, len(hops))
	for i := range failed {
		f := &failed[i]
		found := false
		for j, h := range hops {
			// The same destination and next hop in two tables cannot be told apart:
			// both then count as failed, and are read again.
			if h.is(f) {
				found = true
				results[j].Err = apierror.Item(string(transport.Vpc), action, f.FailedCode, f.FailedMessage)
			}
		}
		if !found {
			return nil, incomplete("failure %s of %s via %s was not asked for", f.FailedCode, f.DstCidrBlock, f.NextHop)
		}
	}
	return results, nil
}

// number gives the ids of the created entries to the results that succeeded,
// when the answer has one for each.
func number(results []Result, ids []string) {
	var created []*Result
	for i := range results {
		if results[i].Err == nil {
			created = append(created, &results[i])
		}
	}
	if len(created) != len(ids) {
		return
	}
	for i, id := range ids {
		created[i].EntryID = id
	}
}
