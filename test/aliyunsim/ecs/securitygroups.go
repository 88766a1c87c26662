package ecs

import (
	"cmp"
	"maps"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/api"
)

// Limits of security groups (ECS API: DescribeSecurityGroups, AuthorizeSecurityGroup).
const (
	maxGroupResults = 100
	maxPermissions  = 100
	maxGroupRules   = 200
	maxRuleResults  = 1000
)

type securityGroup struct {
	Seq         uint64            `json:"seq"`
	ID          string            `json:"id"`
	Name        string            `json:"name,omitempty"`
	Description string            `json:"description,omitempty"`
	VPC         string            `json:"vpc,omitempty"`
	Type        string            `json:"type"`
	Rules       []groupRule       `json:"rules,omitempty"`
	Tags        map[string]string `json:"tags"`
	Created     time.Time         `json:"created"`
}

// groupRule is an inbound rule. Two rules are one when all but the description is
// the same.
type groupRule struct {
	ID          string `json:"id"`
	Protocol    string `json:"protocol"`
	PortRange   string `json:"portRange"`
	SourceCIDR  string `json:"sourceCIDR,omitempty"`
	SourceGroup string `json:"sourceGroup,omitempty"`
	Policy      string `json:"policy"`
	Priority    string `json:"priority"`
	Description string `json:"description,omitempty"`
}

func (p *Product) createSecurityGroup(c *api.Call) (api.Reply, *api.Error) {
	if reply, ok, err := p.Tokens.Replay(c, http.StatusBadRequest); ok || err != nil {
		return reply, err
	}
	q := c.Params
	kind := q["SecurityGroupType"]
	switch kind {
	case "":
		kind = "normal"
	case "normal", "enterprise":
	default:
		return nil, api.Invalid("SecurityGroupType", kind)
	}
	if q["VpcId"] != "" && !p.Network.HasVPC(q["VpcId"]) {
		return nil, api.Errorf(http.StatusNotFound, "InvalidVpcId.NotFound", "The specified VPC %q does not exist.", q["VpcId"])
	}
	tags, err := q.Tags()
	if err != nil {
		return nil, err
	}
	g := &securityGroup{
		Seq: p.nextSeq(), ID: api.NewID(p.Rand, "sg"), Name: q["SecurityGroupName"], Description: q["Description"], VPC: q["VpcId"],
		Type: kind, Tags: tags, Created: c.Now,
	}
	p.SecurityGroups[g.ID] = g
	reply := api.Reply{"SecurityGroupId": g.ID}
	p.Tokens.Keep(c, reply, p.Knobs.TokenRetention)
	return reply, nil
}

func (p *Product) describeSecurityGroups(c *api.Call) (api.Reply, *api.Error) {
	pg, err := readPaging(c, maxGroupResults)
	if err != nil {
		return nil, err
	}
	q := c.Params
	seq := func(g *securityGroup) uint64 { return g.Seq }
	groups := slices.SortedFunc(maps.Values(p.SecurityGroups), func(a, b *securityGroup) int { return cmp.Compare(a.Seq, b.Seq) })
	page, reply := cutPage(c, pg, groups, seq, func(g *securityGroup) bool {
		return match(q["VpcId"], g.VPC) && match(q["SecurityGroupName"], g.Name) && match(q["SecurityGroupId"], g.ID) &&
			match(q["SecurityGroupType"], g.Type) && q.HasTags(g.Tags)
	})
	items := make([]api.Reply, 0, len(page))
	for _, g := range page {
		items = append(items, api.Reply{
			"SecurityGroupId": g.ID, "SecurityGroupName": g.Name, "Description": g.Description, "VpcId": g.VPC,
			"SecurityGroupType": g.Type, "CreationTime": g.Created.UTC().Format(time.RFC3339), "Tags": tagItems(g.Tags),
		})
	}
	reply["SecurityGroups"] = api.Reply{"SecurityGroup": items}
	return reply, nil
}

func (p *Product) securityGroup(id string) (*securityGroup, *api.Error) {
	g := p.SecurityGroups[id]
	if g == nil {
		return nil, api.Errorf(http.StatusNotFound, "InvalidSecurityGroupId.NotFound", "The specified SecurityGroupId %q does not exist.", id)
	}
	return g, nil
}

// authorizeSecurityGroup adds inbound rules, all of them or none. A rule that is
// there already is not added again, and is no failure.
func (p *Product) authorizeSecurityGroup(c *api.Call) (api.Reply, *api.Error) {
	g, err := p.securityGroup(c.Params["SecurityGroupId"])
	if err != nil {
		return nil, err
	}
	permissions := c.Params.Structs("Permissions")
	if len(permissions) == 0 || len(permissions) > maxPermissions {
		return nil, api.Invalid("Permissions", "not 1 to 100 of them")
	}
	rules := slices.Clone(g.Rules)
	for _, item := range permissions {
		rule := groupRule{
			Protocol: strings.ToUpper(item["IpProtocol"]), PortRange: item["PortRange"], SourceCIDR: item["SourceCidrIp"],
			SourceGroup: item["SourceGroupId"], Policy: "Accept", Priority: "1", Description: item["Description"],
		}
		if item["Priority"] != "" {
			rule.Priority = item["Priority"]
		}
		if strings.EqualFold(item["Policy"], "drop") {
			rule.Policy = "Drop"
		}
		if err := p.checkRule(g, rule); err != nil {
			return nil, err
		}
		if !slices.ContainsFunc(rules, rule.same) {
			rule.ID = api.NewID(p.Rand, "sgr")
			rules = append(rules, rule)
		}
	}
	if len(rules) > maxGroupRules {
		return nil, api.Errorf(http.StatusForbidden, "AuthorizationLimitExceed", "A security group takes %d rules at most.", maxGroupRules)
	}
	g.Rules = rules
	return api.Reply{}, nil
}

func (p *Product) checkRule(g *securityGroup, rule groupRule) *api.Error {
	switch rule.Protocol {
	case "ALL", "ICMP", "GRE":
		if rule.PortRange != "-1/-1" {
			return api.Invalid("PortRange", rule.PortRange)
		}
	case "TCP", "UDP":
		if _, _, two := strings.Cut(rule.PortRange, "/"); !two {
			return api.Invalid("PortRange", rule.PortRange)
		}
	default:
		return api.Invalid("IpProtocol", rule.Protocol)
	}
	if rule.SourceGroup != "" {
		if g.Type == "enterprise" {
			return api.Errorf(http.StatusBadRequest, "InvalidParam.SourceGroupId", "An advanced security group names no other group.")
		}
		_, err := p.securityGroup(rule.SourceGroup)
		return err
	}
	if _, err := netip.ParsePrefix(rule.SourceCIDR); err != nil {
		return api.Invalid("SourceCidrIp", rule.SourceCIDR)
	}
	return nil
}

func (r groupRule) same(other groupRule) bool {
	other.ID, other.Description = r.ID, r.Description
	return r == other
}

func (p *Product) describeSecurityGroupAttribute(c *api.Call) (api.Reply, *api.Error) {
	g, err := p.securityGroup(c.Params["SecurityGroupId"])
	if err != nil {
		return nil, err
	}
	items := []api.Reply{}
	if c.Params["Direction"] != "egress" {
		for _, r := range g.Rules[:min(len(g.Rules), maxRuleResults)] {
			items = append(items, api.Reply{
				"SecurityGroupRuleId": r.ID, "Direction": "ingress", "IpProtocol": r.Protocol, "PortRange": r.PortRange,
				"SourceCidrIp": r.SourceCIDR, "SourceGroupId": r.SourceGroup, "Policy": r.Policy, "Priority": r.Priority,
				"Description": r.Description, "NicType": "intranet",
			})
		}
	}
	return api.Reply{
		"SecurityGroupId": g.ID, "SecurityGroupName": g.Name, "Description": g.Description, "VpcId": g.VPC, "RegionId": p.Region,
		"InnerAccessPolicy": "Accept", "Permissions": api.Reply{"Permission": items},
	}, nil
}
