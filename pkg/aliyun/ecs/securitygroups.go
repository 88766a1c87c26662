package ecs

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/requests"
	sdk "github.com/aliyun/alibaba-cloud-sdk-go/services/ecs"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/listing"
	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/transport"
)

// groupsPerPage and rulesPerPage are the API's largest pages (DescribeSecurityGroups
// and DescribeSecurityGroupAttribute: MaxResults).
const (
	groupsPerPage = 100
	rulesPerPage  = 1000
)

// SecurityGroup is a security group without its rules.
type SecurityGroup struct {
	ID    string
	Name  string
	VPCID string
	Tags  map[string]string
}

// Rule admits packets into a security group. One of SourceCIDR and SourceGroup is set.
type Rule struct {
	// Protocol is TCP, UDP, ICMP or ALL.
	Protocol string
	// PortRange is "FIRST/LAST", -1/-1 where the protocol has no ports.
	PortRange   string
	SourceCIDR  string
	SourceGroup string
	Description string
}

// SecurityGroups lists the security groups of a VPC that have all the tags.
func (c *Client) SecurityGroups(ctx context.Context, vpcID string, tags map[string]string) ([]SecurityGroup, error) {
	src := listing.Source{Product: string(transport.Ecs), Action: "DescribeSecurityGroups"}
	all, err := listing.Tokens(ctx, src,
		func(ctx context.Context, token string) (listing.TokenPage[SecurityGroup], error) {
			req := sdk.CreateDescribeSecurityGroupsRequest()
			req.VpcId = vpcID
			req.MaxResults, req.NextToken = requests.NewInteger(groupsPerPage), token
			filter := make([]sdk.DescribeSecurityGroupsTag, 0, len(tags))
			for _, key := range slices.Sorted(maps.Keys(tags)) {
				filter = append(filter, sdk.DescribeSecurityGroupsTag{Key: key, Value: tags[key]})
			}
			req.Tag = &filter
			resp := sdk.CreateDescribeSecurityGroupsResponse()
			if err := c.read(ctx, req, resp); err != nil {
				return listing.TokenPage[SecurityGroup]{}, err
			}
			page := listing.TokenPage[SecurityGroup]{Next: resp.NextToken, RequestID: resp.RequestId}
			for i := range resp.SecurityGroups.SecurityGroup {
				g := &resp.SecurityGroups.SecurityGroup[i]
				out := SecurityGroup{ID: g.SecurityGroupId, Name: g.SecurityGroupName, VPCID: g.VpcId, Tags: map[string]string{}}
				for _, t := range g.Tags.Tag {
					out.Tags[t.TagKey] = t.TagValue
				}
				page.Items = append(page.Items, out)
			}
			return page, nil
		})
	if err != nil {
		return nil, fmt.Errorf("list security groups of %s: %w", vpcID, err)
	}
	return all, nil
}

// CreateSecurityGroup creates a basic security group in a VPC: its members reach
// one another, and nobody else reaches them. The token makes one group out of any
// number of calls.
func (c *Client) CreateSecurityGroup(ctx context.Context, g SecurityGroup, clientToken string) (id string, err error) {
	req := sdk.CreateCreateSecurityGroupRequest()
	req.ClientToken, req.SecurityGroupName, req.VpcId, req.SecurityGroupType = clientToken, g.Name, g.VPCID, "normal"
	tags := make([]sdk.CreateSecurityGroupTag, 0, len(g.Tags))
	for _, key := range slices.Sorted(maps.Keys(g.Tags)) {
		tags = append(tags, sdk.CreateSecurityGroupTag{Key: key, Value: g.Tags[key]})
	}
	req.Tag = &tags
	resp := sdk.CreateCreateSecurityGroupResponse()
	if err := c.write(ctx, req, resp, true); err != nil {
		return "", fmt.Errorf("create security group %s: %w", g.Name, err)
	}
	return resp.SecurityGroupId, nil
}

// Rules lists the inbound rules of a security group that accept.
func (c *Client) Rules(ctx context.Context, groupID string) ([]Rule, error) {
	src := listing.Source{Product: string(transport.Ecs), Action: "DescribeSecurityGroupAttribute"}
	rules, err := listing.Tokens(ctx, src,
		func(ctx context.Context, token string) (listing.TokenPage[Rule], error) {
			req := sdk.CreateDescribeSecurityGroupAttributeRequest()
			req.SecurityGroupId, req.Direction = groupID, "ingress"
			req.MaxResults, req.NextToken = requests.NewInteger(rulesPerPage), token
			resp := sdk.CreateDescribeSecurityGroupAttributeResponse()
			if err := c.read(ctx, req, resp); err != nil {
				return listing.TokenPage[Rule]{}, err
			}
			page := listing.TokenPage[Rule]{Next: resp.NextToken, RequestID: resp.RequestId}
			for i := range resp.Permissions.Permission {
				p := &resp.Permissions.Permission[i]
				if strings.EqualFold(p.Policy, "accept") {
					page.Items = append(page.Items, Rule{
						Protocol: strings.ToUpper(p.IpProtocol), PortRange: p.PortRange, SourceCIDR: p.SourceCidrIp,
						SourceGroup: p.SourceGroupId, Description: p.Description,
					})
				}
			}
			return page, nil
		})
	if err != nil {
		return nil, fmt.Errorf("list the rules of security group %s: %w", groupID, err)
	}
	return rules, nil
}

// Authorize adds rules that accept to a security group, at most 100. The API takes a
// rule that is there already as a success and adds nothing (AuthorizeSecurityGroup),
// so the call can be repeated.
func (c *Client) Authorize(ctx context.Context, groupID string, rules []Rule) error {
	req := sdk.CreateAuthorizeSecurityGroupRequest()
	req.SecurityGroupId = groupID
	permissions := make([]sdk.AuthorizeSecurityGroupPermissions, 0, len(rules))
	for _, r := range rules {
		permissions = append(permissions, sdk.AuthorizeSecurityGroupPermissions{
			Policy: "accept", Priority: "1", IpProtocol: r.Protocol, PortRange: r.PortRange,
			SourceCidrIp: r.SourceCIDR, SourceGroupId: r.SourceGroup, Description: r.Description,
		})
	}
	req.Permissions = &permissions
	if err := c.write(ctx, req, sdk.CreateAuthorizeSecurityGroupResponse(), true); err != nil {
		return fmt.Errorf("add rules to security group %s: %w", groupID, err)
	}
	return nil
}
