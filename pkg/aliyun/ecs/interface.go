package ecs

import (
	"context"
	"fmt"
	"slices"

	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/requests"
	sdk "github.com/aliyun/alibaba-cloud-sdk-go/services/ecs"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/listing"
	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/transport"
)

// primaryType is the type of a server's own interface.
const primaryType = "Primary"

// interfacesPerPage is the API's largest page of interfaces. Addresses repeat in
// other VPCs, so a call with 100 addresses may find more than 100 interfaces.
const interfacesPerPage = 500

// Interfaces lists the network interfaces that match the filter: 100 addresses
// a call, or one server a call when only servers are given. A non-nil, empty
// slice in the filter matches nothing and costs no call.
func (c *Client) Interfaces(ctx context.Context, f InterfaceFilter) ([]Interface, error) {
	if (f.PrivateIPs != nil && len(f.PrivateIPs) == 0) || (f.ServerIDs != nil && len(f.ServerIDs) == 0) {
		return nil, nil
	}
	type part struct {
		ips    []string
		server string
	}
	var parts []part
	switch {
	case len(f.PrivateIPs) > 0:
		for ips := range slices.Chunk(unique(f.PrivateIPs), PerCall) {
			parts = append(parts, part{ips: ips})
		}
	case len(f.ServerIDs) > 0:
		for _, id := range unique(f.ServerIDs) {
			parts = append(parts, part{server: id})
		}
	default:
		parts = []part{{}}
	}
	var all []Interface
	seen := map[string]bool{}
	for _, p := range parts {
		found, err := c.interfaces(ctx, f.VPCID, p.server, p.ips)
		if err != nil {
			return nil, fmt.Errorf("list network interfaces: %w", err)
		}
		for _, eni := range found {
			if seen[eni.ID] || (len(f.ServerIDs) > 0 && !slices.Contains(f.ServerIDs, eni.ServerID)) {
				continue
			}
			seen[eni.ID] = true
			all = append(all, eni)
		}
	}
	return all, nil
}

func (c *Client) interfaces(ctx context.Context, vpcID, serverID string, ips []string) ([]Interface, error) {
	src := listing.Source{Product: string(transport.Ecs), Action: "DescribeNetworkInterfaces"}
	return listing.Tokens(ctx, src, func(ctx context.Context, token string) (listing.TokenPage[Interface], error) {
		req := sdk.CreateDescribeNetworkInterfacesRequest()
		req.VpcId = vpcID
		req.InstanceId = serverID
		if len(ips) > 0 {
			req.PrivateIpAddress = &ips
		}
		req.MaxResults = requests.NewInteger(interfacesPerPage)
		req.NextToken = token
		resp := sdk.CreateDescribeNetworkInterfacesResponse()
		if err := c.read(ctx, req, resp); err != nil {
			return listing.TokenPage[Interface]{}, err
		}
		page := listing.TokenPage[Interface]{Next: resp.NextToken, RequestID: resp.RequestId}
		for i := range resp.NetworkInterfaceSets.NetworkInterfaceSet {
			page.Items = append(page.Items, networkInterface(&resp.NetworkInterfaceSets.NetworkInterfaceSet[i]))
		}
		return page, nil
	})
}

func networkInterface(in *sdk.NetworkInterfaceSet) Interface {
	out := Interface{
		ID: in.NetworkInterfaceId, ServerID: in.InstanceId, VPCID: in.VpcId, VSwitchID: in.VSwitchId,
		Primary: in.Type == primaryType, SourceDestCheck: in.SourceDestCheck,
		PrivateIPs: nonEmpty([]string{in.PrivateIpAddress}),
	}
	if out.ServerID == "" {
		out.ServerID = in.Attachment.InstanceId
	}
	for _, set := range in.PrivateIpSets.PrivateIpSet {
		out.PrivateIPs = append(out.PrivateIPs, nonEmpty([]string{set.PrivateIpAddress})...)
	}
	out.PrivateIPs = unique(out.PrivateIPs)
	for _, set := range in.Ipv6Sets.Ipv6Set {
		out.IPv6s = append(out.IPv6s, set.Ipv6Address)
	}
	return out
}

// SetSourceDestCheck switches the source/destination check of one interface (the
// API has no call for several).
func (c *Client) SetSourceDestCheck(ctx context.Context, interfaceID string, on bool) error {
	req := sdk.CreateModifyNetworkInterfaceAttributeRequest()
	req.NetworkInterfaceId = interfaceID
	req.SourceDestCheck = requests.NewBoolean(on)
	err := c.doer.Do(ctx, transport.Call{
		Product: transport.Ecs, Request: req, Response: sdk.CreateModifyNetworkInterfaceAttributeResponse(),
		Mutating: true, Repeatable: true,
	})
	if err != nil {
		return fmt.Errorf("switch the source/destination check of %s: %w", interfaceID, err)
	}
	return nil
}
