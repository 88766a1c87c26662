package vpc

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/requests"
	sdk "github.com/aliyun/alibaba-cloud-sdk-go/services/vpc"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/listing"
	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/transport"
)

// NextHopInstance is the next-hop type of an entry that leads to a server.
const NextHopInstance = "Instance"

// entriesPerPage is the largest page of route entries that the API documents.
const entriesPerPage = 100

// RouteEntries lists all entries of a route table, those of the system included.
func (c *Client) RouteEntries(ctx context.Context, tableID string) ([]RouteEntry, error) {
	all, err := c.entries(ctx, tableID, nil)
	if err != nil {
		return nil, fmt.Errorf("list route entries of %s: %w", tableID, err)
	}
	return all, nil
}

// RouteEntriesTo lists the entries of a route table with one of the given
// destinations, spelt as the API spells them, 50 destinations a call. No
// destinations, no call.
func (c *Client) RouteEntriesTo(ctx context.Context, tableID string, cidrs []string) ([]RouteEntry, error) {
	var all []RouteEntry
	for part := range slices.Chunk(cidrs, MaxBatch) {
		found, err := c.entries(ctx, tableID, part)
		if err != nil {
			return nil, fmt.Errorf("list %d route entries of %s: %w", len(part), tableID, err)
		}
		all = append(all, found...)
	}
	return all, nil
}

func (c *Client) entries(ctx context.Context, tableID string, cidrs []string) ([]RouteEntry, error) {
	src := listing.Source{Product: string(transport.Vpc), Action: "DescribeRouteEntryList"}
	return listing.Tokens(ctx, src, func(ctx context.Context, token string) (listing.TokenPage[RouteEntry], error) {
		req := sdk.CreateDescribeRouteEntryListRequest()
		req.RouteTableId = tableID
		if len(cidrs) > 0 {
			req.DestCidrBlockList = &cidrs
		}
		req.MaxResult = requests.NewInteger(entriesPerPage)
		req.NextToken = token
		resp := sdk.CreateDescribeRouteEntryListResponse()
		if err := c.read(ctx, req, resp); err != nil {
			return listing.TokenPage[RouteEntry]{}, err
		}
		page := listing.TokenPage[RouteEntry]{Next: resp.NextToken, RequestID: resp.RequestId}
		for i := range resp.RouteEntrys.RouteEntry {
			page.Items = append(page.Items, entry(&resp.RouteEntrys.RouteEntry[i], tableID))
		}
		return page, nil
	})
}

func entry(in *sdk.RouteEntry, tableID string) RouteEntry {
	out := RouteEntry{
		ID: in.RouteEntryId, TableID: tableID, Name: in.RouteEntryName, Description: in.Description,
		CIDR: in.DestinationCidrBlock, Status: EntryStatus(in.Status), Custom: in.Type == "Custom",
		IPv6: strings.EqualFold(in.IpVersion, "ipv6") || strings.Contains(in.DestinationCidrBlock, ":"),
	}
	switch hops := in.NextHops.NextHop; len(hops) {
	case 0:
		out.NextHopType, out.NextHopID = in.NextHopType, in.InstanceId
	case 1:
		out.NextHopType, out.NextHopID = hops[0].NextHopType, hops[0].NextHopId
	}
	return out
}

// ModifyRouteEntry changes the name and the description of an entry; empty
// values are left as they are.
func (c *Client) ModifyRouteEntry(ctx context.Context, id, name, description string) error {
	req := sdk.CreateModifyRouteEntryRequest()
	req.RouteEntryId, req.RouteEntryName, req.Description = id, name, description
	err := c.doer.Do(ctx, transport.Call{
		Product: transport.Vpc, Request: req, Response: sdk.CreateModifyRouteEntryResponse(),
		Mutating: true, Repeatable: true,
	})
	if err != nil {
		return fmt.Errorf("rename route entry %s: %w", id, err)
	}
	return nil
}
