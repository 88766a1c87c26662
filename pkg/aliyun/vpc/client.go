package vpc

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/requests"
	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/responses"
	sdk "github.com/aliyun/alibaba-cloud-sdk-go/services/vpc"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/apierror"
	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/listing"
	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/transport"
)

// pageSize is the API's largest page of VPCs, vSwitches and route tables.
const pageSize = 50

// Client makes the VPC calls. It is safe for concurrent use.
type Client struct {
	doer transport.Doer
}

// New returns a client that sends its calls through d.
func New(d transport.Doer) *Client { return &Client{doer: d} }

func (c *Client) read(ctx context.Context, req requests.AcsRequest, resp responses.AcsResponse) error {
	return c.doer.Do(ctx, transport.Call{Product: transport.Vpc, Request: req, Response: resp, Repeatable: true})
}

// VPC describes one VPC. The API answers an unknown id with an empty list, which
// is a NotFound error here.
func (c *Client) VPC(ctx context.Context, id string) (VPC, error) {
	all, err := c.vpcs(ctx, id, nil)
	if err != nil {
		return VPC{}, fmt.Errorf("describe VPC %s: %w", id, err)
	}
	for _, v := range all {
		if v.ID == id {
			return v, nil
		}
	}
	return VPC{}, fmt.Errorf("describe VPC %s: %w", id, &apierror.Error{
		Product: string(transport.Vpc), Action: describeVpcs, Kind: apierror.NotFound,
		Message: "no such VPC in this region and account",
	})
}

// VPCs lists the VPCs of the region that have all the tags.
func (c *Client) VPCs(ctx context.Context, tags map[string]string) ([]VPC, error) {
	all, err := c.vpcs(ctx, "", tags)
	if err != nil {
		return nil, fmt.Errorf("list VPCs: %w", err)
	}
	return all, nil
}

const describeVpcs = "DescribeVpcs"

func (c *Client) vpcs(ctx context.Context, id string, tags map[string]string) ([]VPC, error) {
	src := listing.Source{Product: string(transport.Vpc), Action: describeVpcs}
	return listing.Numbered(ctx, src, func(v VPC) string { return v.ID },
		func(ctx context.Context, number int) (listing.NumberedPage[VPC], error) {
			req := sdk.CreateDescribeVpcsRequest()
			req.VpcId = id
			filter := make([]sdk.DescribeVpcsTag, 0, len(tags))
			for _, key := range slices.Sorted(maps.Keys(tags)) {
				filter = append(filter, sdk.DescribeVpcsTag{Key: key, Value: tags[key]})
			}
			req.Tag = &filter
			req.PageSize, req.PageNumber = requests.NewInteger(pageSize), requests.NewInteger(number)
			resp := sdk.CreateDescribeVpcsResponse()
			if err := c.read(ctx, req, resp); err != nil {
				return listing.NumberedPage[VPC]{}, err
			}
			page := listing.NumberedPage[VPC]{Total: resp.TotalCount, RequestID: resp.RequestId}
			for i := range resp.Vpcs.Vpc {
				v := &resp.Vpcs.Vpc[i]
				out := VPC{
					ID: v.VpcId, Name: v.VpcName, CIDR: v.CidrBlock, IPv6CIDR: v.Ipv6CidrBlock, VRouterID: v.VRouterId,
					SecondaryCIDRs: v.SecondaryCidrBlocks.SecondaryCidrBlock, Available: v.Status == string(Available),
					Tags: map[string]string{},
				}
				for _, t := range v.Tags.Tag {
					out.Tags[t.Key] = t.Value
				}
				page.Items = append(page.Items, out)
			}
			return page, nil
		})
}

// VSwitches lists the vSwitches of a VPC.
func (c *Client) VSwitches(ctx context.Context, vpcID string) ([]VSwitch, error) {
	src := listing.Source{Product: string(transport.Vpc), Action: "DescribeVSwitches"}
	all, err := listing.Numbered(ctx, src, func(s VSwitch) string { return s.ID },
		func(ctx context.Context, number int) (listing.NumberedPage[VSwitch], error) {
			req := sdk.CreateDescribeVSwitchesRequest()
			req.VpcId = vpcID
			req.PageSize, req.PageNumber = requests.NewInteger(pageSize), requests.NewInteger(number)
			resp := sdk.CreateDescribeVSwitchesResponse()
			if err := c.read(ctx, req, resp); err != nil {
				return listing.NumberedPage[VSwitch]{}, err
			}
			page := listing.NumberedPage[VSwitch]{Total: resp.TotalCount, RequestID: resp.RequestId}
			for i := range resp.VSwitches.VSwitch {
				s := &resp.VSwitches.VSwitch[i]
				out := VSwitch{
					ID: s.VSwitchId, Name: s.VSwitchName, VPCID: s.VpcId, Zone: s.ZoneId, CIDR: s.CidrBlock, IPv6CIDR: s.Ipv6CidrBlock,
					RouteTableID: s.RouteTable.RouteTableId, FreeAddresses: int(s.AvailableIpAddressCount),
					Available: s.Status == string(Available), Tags: map[string]string{},
				}
				for _, t := range s.Tags.Tag {
					out.Tags[t.Key] = t.Value
				}
				page.Items = append(page.Items, out)
			}
			return page, nil
		})
	if err != nil {
		return nil, fmt.Errorf("list vSwitches of %s: %w", vpcID, err)
	}
	return all, nil
}

// RouteTables lists the route tables of a VPC.
func (c *Client) RouteTables(ctx context.Context, vpcID string) ([]RouteTable, error) {
	src := listing.Source{Product: string(transport.Vpc), Action: "DescribeRouteTableList"}
	all, err := listing.Numbered(ctx, src, func(t RouteTable) string { return t.ID },
		func(ctx context.Context, number int) (listing.NumberedPage[RouteTable], error) {
			req := sdk.CreateDescribeRouteTableListRequest()
			req.VpcId = vpcID
			req.PageSize, req.PageNumber = requests.NewInteger(pageSize), requests.NewInteger(number)
			resp := sdk.CreateDescribeRouteTableListResponse()
			if err := c.read(ctx, req, resp); err != nil {
				return listing.NumberedPage[RouteTable]{}, err
			}
			page := listing.NumberedPage[RouteTable]{Total: resp.TotalCount, RequestID: resp.RequestId}
			for i := range resp.RouterTableList.RouterTableListType {
				t := &resp.RouterTableList.RouterTableListType[i]
				page.Items = append(page.Items, RouteTable{
					ID: t.RouteTableId, Name: t.RouteTableName, VPCID: t.VpcId, System: t.RouteTableType == "System",
					VSwitchIDs: t.VSwitchIds.VSwitchId,
				})
			}
			return page, nil
		})
	if err != nil {
		return nil, fmt.Errorf("list route tables of %s: %w", vpcID, err)
	}
	return all, nil
}
