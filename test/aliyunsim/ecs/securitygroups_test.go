package ecs

import (
	"testing"

	sdk "github.com/aliyun/alibaba-cloud-sdk-go/services/ecs"
)

func (r *region) group(params ...string) string {
	r.t.Helper()
	made := sdk.CreateCreateSecurityGroupResponse()
	r.must(made, "CreateSecurityGroup", params...)
	return made.SecurityGroupId
}

func TestSecurityGroupIsFoundByItsTag(t *testing.T) {
	r := newRegion(t)
	id := r.group("VpcId", "vpc-a", "SecurityGroupName", "n", "Tag.1.Key", "k", "Tag.1.Value", "v")
	r.group("VpcId", "vpc-a")
	reply := sdk.CreateDescribeSecurityGroupsResponse()
	r.must(reply, "DescribeSecurityGroups", "VpcId", "vpc-a", "Tag.1.Key", "k", "Tag.1.Value", "v", "MaxResults", "100")
	if groups := reply.SecurityGroups.SecurityGroup; len(groups) != 1 || groups[0].SecurityGroupId != id || groups[0].SecurityGroupName != "n" || groups[0].VpcId != "vpc-a" {
		t.Fatalf("%+v", reply)
	}
	r.refused(404, "InvalidVpcId.NotFound", "CreateSecurityGroup", "VpcId", "vpc-none")
}

func TestSameRuleIsAddedOnce(t *testing.T) {
	r := newRegion(t)
	id, other := r.group("VpcId", "vpc-a"), r.group("VpcId", "vpc-a")
	for range 2 {
		r.must(sdk.CreateAuthorizeSecurityGroupResponse(), "AuthorizeSecurityGroup", "SecurityGroupId", id,
			"Permissions.1.IpProtocol", "tcp", "Permissions.1.PortRange", "6443/6443", "Permissions.1.SourceCidrIp", "10.0.0.0/8",
			"Permissions.2.IpProtocol", "ALL", "Permissions.2.PortRange", "-1/-1", "Permissions.2.SourceGroupId", other)
	}
	reply := sdk.CreateDescribeSecurityGroupAttributeResponse()
	r.must(reply, "DescribeSecurityGroupAttribute", "SecurityGroupId", id)
	rules := reply.Permissions.Permission
	if len(rules) != 2 || rules[0].IpProtocol != "TCP" || rules[0].SourceCidrIp != "10.0.0.0/8" || rules[0].Policy != "Accept" || rules[1].SourceGroupId != other {
		t.Fatalf("%+v", rules)
	}
}

func TestWrongRulesAreRefusedAllTogether(t *testing.T) {
	r := newRegion(t)
	id := r.group("VpcId", "vpc-a")
	rule := func(protocol, ports, source string) []string {
		return []string{
			"SecurityGroupId", id,
			"Permissions.1.IpProtocol", "tcp", "Permissions.1.PortRange", "1/1", "Permissions.1.SourceCidrIp", "10.0.0.0/8",
			"Permissions.2.IpProtocol", protocol, "Permissions.2.PortRange", ports, "Permissions.2.SourceCidrIp", source,
		}
	}
	r.refused(400, "InvalidParameter", "AuthorizeSecurityGroup", rule("sctp", "1/1", "10.0.0.0/8")...)
	r.refused(400, "InvalidParameter", "AuthorizeSecurityGroup", rule("tcp", "80", "10.0.0.0/8")...)
	r.refused(400, "InvalidParameter", "AuthorizeSecurityGroup", rule("icmp", "1/1", "10.0.0.0/8")...)
	r.refused(400, "InvalidParameter", "AuthorizeSecurityGroup", rule("tcp", "80/80", "everybody")...)
	r.refused(404, "InvalidSecurityGroupId.NotFound", "AuthorizeSecurityGroup", "SecurityGroupId", "sg-none")
}
