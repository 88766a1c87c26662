package ecs

import (
	"fmt"
	"strings"
	"testing"

	sdk "github.com/aliyun/alibaba-cloud-sdk-go/services/ecs"
)

func (r *region) interfaces(params ...string) *sdk.DescribeNetworkInterfacesResponse {
	r.t.Helper()
	reply := sdk.CreateDescribeNetworkInterfacesResponse()
	r.must(reply, "DescribeNetworkInterfaces", params...)
	return reply
}

func TestInterfaceCarriesWhatAControllerReads(t *testing.T) {
	r := newRegion(t, ServerSeed{ID: "i-1", PrivateIP: "10.0.0.5", IPv6: "auto"})
	found := r.interfaces("PrivateIpAddress.1", "10.0.0.5").NetworkInterfaceSets.NetworkInterfaceSet
	if len(found) != 1 {
		t.Fatalf("%+v", found)
	}
	i := found[0]
	if i.InstanceId != "i-1" || i.Type != "Primary" || i.Status != "InUse" || i.VpcId != "vpc-a" || i.VSwitchId != "vsw-a" || i.ZoneId != "cn-test-a" ||
		i.PrivateIpAddress != "10.0.0.5" || i.MacAddress == "" || !i.SourceDestCheck || i.Attachment.InstanceId != "i-1" ||
		len(i.SecurityGroupIds.SecurityGroupId) != 1 || i.PrivateIpSets.PrivateIpSet[0].PrivateIpAddress != "10.0.0.5" ||
		i.Ipv6Sets.Ipv6Set[0].Ipv6Address != "2001:db8::1" {
		t.Fatalf("%+v", i)
	}
}

func TestSourceDestCheckIsOnUntilSwitchedOffPerInterface(t *testing.T) {
	off := false
	r := newRegion(t, ServerSeed{ID: "i-1", Interfaces: []InterfaceSeed{{ID: "eni-x"}}}, ServerSeed{ID: "i-2", SourceDestCheck: &off})
	checks := func() string {
		var s strings.Builder
		for _, i := range r.interfaces().NetworkInterfaceSets.NetworkInterfaceSet {
			fmt.Fprintf(&s, "%s:%t ", i.InstanceId, i.SourceDestCheck)
		}
		return s.String()
	}
	if got := checks(); got != "i-1:true i-1:true i-2:false " {
		t.Fatal(got)
	}
	r.must(sdk.CreateModifyNetworkInterfaceAttributeResponse(), "ModifyNetworkInterfaceAttribute", "NetworkInterfaceId", "eni-x", "SourceDestCheck", "false")
	if got := checks(); got != "i-1:true i-1:false i-2:false " {
		t.Fatal(got)
	}
	r.must(sdk.CreateModifyNetworkInterfaceAttributeResponse(), "ModifyNetworkInterfaceAttribute",
		"NetworkInterfaceId", "eni-x", "NetworkInterfaceName", "n", "Description", "d", "SecurityGroupId.1", "sg-2")
	i := r.interfaces("NetworkInterfaceId.1", "eni-x").NetworkInterfaceSets.NetworkInterfaceSet[0]
	if i.SourceDestCheck || i.NetworkInterfaceName != "n" || i.Description != "d" || i.SecurityGroupIds.SecurityGroupId[0] != "sg-2" {
		t.Fatalf("%+v", i)
	}
	r.Knobs.SourceDestCheck = false
	if _, err := r.Create(r.now, ServerSeed{ID: "i-3", VSwitch: "vsw-a"}); err != nil {
		t.Fatal(err)
	}
	if got := checks(); got != "i-1:true i-1:false i-2:false i-3:false " {
		t.Fatal(got)
	}
	if err := r.SetSourceDestCheck("eni-x", true); err != nil || checks() != "i-1:true i-1:true i-2:false i-3:false " {
		t.Fatalf("%v, %s", err, checks())
	}
	r.refused(404, "InvalidEniId.NotFound", "ModifyNetworkInterfaceAttribute", "NetworkInterfaceId", "eni-none", "SourceDestCheck", "false")
	r.refused(400, "InvalidParameter", "ModifyNetworkInterfaceAttribute", "NetworkInterfaceId", "eni-x", "SourceDestCheck", "maybe")
}

func TestInterfacesAreFilteredAndPaged(t *testing.T) {
	seeds := fleet(15)
	seeds[3].Interfaces = []InterfaceSeed{{ID: "eni-x", PrivateIPs: []string{"10.0.5.1", "10.0.5.2"}, Tags: map[string]string{"k": "v"}}}
	r := newRegion(t, seeds...)
	for want, filters := range map[int][][]string{
		1: {
			{"NetworkInterfaceId.1", "eni-x", "NetworkInterfaceId.2", "eni-none"}, {"PrivateIpAddress.1", "10.0.5.2"}, {"PrivateIpAddress.1", "10.0.5.1"},
			{"PrimaryIpAddress", "10.0.5.1"}, {"Type", "Secondary"}, {"Tag.1.Key", "k"}, {"InstanceId", "i-4", "Type", "Primary"},
		},
		2: {{"InstanceId", "i-4"}, {"InstanceId", "i-4", "VpcId", "vpc-a", "VSwitchId", "vsw-a", "Status", "InUse"}},
		0: {
			{"InstanceId", "i-none"}, {"NetworkInterfaceId.1", "eni-none"}, {"NetworkInterfaceId.1", "eni-x", "InstanceId", "i-5"},
			{"VpcId", "vpc-b"}, {"Status", "Available"}, {"PrivateIpAddress.1", "10.9.9.9"},
		},
	} {
		for _, filter := range filters {
			if got := r.interfaces(filter...).NetworkInterfaceSets.NetworkInterfaceSet; len(got) != want {
				t.Errorf("%v: %d interfaces, want %d", filter, len(got), want)
			}
		}
	}
	first := r.interfaces("MaxResults", "3") // clamped up to 10
	second := r.interfaces("MaxResults", "3", "NextToken", first.NextToken)
	if a, b := len(first.NetworkInterfaceSets.NetworkInterfaceSet), len(second.NetworkInterfaceSets.NetworkInterfaceSet); a != 10 || b != 6 || second.NextToken != "" {
		t.Errorf("pages of %d and %d", a, b)
	}
	if page := r.interfaces("PageSize", "5", "PageNumber", "4"); len(page.NetworkInterfaceSets.NetworkInterfaceSet) != 1 || page.TotalCount != 16 {
		t.Errorf("%d of %d", len(page.NetworkInterfaceSets.NetworkInterfaceSet), page.TotalCount)
	}
	many := make([]string, 0, 202)
	for i := range 101 {
		many = append(many, fmt.Sprintf("PrivateIpAddress.%d", i+1), "10.0.0.1")
	}
	r.refused(400, "InvalidParameter", "DescribeNetworkInterfaces", many...)
}

func TestOtherProductsSeeAddressesOfBothFamilies(t *testing.T) {
	r := newRegion(t, ServerSeed{ID: "i-1", PrivateIP: "10.0.0.5", IPv6: "2001:db8::5"})
	server, _ := r.Server("i-1")
	if len(server.IPv6) != 1 || server.IPv6[0] != "2001:db8::5" {
		t.Errorf("server: %v", server.IPv6)
	}
	nic, _ := r.Interface(server.InterfaceIDs[0])
	if got := strings.Join(nic.Addresses, " "); got != "10.0.0.5 2001:db8::5" {
		t.Errorf("interface: %q", got)
	}
}
