package slb

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strconv"

	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/requests"
	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/responses"
	sdk "github.com/aliyun/alibaba-cloud-sdk-go/services/slb"
)

// Change is what SetListener changes of a listener.
type Change struct {
	// Attributes are the fields to set; others stay.
	Attributes Attributes
	// GroupID binds the listener to a vServer group; a pointer to "" returns it to
	// the default group, nil leaves the binding as it is.
	GroupID *string
}

var (
	errProtocol = errors.New("unknown listener protocol")
	errFixed    = errors.New("the setting can only be given when the listener is created")
)

// String returns the key as in "tcp/80".
func (k ListenerKey) String() string { return string(k.Protocol) + "/" + strconv.Itoa(k.Port) }

// CreateListener makes a listener, stopped. With a GroupID it uses that vServer
// group, else the default group and BackendPort. Not repeatable: after a lost
// reply read the listener.
func (c *Client) CreateListener(ctx context.Context, l Listener) error {
	req, resp, err := createCall(l.Protocol)
	if err != nil {
		return wrap(err, "create listener %s on %s", l.ListenerKey, l.LoadBalancerID)
	}
	params := req.GetQueryParams()
	name(params, l.LoadBalancerID, l.ListenerKey)
	if l.GroupID != "" {
		params["VServerGroupId"] = l.GroupID
	} else if l.BackendPort != 0 {
		params["BackendServerPort"] = strconv.Itoa(l.BackendPort)
	}
	for i, k := range sortedKeys(l.Tags) {
		prefix := "Tag." + strconv.Itoa(i+1)
		params[prefix+".Key"], params[prefix+".Value"] = k, l.Tags[k]
	}
	maps.Copy(params, encodeCreate(l.Protocol, l.Attributes))
	return wrap(c.add(ctx, req, resp), "create listener %s on %s", l.ListenerKey, l.LoadBalancerID)
}

// SetListener changes settings of a listener, its server group, or both in one
// call. An empty change costs no call.
func (c *Client) SetListener(ctx context.Context, lbID string, key ListenerKey, change Change) error {
	if len(change.Attributes) == 0 && change.GroupID == nil {
		return nil
	}
	req, resp, err := setCall(key.Protocol)
	if err == nil && NeedsRecreation(key.Protocol, change.Attributes) {
		err = errFixed
	}
	if err != nil {
		return wrap(err, "set listener %s on %s", key, lbID)
	}
	params := req.GetQueryParams()
	name(params, lbID, key)
	maps.Copy(params, encodeSet(key.Protocol, change.Attributes))
	if change.GroupID != nil {
		params["VServerGroup"] = onOrOff(*change.GroupID != "")
		if *change.GroupID != "" {
			params["VServerGroupId"] = *change.GroupID
		}
	}
	return wrap(c.set(ctx, req, resp), "set listener %s on %s", key, lbID)
}

// StartListener starts a stopped listener.
func (c *Client) StartListener(ctx context.Context, lbID string, key ListenerKey) error {
	req := sdk.CreateStartLoadBalancerListenerRequest()
	req.LoadBalancerId, req.ListenerPort, req.ListenerProtocol = lbID, requests.NewInteger(key.Port), string(key.Protocol)
	return wrap(c.set(ctx, req, sdk.CreateStartLoadBalancerListenerResponse()), "start listener %s on %s", key, lbID)
}

// StopListener stops a running listener.
func (c *Client) StopListener(ctx context.Context, lbID string, key ListenerKey) error {
	req := sdk.CreateStopLoadBalancerListenerRequest()
	req.LoadBalancerId, req.ListenerPort, req.ListenerProtocol = lbID, requests.NewInteger(key.Port), string(key.Protocol)
	return wrap(c.set(ctx, req, sdk.CreateStopLoadBalancerListenerResponse()), "stop listener %s on %s", key, lbID)
}

// DeleteListener deletes a listener, running or stopped. One that does not exist
// is a NotFound error.
func (c *Client) DeleteListener(ctx context.Context, lbID string, key ListenerKey) error {
	req := sdk.CreateDeleteLoadBalancerListenerRequest()
	req.LoadBalancerId, req.ListenerPort, req.ListenerProtocol = lbID, requests.NewInteger(key.Port), string(key.Protocol)
	return wrap(c.set(urgent(ctx), req, sdk.CreateDeleteLoadBalancerListenerResponse()), "delete listener %s on %s", key, lbID)
}

// name puts in which listener a call is about.
func name(params map[string]string, lbID string, key ListenerKey) {
	params["LoadBalancerId"] = lbID
	params["ListenerPort"] = strconv.Itoa(key.Port)
}

func createCall(p Protocol) (requests.AcsRequest, responses.AcsResponse, error) {
	switch p {
	case TCP:
		return sdk.CreateCreateLoadBalancerTCPListenerRequest(), sdk.CreateCreateLoadBalancerTCPListenerResponse(), nil
	case UDP:
		return sdk.CreateCreateLoadBalancerUDPListenerRequest(), sdk.CreateCreateLoadBalancerUDPListenerResponse(), nil
	case HTTP:
		return sdk.CreateCreateLoadBalancerHTTPListenerRequest(), sdk.CreateCreateLoadBalancerHTTPListenerResponse(), nil
	case HTTPS:
		return sdk.CreateCreateLoadBalancerHTTPSListenerRequest(), sdk.CreateCreateLoadBalancerHTTPSListenerResponse(), nil
	}
	return nil, nil, fmt.Errorf("%w %q", errProtocol, p)
}

func setCall(p Protocol) (requests.AcsRequest, responses.AcsResponse, error) {
	switch p {
	case TCP:
		return sdk.CreateSetLoadBalancerTCPListenerAttributeRequest(), sdk.CreateSetLoadBalancerTCPListenerAttributeResponse(), nil
	case UDP:
		return sdk.CreateSetLoadBalancerUDPListenerAttributeRequest(), sdk.CreateSetLoadBalancerUDPListenerAttributeResponse(), nil
	case HTTP:
		return sdk.CreateSetLoadBalancerHTTPListenerAttributeRequest(), sdk.CreateSetLoadBalancerHTTPListenerAttributeResponse(), nil
	case HTTPS:
		return sdk.CreateSetLoadBalancerHTTPSListenerAttributeRequest(), sdk.CreateSetLoadBalancerHTTPSListenerAttributeResponse(), nil
	}
	return nil, nil, fmt.Errorf("%w %q", errProtocol, p)
}
