// Package ecs is the simulator's ECS: servers with their network interfaces,
// their life cycle, disks with their snapshots, and the catalogue of zones and
// instance types.
package ecs

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	sdk "github.com/aliyun/alibaba-cloud-sdk-go/services/ecs"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/api"
)

// Options are what a Product is made of.
type Options struct {
	Region, Account string
	Knobs           *api.Knobs
	// Network is VPC, which owns the vSwitches and the elastic addresses.
	Network api.ServerNetwork
	// LoadBalancers returns SLB; nil means that there is none.
	LoadBalancers func() api.LoadBalancers
	Rand          *rand.Rand
}

// Product is one region's ECS. Every method needs the region's lock.
type Product struct {
	Options
	state
	index index
}

var (
	_ api.State      = (*Product)(nil)
	_ api.Servers    = (*Product)(nil)
	_ api.Interfaces = (*Product)(nil)
)

// New returns an ECS without any server.
func New(o Options) *Product {
	p := &Product{Options: o, state: newState()}
	p.index = p.state.index()
	return p
}

// Actions implements api.State.
func (p *Product) Actions() []api.Action {
	tagged := p.tagged()
	actions := []api.Action{
		{Name: "DescribeInstances", Request: &sdk.DescribeInstancesRequest{}, Handle: p.describeInstances},
		{Name: "DescribeInstanceStatus", Request: &sdk.DescribeInstanceStatusRequest{}, Handle: p.describeInstanceStatus},
		{Name: "DescribeInstanceAttribute", Request: &sdk.DescribeInstanceAttributeRequest{},
			Required: []string{"InstanceId"}, Handle: p.describeInstanceAttribute},
		{Name: "DescribeNetworkInterfaces", Request: &sdk.DescribeNetworkInterfacesRequest{}, Handle: p.describeNetworkInterfaces},
		{Name: "ModifyNetworkInterfaceAttribute", Request: &sdk.ModifyNetworkInterfaceAttributeRequest{},
			Required: []string{"NetworkInterfaceId"}, Mutating: true, Handle: p.modifyNetworkInterfaceAttribute},
		{Name: "RunInstances", Request: &sdk.RunInstancesRequest{}, Mutating: true, Handle: p.runInstances},
		{Name: "StartInstance", Request: &sdk.StartInstanceRequest{},
			Required: []string{"InstanceId"}, Mutating: true, Handle: p.startInstance},
		{Name: "StopInstance", Request: &sdk.StopInstanceRequest{},
			Required: []string{"InstanceId"}, Mutating: true, Handle: p.stopInstance},
		{Name: "DeleteInstance", Request: &sdk.DeleteInstanceRequest{}, Extra: []string{"ForceStop"},
			Required: []string{"InstanceId"}, Mutating: true, Handle: p.deleteInstance},
		{Name: "DeleteInstances", Request: &sdk.DeleteInstancesRequest{}, Extra: []string{"ForceStop"},
			Mutating: true, Handle: p.deleteInstances},
		{Name: "CreateDisk", Request: &sdk.CreateDiskRequest{}, Mutating: true, Handle: p.createDisk},
		{Name: "DescribeDisks", Request: &sdk.DescribeDisksRequest{}, Handle: p.describeDisks},
		{Name: "AttachDisk", Request: &sdk.AttachDiskRequest{},
			Required: []string{"DiskId", "InstanceId"}, Mutating: true, Handle: p.attachDisk},
		{Name: "DetachDisk", Request: &sdk.DetachDiskRequest{},
			Required: []string{"DiskId", "InstanceId"}, Mutating: true, Handle: p.detachDisk},
		{Name: "DeleteDisk", Request: &sdk.DeleteDiskRequest{}, Required: []string{"DiskId"}, Mutating: true, Handle: p.deleteDisk},
		{Name: "ResizeDisk", Request: &sdk.ResizeDiskRequest{},
			Required: []string{"DiskId", "NewSize"}, Mutating: true, Handle: p.resizeDisk},
		{Name: "ModifyDiskAttribute", Request: &sdk.ModifyDiskAttributeRequest{}, Mutating: true, Handle: p.modifyDiskAttribute},
		{Name: "CreateSnapshot", Request: &sdk.CreateSnapshotRequest{},
			Required: []string{"DiskId"}, Mutating: true, Handle: p.createSnapshot},
		{Name: "DescribeSnapshots", Request: &sdk.DescribeSnapshotsRequest{}, Handle: p.describeSnapshots},
		{Name: "DeleteSnapshot", Request: &sdk.DeleteSnapshotRequest{},
			Required: []string{"SnapshotId"}, Mutating: true, Handle: p.deleteSnapshot},
		{Name: "CreateSecurityGroup", Request: &sdk.CreateSecurityGroupRequest{}, Mutating: true, Handle: p.createSecurityGroup},
		{Name: "DescribeSecurityGroups", Request: &sdk.DescribeSecurityGroupsRequest{}, Handle: p.describeSecurityGroups},
		{Name: "AuthorizeSecurityGroup", Request: &sdk.AuthorizeSecurityGroupRequest{},
			Required: []string{"SecurityGroupId"}, Mutating: true, Handle: p.authorizeSecurityGroup},
		{Name: "DescribeSecurityGroupAttribute", Request: &sdk.DescribeSecurityGroupAttributeRequest{},
			Required: []string{"SecurityGroupId"}, Handle: p.describeSecurityGroupAttribute},
		{Name: "DescribeRegions", Request: &sdk.DescribeRegionsRequest{}, Handle: p.describeRegions},
		{Name: "DescribeZones", Request: &sdk.DescribeZonesRequest{}, Handle: p.describeZones},
		{Name: "DescribeInstanceTypes", Request: &sdk.DescribeInstanceTypesRequest{}, Handle: p.describeInstanceTypes},
		{Name: "TagResources", Request: &sdk.TagResourcesRequest{}, Required: []string{"ResourceType"},
			Mutating: true, Handle: tagged.TagResources},
		{Name: "UntagResources", Request: &sdk.UntagResourcesRequest{}, Required: []string{"ResourceType"},
			Mutating: true, Handle: tagged.UntagResources},
		{Name: "ListTagResources", Request: &sdk.ListTagResourcesRequest{}, Extra: []string{"MaxResults"},
			Required: []string{"ResourceType"}, Handle: tagged.ListTagResources},
	}
	for i := range actions {
		actions[i].Product = api.ECS
	}
	return actions
}

// Advance implements api.State.
func (p *Product) Advance(now time.Time) (next time.Time) {
	p.Tokens.Prune(now)
	sooner := func(due time.Time) {
		if due.After(now) && (next.IsZero() || due.Before(next)) {
			next = due
		}
	}
	for _, s := range p.index.moving {
		p.settle(s, now)
		sooner(s.Due)
	}
	for _, d := range p.index.movingDisks {
		sooner(p.settleDisk(d, now))
	}
	for _, s := range p.index.movingSnapshots {
		sooner(p.settleSnapshot(s, now))
	}
	return next
}

// Dump implements api.State.
func (p *Product) Dump() (json.RawMessage, error) {
	raw, err := json.Marshal(&p.state)
	if err != nil {
		return nil, fmt.Errorf("dump ECS: %w", err)
	}
	return raw, nil
}

// Restore implements api.State.
func (p *Product) Restore(raw json.RawMessage) error {
	restored := newState()
	if err := json.Unmarshal(raw, &restored); err != nil {
		return fmt.Errorf("restore ECS: %w", err)
	}
	p.state = restored
	p.index = restored.index()
	return nil
}

// Server implements api.Servers. A released server does not exist, also while
// lists still show it.
func (p *Product) Server(id string) (api.Server, bool) {
	s := p.living(id)
	if s == nil {
		return api.Server{}, false
	}
	var ipv6 []string
	for _, id := range s.Interfaces {
		ipv6 = append(ipv6, p.Interfaces[id].IPv6...)
	}
	return api.Server{
		ID: s.ID, IPv6: ipv6, VPCID: s.VPC, VSwitchID: s.VSwitch, ZoneID: s.Zone, Status: s.Status, PrimaryIP: s.PrivateIP,
		InterfaceIDs: append([]string(nil), s.Interfaces...), Unhealthy: s.Unhealthy,
	}, true
}

// Interface implements api.Interfaces.
func (p *Product) Interface(id string) (api.Interface, bool) {
	i := p.Interfaces[id]
	if i == nil {
		return api.Interface{}, false
	}
	return api.Interface{
		ID: i.ID, VPCID: i.VPC, VSwitchID: i.VSwitch, InstanceID: i.Instance, PrimaryIP: i.PrivateIPs[0],
		Addresses: slices.Concat(i.PrivateIPs, i.IPv6),
	}, true
}

// living returns a server that is not released, or nil.
func (p *Product) living(id string) *server {
	if s := p.Servers[id]; s != nil && !s.Released {
		return s
	}
	return nil
}
