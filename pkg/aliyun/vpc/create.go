package vpc

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/requests"
	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/responses"
	sdk "github.com/aliyun/alibaba-cloud-sdk-go/services/vpc"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/transport"
)

// NewVPC is a VPC to create.
type NewVPC struct {
	// ClientToken makes one VPC out of any number of calls.
	ClientToken string
	Name        string
	// CIDR is a private IPv4 range of mask /8 to /28.
	CIDR string
	Tags map[string]string
}

// NewVSwitch is a vSwitch to create.
type NewVSwitch struct {
	// ClientToken makes one vSwitch out of any number of calls.
	ClientToken string
	Name        string
	VPCID       string
	Zone        string
	// CIDR is a part of the VPC's, of mask /16 to /29.
	CIDR string
	Tags map[string]string
}

// create makes a call that a client token makes repeatable.
func (c *Client) create(ctx context.Context, req requests.AcsRequest, resp responses.AcsResponse) error {
	return c.doer.Do(ctx, transport.Call{Product: transport.Vpc, Request: req, Response: resp, Mutating: true, Repeatable: true})
}

// CreateVPC creates a VPC and returns its id; it is Pending for a moment, and takes
// no vSwitch before it is Available.
func (c *Client) CreateVPC(ctx context.Context, n NewVPC) (id string, err error) {
	req := sdk.CreateCreateVpcRequest()
	req.ClientToken, req.VpcName, req.CidrBlock = n.ClientToken, n.Name, n.CIDR
	tags := make([]sdk.CreateVpcTag, 0, len(n.Tags))
	for _, key := range slices.Sorted(maps.Keys(n.Tags)) {
		tags = append(tags, sdk.CreateVpcTag{Key: key, Value: n.Tags[key]})
	}
	req.Tag = &tags
	resp := sdk.CreateCreateVpcResponse()
	if err := c.create(ctx, req, resp); err != nil {
		return "", fmt.Errorf("create VPC %s: %w", n.Name, err)
	}
	return resp.VpcId, nil
}

// CreateVSwitch creates a vSwitch and returns its id; it is Pending for a moment.
// A VPC takes one at a time (CreateVSwitch, "you cannot repeatedly call").
func (c *Client) CreateVSwitch(ctx context.Context, n NewVSwitch) (id string, err error) {
	req := sdk.CreateCreateVSwitchRequest()
	req.ClientToken, req.VSwitchName, req.VpcId, req.ZoneId, req.CidrBlock = n.ClientToken, n.Name, n.VPCID, n.Zone, n.CIDR
	tags := make([]sdk.CreateVSwitchTag, 0, len(n.Tags))
	for _, key := range slices.Sorted(maps.Keys(n.Tags)) {
		tags = append(tags, sdk.CreateVSwitchTag{Key: key, Value: n.Tags[key]})
	}
	req.Tag = &tags
	resp := sdk.CreateCreateVSwitchResponse()
	if err := c.create(ctx, req, resp); err != nil {
		return "", fmt.Errorf("create vSwitch %s: %w", n.Name, err)
	}
	return resp.VSwitchId, nil
}
