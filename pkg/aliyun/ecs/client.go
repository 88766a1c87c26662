package ecs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/requests"
	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/responses"
	sdk "github.com/aliyun/alibaba-cloud-sdk-go/services/ecs"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/apierror"
	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/listing"
	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/transport"
)

// PerCall is how many ids or addresses one listing call takes.
const PerCall = 100

// codeNotFound is the one answer that proves that a server does not exist.
const codeNotFound = "InvalidInstanceId.NotFound"

// Client makes the ECS calls. It is safe for concurrent use.
type Client struct {
	doer transport.Doer
}

// New returns a client that sends its calls through d.
func New(d transport.Doer) *Client { return &Client{doer: d} }

func (c *Client) read(ctx context.Context, req requests.AcsRequest, resp responses.AcsResponse) error {
	return c.doer.Do(ctx, transport.Call{Product: transport.Ecs, Request: req, Response: resp, Repeatable: true})
}

// Servers lists the servers that match the filter. The order is the API's.
// Servers that do not exist are left out: their absence here proves nothing
// (ServerExists does). A non-nil, empty slice in the filter matches no server
// and costs no call.
func (c *Client) Servers(ctx context.Context, f Filter) ([]Server, error) {
	if (f.IDs != nil && len(f.IDs) == 0) || (f.PrivateIPs != nil && len(f.PrivateIPs) == 0) {
		return nil, nil
	}
	var all []Server
	seen := map[string]bool{}
	for _, part := range split(f) {
		servers, err := c.servers(ctx, part)
		if err != nil {
			return nil, fmt.Errorf("list servers: %w", err)
		}
		for _, s := range servers {
			if seen[s.ID] || !matches(f, s) {
				continue
			}
			seen[s.ID] = true
			all = append(all, s)
		}
	}
	return all, nil
}

// split cuts a filter into what one call takes. IDs narrow more than addresses
// do, so with both the addresses are left to matches.
func split(f Filter) []Filter {
	switch {
	case len(f.IDs) > 0:
		var parts []Filter
		for ids := range slices.Chunk(unique(f.IDs), PerCall) {
			parts = append(parts, Filter{IDs: ids, VPCID: f.VPCID})
		}
		return parts
	case len(f.PrivateIPs) > 0:
		var parts []Filter
		for ips := range slices.Chunk(unique(f.PrivateIPs), PerCall) {
			parts = append(parts, Filter{PrivateIPs: ips, VPCID: f.VPCID})
		}
		return parts
	default:
		return []Filter{f}
	}
}

func matches(f Filter, s Server) bool {
	if len(f.IDs) == 0 || len(f.PrivateIPs) == 0 {
		return true
	}
	return slices.ContainsFunc(s.PrivateIPs, func(ip string) bool { return slices.Contains(f.PrivateIPs, ip) })
}

func (c *Client) servers(ctx context.Context, f Filter) ([]Server, error) {
	src := listing.Source{Product: string(transport.Ecs), Action: "DescribeInstances"}
	return listing.Tokens(ctx, src, func(ctx context.Context, token string) (listing.TokenPage[Server], error) {
		req := sdk.CreateDescribeInstancesRequest()
		req.VpcId = f.VPCID
		req.InstanceIds = jsonList(f.IDs)
		req.PrivateIpAddresses = jsonList(f.PrivateIPs)
		req.MaxResults = requests.NewInteger(PerCall)
		req.NextToken = token
		resp := sdk.CreateDescribeInstancesResponse()
		if err := c.read(ctx, req, resp); err != nil {
			return listing.TokenPage[Server]{}, err
		}
		page := listing.TokenPage[Server]{Next: resp.NextToken, RequestID: resp.RequestId}
		for i := range resp.Instances.Instance {
			page.Items = append(page.Items, server(&resp.Instances.Instance[i]))
		}
		return page, nil
	})
}

// ServerExists asks for one server by id. It returns false only when the API
// says InvalidInstanceId.NotFound; whatever else is not a plain yes is an error.
func (c *Client) ServerExists(ctx context.Context, id string) (bool, error) {
	req := sdk.CreateDescribeInstanceAttributeRequest()
	req.InstanceId = id
	resp := sdk.CreateDescribeInstanceAttributeResponse()
	err := c.read(ctx, req, resp)
	switch {
	case errors.Is(err, apierror.ErrNotFound) && apierror.CodeOf(err) == codeNotFound:
		return false, nil
	case err != nil:
		return false, fmt.Errorf("describe server %s: %w", id, err)
	case resp.InstanceId != id:
		return false, fmt.Errorf("describe server %s: %w", id, &apierror.Error{
			Product: string(transport.Ecs), Action: "DescribeInstanceAttribute", RequestID: resp.RequestId,
			Kind: apierror.Unavailable, Message: "the answer is about " + strconv.Quote(resp.InstanceId),
		})
	default:
		return true, nil
	}
}

// jsonList is the form of the API's lists that travel in one string.
func jsonList(values []string) string {
	if len(values) == 0 {
		return ""
	}
	text, err := json.Marshal(values)
	if err != nil { // strings always marshal
		return ""
	}
	return string(text)
}

// unique drops repetitions and keeps the order.
func unique(values []string) []string {
	seen := make(map[string]bool, len(values))
	out := make([]string, 0, len(values))
	for _, v := range values {
		if !seen[v] {
			seen[v] = true
			out = append(out, v)
		}
	}
	return out
}
