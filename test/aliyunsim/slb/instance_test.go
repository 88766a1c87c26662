package slb

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	sdk "github.com/aliyun/alibaba-cloud-sdk-go/services/slb"
)

func TestCreatedLoadBalancerIsDescribedAsTheSDKReadsIt(t *testing.T) {
	r := newRig(t)
	created := sdk.CreateCreateLoadBalancerResponse()
	r.read(created, "CreateLoadBalancer", "LoadBalancerName", "web", "LoadBalancerSpec", "slb.s1.small",
		"InternetChargeType", byBandwidth, "Bandwidth", "10", "DeleteProtection", "on",
		"ModificationProtectionStatus", "ConsoleProtection", "ModificationProtectionReason", "managed.by.test",
		"Tag.1.Key", "a", "Tag.1.Value", "1")
	list := sdk.CreateDescribeLoadBalancersResponse()
	r.read(list, "DescribeLoadBalancers", "LoadBalancerId", created.LoadBalancerId)
	if len(list.LoadBalancers.LoadBalancer) != 1 || list.TotalCount != 1 || list.PageNumber != 1 || list.PageSize != 50 {
		t.Fatalf("list: %+v", list)
	}
	item := list.LoadBalancers.LoadBalancer[0]
	if item.InternetChargeType != "3" || item.InternetChargeTypeAlias != byBandwidth || item.Bandwidth != 10 {
		t.Errorf("charge in the list: %+v", item)
	}
	if item.CreateTime != "2026-03-04T05:06Z" || item.CreateTimeStamp != r.now.UnixMilli() {
		t.Errorf("times in the list: %s %d", item.CreateTime, item.CreateTimeStamp)
	}
	if len(item.Tags.Tag) != 1 || item.Tags.Tag[0].TagKey != "a" || item.Tags.Tag[0].TagValue != "1" {
		t.Errorf("tags: %+v", item.Tags)
	}
	got := sdk.CreateDescribeLoadBalancerAttributeResponse()
	r.read(got, "DescribeLoadBalancerAttribute", "LoadBalancerId", created.LoadBalancerId)
	if got.InternetChargeType != byBandwidth || got.CreateTime != "2026-03-04T05:06:07Z" || got.LoadBalancerStatus != active {
		t.Errorf("attribute: %+v", got)
	}
	if got.DeleteProtection != on || got.ModificationProtectionStatus != consoleProtection || got.ModificationProtectionReason != "managed.by.test" {
		t.Errorf("protection: %+v", got)
	}
	if got.RegionIdAlias != region || got.EndTimeStamp == 0 || got.RenewalStatus == "" || got.LoadBalancerSpec != "slb.s1.small" {
		t.Errorf("attribute: %+v", got)
	}
}

func TestAttributeListsPortsInAllSpellings(t *testing.T) {
	r := newRig(t)
	lb := r.create()
	r.listen(lb, 80, "Description", "web")
	r.do("CreateLoadBalancerUDPListener", "LoadBalancerId", lb, "ListenerPort", "80", "BackendServerPort", "1", "Bandwidth", "-1")
	r.do("AddBackendServers", "LoadBalancerId", lb, "BackendServers", servers(0, 1, 2))
	got := sdk.CreateDescribeLoadBalancerAttributeResponse()
	r.read(got, "DescribeLoadBalancerAttribute", "LoadBalancerId", lb)
	if p := got.ListenerPorts.ListenerPort; len(p) != 1 || p[0] != 80 {
		t.Errorf("ListenerPorts: %v", p)
	}
	if p := got.ListenerPortsAndProtocol.ListenerPortAndProtocol; len(p) != 2 || p[0].ListenerProtocol != "tcp" || p[0].Description != "web" {
		t.Errorf("ListenerPortsAndProtocol: %+v", p)
	}
	if p := got.ListenerPortsAndProtocal.ListenerPortAndProtocal; len(p) != 2 || p[1].ListenerProtocal != "udp" || p[1].ListenerPort != 80 {
		t.Errorf("ListenerPortsAndProtocal: %+v", p)
	}
	if b := got.BackendServers.BackendServer; len(b) != 2 || b[0].ServerId != serverID(1) || b[0].Weight != 100 || b[0].Type != "ecs" {
		t.Errorf("BackendServers: %+v", b)
	}
}

func TestAddressesAreUniqueAndOfTheRightForm(t *testing.T) {
	r := newRig(t)
	r.knobs.LoadBalancersPerAccount = 2000
	seen := map[string]bool{}
	for range 1000 {
		address := r.do("CreateLoadBalancer", "InstanceChargeType", byCLCU).id("Address")
		if seen[address] {
			t.Fatalf("address %s twice", address)
		}
		seen[address] = true
		a := netip.MustParseAddr(address)
		if !a.Is4() || a.IsPrivate() || netip.MustParsePrefix("100.64.0.0/10").Contains(a) {
			t.Fatalf("public address %s", a)
		}
	}
	six := r.do("CreateLoadBalancer", "InstanceChargeType", byCLCU, "AddressIPVersion", "ipv6")
	if !netip.MustParseAddr(six.id("Address")).Is6() {
		t.Errorf("IPv6 address: %v", six)
	}
	private := r.do("CreateLoadBalancer", "InstanceChargeType", byCLCU, "VSwitchId", vswitch)
	if private["VpcId"] != vpcID || private["NetworkType"] != "vpc" || !strings.HasPrefix(private.id("Address"), "10.1.0.") {
		t.Errorf("intranet: %v", private)
	}
}

func TestAddressOfAVSwitchIsTakenAndGivenBack(t *testing.T) {
	r := newRig(t)
	lb := r.create("VSwitchId", vswitch, "Address", "10.1.0.77")
	if r.network.taken["10.1.0.77"] != lb {
		t.Fatalf("taken: %v", r.network.taken)
	}
	r.refused(400, "InvalidParameter", "CreateLoadBalancer", "InstanceChargeType", byCLCU, "VSwitchId", vswitch, "Address", "10.1.0.77")
	r.refused(400, "InvalidParameter", "CreateLoadBalancer", "InstanceChargeType", byCLCU, "VSwitchId", vswitch, "Address", "10.9.0.1")
	r.do("DeleteLoadBalancer", "LoadBalancerId", lb)
	if len(r.network.taken) != 0 {
		t.Errorf("not given back: %v", r.network.taken)
	}
	r.network.free = 0
	r.refused(400, "VSwitchAvailableIpNotExist", "CreateLoadBalancer", "InstanceChargeType", byCLCU, "VSwitchId", vswitch)
}

func TestBadCreationIsRefusedWithoutTrace(t *testing.T) {
	r := newRig(t)
	r.knobs.LoadBalancersPerAccount = 1
	for name, c := range map[string]struct {
		code   string
		status int
		pairs  []string
	}{
		"name":                {"InvalidParameter", 400, []string{"LoadBalancerName", "1web", "InstanceChargeType", byCLCU}},
		"address type":        {"InvalidParameter", 400, []string{"AddressType", "public", "InstanceChargeType", byCLCU}},
		"version":             {"InvalidParameter", 400, []string{"AddressIPVersion", "ipv5", "InstanceChargeType", byCLCU}},
		"intranet":            {"MissingParameter", 400, []string{"AddressType", "intranet", "InstanceChargeType", byCLCU}},
		"vSwitch":             {"InvalidVSwitchId.NotFound", 404, []string{"VSwitchId", "vsw-none", "InstanceChargeType", byCLCU}},
		"VPC":                 {"InvalidParameter", 400, []string{"VSwitchId", vswitch, "VpcId", "vpc-two", "InstanceChargeType", byCLCU}},
		"spec missing":        {"MissingParameter", 400, nil},
		"spec":                {"InvalidParameter", 400, []string{"LoadBalancerSpec", "slb.s9.huge"}},
		"CLCU by bandwidth":   {"Operation.NotAllowed", 400, []string{"InstanceChargeType", byCLCU, "InternetChargeType", byBandwidth}},
		"bandwidth":           {"InvalidParameter", 400, []string{"LoadBalancerSpec", "slb.s1.small", "InternetChargeType", byBandwidth, "Bandwidth", "6000"}},
		"zone":                {"ZoneNotSupport", 400, []string{"InstanceChargeType", byCLCU, "MasterZoneId", "cn-other-a"}},
		"zone pair":           {"ZoneNotSupport", 400, []string{"InstanceChargeType", byCLCU, "MasterZoneId", region + "-a", "SlaveZoneId", region + "-a"}},
		"slave alone":         {"MissingParameter", 400, []string{"InstanceChargeType", byCLCU, "SlaveZoneId", region + "-a"}},
		"protection":          {"InvalidParameter", 400, []string{"InstanceChargeType", byCLCU, "DeleteProtection", "true"}},
		"reason alone":        {"InvalidParameter", 400, []string{"InstanceChargeType", byCLCU, "ModificationProtectionReason", "x"}},
		"tag prefix":          {"InvalidTagKey.Malformed", 400, []string{"InstanceChargeType", byCLCU, "Tag.1.Key", "acs:x", "Tag.1.Value", ""}},
		"tag twice":           {"DuplicatedParam", 400, []string{"InstanceChargeType", byCLCU, "Tag.1.Key", "x", "Tag.2.Key", "x"}},
		"token":               {"InvalidClientToken.Malformed", 400, []string{"InstanceChargeType", byCLCU, "ClientToken", strings.Repeat("x", 65)}},
		"address of a public": {"InvalidParameter", 400, []string{"InstanceChargeType", byCLCU, "Address", "1.2.3.4"}},
	} {
		t.Run(name, func(t *testing.T) {
			r.t = t
			r.refused(c.status, c.code, "CreateLoadBalancer", c.pairs...)
		})
	}
	r.t = t
	r.create()
	r.refused(400, "ORDER.QUOTA_EXCEEDED", "CreateLoadBalancer", "InstanceChargeType", byCLCU)
}

func TestZonesArePairsAndTheVSwitchsZoneIsMaster(t *testing.T) {
	r := newRig(t)
	zones := sdk.CreateDescribeZonesResponse()
	r.read(zones, "DescribeZones")
	first := zones.Zones.Zone[0]
	if len(first.SlaveZones.SlaveZone) == 0 || first.SlaveZones.SlaveZone[0].ZoneId == first.ZoneId {
		t.Fatalf("zones: %+v", zones.Zones)
	}
	got := sdk.CreateDescribeLoadBalancerAttributeResponse()
	r.read(got, "DescribeLoadBalancerAttribute", "LoadBalancerId", r.create("VSwitchId", vswitch))
	if got.MasterZoneId != region+"-b" || got.SlaveZoneId == got.MasterZoneId || got.SlaveZoneId == "" {
		t.Errorf("zones %s %s", got.MasterZoneId, got.SlaveZoneId)
	}
	regions := sdk.CreateDescribeRegionsResponse()
	r.read(regions, "DescribeRegions")
	if len(regions.Regions.Region) != 1 || regions.Regions.Region[0].RegionId != region {
		t.Errorf("regions: %+v", regions.Regions)
	}
}

func TestProtectedLoadBalancerIsNotDeleted(t *testing.T) {
	r := newRig(t)
	lb := r.create("DeleteProtection", "on", "ModificationProtectionStatus", "ConsoleProtection")
	err := r.refusal(400, "OperationDenied.DeleteProtectionIsOn", "DeleteLoadBalancer", "LoadBalancerId", lb)
	if !strings.Contains(err.Message, "DeleteProtection is enabled") {
		t.Errorf("message %q", err.Message)
	}
	// Modification protection blocks nothing.
	r.do("SetLoadBalancerName", "LoadBalancerId", lb, "LoadBalancerName", "other")
	r.do("SetLoadBalancerDeleteProtection", "LoadBalancerId", lb, "DeleteProtection", "off")
	group := r.do("CreateVServerGroup", "LoadBalancerId", lb, "BackendServers", servers(80, 1)).id("VServerGroupId")
	r.do("DeleteLoadBalancer", "LoadBalancerId", lb)
	r.refused(404, "InvalidLoadBalancerId.NotFound", "DeleteLoadBalancer", "LoadBalancerId", lb)
	r.refused(404, "InvalidParameter", "DescribeVServerGroupAttribute", "VServerGroupId", group)
	if len(r.p.attached) != 0 || len(r.p.tagged) != 0 || len(r.p.order) != 0 {
		t.Errorf("left over: %v %v %v", r.p.attached, r.p.tagged, r.p.order)
	}
}

func TestSettersOfALoadBalancer(t *testing.T) {
	r := newRig(t)
	lb := r.create()
	r.do("SetLoadBalancerStatus", "LoadBalancerId", lb, "LoadBalancerStatus", "inactive")
	r.do("SetLoadBalancerModificationProtection", "LoadBalancerId", lb, "ModificationProtectionStatus", "ConsoleProtection",
		"ModificationProtectionReason", "why")
	r.refused(400, "InvalidParameter", "SetLoadBalancerStatus", "LoadBalancerId", lb, "LoadBalancerStatus", "asleep")
	r.refused(400, "InvalidParameter", "SetLoadBalancerName", "LoadBalancerId", lb, "LoadBalancerName", "-")
	r.refused(400, "InvalidParameter", "SetLoadBalancerDeleteProtection", "LoadBalancerId", lb, "DeleteProtection", "yes")
	r.refused(400, "InvalidParameter", "SetLoadBalancerModificationProtection", "LoadBalancerId", lb,
		"ModificationProtectionStatus", "NonProtection", "ModificationProtectionReason", "why")
	got := sdk.CreateDescribeLoadBalancerAttributeResponse()
	r.read(got, "DescribeLoadBalancerAttribute", "LoadBalancerId", lb)
	if got.LoadBalancerStatus != inactive || got.ModificationProtectionReason != "why" {
		t.Errorf("got %+v", got)
	}
}

func TestClientTokenGivesTheFirstResultAgain(t *testing.T) {
	r := newRig(t)
	r.latency = 100 * time.Millisecond
	args := []string{"InstanceChargeType", byCLCU, "LoadBalancerName", "web", "ClientToken", "t1"}
	first := r.do("CreateLoadBalancer", args...)
	r.refused(400, "OperationFailed.TokenIsProcessing", "CreateLoadBalancer", args...)
	r.pass(100 * time.Millisecond)
	// Another signature, nonce and time make no other request.
	again := r.do("CreateLoadBalancer", slices.Concat(args, []string{"SignatureNonce", "n2", "Timestamp", "later"})...)
	if again["LoadBalancerId"] != first["LoadBalancerId"] || again["Address"] != first["Address"] || len(r.p.order) != 1 {
		t.Fatalf("first %v, again %v", first, again)
	}
	r.refused(400, "IdempotentParameterMismatch", "CreateLoadBalancer", "InstanceChargeType", byCLCU, "LoadBalancerName", "other", "ClientToken", "t1")
	r.do("DeleteLoadBalancer", "LoadBalancerId", first.id("LoadBalancerId"))
	if gone := r.do("CreateLoadBalancer", args...); gone["LoadBalancerId"] != first["LoadBalancerId"] || len(r.p.byID) != 0 {
		t.Errorf("after deletion: %v", gone)
	}
	r.pass(r.knobs.TokenRetention)
	if late := r.do("CreateLoadBalancer", args...); late["LoadBalancerId"] == first["LoadBalancerId"] {
		t.Errorf("the token outlived its retention")
	}
}
