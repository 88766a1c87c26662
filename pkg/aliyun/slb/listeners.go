package slb

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"

	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/requests"
	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/responses"
	sdk "github.com/aliyun/alibaba-cloud-sdk-go/services/slb"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/apierror"
	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/listing"
	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/transport"
)

const listenersPerPage = 100

// configs are the names of the protocols' configuration objects in
// DescribeLoadBalancerListeners.
var configs = map[Protocol]string{
	TCP: "TCPListenerConfig", UDP: "UDPListenerConfig", HTTP: "HTTPListenerConfig", HTTPS: "HTTPSListenerConfig",
}

// Listeners lists the listeners of load balancers, ten load balancers a call.
// Listeners of protocols that this package does not know are told without
// attributes.
func (c *Client) Listeners(ctx context.Context, lbIDs ...string) ([]Listener, error) {
	var all []Listener
	for ids := range slices.Chunk(lbIDs, idsPerCall) {
		found, err := c.listeners(ctx, ids)
		if err != nil {
			return nil, wrap(err, "list listeners")
		}
		all = append(all, found...)
	}
	return all, nil
}

func (c *Client) listeners(ctx context.Context, ids []string) ([]Listener, error) {
	src := listing.Source{Product: string(transport.Slb), Action: "DescribeLoadBalancerListeners"}
	return listing.Tokens(ctx, src, func(ctx context.Context, token string) (listing.TokenPage[Listener], error) {
		req := sdk.CreateDescribeLoadBalancerListenersRequest()
		req.LoadBalancerId = &ids
		req.MaxResults = requests.NewInteger(listenersPerPage)
		req.NextToken = token
		resp := sdk.CreateDescribeLoadBalancerListenersResponse()
		if err := c.read(ctx, req, resp); err != nil {
			return listing.TokenPage[Listener]{}, err
		}
		page := listing.TokenPage[Listener]{Next: resp.NextToken, RequestID: resp.RequestId}
		var body struct{ Listeners []map[string]json.RawMessage }
		if err := json.Unmarshal(resp.GetHttpContentBytes(), &body); err != nil {
			return page, unreadable(src.Action, resp.RequestId, err)
		}
		for _, outer := range body.Listeners {
			l, err := batchListener(outer)
			if err != nil {
				return page, unreadable(src.Action, resp.RequestId, err)
			}
			page.Items = append(page.Items, l)
		}
		return page, nil
	})
}

// batchListener reads one item of DescribeLoadBalancerListeners.
func batchListener(outer map[string]json.RawMessage) (Listener, error) {
	l, err := listener(outer)
	if err != nil {
		return Listener{}, err
	}
	l.Protocol = Protocol(plain(outer["ListenerProtocol"]))
	l.LoadBalancerID = plain(outer["LoadBalancerId"])
	var tags []struct{ TagKey, TagValue string }
	if raw := outer["Tags"]; len(raw) > 0 && raw[0] == '[' {
		if err := json.Unmarshal(raw, &tags); err != nil {
			return Listener{}, fmt.Errorf("tags of listener %s: %w", l.ListenerKey, err)
		}
	}
	for _, t := range tags {
		l.Tags[t.TagKey] = t.TagValue
	}
	config, known := configs[l.Protocol]
	if !known {
		return l, nil
	}
	inner := map[string]json.RawMessage{}
	if raw := outer[config]; len(raw) > 0 {
		if err := json.Unmarshal(raw, &inner); err != nil {
			return Listener{}, fmt.Errorf("configuration of listener %s: %w", l.ListenerKey, err)
		}
	}
	l.Attributes = decode(l.Protocol, outer, inner)
	return l, nil
}

// listener reads what is not in the table of fields.
func listener(outer map[string]json.RawMessage) (Listener, error) {
	port, err := strconv.Atoi(plain(outer["ListenerPort"]))
	if err != nil {
		return Listener{}, fmt.Errorf("listener port: %w", err)
	}
	l := Listener{
		ListenerKey: ListenerKey{Port: port}, Status: ListenerStatus(plain(outer["Status"])),
		GroupID: plain(outer["VServerGroupId"]), Attributes: Attributes{}, Tags: map[string]string{},
	}
	if text := plain(outer["BackendServerPort"]); text != "" && l.GroupID == "" {
		if l.BackendPort, err = strconv.Atoi(text); err != nil {
			return Listener{}, fmt.Errorf("backend port: %w", err)
		}
	}
	return l, nil
}

// Listener describes one listener. One that does not exist is a NotFound error.
func (c *Client) Listener(ctx context.Context, lbID string, key ListenerKey) (Listener, error) {
	req, resp, err := describeCall(key.Protocol)
	if err != nil {
		return Listener{}, wrap(err, "describe listener %s on %s", key, lbID)
	}
	name(req.GetQueryParams(), lbID, key)
	if err := c.read(ctx, req, resp); err != nil {
		return Listener{}, wrap(err, "describe listener %s on %s", key, lbID)
	}
	var outer map[string]json.RawMessage
	if err := json.Unmarshal(resp.GetHttpContentBytes(), &outer); err != nil {
		return Listener{}, wrap(unreadable(req.GetActionName(), "", err), "describe listener %s on %s", key, lbID)
	}
	l, err := listener(outer)
	if err != nil {
		return Listener{}, wrap(unreadable(req.GetActionName(), plain(outer["RequestId"]), err), "describe listener %s on %s", key, lbID)
	}
	l.LoadBalancerID, l.Protocol = lbID, key.Protocol
	l.Attributes = decode(key.Protocol, outer, outer)
	var tags struct {
		Tags struct {
			Tag []struct{ TagKey, TagValue string }
		}
	}
	if err := json.Unmarshal(resp.GetHttpContentBytes(), &tags); err == nil {
		for _, t := range tags.Tags.Tag {
			l.Tags[t.TagKey] = t.TagValue
		}
	}
	return l, nil
}

func describeCall(p Protocol) (requests.AcsRequest, responses.AcsResponse, error) {
	switch p {
	case TCP:
		return sdk.CreateDescribeLoadBalancerTCPListenerAttributeRequest(), sdk.CreateDescribeLoadBalancerTCPListenerAttributeResponse(), nil
	case UDP:
		return sdk.CreateDescribeLoadBalancerUDPListenerAttributeRequest(), sdk.CreateDescribeLoadBalancerUDPListenerAttributeResponse(), nil
	case HTTP:
		return sdk.CreateDescribeLoadBalancerHTTPListenerAttributeRequest(), sdk.CreateDescribeLoadBalancerHTTPListenerAttributeResponse(), nil
	case HTTPS:
		return sdk.CreateDescribeLoadBalancerHTTPSListenerAttributeRequest(), sdk.CreateDescribeLoadBalancerHTTPSListenerAttributeResponse(), nil
	}
	return nil, nil, fmt.Errorf("%w %q", errProtocol, p)
}

// unreadable is the error for an answer that is not what the API documents.
func unreadable(action, requestID string, err error) error {
	return &apierror.Error{
		Product: string(transport.Slb), Action: action, RequestID: requestID, Kind: apierror.Unavailable,
		Message: "unreadable answer", Err: err,
	}
}
