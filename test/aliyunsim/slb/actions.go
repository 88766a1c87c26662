package slb

import (
	"strings"

	sdk "github.com/aliyun/alibaba-cloud-sdk-go/services/slb"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/api"
)

type handler func(*api.Call) (api.Reply, *api.Error)

// Actions implements api.State.
func (p *Product) Actions() []api.Action {
	var out []api.Action
	add := func(mutating bool, name string, request any, handle handler, required ...string) {
		out = append(out, api.Action{
			Product: api.SLB, Name: name, Request: request, Required: required, Mutating: mutating,
			Handle: func(c *api.Call) (api.Reply, *api.Error) {
				p.now = c.Now
				return handle(c)
			},
		})
	}
	read := func(name string, request any, handle handler, required ...string) {
		add(false, name, request, handle, required...)
	}
	write := func(name string, request any, handle handler, required ...string) {
		add(true, name, request, handle, required...)
	}
	p.instanceActions(read, write)
	p.listenerActions(read, write)
	p.groupActions(read, write)
	p.tagActions(read, write)
	p.aclActions(read, write)
	p.certificateActions(read, write)
	p.extensionActions(read, write)
	read("DescribeZones", new(sdk.DescribeZonesRequest), p.describeZones)
	read("DescribeRegions", new(sdk.DescribeRegionsRequest), p.describeRegions)
	return out
}

type register func(name string, request any, handle handler, required ...string)

const lbID, lbPort, groupID, backendsParam = "LoadBalancerId", "ListenerPort", "VServerGroupId", "BackendServers"

func (p *Product) instanceActions(read, write register) {
	write("CreateLoadBalancer", new(sdk.CreateLoadBalancerRequest), p.createLoadBalancer)
	read("DescribeLoadBalancers", new(sdk.DescribeLoadBalancersRequest), p.describeLoadBalancers)
	read("DescribeLoadBalancerAttribute", new(sdk.DescribeLoadBalancerAttributeRequest), p.describeAttribute, lbID)
	write("DeleteLoadBalancer", new(sdk.DeleteLoadBalancerRequest), p.deleteLoadBalancer, lbID)
	write("SetLoadBalancerDeleteProtection", new(sdk.SetLoadBalancerDeleteProtectionRequest), p.setDeleteProtection,
		lbID, "DeleteProtection")
	write("SetLoadBalancerModificationProtection", new(sdk.SetLoadBalancerModificationProtectionRequest),
		p.setModificationProtection, lbID, "ModificationProtectionStatus")
	write("SetLoadBalancerName", new(sdk.SetLoadBalancerNameRequest), p.setLoadBalancerName, lbID, "LoadBalancerName")
	write("SetLoadBalancerStatus", new(sdk.SetLoadBalancerStatusRequest), p.setLoadBalancerStatus, lbID, "LoadBalancerStatus")
	write("ModifyLoadBalancerInternetSpec", new(sdk.ModifyLoadBalancerInternetSpecRequest), p.modifyInternetSpec, lbID)
	write("ModifyLoadBalancerInstanceSpec", new(sdk.ModifyLoadBalancerInstanceSpecRequest), p.modifyInstanceSpec,
		lbID, "LoadBalancerSpec")
	write("ModifyLoadBalancerInstanceChargeType", new(sdk.ModifyLoadBalancerInstanceChargeTypeRequest),
		p.modifyInstanceChargeType, lbID, "InstanceChargeType")
}

func (p *Product) listenerActions(read, write register) {
	for _, a := range []struct {
		protocol              string
		create, set, describe any
		required              []string
	}{
		{
			"TCP", new(sdk.CreateLoadBalancerTCPListenerRequest), new(sdk.SetLoadBalancerTCPListenerAttributeRequest),
			new(sdk.DescribeLoadBalancerTCPListenerAttributeRequest), []string{"Bandwidth"},
		},
		{
			"UDP", new(sdk.CreateLoadBalancerUDPListenerRequest), new(sdk.SetLoadBalancerUDPListenerAttributeRequest),
			new(sdk.DescribeLoadBalancerUDPListenerAttributeRequest), []string{"Bandwidth"},
		},
		{
			"HTTP", new(sdk.CreateLoadBalancerHTTPListenerRequest), new(sdk.SetLoadBalancerHTTPListenerAttributeRequest),
			new(sdk.DescribeLoadBalancerHTTPListenerAttributeRequest), nil,
		},
		{
			"HTTPS", new(sdk.CreateLoadBalancerHTTPSListenerRequest), new(sdk.SetLoadBalancerHTTPSListenerAttributeRequest),
			new(sdk.DescribeLoadBalancerHTTPSListenerAttributeRequest), []string{"Bandwidth", "StickySession", "HealthCheck"},
		},
	} {
		protocol := strings.ToLower(a.protocol)
		write("CreateLoadBalancer"+a.protocol+"Listener", a.create, p.createListener(protocol),
			append([]string{lbID, lbPort}, a.required...)...)
		write("SetLoadBalancer"+a.protocol+"ListenerAttribute", a.set, p.setListener(protocol), lbID, lbPort)
		read("DescribeLoadBalancer"+a.protocol+"ListenerAttribute", a.describe, p.describeListener(protocol), lbID, lbPort)
	}
	read("DescribeLoadBalancerListeners", new(sdk.DescribeLoadBalancerListenersRequest), p.describeListeners)
	write("StartLoadBalancerListener", new(sdk.StartLoadBalancerListenerRequest), p.startListener, lbID, lbPort)
	write("StopLoadBalancerListener", new(sdk.StopLoadBalancerListenerRequest), p.stopListener, lbID, lbPort)
	write("DeleteLoadBalancerListener", new(sdk.DeleteLoadBalancerListenerRequest), p.deleteListener, lbID, lbPort)
	read("DescribeHealthStatus", new(sdk.DescribeHealthStatusRequest), p.describeHealth, lbID)
}

func (p *Product) groupActions(read, write register) {
	write("CreateVServerGroup", new(sdk.CreateVServerGroupRequest), p.createGroup, lbID)
	read("DescribeVServerGroups", new(sdk.DescribeVServerGroupsRequest), p.describeGroups, lbID)
	read("DescribeVServerGroupAttribute", new(sdk.DescribeVServerGroupAttributeRequest), p.describeGroup, groupID)
	write("DeleteVServerGroup", new(sdk.DeleteVServerGroupRequest), p.deleteGroup, groupID)
	write("AddVServerGroupBackendServers", new(sdk.AddVServerGroupBackendServersRequest), p.addGroupBackends,
		groupID, backendsParam)
	write("RemoveVServerGroupBackendServers", new(sdk.RemoveVServerGroupBackendServersRequest), p.removeGroupBackends,
		groupID, backendsParam)
	write("ModifyVServerGroupBackendServers", new(sdk.ModifyVServerGroupBackendServersRequest), p.modifyGroupBackends,
		groupID, "OldBackendServers", "NewBackendServers")
	write("SetVServerGroupAttribute", new(sdk.SetVServerGroupAttributeRequest), p.setGroupAttribute, groupID)
	write("AddBackendServers", new(sdk.AddBackendServersRequest), p.addBackends, lbID, backendsParam)
	write("SetBackendServers", new(sdk.SetBackendServersRequest), p.setBackends, lbID, backendsParam)
	write("RemoveBackendServers", new(sdk.RemoveBackendServersRequest), p.removeBackends, lbID, backendsParam)
}

func (p *Product) tagActions(read, write register) {
	write("TagResources", new(sdk.TagResourcesRequest), p.tagResources, "ResourceType", "ResourceId.1", "Tag.1.Key")
	write("UntagResources", new(sdk.UntagResourcesRequest), p.untagResources, "ResourceType", "ResourceId.1")
	read("ListTagResources", new(sdk.ListTagResourcesRequest), p.listTagResources, "ResourceType")
	write("AddTags", new(sdk.AddTagsRequest), p.addTags, lbID, "Tags")
	write("RemoveTags", new(sdk.RemoveTagsRequest), p.removeTags, lbID, "Tags")
	read("DescribeTags", new(sdk.DescribeTagsRequest), p.describeTags)
}
