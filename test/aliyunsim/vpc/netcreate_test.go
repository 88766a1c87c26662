package vpc

import (
	"testing"
	"time"

	sdk "github.com/aliyun/alibaba-cloud-sdk-go/services/vpc"
)

func TestVPCIsMadeWithASystemTable(t *testing.T) {
	r := newRegion(t)
	made := sdk.CreateCreateVpcResponse()
	r.must(made, "CreateVpc", "CidrBlock", "10.99.0.0/16", "VpcName", "n", "ClientToken", "a", "Tag.1.Key", "k", "Tag.1.Value", "v")
	again := sdk.CreateCreateVpcResponse()
	r.pass(time.Second)
	r.must(again, "CreateVpc", "CidrBlock", "10.99.0.0/16", "VpcName", "n", "ClientToken", "a", "Tag.1.Key", "k", "Tag.1.Value", "v")
	if made.VpcId == "" || made.VRouterId == "" || made.RouteTableId == "" || again.VpcId != made.VpcId {
		t.Fatalf("%+v, then %+v", made, again)
	}
	reply := sdk.CreateDescribeVpcsResponse()
	r.must(reply, "DescribeVpcs", "Tag.1.Key", "k", "Tag.1.Value", "v")
	if len(reply.Vpcs.Vpc) != 1 || reply.Vpcs.Vpc[0].VpcId != made.VpcId || reply.Vpcs.Vpc[0].Status != "Available" {
		t.Fatalf("%+v", reply)
	}
	r.refused(400, "InvalidCidrBlock", "CreateVpc", "CidrBlock", "100.64.0.0/16")
	r.refused(400, "InvalidCidrBlock", "CreateVpc", "CidrBlock", "10.99.0.1/16")
	r.refused(400, "InvalidCidrBlock", "CreateVpc", "CidrBlock", "10.99.0.0")
	for range maxVPCs - 3 {
		r.must(sdk.CreateCreateVpcResponse(), "CreateVpc")
	}
	r.refused(400, "QuotaExceeded.Vpc", "CreateVpc")
}

func TestVSwitchIsMadeInAVPCThatIsAvailable(t *testing.T) {
	r := newRegion(t)
	made := sdk.CreateCreateVpcResponse()
	r.must(made, "CreateVpc", "CidrBlock", "10.99.0.0/16")
	part := func(cidr string) []string {
		return []string{"VpcId", made.VpcId, "ZoneId", "cn-test-a", "CidrBlock", cidr}
	}
	r.refused(400, "IncorrectVpcStatus", "CreateVSwitch", part("10.99.0.0/24")...)
	r.pass(2 * time.Second)
	r.must(sdk.CreateCreateVSwitchResponse(), "CreateVSwitch", part("10.99.0.0/24")...)
	r.refused(400, "OperationConflict", "CreateVSwitch", part("10.99.1.0/24")...)
	r.pass(2 * time.Second)
	r.refused(400, "InvalidCidrBlock.Overlapped", "CreateVSwitch", part("10.99.0.128/25")...)
	r.refused(400, "InvalidCidrBlock", "CreateVSwitch", part("10.98.0.0/24")...)
	r.refused(400, "InvalidCidrBlock", "CreateVSwitch", part("10.99.1.0/30")...)
	r.refused(404, "InvalidVpcId.NotFound", "CreateVSwitch", "VpcId", "vpc-none", "ZoneId", "cn-test-a", "CidrBlock", "10.99.1.0/24")
	second := sdk.CreateCreateVSwitchResponse()
	r.must(second, "CreateVSwitch", part("10.99.1.0/24")...)
	reply := sdk.CreateDescribeVSwitchesResponse()
	r.must(reply, "DescribeVSwitches", "VSwitchId", second.VSwitchId)
	if len(reply.VSwitches.VSwitch) != 1 || reply.VSwitches.VSwitch[0].Status != "Pending" || reply.VSwitches.VSwitch[0].RouteTable.RouteTableId != made.RouteTableId {
		t.Fatalf("%+v", reply)
	}
}
