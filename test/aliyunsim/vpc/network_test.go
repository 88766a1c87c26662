package vpc

import (
	"bytes"
	"errors"
	"fmt"
	"testing"
	"time"

	sdk "github.com/aliyun/alibaba-cloud-sdk-go/services/vpc"
	"github.com/google/go-cmp/cmp"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/api"
)

func TestVPCsSwitchesAndRoutersDecode(t *testing.T) {
	r := newRegion(t)
	vpcs := sdk.CreateDescribeVpcsResponse()
	r.must(vpcs, "DescribeVpcs", "VpcId", "vpc-a,vpc-none")
	if vpcs.TotalCount != 1 || len(vpcs.Vpcs.Vpc) != 1 {
		t.Fatalf("%+v", vpcs)
	}
	v := vpcs.Vpcs.Vpc[0]
	if v.VpcId != "vpc-a" || v.VpcName != "a" || v.Status != "Available" || v.CidrBlock != "10.0.0.0/8" || v.Ipv6CidrBlock != "2001:db8::/56" ||
		v.RegionId != "cn-test" || v.VRouterId == "" || v.CreationTime != "2026-05-01T12:00:00Z" || v.Tags.Tag[0].Key != "env" {
		t.Errorf("%+v", v)
	}
	if diff := cmp.Diff([]string{"vtb-a", "vtb-custom"}, v.RouterTableIds.RouterTableIds); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"vsw-a", "vsw-c"}, v.VSwitchIds.VSwitchId); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"192.168.0.0/16"}, v.SecondaryCidrBlocks.SecondaryCidrBlock); diff != "" {
		t.Error(diff)
	}
	routers := sdk.CreateDescribeVRoutersResponse()
	r.must(routers, "DescribeVRouters", "VRouterId", v.VRouterId)
	if one := routers.VRouters.VRouter; len(one) != 1 || one[0].VpcId != "vpc-a" || len(one[0].RouteTableIds.RouteTableId) != 2 {
		t.Errorf("%+v", routers.VRouters)
	}
	switches := sdk.CreateDescribeVSwitchesResponse()
	r.must(switches, "DescribeVSwitches", "VpcId", "vpc-a", "ZoneId", "cn-test-b")
	if s := switches.VSwitches.VSwitch; len(s) != 1 || s[0].VSwitchId != "vsw-c" || s[0].CidrBlock != "10.0.1.0/24" || s[0].AvailableIpAddressCount != 252 ||
		s[0].RouteTable.RouteTableId != "vtb-custom" || s[0].RouteTable.RouteTableType != "Custom" || s[0].ZoneId != "cn-test-b" {
		t.Errorf("%+v", s)
	}
	r.must(switches, "DescribeVSwitches", "VpcId", "vpc-a", "EnableIpv6", "true")
	if s := switches.VSwitches.VSwitch; len(s) != 1 || s[0].Ipv6CidrBlock != "2001:db8::/64" {
		t.Errorf("%+v", s)
	}
	r.must(switches, "DescribeVSwitches", "VSwitchId", "vsw-none")
	if switches.TotalCount != 0 || len(switches.VSwitches.VSwitch) != 0 {
		t.Errorf("%+v", switches)
	}
}

func TestRouteTableListDecodesAndFilters(t *testing.T) {
	r := newRegion(t)
	for want, filter := range map[string][]string{
		"vtb-a":      {"VpcId", "vpc-a", "RouteTableType", "System"},
		"vtb-custom": {"RouteTableId", "vtb-custom", "RouterType", "VRouter"},
		"vtb-b":      {"VpcId", "vpc-b"},
	} {
		reply := sdk.CreateDescribeRouteTableListResponse()
		r.must(reply, "DescribeRouteTableList", filter...)
		found := reply.RouterTableList.RouterTableListType
		if !reply.Success || len(found) != 1 || found[0].RouteTableId != want || found[0].RouterId == "" || found[0].Status != "Available" {
			t.Errorf("%v: %+v", filter, reply)
		}
	}
	reply := sdk.CreateDescribeRouteTableListResponse()
	r.must(reply, "DescribeRouteTableList", "RouteTableId", "vtb-custom")
	if diff := cmp.Diff([]string{"vsw-c"}, reply.RouterTableList.RouterTableListType[0].VSwitchIds.VSwitchId); diff != "" {
		t.Error(diff)
	}
	r.must(reply, "DescribeRouteTableList", "RouterType", "VBR")
	if reply.TotalCount != 0 {
		t.Errorf("%+v", reply)
	}
}

func TestOldRouteTableListCarriesEntries(t *testing.T) {
	r := newRegion(t)
	id := r.create("172.16.0.0/24", "i-1")
	reply := sdk.CreateDescribeRouteTablesResponse()
	r.must(reply, "DescribeRouteTables", "RouteTableId", "vtb-a")
	tables := reply.RouteTables.RouteTable
	if len(tables) != 1 || tables[0].RouteTableId != "vtb-a" || tables[0].RouteTableType != "System" || tables[0].VRouterId == "" {
		t.Fatalf("%+v", tables)
	}
	entries := tables[0].RouteEntrys.RouteEntry
	if len(entries) != 5 || entries[4].RouteEntryId != id || entries[4].NextHops.NextHop[0].NextHopId != "i-1" {
		t.Fatalf("%+v", entries)
	}
}

func TestVPCListsPageByNumber(t *testing.T) {
	r := newRegion(t)
	seeds := make([]NetworkSeed, 0, 23)
	for i := range 23 {
		seeds = append(seeds, NetworkSeed{ID: fmt.Sprintf("vpc-%02d", i), CIDR: "10.0.0.0/8"})
	}
	if err := r.Seed(Seed{VPCs: seeds}); err != nil {
		t.Fatal(err)
	}
	for page, want := range map[string]int{"1": 10, "3": 5, "4": 0} {
		reply := sdk.CreateDescribeVpcsResponse()
		r.must(reply, "DescribeVpcs", "PageNumber", page)
		if reply.TotalCount != 25 || len(reply.Vpcs.Vpc) != want || reply.PageSize != 10 {
			t.Errorf("page %s: %d of %d", page, len(reply.Vpcs.Vpc), reply.TotalCount)
		}
	}
	r.refused(400, "InvalidParameter", "DescribeVpcs", "PageSize", "51")
	r.Knobs.ClampPageSize = true
	reply := sdk.CreateDescribeVpcsResponse()
	r.must(reply, "DescribeVpcs", "PageSize", "51")
	if reply.PageSize != 50 || len(reply.Vpcs.Vpc) != 25 {
		t.Errorf("%d", reply.PageSize)
	}
}

func TestAddressesAreTakenOnceAndReserved(t *testing.T) {
	r := newRegion(t)
	if err := r.Seed(Seed{VSwitches: []VSwitchSeed{{ID: "vsw-s", VPC: "vpc-b", Zone: "z", CIDR: "10.1.0.0/29"}}}); err != nil {
		t.Fatal(err)
	}
	for _, wanted := range []string{"10.1.0.0", "10.1.0.5", "10.1.0.7", "10.1.0.8", "10.0.255.255", "2001:db8::1", "x"} {
		if ip, err := r.Allocate("vsw-s", wanted, "o"); !errors.Is(err, api.ErrAddress) {
			t.Errorf("%s: %q, %v", wanted, ip, err)
		}
	}
	taken := map[string]bool{}
	for range 4 {
		ip, err := r.Allocate("vsw-s", "", "o")
		if err != nil || taken[ip] {
			t.Fatalf("%q, %v", ip, err)
		}
		taken[ip] = true
	}
	if _, err := r.Allocate("vsw-s", "", "o"); !errors.Is(err, api.ErrNoAddress) {
		t.Fatal(err)
	}
	if _, err := r.Allocate("vsw-s", "10.1.0.1", "o"); !errors.Is(err, api.ErrAddress) {
		t.Fatal(err)
	}
	r.Free("vsw-s", "10.1.0.3")
	r.Free("vsw-s", "10.1.0.3")
	if ip, err := r.Allocate("vsw-s", "", "o"); err != nil || ip != "10.1.0.3" {
		t.Fatalf("%q, %v", ip, err)
	}
	if _, err := r.Allocate("vsw-none", "", "o"); !errors.Is(err, api.ErrAddress) {
		t.Fatal(err)
	}
}

func TestAvailableAddressesAreCounted(t *testing.T) {
	r := newRegion(t)
	count := func() int64 {
		reply := sdk.CreateDescribeVSwitchesResponse()
		r.must(reply, "DescribeVSwitches", "VSwitchId", "vsw-a")
		return reply.VSwitches.VSwitch[0].AvailableIpAddressCount
	}
	ip, err := r.Allocate("vsw-a", "10.0.0.9", "o")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.AllocateIPv6("vsw-a", "", "o"); err != nil {
		t.Fatal(err)
	}
	if count() != 251 {
		t.Fatal(count())
	}
	r.Free("vsw-a", ip)
	if count() != 252 {
		t.Fatal(count())
	}
	if err := r.SetExhausted("vsw-a", true); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Allocate("vsw-a", "", "o"); !errors.Is(err, api.ErrNoAddress) || count() != 0 {
		t.Fatalf("%v, %d", err, count())
	}
}

func TestIPv6AddressesComeFromTheVSwitch(t *testing.T) {
	r := newRegion(t)
	if ip, err := r.AllocateIPv6("vsw-a", "2001:db8::1", "o"); err != nil || ip != "2001:db8::1" {
		t.Fatalf("%q, %v", ip, err)
	}
	if ip, err := r.AllocateIPv6("vsw-a", "", "o"); err != nil || ip != "2001:db8::2" {
		t.Fatalf("%q, %v", ip, err)
	}
	for _, wanted := range []string{"2001:db8::1", "2001:db8:1::1", "10.0.0.4"} {
		if _, err := r.AllocateIPv6("vsw-a", wanted, "o"); !errors.Is(err, api.ErrAddress) {
			t.Errorf("%s: %v", wanted, err)
		}
	}
	if _, err := r.AllocateIPv6("vsw-c", "", "o"); !errors.Is(err, api.ErrAddress) {
		t.Fatal(err)
	}
}

func TestRestoredVPCGoesOnWhereTheDumpWas(t *testing.T) {
	r := newRegion(t)
	r.create("172.16.0.0/24", "i-1")
	pending := []string{"RouteTableId", "vtb-a", "DestinationCidrBlock", "172.16.1.0/24", "NextHopId", "i-2", "ClientToken", "t"}
	r.must(sdk.CreateCreateRouteEntryResponse(), "CreateRouteEntry", pending...)
	dump := r.dump()
	other := newRegion(t)
	other.now = r.now
	if err := other.Restore(dump); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(dump, other.dump()) {
		t.Fatalf("%s\n%s", dump, other.dump())
	}
	other.refused(400, "TaskConflict", "CreateRouteEntry", "RouteTableId", "vtb-custom", "DestinationCidrBlock", "172.16.1.0/24", "NextHopId", "i-1")
	if due := other.Advance(other.now); !due.Equal(r.now.Add(time.Second)) {
		t.Fatalf("next transition at %s", due)
	}
	other.pass(time.Second)
	if e := other.custom("vtb-a"); len(e) != 2 || e[1].Status != "Available" {
		t.Fatalf("%+v", e)
	}
	if len(other.RoutesTo("i-2")) != 1 {
		t.Fatal(other.RoutesTo("i-2"))
	}
	again := sdk.CreateCreateRouteEntryResponse()
	other.must(again, "CreateRouteEntry", pending...)
	if again.RouteEntryId != other.custom("vtb-a")[1].RouteEntryId {
		t.Fatal("the client token was forgotten")
	}
}

func TestSeedRefusesWhatDoesNotFit(t *testing.T) {
	for name, seed := range map[string]Seed{
		"VPC twice":          {VPCs: []NetworkSeed{{ID: "vpc-a", CIDR: "10.0.0.0/8"}}},
		"VPC CIDR":           {VPCs: []NetworkSeed{{CIDR: "10.0.0.1/8"}}},
		"IPv6 CIDR":          {VPCs: []NetworkSeed{{CIDR: "10.0.0.0/8", IPv6CIDR: "10.0.0.0/8"}}},
		"table's VPC":        {RouteTables: []RouteTableSeed{{VPC: "vpc-none"}}},
		"two System tables":  {RouteTables: []RouteTableSeed{{VPC: "vpc-a", Type: "System"}}},
		"table type":         {RouteTables: []RouteTableSeed{{VPC: "vpc-a", Type: "Odd"}}},
		"vSwitch's VPC":      {VSwitches: []VSwitchSeed{{VPC: "vpc-none", Zone: "z", CIDR: "10.9.0.0/24"}}},
		"vSwitch's zone":     {VSwitches: []VSwitchSeed{{VPC: "vpc-a", CIDR: "10.9.0.0/24"}}},
		"vSwitch's mask":     {VSwitches: []VSwitchSeed{{VPC: "vpc-a", Zone: "z", CIDR: "10.9.0.0/30"}}},
		"vSwitch's table":    {VSwitches: []VSwitchSeed{{VPC: "vpc-a", Zone: "z", CIDR: "10.9.0.0/24", RouteTable: "vtb-b"}}},
		"route's table":      {Routes: []RouteSeed{{Destination: "172.16.0.0/24", NextHop: "i-1"}}},
		"route's CIDR":       {Routes: []RouteSeed{{Table: "vtb-a", Destination: "x", NextHop: "i-1"}}},
		"route twice":        {Routes: []RouteSeed{{Table: "vtb-a", Destination: "10.0.0.0/24", NextHop: "i-1"}}},
		"address twice":      {EIPs: []EIPSeed{{Address: "47.1.1.1"}, {Address: "47.1.1.1"}}},
		"two EIPs a target":  {EIPs: []EIPSeed{{Target: "i-1"}, {Target: "i-1"}}},
		"malformed elastic":  {EIPs: []EIPSeed{{Address: "47.1"}}},
		"vSwitch's IPv6":     {VSwitches: []VSwitchSeed{{VPC: "vpc-a", Zone: "z", CIDR: "10.9.0.0/24", IPv6CIDR: "x"}}},
		"vSwitch twice":      {VSwitches: []VSwitchSeed{{ID: "vsw-a", VPC: "vpc-a", Zone: "z", CIDR: "10.9.0.0/24"}}},
		"route table twice":  {RouteTables: []RouteTableSeed{{ID: "vtb-a", VPC: "vpc-a"}}},
		"secondary VPC CIDR": {VPCs: []NetworkSeed{{CIDR: "10.0.0.0/8", SecondaryCIDRs: []string{"x"}}}},
	} {
		if err := newRegion(t).Seed(seed); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestSeededRouteMayLeadNowhere(t *testing.T) {
	r := newRegion(t)
	err := r.Seed(Seed{Routes: []RouteSeed{{ID: "rte-x", Table: "vtb-a", Destination: "172.16.0.0/24", NextHop: "i-gone", Name: "old"}}})
	if err != nil {
		t.Fatal(err)
	}
	if e := r.custom("vtb-a"); len(e) != 1 || e[0].RouteEntryId != "rte-x" || e[0].Status != "Available" || e[0].NextHops.NextHop[0].NextHopId != "i-gone" {
		t.Fatalf("%+v", e)
	}
	r.must(sdk.CreateDeleteRouteEntryResponse(), "DeleteRouteEntry", "RouteEntryId", "rte-x")
}

func TestPagesOfRoutesDoNotGrowWithTheTable(t *testing.T) {
	// fastest is the shortest of many runs, which other load on the machine does not lengthen.
	fastest := func(routes int) time.Duration {
		r := newRegion(t)
		seeds := make([]RouteSeed, 0, routes)
		for i := range routes {
			seeds = append(seeds, RouteSeed{Table: "vtb-a", Destination: fmt.Sprintf("172.%d.%d.0/24", 16+i/256, i%256), NextHop: "i-1"})
		}
		if err := r.Seed(Seed{Routes: seeds}); err != nil {
			t.Fatal(err)
		}
		best := time.Hour
		for range 50 {
			began := time.Now()
			for range 20 {
				if _, err := r.call("DescribeRouteEntryList", "RouteTableId", "vtb-a", "MaxResult", "50"); err != nil {
					t.Fatal(err)
				}
			}
			best = min(best, time.Since(began))
		}
		return best
	}
	if small, large := fastest(60), fastest(2000); large > 5*small {
		t.Errorf("%s among 60 routes, %s among 2000", small, large)
	}
}
