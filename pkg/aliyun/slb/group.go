package slb

import (
	"context"

	sdk "github.com/aliyun/alibaba-cloud-sdk-go/services/slb"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/listing"
	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/transport"
)

// Groups lists the vServer groups of a load balancer, without their members.
func (c *Client) Groups(ctx context.Context, lbID string) ([]Group, error) {
	req := sdk.CreateDescribeVServerGroupsRequest()
	req.LoadBalancerId = lbID
	resp := sdk.CreateDescribeVServerGroupsResponse()
	if err := c.read(ctx, req, resp); err != nil {
		return nil, wrap(err, "list server groups of %s", lbID)
	}
	src := listing.Source{Product: string(transport.Slb), Action: "DescribeVServerGroups"}
	if err := src.Check(resp.RequestId); err != nil {
		return nil, wrap(err, "list server groups of %s", lbID)
	}
	out := make([]Group, 0, len(resp.VServerGroups.VServerGroup))
	for i := range resp.VServerGroups.VServerGroup {
		g := &resp.VServerGroups.VServerGroup[i]
		out = append(out, Group{ID: g.VServerGroupId, Name: g.VServerGroupName, Tags: tagMap(g.Tags.Tag)})
	}
	return out, nil
}

// Group describes one vServer group with its members. One that does not exist is
// a NotFound error.
func (c *Client) Group(ctx context.Context, groupID string) (Group, error) {
	req := sdk.CreateDescribeVServerGroupAttributeRequest()
	req.VServerGroupId = groupID
	resp := sdk.CreateDescribeVServerGroupAttributeResponse()
	if err := c.read(ctx, req, resp); err != nil {
		return Group{}, wrap(err, "describe server group %s", groupID)
	}
	src := listing.Source{Product: string(transport.Slb), Action: "DescribeVServerGroupAttribute"}
	if err := src.Check(resp.RequestId); err != nil {
		return Group{}, wrap(err, "describe server group %s", groupID)
	}
	out := Group{
		ID: resp.VServerGroupId, Name: resp.VServerGroupName, Backends: make([]Backend, 0, len(resp.BackendServers.BackendServer)),
	}
	for i := range resp.BackendServers.BackendServer {
		b := &resp.BackendServers.BackendServer[i]
		backend := c.backend(b.ServerId, b.Weight, b.Type, b.ServerIp)
		backend.Port, backend.Description = b.Port, c.texts.one(b.Description)
		out.Backends = append(out.Backends, backend)
	}
	return out, nil
}

// CreateGroup makes a vServer group with up to MaxBackends members. Not
// repeatable: names are not unique, so a second call makes a second group.
func (c *Client) CreateGroup(ctx context.Context, lbID, name string, backends []Backend) (Group, error) {
	req := sdk.CreateCreateVServerGroupRequest()
	req.LoadBalancerId, req.VServerGroupName = lbID, name
	if len(backends) > 0 {
		list, err := members(backends, false)
		if err != nil {
			return Group{}, wrap(err, "create server group %s on %s", name, lbID)
		}
		req.BackendServers = list
	}
	resp := sdk.CreateCreateVServerGroupResponse()
	if err := c.add(ctx, req, resp); err != nil {
		return Group{}, wrap(err, "create server group %s on %s", name, lbID)
	}
	return Group{ID: resp.VServerGroupId, Name: name, Backends: backends}, nil
}

// DeleteGroup deletes a vServer group that no listener uses. One that does not
// exist is a NotFound error.
func (c *Client) DeleteGroup(ctx context.Context, groupID string) error {
	req := sdk.CreateDeleteVServerGroupRequest()
	req.VServerGroupId = groupID
	return wrap(c.set(urgent(ctx), req, sdk.CreateDeleteVServerGroupResponse()), "delete server group %s", groupID)
}

// AddGroupBackends adds members to a vServer group. Not repeatable.
func (c *Client) AddGroupBackends(ctx context.Context, groupID string, backends []Backend) error {
	list, err := members(backends, false)
	if err != nil {
		return wrap(err, "add backends to group %s", groupID)
	}
	req := sdk.CreateAddVServerGroupBackendServersRequest()
	req.VServerGroupId, req.BackendServers = groupID, list
	return wrap(c.add(urgent(ctx), req, sdk.CreateAddVServerGroupBackendServersResponse()),
		"add %d backends to group %s", len(backends), groupID)
}

// RemoveGroupBackends takes members out of a vServer group; absent ones are ignored.
func (c *Client) RemoveGroupBackends(ctx context.Context, groupID string, backends []Backend) error {
	list, err := members(backends, true)
	if err != nil {
		return wrap(err, "remove backends from group %s", groupID)
	}
	req := sdk.CreateRemoveVServerGroupBackendServersRequest()
	req.VServerGroupId, req.BackendServers = groupID, list
	return wrap(c.set(urgent(ctx), req, sdk.CreateRemoveVServerGroupBackendServersResponse()),
		"remove %d backends from group %s", len(backends), groupID)
}

// SetGroupBackends changes the weights of existing members.
func (c *Client) SetGroupBackends(ctx context.Context, groupID string, backends []Backend) error {
	list, err := members(backends, false)
	if err != nil {
		return wrap(err, "set backends of group %s", groupID)
	}
	req := sdk.CreateSetVServerGroupAttributeRequest()
	req.VServerGroupId, req.BackendServers = groupID, list
	return wrap(c.set(urgent(ctx), req, sdk.CreateSetVServerGroupAttributeResponse()),
		"set %d backends of group %s", len(backends), groupID)
}
