package vpc

import (
	"testing"
	"time"

	sdk "github.com/aliyun/alibaba-cloud-sdk-go/services/vpc"
)

func (r *region) eip(id string) sdk.EipAddress {
	r.t.Helper()
	reply := sdk.CreateDescribeEipAddressesResponse()
	r.must(reply, "DescribeEipAddresses", "AllocationId", id)
	if len(reply.EipAddresses.EipAddress) != 1 {
		r.t.Fatalf("%+v", reply)
	}
	return reply.EipAddresses.EipAddress[0]
}

func (r *region) allocate(params ...string) *sdk.AllocateEipAddressResponse {
	r.t.Helper()
	reply := sdk.CreateAllocateEipAddressResponse()
	r.must(reply, "AllocateEipAddress", params...)
	return reply
}

func TestElasticAddressLife(t *testing.T) {
	r := newRegion(t)
	made := r.allocate("Name", "n", "Description", "d")
	id := made.AllocationId
	if e := r.eip(id); e.Status != "Available" || e.IpAddress != made.EipAddress || e.Bandwidth != "5" || e.InternetChargeType != "PayByBandwidth" ||
		e.Name != "n" || e.Description != "d" || e.Descritpion != "d" || //nolint:misspell // the API's name
		e.AllocationTime != "2026-05-01T12:00:00Z" {
		t.Fatalf("%+v", e)
	}
	r.must(sdk.CreateAssociateEipAddressResponse(), "AssociateEipAddress", "AllocationId", id, "InstanceId", "i-1")
	if e := r.eip(id); e.Status != "Associating" || e.InstanceId != "i-1" || e.InstanceType != "EcsInstance" {
		t.Fatalf("%+v", e)
	}
	r.refused(400, "IncorrectEipStatus", "UnassociateEipAddress", "AllocationId", id)
	if _, ok := r.EIPOf("i-1"); ok {
		t.Fatal("an address that is still being associated is in use")
	}
	r.pass(2 * time.Second)
	if e, ok := r.EIPOf("i-1"); !ok || e.Address != made.EipAddress || r.eip(id).Status != "InUse" {
		t.Fatalf("%+v", e)
	}
	r.refused(400, "IncorrectEipStatus", "ReleaseEipAddress", "AllocationId", id)
	r.refused(400, "InvalidBindingStatus", "UnassociateEipAddress", "AllocationId", id, "InstanceId", "i-2")
	r.must(sdk.CreateUnassociateEipAddressResponse(), "UnassociateEipAddress", "AllocationId", id, "InstanceId", "i-1")
	if e := r.eip(id); e.Status != "Unassociating" {
		t.Fatalf("%+v", e)
	}
	r.pass(2 * time.Second)
	if e := r.eip(id); e.Status != "Available" || e.InstanceId != "" {
		t.Fatalf("%+v", e)
	}
	r.must(sdk.CreateReleaseEipAddressResponse(), "ReleaseEipAddress", "AllocationId", id)
	r.refused(404, "InvalidAllocationId.NotFound", "ReleaseEipAddress", "AllocationId", id)
}

func TestTargetTakesOneElasticAddress(t *testing.T) {
	r := newRegion(t)
	one, two := r.allocate().AllocationId, r.allocate().AllocationId
	r.must(sdk.CreateAssociateEipAddressResponse(), "AssociateEipAddress", "AllocationId", one, "InstanceId", "i-1")
	r.refused(400, "InvalidAssociation.Duplicated", "AssociateEipAddress", "AllocationId", two, "InstanceId", "i-1")
	r.refused(400, "IncorrectEipStatus", "AssociateEipAddress", "AllocationId", one, "InstanceId", "i-2")
	r.refused(404, "InvalidInstanceId.NotFound", "AssociateEipAddress", "AllocationId", two, "InstanceId", "i-none")
	r.refused(404, "InvalidInstanceId.NotFound", "AssociateEipAddress", "AllocationId", two, "InstanceId", "eni-none", "InstanceType", "NetworkInterface")
	r.refused(400, "InvalidParameter", "AssociateEipAddress", "AllocationId", two, "InstanceId", "i-2", "InstanceType", "Odd")
	for target, kind := range map[string]string{"eni-2": "NetworkInterface", "lb-1": "SlbInstance"} {
		id := r.allocate().AllocationId
		r.must(sdk.CreateAssociateEipAddressResponse(), "AssociateEipAddress", "AllocationId", id, "InstanceId", target, "InstanceType", kind)
		if e := r.eip(id); e.InstanceId != target || e.InstanceType != kind {
			t.Errorf("%+v", e)
		}
	}
	reply := sdk.CreateDescribeEipAddressesResponse()
	r.must(reply, "DescribeEipAddresses", "AssociatedInstanceType", "SlbInstance", "AssociatedInstanceId", "lb-1")
	if reply.TotalCount != 1 {
		t.Errorf("%+v", reply)
	}
	r.TargetReleased("lb-1")
	r.must(reply, "DescribeEipAddresses", "Status", "Available")
	if reply.TotalCount != 2 {
		t.Errorf("%+v", reply)
	}
}

func TestElasticAddressTokens(t *testing.T) {
	r := newRegion(t)
	first := r.allocate("ClientToken", "t")
	r.refused(400, "LastTokenProcessing", "AllocateEipAddress", "ClientToken", "t")
	r.refused(400, "IdempotentParameterMismatch", "AllocateEipAddress", "ClientToken", "t", "Bandwidth", "9")
	r.pass(r.latency)
	if again := r.allocate("ClientToken", "t"); again.AllocationId != first.AllocationId || again.EipAddress != first.EipAddress {
		t.Fatalf("%+v, then %+v", first, again)
	}
	associate := []string{"AllocationId", first.AllocationId, "InstanceId", "i-1", "ClientToken", "a"}
	r.must(sdk.CreateAssociateEipAddressResponse(), "AssociateEipAddress", associate...)
	r.pass(r.latency)
	r.must(sdk.CreateAssociateEipAddressResponse(), "AssociateEipAddress", associate...)
	r.pass(2 * time.Second)
	unassociate := []string{"AllocationId", first.AllocationId, "ClientToken", "u"}
	r.must(sdk.CreateUnassociateEipAddressResponse(), "UnassociateEipAddress", unassociate...)
	r.pass(2 * time.Second)
	r.must(sdk.CreateUnassociateEipAddressResponse(), "UnassociateEipAddress", unassociate...)
	r.refused(400, "InvalidClientToken.Malformed", "AllocateEipAddress", "ClientToken", "é")
}

func TestElasticBandwidthHasLimits(t *testing.T) {
	r := newRegion(t)
	id := r.allocate("Bandwidth", "200", "InternetChargeType", "PayByTraffic").AllocationId
	r.refused(400, "InvalidBandwidth.Value", "AllocateEipAddress", "Bandwidth", "201", "InternetChargeType", "PayByTraffic")
	r.refused(400, "InvalidBandwidth.Value", "AllocateEipAddress", "Bandwidth", "501")
	r.refused(400, "InvalidBandwidth.Value", "AllocateEipAddress", "Bandwidth", "0")
	r.refused(400, "InvalidParameter", "AllocateEipAddress", "InternetChargeType", "Free")
	r.refused(400, "InvalidBandwidth.Value", "ModifyEipAddressAttribute", "AllocationId", id, "Bandwidth", "300")
	r.must(sdk.CreateModifyEipAddressAttributeResponse(), "ModifyEipAddressAttribute", "AllocationId", id, "Bandwidth", "20", "Name", "m")
	if e := r.eip(id); e.Bandwidth != "20" || e.Name != "m" {
		t.Fatalf("%+v", e)
	}
}

func TestVPCObjectsCarryTags(t *testing.T) {
	r := newRegion(t)
	r.must(sdk.CreateTagResourcesResponse(), "TagResources", "ResourceType", "ROUTETABLE", "ResourceId.1", "vtb-a", "Tag.1.Key", "k", "Tag.1.Value", "v")
	tables := sdk.CreateDescribeRouteTableListResponse()
	r.must(tables, "DescribeRouteTableList", "Tag.1.Key", "k", "Tag.1.Value", "v")
	if tables.TotalCount != 1 || tables.RouterTableList.RouterTableListType[0].Tags.Tag[0].Value != "v" {
		t.Fatalf("%+v", tables)
	}
	listed := sdk.CreateListTagResourcesResponse()
	r.must(listed, "ListTagResources", "ResourceType", "ROUTETABLE", "ResourceId.1", "vtb-a")
	if l := listed.TagResources.TagResource; len(l) != 1 || l[0].ResourceId != "vtb-a" || l[0].TagKey != "k" || l[0].TagValue != "v" {
		t.Fatalf("%+v", l)
	}
	r.must(sdk.CreateUnTagResourcesResponse(), "UnTagResources", "ResourceType", "ROUTETABLE", "ResourceId.1", "vtb-a", "TagKey.1", "k")
	r.must(tables, "DescribeRouteTableList", "Tag.1.Key", "k")
	if tables.TotalCount != 0 {
		t.Fatalf("%+v", tables)
	}
	r.refused(404, "InvalidResourceId.NotFound", "TagResources",
		"ResourceType", "VPC", "ResourceId.1", "vpc-a", "ResourceId.2", "vpc-none", "Tag.1.Key", "k", "Tag.1.Value", "v")
}
