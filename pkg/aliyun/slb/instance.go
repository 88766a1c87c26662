package slb

import (
	"context"
	"slices"

	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/requests"
	sdk "github.com/aliyun/alibaba-cloud-sdk-go/services/slb"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/transport"
)

// The tag calls' words for what carries tags (SLB API: TagResources).
const (
	resourceInstance = "instance"
	resourceACL      = "acl"
)

// Create makes a load balancer. With a client token the call is repeated after a
// lost reply; the same token with the same parameters always gives the same
// instance. The result holds what the reply tells and what was asked for.
func (c *Client) Create(ctx context.Context, in Create) (LoadBalancer, error) {
	req := sdk.CreateCreateLoadBalancerRequest()
	req.LoadBalancerName = in.Name
	req.AddressType, req.AddressIPVersion, req.Address = string(in.AddressType), string(in.IPVersion), in.Address
	req.VpcId, req.VSwitchId = in.VPCID, in.VSwitchID
	req.InternetChargeType, req.InstanceChargeType, req.LoadBalancerSpec = in.InternetChargeType, in.InstanceChargeType, in.Spec
	if in.Bandwidth != 0 {
		req.Bandwidth = requests.NewInteger(in.Bandwidth)
	}
	req.MasterZoneId, req.SlaveZoneId, req.ResourceGroupId = in.MasterZone, in.SlaveZone, in.ResourceGroupID
	req.DeleteProtection = onOrOff(in.DeleteProtection)
	req.ModificationProtectionStatus, req.ModificationProtectionReason = in.ModificationProtection, in.ModificationReason
	tags := make([]sdk.CreateLoadBalancerTag, 0, len(in.Tags))
	for _, k := range sortedKeys(in.Tags) {
		tags = append(tags, sdk.CreateLoadBalancerTag{Key: k, Value: in.Tags[k]})
	}
	req.Tag = &tags
	req.ClientToken = in.ClientToken
	resp := sdk.CreateCreateLoadBalancerResponse()
	err := c.doer.Do(ctx, transport.Call{
		Product: transport.Slb, Request: req, Response: resp, Mutating: true, Repeatable: in.ClientToken != "",
	})
	if err != nil {
		return LoadBalancer{}, wrap(err, "create load balancer %s", in.Name)
	}
	return LoadBalancer{
		ID: resp.LoadBalancerId, Name: resp.LoadBalancerName, Address: resp.Address,
		AddressType: in.AddressType, IPVersion: IPVersion(resp.AddressIPVersion), NetworkType: resp.NetworkType,
		VPCID: resp.VpcId, VSwitchID: resp.VSwitchId,
		InternetChargeType: in.InternetChargeType, InstanceChargeType: in.InstanceChargeType, Spec: in.Spec,
		Bandwidth: in.Bandwidth, MasterZone: in.MasterZone, SlaveZone: in.SlaveZone, ResourceGroupID: resp.ResourceGroupId,
		DeleteProtection: in.DeleteProtection, ModificationProtection: in.ModificationProtection,
		ModificationReason: in.ModificationReason, Tags: in.Tags,
	}, nil
}

// Delete deletes a load balancer with its listeners, groups and tags. One that
// does not exist is a NotFound error.
func (c *Client) Delete(ctx context.Context, id string) error {
	req := sdk.CreateDeleteLoadBalancerRequest()
	req.LoadBalancerId = id
	return wrap(c.set(urgent(ctx), req, sdk.CreateDeleteLoadBalancerResponse()), "delete load balancer %s", id)
}

// SetDeleteProtection switches the protection that makes Delete fail.
func (c *Client) SetDeleteProtection(ctx context.Context, id string, on bool) error {
	req := sdk.CreateSetLoadBalancerDeleteProtectionRequest()
	req.LoadBalancerId, req.DeleteProtection = id, onOrOff(on)
	return wrap(c.set(ctx, req, sdk.CreateSetLoadBalancerDeleteProtectionResponse()), "set delete protection of %s", id)
}

// SetModificationProtection sets NonProtection or ConsoleProtection; the reason
// goes with the latter only. It blocks the console, never the API.
func (c *Client) SetModificationProtection(ctx context.Context, id, status, reason string) error {
	req := sdk.CreateSetLoadBalancerModificationProtectionRequest()
	req.LoadBalancerId, req.ModificationProtectionStatus = id, status
	if status == ConsoleProtection {
		req.ModificationProtectionReason = reason
	}
	return wrap(c.set(ctx, req, sdk.CreateSetLoadBalancerModificationProtectionResponse()), "set modification protection of %s", id)
}

// SetName renames a load balancer.
func (c *Client) SetName(ctx context.Context, id, name string) error {
	req := sdk.CreateSetLoadBalancerNameRequest()
	req.LoadBalancerId, req.LoadBalancerName = id, name
	return wrap(c.set(ctx, req, sdk.CreateSetLoadBalancerNameResponse()), "rename load balancer %s", id)
}

// ModifyInternetSpec changes how traffic is charged and how wide the load
// balancer is (Mbit/s); an empty charge type and a bandwidth of 0 are left as
// they are. Not repeatable: a pending change refuses the next one.
func (c *Client) ModifyInternetSpec(ctx context.Context, id, chargeType string, bandwidth int) error {
	req := sdk.CreateModifyLoadBalancerInternetSpecRequest()
	req.LoadBalancerId, req.InternetChargeType = id, chargeType
	if bandwidth != 0 {
		req.Bandwidth = requests.NewInteger(bandwidth)
	}
	return wrap(c.add(ctx, req, sdk.CreateModifyLoadBalancerInternetSpecResponse()), "modify internet spec of %s", id)
}

// ModifyInstanceSpec changes the specification of a PayBySpec load balancer.
func (c *Client) ModifyInstanceSpec(ctx context.Context, id, spec string) error {
	req := sdk.CreateModifyLoadBalancerInstanceSpecRequest()
	req.LoadBalancerId, req.LoadBalancerSpec = id, spec
	return wrap(c.add(ctx, req, sdk.CreateModifyLoadBalancerInstanceSpecResponse()), "modify instance spec of %s", id)
}

// ModifyInstanceChargeType changes PayBySpec to PayByCLCU; there is no way back.
func (c *Client) ModifyInstanceChargeType(ctx context.Context, id, chargeType string) error {
	req := sdk.CreateModifyLoadBalancerInstanceChargeTypeRequest()
	req.LoadBalancerId, req.InstanceChargeType = id, chargeType
	return wrap(c.add(ctx, req, sdk.CreateModifyLoadBalancerInstanceChargeTypeResponse()), "modify charge type of %s", id)
}

// Tag sets tags on a load balancer; others stay. No tags, no call.
func (c *Client) Tag(ctx context.Context, id string, tags map[string]string) error {
	if len(tags) == 0 {
		return nil
	}
	req := sdk.CreateTagResourcesRequest()
	req.ResourceType, req.ResourceId = resourceInstance, &[]string{id}
	list := make([]sdk.TagResourcesTag, 0, len(tags))
	for _, k := range sortedKeys(tags) {
		list = append(list, sdk.TagResourcesTag{Key: k, Value: tags[k]})
	}
	req.Tag = &list
	return wrap(c.set(ctx, req, sdk.CreateTagResourcesResponse()), "tag load balancer %s", id)
}

// Untag removes tags from a load balancer. No keys, no call.
func (c *Client) Untag(ctx context.Context, id string, keys ...string) error {
	return wrap(c.untag(ctx, resourceInstance, id, keys), "untag load balancer %s", id)
}

func (c *Client) untag(ctx context.Context, kind, id string, keys []string) error {
	if len(keys) == 0 {
		return nil
	}
	req := sdk.CreateUntagResourcesRequest()
	req.ResourceType, req.ResourceId, req.TagKey = kind, &[]string{id}, &keys
	return c.set(ctx, req, sdk.CreateUntagResourcesResponse())
}

func sortedKeys(m map[string]string) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
