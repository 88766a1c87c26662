// Package vpc is the simulator's VPC: networks, vSwitches with their addresses,
// route tables and entries, and elastic IP addresses.
package vpc

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"time"

	sdk "github.com/aliyun/alibaba-cloud-sdk-go/services/vpc"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/api"
)

// Options are what a Product is made of.
type Options struct {
	Region, Account string
	Knobs           *api.Knobs
	// Servers returns ECS, for next hops and addresses. When it also implements
	// api.Interfaces, network interfaces can be targets too.
	Servers func() api.Servers
	Rand    *rand.Rand
}

// Product is one region's VPC. Every method needs the region's lock.
type Product struct {
	Options
	state
	index index
	// now is the time of the last Advance; seeds take it as creation time.
	now time.Time
}

var (
	_ api.State         = (*Product)(nil)
	_ api.ServerNetwork = (*Product)(nil)
)

// New returns a VPC without any network.
func New(o Options) *Product {
	p := &Product{Options: o, state: newState()}
	p.index = p.state.index()
	return p
}

// Actions implements api.State.
func (p *Product) Actions() []api.Action {
	tagged := p.tagged()
	actions := []api.Action{
		{Name: "DescribeVpcs", Request: &sdk.DescribeVpcsRequest{}, Handle: p.describeVpcs},
		{Name: "CreateVpc", Request: &sdk.CreateVpcRequest{}, Mutating: true, Handle: p.createVPC},
		{Name: "CreateVSwitch", Request: &sdk.CreateVSwitchRequest{},
			Required: []string{"VpcId", "ZoneId", "CidrBlock"}, Mutating: true, Handle: p.createVSwitch},
		{Name: "DescribeVSwitches", Request: &sdk.DescribeVSwitchesRequest{}, Handle: p.describeVSwitches},
		{Name: "DescribeVRouters", Request: &sdk.DescribeVRoutersRequest{}, Handle: p.describeVRouters},
		{Name: "DescribeRouteTables", Request: &sdk.DescribeRouteTablesRequest{}, Handle: p.describeRouteTables},
		{Name: "DescribeRouteTableList", Request: &sdk.DescribeRouteTableListRequest{}, Handle: p.describeRouteTableList},
		{Name: "DescribeRouteEntryList", Request: &sdk.DescribeRouteEntryListRequest{},
			Required: []string{"RouteTableId"}, Handle: p.describeRouteEntryList},
		{Name: "CreateRouteEntry", Request: &sdk.CreateRouteEntryRequest{}, Extra: []string{"DryRun"},
			Required: []string{"RouteTableId", "DestinationCidrBlock"}, Mutating: true, Handle: p.createRouteEntry},
		{Name: "DeleteRouteEntry", Request: &sdk.DeleteRouteEntryRequest{}, Extra: []string{"DryRun"},
			Mutating: true, Handle: p.deleteRouteEntry},
		{Name: "ModifyRouteEntry", Request: &sdk.ModifyRouteEntryRequest{}, Extra: []string{"DryRun"},
			Mutating: true, Handle: p.modifyRouteEntry},
		{Name: "CreateRouteEntries", Request: &sdk.CreateRouteEntriesRequest{}, Extra: []string{"DryRun"},
			Mutating: true, Handle: p.createRouteEntries},
		{Name: "DeleteRouteEntries", Request: &sdk.DeleteRouteEntriesRequest{}, Extra: []string{"DryRun"},
			Mutating: true, Handle: p.deleteRouteEntries},
		{Name: "AllocateEipAddress", Request: &sdk.AllocateEipAddressRequest{}, Mutating: true, Handle: p.allocateEIP},
		{Name: "AssociateEipAddress", Request: &sdk.AssociateEipAddressRequest{},
			Required: []string{"AllocationId", "InstanceId"}, Mutating: true, Handle: p.associateEIP},
		{Name: "UnassociateEipAddress", Request: &sdk.UnassociateEipAddressRequest{},
			Required: []string{"AllocationId"}, Mutating: true, Handle: p.unassociateEIP},
		{Name: "ReleaseEipAddress", Request: &sdk.ReleaseEipAddressRequest{},
			Required: []string{"AllocationId"}, Mutating: true, Handle: p.releaseEIP},
		{Name: "ModifyEipAddressAttribute", Request: &sdk.ModifyEipAddressAttributeRequest{},
			Required: []string{"AllocationId"}, Mutating: true, Handle: p.modifyEIP},
		{Name: "DescribeEipAddresses", Request: &sdk.DescribeEipAddressesRequest{}, Handle: p.describeEIPs},
		{Name: "TagResources", Request: &sdk.TagResourcesRequest{}, Required: []string{"ResourceType"},
			Mutating: true, Handle: tagged.TagResources},
		{Name: "UnTagResources", Request: &sdk.UnTagResourcesRequest{}, Required: []string{"ResourceType"},
			Mutating: true, Handle: tagged.UntagResources},
		{Name: "ListTagResources", Request: &sdk.ListTagResourcesRequest{}, Extra: []string{"MaxResults"},
			Required: []string{"ResourceType"}, Handle: tagged.ListTagResources},
	}
	for i := range actions {
		actions[i].Product = api.VPC
	}
	return actions
}

// Advance implements api.State.
func (p *Product) Advance(now time.Time) time.Time {
	p.now = now
	p.Tokens.Prune(now)
	next := p.settleEntries(now)
	if due := p.settleEIPs(now); !due.IsZero() && (next.IsZero() || due.Before(next)) {
		next = due
	}
	return next
}

// Dump implements api.State.
func (p *Product) Dump() (json.RawMessage, error) {
	raw, err := json.Marshal(&p.state)
	if err != nil {
		return nil, fmt.Errorf("dump VPC: %w", err)
	}
	return raw, nil
}

// Restore implements api.State.
func (p *Product) Restore(raw json.RawMessage) error {
	restored := newState()
	if err := json.Unmarshal(raw, &restored); err != nil {
		return fmt.Errorf("restore VPC: %w", err)
	}
	p.state = restored
	p.index = restored.index()
	return nil
}

// id makes an identifier that nothing in this product has.
func (p *Product) id(prefix string) string {
	return api.NewID(p.Rand, prefix)
}

// nextSeq numbers objects in the order of their creation, which is the order of lists.
func (p *Product) nextSeq() uint64 {
	p.Seq++
	return p.Seq
}
