package slb

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"strconv"

	sdk "github.com/aliyun/alibaba-cloud-sdk-go/services/slb"
)

// typeServer is the default type of a backend.
const typeServer = "ecs"

func backendType(t string) string { return cmp.Or(t, typeServer) }

// member is a backend in the form of the API's parameters.
type member struct {
	ServerID string `json:"ServerId"`
	Port     string `json:"Port,omitempty"`
	Weight   string `json:"Weight,omitempty"`
	Type     string `json:"Type"`
	ServerIP string `json:"ServerIp,omitempty"`
	// Description is sent when a member joins, and kept by the API afterwards.
	Description string `json:"Description,omitempty"`
}

// members encodes backends; named ones only identify (to remove), others carry
// their weight too.
func members(backends []Backend, named bool) (string, error) {
	if len(backends) > MaxBackends {
		return "", fmt.Errorf("%d backends in one call, %d at most", len(backends), MaxBackends)
	}
	list := make([]member, len(backends))
	for i, b := range backends {
		m := member{ServerID: b.ServerID, Type: backendType(b.Type), ServerIP: b.ServerIP}
		if b.Port != 0 {
			m.Port = strconv.Itoa(b.Port)
		}
		if !named {
			m.Weight, m.Description = strconv.Itoa(b.Weight), b.Description
		}
		list[i] = m
	}
	raw, err := json.Marshal(list)
	if err != nil {
		return "", fmt.Errorf("encode backends: %w", err)
	}
	return string(raw), nil
}

// backend returns a member of a group as a reply tells it.
func (c *Client) backend(serverID string, weight int, kind, ip string) Backend {
	return Backend{ServerID: c.texts.one(serverID), Weight: weight, Type: c.texts.one(backendType(kind)), ServerIP: c.texts.one(ip)}
}

// AddBackends adds servers to the default group and returns the group as the
// reply tells it. Not repeatable: a server that is already there is an error.
func (c *Client) AddBackends(ctx context.Context, lbID string, backends []Backend) ([]Backend, error) {
	list, err := members(backends, false)
	if err != nil {
		return nil, wrap(err, "add backends to %s", lbID)
	}
	req := sdk.CreateAddBackendServersRequest()
	req.LoadBalancerId, req.BackendServers = lbID, list
	resp := sdk.CreateAddBackendServersResponse()
	if err := c.add(urgent(ctx), req, resp); err != nil {
		return nil, wrap(err, "add %d backends to %s", len(backends), lbID)
	}
	return c.fromText(resp.BackendServers.BackendServer)
}

// SetBackends changes the weights of servers of the default group and returns
// the group as the reply tells it.
func (c *Client) SetBackends(ctx context.Context, lbID string, backends []Backend) ([]Backend, error) {
	list, err := members(backends, false)
	if err != nil {
		return nil, wrap(err, "set backends of %s", lbID)
	}
	req := sdk.CreateSetBackendServersRequest()
	req.LoadBalancerId, req.BackendServers = lbID, list
	resp := sdk.CreateSetBackendServersResponse()
	if err := c.set(urgent(ctx), req, resp); err != nil {
		return nil, wrap(err, "set %d backends of %s", len(backends), lbID)
	}
	return c.fromText(resp.BackendServers.BackendServer)
}

// RemoveBackends takes servers out of the default group, those that are not in
// it included, and returns the group as the reply tells it.
func (c *Client) RemoveBackends(ctx context.Context, lbID string, backends []Backend) ([]Backend, error) {
	list, err := members(backends, true)
	if err != nil {
		return nil, wrap(err, "remove backends from %s", lbID)
	}
	req := sdk.CreateRemoveBackendServersRequest()
	req.LoadBalancerId, req.BackendServers = lbID, list
	resp := sdk.CreateRemoveBackendServersResponse()
	if err := c.set(urgent(ctx), req, resp); err != nil {
		return nil, wrap(err, "remove %d backends from %s", len(backends), lbID)
	}
	out := make([]Backend, 0, len(resp.BackendServers.BackendServer))
	for _, b := range resp.BackendServers.BackendServer {
		out = append(out, c.backend(b.ServerId, b.Weight, b.Type, b.ServerIp))
	}
	return out, nil
}

// fromText reads the replies whose weight is text.
func (c *Client) fromText(in []sdk.BackendServer) ([]Backend, error) {
	out := make([]Backend, 0, len(in))
	for i := range in {
		b := &in[i]
		weight, err := strconv.Atoi(b.Weight)
		if err != nil {
			return nil, fmt.Errorf("read weight of backend %s: %w", b.ServerId, err)
		}
		out = append(out, c.backend(b.ServerId, weight, b.Type, b.ServerIp))
	}
	return out, nil
}

// Health returns what the load balancer's health checks say, a row for each
// backend and listener.
func (c *Client) Health(ctx context.Context, lbID string) ([]Health, error) {
	req := sdk.CreateDescribeHealthStatusRequest()
	req.LoadBalancerId = lbID
	resp := sdk.CreateDescribeHealthStatusResponse()
	if err := c.read(ctx, req, resp); err != nil {
		return nil, wrap(err, "describe health of %s", lbID)
	}
	out := make([]Health, 0, len(resp.BackendServers.BackendServer))
	for i := range resp.BackendServers.BackendServer {
		b := &resp.BackendServers.BackendServer[i]
		out = append(out, Health{
			ListenerKey: ListenerKey{Protocol(b.Protocol), b.ListenerPort}, ServerID: b.ServerId, Port: b.Port,
			ServerIP: b.ServerIp, Status: b.ServerHealthStatus,
		})
	}
	return out, nil
}
