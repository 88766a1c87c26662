package ecs

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"testing"

	sdk "github.com/aliyun/alibaba-cloud-sdk-go/services/ecs"
	"github.com/google/go-cmp/cmp"
)

// fleet is n servers named node-1 to node-n with the ids i-1 to i-n.
func fleet(n int) []ServerSeed {
	all := make([]ServerSeed, n)
	for i := range all {
		all[i] = ServerSeed{ID: "i-" + strconv.Itoa(i+1), Name: "node-" + strconv.Itoa(i+1)}
	}
	return all
}

func (r *region) list(params ...string) *sdk.DescribeInstancesResponse {
	r.t.Helper()
	reply := sdk.CreateDescribeInstancesResponse()
	r.must(reply, "DescribeInstances", params...)
	return reply
}

func ids(reply *sdk.DescribeInstancesResponse) []string {
	out := make([]string, 0, len(reply.Instances.Instance))
	for _, i := range reply.Instances.Instance {
		out = append(out, i.InstanceId)
	}
	return out
}

func TestInstanceCarriesWhatAControllerReads(t *testing.T) {
	r := newRegion(t, ServerSeed{
		ID: "i-1", Name: "node-1", HostName: "host-1", Type: "ecs.c7.xlarge", PrivateIP: "10.0.0.7", EIP: "47.1.2.3", IPv6: "2001:db8::7",
		SpotStrategy: "SpotAsPriceGo", Tags: map[string]string{"team": "a"}, Locks: []string{"recycling"},
		Interfaces: []InterfaceSeed{{ID: "eni-2", PrivateIPs: []string{"10.0.0.8", "10.0.0.9"}}},
	}, ServerSeed{ID: "i-2", PublicIP: "8.8.4.4", ChargeType: "PrePaid", Status: "Stopped"})
	found := r.list().Instances.Instance
	if len(found) != 2 {
		t.Fatalf("%+v", found)
	}
	one, two := found[0], found[1]
	if one.InstanceId != "i-1" || one.InstanceName != "node-1" || one.HostName != "host-1" || one.Status != "Running" || one.RegionId != "cn-test" ||
		one.ZoneId != "cn-test-a" || one.InstanceType != "ecs.c7.xlarge" || one.InstanceTypeFamily != "ecs.c7" || one.Cpu != 4 || one.Memory != 8192 ||
		one.InstanceChargeType != "PostPaid" || one.SpotStrategy != "SpotAsPriceGo" || one.InstanceNetworkType != "vpc" ||
		one.CreationTime != "2026-01-01T00:00Z" || one.ExpiredTime != "2099-12-31T15:59Z" || one.StoppedMode != "Not-applicable" || one.SerialNumber == "" {
		t.Errorf("%+v", one)
	}
	if one.VpcAttributes.VpcId != "vpc-a" || one.VpcAttributes.VSwitchId != "vsw-a" ||
		!slices.Equal(one.VpcAttributes.PrivateIpAddress.IpAddress, []string{"10.0.0.7"}) {
		t.Errorf("%+v", one.VpcAttributes)
	}
	if e := one.EipAddress; e.IpAddress != "47.1.2.3" || e.AllocationId == "" || e.Bandwidth != 5 || e.InternetChargeType != "PayByBandwidth" {
		t.Errorf("%+v", e)
	}
	if g := one.SecurityGroupIds.SecurityGroupId; len(g) != 1 || len(one.PublicIpAddress.IpAddress) != 0 {
		t.Errorf("%v %v", g, one.PublicIpAddress)
	}
	if tags := one.Tags.Tag; len(tags) != 1 || tags[0].TagKey != "team" || tags[0].TagValue != "a" {
		t.Errorf("%+v", tags)
	}
	if l := one.OperationLocks.LockReason; len(l) != 1 || l[0].LockReason != "recycling" {
		t.Errorf("%+v", l)
	}
	enis := one.NetworkInterfaces.NetworkInterface
	if len(enis) != 2 || enis[0].Type != "Primary" || enis[0].PrimaryIpAddress != "10.0.0.7" || enis[0].MacAddress == "" ||
		enis[0].Ipv6Sets.Ipv6Set[0].Ipv6Address != "2001:db8::7" || enis[1].NetworkInterfaceId != "eni-2" || enis[1].Type != "Secondary" ||
		!enis[1].PrivateIpSets.PrivateIpSet[0].Primary || enis[1].PrivateIpSets.PrivateIpSet[1].PrivateIpAddress != "10.0.0.9" {
		t.Errorf("%+v", enis)
	}
	if two.Status != "Stopped" || two.StoppedMode != "KeepCharging" || two.InstanceChargeType != "PrePaid" || two.InstanceName != "i-2" ||
		!slices.Equal(two.PublicIpAddress.IpAddress, []string{"8.8.4.4"}) || two.EipAddress.IpAddress != "" || two.ExpiredTime != "2027-01-01T00:00Z" {
		t.Errorf("%+v", two)
	}
}

func TestInstancesAreFoundByIDAndAddressAndUnknownOnesLeftOut(t *testing.T) {
	seeds := fleet(3)
	seeds[0].PrivateIP, seeds[1].EIP, seeds[2].PublicIP, seeds[2].IPv6 = "10.0.0.50", "47.1.2.3", "8.8.4.4", "2001:db8::50"
	seeds[0].Tags = map[string]string{"k": "v"}
	r := newRegion(t, seeds...)
	for _, c := range []struct {
		want   []string
		params []string
	}{
		{[]string{"i-1", "i-3"}, []string{"InstanceIds", `["i-3","i-none","i-1","i-1"]`}},
		{[]string{}, []string{"InstanceIds", `[]`}},
		{[]string{}, []string{"InstanceIds", `["i-none"]`}},
		{[]string{"i-1"}, []string{"PrivateIpAddresses", `["10.0.0.50","10.9.9.9"]`, "VpcId", "vpc-a"}},
		{[]string{}, []string{"PrivateIpAddresses", `["10.0.0.50"]`, "VpcId", "vpc-other"}},
		{[]string{"i-2"}, []string{"EipAddresses", `["47.1.2.3","47.9.9.9"]`}},
		{[]string{}, []string{"EipAddresses", `["47.1.2.3"]`, "InstanceIds", `["i-1"]`}},
		{[]string{"i-3"}, []string{"PublicIpAddresses", `["8.8.4.4"]`}},
		{[]string{"i-3"}, []string{"Ipv6Address.1", "2001:db8::50"}},
		{[]string{"i-2"}, []string{"InstanceName", "node-2"}},
		{[]string{"i-1", "i-2", "i-3"}, []string{"InstanceName", "no*-*"}},
		{[]string{"i-3"}, []string{"InstanceName", "*3"}},
		{[]string{"i-1"}, []string{"Tag.1.Key", "k"}},
		{[]string{"i-1"}, []string{"Tag.1.Key", "k", "Tag.1.Value", "v"}},
		{[]string{}, []string{"Tag.1.Key", "k", "Tag.1.Value", "w"}},
		{[]string{}, []string{"Tag.1.Key", "k", "Tag.2.Key", "other"}},
		{[]string{"i-1", "i-2", "i-3"}, []string{"VSwitchId", "vsw-a", "ZoneId", "cn-test-a", "Status", "Running", "InstanceType", "ecs.g7.large"}},
		{[]string{}, []string{"Status", "Stopped"}},
		{[]string{}, []string{"InstanceChargeType", "PrePaid"}},
	} {
		if diff := cmp.Diff(c.want, ids(r.list(c.params...))); diff != "" {
			t.Errorf("%v: %s", c.params, diff)
		}
	}
	many, err := json.Marshal(make([]string, 101))
	if err != nil {
		t.Fatal(err)
	}
	r.refused(400, "InvalidInstanceIds.Malformed", "DescribeInstances", "InstanceIds", string(many))
	r.refused(400, "InvalidInstanceIds.Malformed", "DescribeInstances", "InstanceIds", "i-1,i-2")
	r.refused(400, "DryRunOperation", "DescribeInstances", "DryRun", "true")
}

func TestInstancePagesByTokenSurviveReleases(t *testing.T) {
	r := newRegion(t, fleet(25)...)
	first := r.list("MaxResults", "1") // clamped up to 10
	if len(first.Instances.Instance) != 10 || first.NextToken == "" || first.TotalCount != 0 {
		t.Fatalf("%d instances, token %q, total %d", len(first.Instances.Instance), first.NextToken, first.TotalCount)
	}
	for _, id := range []string{"i-1", "i-10"} {
		if err := r.Release(r.now, id, true); err != nil {
			t.Fatal(err)
		}
	}
	second := r.list("MaxResults", "10", "NextToken", first.NextToken)
	third := r.list("NextToken", second.NextToken)
	seen := slices.Concat(ids(first), ids(second), ids(third))
	slices.Sort(seen)
	if len(seen) != 25 || len(slices.Compact(seen)) != 25 || third.NextToken != "" {
		t.Fatalf("%v, last token %q", seen, third.NextToken)
	}
	if all := r.list("MaxResults", "1000"); len(all.Instances.Instance) != 23 {
		t.Fatalf("%d instances", len(all.Instances.Instance))
	}
	r.refused(400, "InvalidParameter.NextToken", "DescribeInstances", "NextToken", first.NextToken, "VpcId", "vpc-a")
	r.refused(400, "InvalidParameter.NextToken", "DescribeInstances", "NextToken", "nonsense")
}

func TestInstancePagesByNumberCount(t *testing.T) {
	r := newRegion(t, fleet(25)...)
	for page, want := range map[int]int{1: 20, 2: 5, 3: 0} {
		reply := r.list("PageNumber", strconv.Itoa(page), "PageSize", "20")
		if len(reply.Instances.Instance) != want || reply.TotalCount != 25 || reply.PageNumber != page || reply.PageSize != 20 {
			t.Errorf("page %d: %d instances of %d", page, len(reply.Instances.Instance), reply.TotalCount)
		}
	}
	if reply := r.list("VpcId", "vpc-a"); len(reply.Instances.Instance) != 10 || reply.TotalCount != 25 {
		t.Errorf("default page: %d of %d", len(reply.Instances.Instance), reply.TotalCount)
	}
	for page, want := range map[string][]string{"1": {"i-2", "i-20"}, "2": {"i-21", "i-22"}, "4": {"i-25"}, "5": {}} {
		reply := r.list("InstanceName", "node-2*", "PageNumber", page, "PageSize", "2")
		if !slices.Equal(ids(reply), want) || reply.TotalCount != 7 {
			t.Errorf("page %s of those named so: %v of %d", page, ids(reply), reply.TotalCount)
		}
	}
	r.refused(400, "InvalidParameter", "DescribeInstances", "PageSize", "101")
	r.refused(400, "InvalidParameter", "DescribeInstances", "PageNumber", "0")
}

func TestInstanceStatusList(t *testing.T) {
	seeds := fleet(12)
	seeds[1].Status = "Stopped"
	r := newRegion(t, seeds...)
	reply := sdk.CreateDescribeInstanceStatusResponse()
	r.must(reply, "DescribeInstanceStatus", "InstanceId.1", "i-2", "InstanceId.2", "i-none")
	if s := reply.InstanceStatuses.InstanceStatus; len(s) != 1 || s[0].InstanceId != "i-2" || s[0].Status != "Stopped" {
		t.Fatalf("%+v", s)
	}
	r.must(reply, "DescribeInstanceStatus", "PageSize", "5", "PageNumber", "3")
	if s := reply.InstanceStatuses.InstanceStatus; len(s) != 2 || reply.TotalCount != 12 {
		t.Fatalf("%+v of %d", s, reply.TotalCount)
	}
	r.refused(400, "InvalidParameter", "DescribeInstanceStatus", "PageSize", "51")
}

func TestInstanceAttributeOfAMissingServerIsNotFound(t *testing.T) {
	r := newRegion(t, fleet(1)...)
	reply := sdk.CreateDescribeInstanceAttributeResponse()
	r.must(reply, "DescribeInstanceAttribute", "InstanceId", "i-1")
	if reply.InstanceId != "i-1" || reply.Status != "Running" || reply.ZoneId != "cn-test-a" || reply.HostName != "node-1" ||
		reply.VpcAttributes.VpcId != "vpc-a" || len(reply.VpcAttributes.PrivateIpAddress.IpAddress) != 1 {
		t.Fatalf("%+v", reply)
	}
	r.refused(404, "InvalidInstanceId.NotFound", "DescribeInstanceAttribute", "InstanceId", "i-none")
	r.Knobs.ReleasedServerLag = 1000
	if err := r.Release(r.now, "i-1", true); err != nil {
		t.Fatal(err)
	}
	r.refused(404, "InvalidInstanceId.NotFound", "DescribeInstanceAttribute", "InstanceId", "i-1")
}

func BenchmarkInstancesOf5000(b *testing.B) {
	r := newRegion(&testing.T{}, fleet(5000)...)
	wanted := make([]string, 0, 100)
	for i := range 100 {
		wanted = append(wanted, fmt.Sprintf("i-%d", i*50+1))
	}
	raw, err := json.Marshal(wanted)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		reply, failure := r.call("DescribeInstances", "InstanceIds", string(raw), "MaxResults", "100")
		if failure != nil {
			b.Fatal(failure)
		}
		if _, err := json.Marshal(reply); err != nil {
			b.Fatal(err)
		}
	}
}
