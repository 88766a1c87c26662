package vpc

import (
	"fmt"
	"net/http"
	"strconv"
	"testing"
	"time"

	sdk "github.com/aliyun/alibaba-cloud-sdk-go/services/vpc"
)

// create adds a route and waits until it is Available.
func (r *region) create(destination, nextHop string) string {
	r.t.Helper()
	reply := sdk.CreateCreateRouteEntryResponse()
	r.must(reply, "CreateRouteEntry", "RouteTableId", "vtb-a", "DestinationCidrBlock", destination, "NextHopId", nextHop)
	r.pass(2 * time.Second)
	return reply.RouteEntryId
}

// custom lists the custom entries of a table.
func (r *region) custom(table string, params ...string) []sdk.RouteEntry {
	r.t.Helper()
	reply := sdk.CreateDescribeRouteEntryListResponse()
	r.must(reply, "DescribeRouteEntryList", append([]string{"RouteTableId", table, "RouteEntryType", "Custom", "MaxResult", "100"}, params...)...)
	return reply.RouteEntrys.RouteEntry
}

func TestRouteIsPendingThenAvailableThenDeletingThenGone(t *testing.T) {
	r := newRegion(t)
	created := sdk.CreateCreateRouteEntryResponse()
	r.must(created, "CreateRouteEntry", "RouteTableId", "vtb-a", "DestinationCidrBlock", "172.16.1.0/24", "NextHopId", "i-1",
		"RouteEntryName", "node-1", "Description", "of node-1")
	entries := r.custom("vtb-a")
	if len(entries) != 1 || entries[0].Status != "Pending" || entries[0].RouteEntryId != created.RouteEntryId {
		t.Fatalf("after create: %+v", entries)
	}
	r.pass(time.Second)
	e := r.custom("vtb-a")[0]
	hop := e.NextHops.NextHop[0]
	if e.Status != "Available" || e.DestinationCidrBlock != "172.16.1.0/24" || e.RouteEntryName != "node-1" || e.Description != "of node-1" ||
		e.IpVersion != "IPv4" || e.Type != "Custom" || e.Origin != "CustomCreate" || e.RouteTableId != "vtb-a" ||
		hop.NextHopId != "i-1" || hop.NextHopType != "Instance" || hop.Enabled != 1 {
		t.Fatalf("after the operation: %+v", e)
	}
	r.must(sdk.CreateDeleteRouteEntryResponse(), "DeleteRouteEntry", "RouteEntryId", e.RouteEntryId)
	if e := r.custom("vtb-a"); len(e) != 1 || e[0].Status != "Deleting" {
		t.Fatalf("after delete: %+v", e)
	}
	r.pass(time.Second)
	if e := r.custom("vtb-a"); len(e) != 0 {
		t.Fatalf("after the operation: %+v", e)
	}
}

func TestTransitionalTableAnswersTheKnobsCode(t *testing.T) {
	for _, code := range []string{"IncorrectRouteEntryStatus", "TaskConflict"} {
		r := newRegion(t)
		old := r.create("172.16.0.0/24", "i-1")
		r.Knobs.RouteConflictCode = code
		r.must(sdk.CreateCreateRouteEntryResponse(), "CreateRouteEntry",
			"RouteTableId", "vtb-a", "DestinationCidrBlock", "172.16.1.0/24", "NextHopId", "i-1")
		r.refused(400, code, "CreateRouteEntry", "RouteTableId", "vtb-a", "DestinationCidrBlock", "172.16.2.0/24", "NextHopId", "i-1")
		r.refused(400, code, "DeleteRouteEntry", "RouteEntryId", old)
		r.refused(400, code, "ModifyRouteEntry", "RouteEntryId", old, "RouteEntryName", "x")
	}
}

func TestOneMutationAtATimePerVPC(t *testing.T) {
	r := newRegion(t)
	r.must(sdk.CreateCreateRouteEntryResponse(), "CreateRouteEntry",
		"RouteTableId", "vtb-a", "DestinationCidrBlock", "172.16.1.0/24", "NextHopId", "i-1")
	other := []string{"RouteTableId", "vtb-custom", "DestinationCidrBlock", "172.16.1.0/24", "NextHopId", "i-1"}
	r.refused(400, "TaskConflict", "CreateRouteEntry", other...)
	r.refused(400, "TaskConflict", "CreateRouteEntries", "RouteEntries.1.RouteTableId", "vtb-a",
		"RouteEntries.1.DstCidrBlock", "172.16.2.0/24", "RouteEntries.1.NextHop", "i-1", "RouteEntries.1.NextHopType", "Instance")
	r.refused(400, "TaskConflict", "DeleteRouteEntries", "RouteEntries.1.RouteTableId", "vtb-a",
		"RouteEntries.1.DstCidrBlock", "172.16.1.0/24", "RouteEntries.1.NextHop", "i-1")
	r.must(sdk.CreateCreateRouteEntryResponse(), "CreateRouteEntry",
		"RouteTableId", "vtb-b", "DestinationCidrBlock", "172.16.1.0/24", "NextHopId", "i-b")
	r.pass(time.Second)
	r.must(sdk.CreateCreateRouteEntryResponse(), "CreateRouteEntry", other...)
}

func TestVPCIsBusyUntilTheReplyEvenWhenRoutesTakeNoTime(t *testing.T) {
	r := newRegion(t)
	r.Knobs.RouteOperation = 0
	r.must(sdk.CreateCreateRouteEntryResponse(), "CreateRouteEntry",
		"RouteTableId", "vtb-a", "DestinationCidrBlock", "172.16.1.0/24", "NextHopId", "i-1")
	if e := r.custom("vtb-a"); e[0].Status != "Available" {
		t.Fatalf("%+v", e)
	}
	r.pass(50 * time.Millisecond)
	r.refused(400, "TaskConflict", "CreateRouteEntry", "RouteTableId", "vtb-a", "DestinationCidrBlock", "172.16.2.0/24", "NextHopId", "i-1")
	r.pass(50 * time.Millisecond)
	r.create("172.16.2.0/24", "i-1")
}

func TestCreateRouteRefusesWhatTheVPCCannotHold(t *testing.T) {
	r := newRegion(t)
	r.create("172.16.0.0/24", "i-1")
	starting := r.servers["i-3"]
	starting.Status = "Starting"
	r.servers["i-3"] = starting
	for _, c := range []struct {
		status                int
		code, table, dst, hop string
	}{
		{400, "InvalidCIDRBlock.Duplicate", "vtb-a", "172.16.0.0/24", "i-2"},
		{400, "InvalidCidrBlock", "vtb-a", "10.0.0.0/25", "i-1"},
		{400, "InvalidCidrBlock", "vtb-a", "10.0.1.0/24", "i-1"},
		{400, "InvalidCidrBlock", "vtb-a", "10.0.1.7", "i-1"},
		{400, "InvalidCidrBlock", "vtb-a", "100.64.3.0/24", "i-1"},
		{400, "InvalidCidrBlock", "vtb-a", "100.64.0.0/10", "i-1"},
		{400, "InvalidCidrBlock", "vtb-a", "2001:db8::/80", "i-1"},
		{400, "InvalidCidrBlock.Malformed", "vtb-a", "172.16.0.1/24", "i-1"},
		{400, "InvalidCidrBlock.Malformed", "vtb-a", "nonsense", "i-1"},
		{404, "InvalidRouteTableId.NotFound", "vtb-none", "172.16.1.0/24", "i-1"},
		{404, "InvalidNextHopId.NotFound", "vtb-a", "172.16.1.0/24", "i-none"},
		{404, "OperationFailed.InstanceDismatchCurrentVpc", "vtb-a", "172.16.1.0/24", "i-b"},
		{400, "IncorrectInstanceStatus", "vtb-a", "172.16.1.0/24", "i-3"},
	} {
		r.refused(c.status, c.code, "CreateRouteEntry", "RouteTableId", c.table, "DestinationCidrBlock", c.dst, "NextHopId", c.hop)
	}
	r.refused(404, "InvalidNextHopId.NotFound", "CreateRouteEntry",
		"RouteTableId", "vtb-a", "DestinationCidrBlock", "172.16.1.0/24", "NextHopId", "ngw-1", "NextHopType", "NatGateway")
	r.refused(400, "InvalidParameter", "CreateRouteEntry",
		"RouteTableId", "vtb-a", "DestinationCidrBlock", "172.16.1.0/24", "NextHopId", "i-1", "NextHopType", "Nonsense")
	r.refused(400, "MissingParameter", "CreateRouteEntry", "RouteTableId", "vtb-a", "DestinationCidrBlock", "172.16.1.0/24")
	r.refused(400, "DryRunOperation", "CreateRouteEntry",
		"RouteTableId", "vtb-a", "DestinationCidrBlock", "172.16.1.0/24", "NextHopId", "i-1", "DryRun", "true")
}

func TestSingleRouteMayContainAVSwitchButABatchMayNot(t *testing.T) {
	r := newRegion(t)
	r.create("10.0.0.0/16", "i-1")
	reply := sdk.CreateCreateRouteEntriesResponse()
	r.must(reply, "CreateRouteEntries", "RouteEntries.1.RouteTableId", "vtb-custom", "RouteEntries.1.DstCidrBlock", "10.0.0.0/16",
		"RouteEntries.1.NextHop", "i-1", "RouteEntries.1.NextHopType", "Instance")
	if reply.FailedCount != 1 || reply.FailedRouteEntries[0].FailedCode != "InvalidCidrBlock" {
		t.Fatalf("%+v", reply)
	}
}

func TestRouteQuotaCountsCustomEntriesOfTheTable(t *testing.T) {
	r := newRegion(t)
	r.Knobs.RoutesPerTable = 2
	r.create("172.16.0.0/24", "i-1")
	id := r.create("172.16.1.0/24", "i-1")
	full := []string{"RouteTableId", "vtb-a", "DestinationCidrBlock", "172.16.2.0/24", "NextHopId", "i-1"}
	r.refused(http.StatusBadRequest, "QuotaExceeded", "CreateRouteEntry", full...)
	r.must(sdk.CreateDeleteRouteEntryResponse(), "DeleteRouteEntry", "RouteEntryId", id)
	r.pass(time.Second)
	r.must(sdk.CreateCreateRouteEntryResponse(), "CreateRouteEntry", full...)
}

func TestIPv6RouteLeadsToAServer(t *testing.T) {
	r := newRegion(t)
	r.create("2001:db8:0:100::/64", "i-1")
	entries := r.custom("vtb-a", "IpVersion", "ipv6")
	if len(entries) != 1 || entries[0].IpVersion != "IPv6" || entries[0].DestinationCidrBlock != "2001:db8:0:100::/64" {
		t.Fatalf("%+v", entries)
	}
	if v4 := r.custom("vtb-a", "IpVersion", "ipv4"); len(v4) != 0 {
		t.Fatalf("%+v", v4)
	}
}

func TestDestinationWithoutMaskIsOneAddress(t *testing.T) {
	r := newRegion(t)
	r.create("172.16.0.9", "i-1")
	if e := r.custom("vtb-a"); e[0].DestinationCidrBlock != "172.16.0.9/32" {
		t.Fatalf("%+v", e)
	}
}

func TestRouteIsCreatedOncePerClientToken(t *testing.T) {
	r := newRegion(t)
	params := []string{"RouteTableId", "vtb-a", "DestinationCidrBlock", "172.16.1.0/24", "NextHopId", "i-1", "ClientToken", "t1"}
	first, again := sdk.CreateCreateRouteEntryResponse(), sdk.CreateCreateRouteEntryResponse()
	r.must(first, "CreateRouteEntry", params...)
	r.refused(400, "LastTokenProcessing", "CreateRouteEntry", params...)
	r.pass(r.latency)
	r.must(again, "CreateRouteEntry", params...)
	if first.RouteEntryId == "" || first.RouteEntryId != again.RouteEntryId {
		t.Fatalf("%s, then %s", first.RouteEntryId, again.RouteEntryId)
	}
	params[3] = "172.16.2.0/24"
	r.refused(400, "IdempotentParameterMismatch", "CreateRouteEntry", params...)
	r.pass(r.Knobs.TokenRetention)
	r.must(again, "CreateRouteEntry", params...)
	if len(r.custom("vtb-a")) != 2 {
		t.Fatal("the forgotten token did not create a second entry")
	}
}

func TestDeleteRouteByDestinationNeedsTheRightNextHop(t *testing.T) {
	r := newRegion(t)
	r.create("172.16.1.0/24", "i-1")
	by := func(hop string) []string {
		return []string{"RouteTableId", "vtb-a", "DestinationCidrBlock", "172.16.1.0/24", "NextHopId", hop}
	}
	r.refused(400, "InvalidRouteEntry.NotFound", "DeleteRouteEntry", by("i-2")...)
	r.refused(400, "MissingParameter", "DeleteRouteEntry", "RouteTableId", "vtb-a", "DestinationCidrBlock", "172.16.1.0/24")
	id := r.custom("vtb-a")[0].RouteEntryId
	r.refused(400, "InvalidRouteEntry.NotFound", "DeleteRouteEntry", "RouteEntryId", id, "NextHopId", "i-2")
	r.refused(400, "InvalidRouteEntry.NotFound", "DeleteRouteEntry", "RouteEntryId", id, "RouteTableId", "vtb-custom")
	r.must(sdk.CreateDeleteRouteEntryResponse(), "DeleteRouteEntry", by("i-1")...)
	r.refused(400, "IncorrectRouteEntryStatus", "DeleteRouteEntry", by("i-1")...)
	r.pass(time.Second)
	r.refused(400, "InvalidRouteEntry.NotFound", "DeleteRouteEntry", by("i-1")...)
	r.refused(400, "InvalidRouteEntry.NotFound", "DeleteRouteEntry", "RouteEntryId", "rte-none")
	r.refused(404, "InvalidRouteTableId.NotFound", "DeleteRouteEntry",
		"RouteTableId", "vtb-none", "DestinationCidrBlock", "172.16.1.0/24", "NextHopId", "i-1")
}

func TestSystemRouteCannotBeTouched(t *testing.T) {
	r := newRegion(t)
	reply := sdk.CreateDescribeRouteEntryListResponse()
	r.must(reply, "DescribeRouteEntryList", "RouteTableId", "vtb-a", "RouteEntryType", "System", "MaxResult", "100")
	// 100.64.0.0/10, two vSwitches, one IPv6 CIDR.
	if len(reply.RouteEntrys.RouteEntry) != 4 {
		t.Fatalf("%+v", reply.RouteEntrys.RouteEntry)
	}
	for _, e := range reply.RouteEntrys.RouteEntry {
		if e.Type != "System" || e.Status != "Available" {
			t.Fatalf("%+v", e)
		}
		r.refused(400, "OperationDenied", "DeleteRouteEntry", "RouteEntryId", e.RouteEntryId)
		r.refused(400, "OperationDenied", "ModifyRouteEntry", "RouteEntryId", e.RouteEntryId, "RouteEntryName", "mine")
	}
}

func TestModifyRouteChangesTextsAtOnceAndNextHopsSlowly(t *testing.T) {
	r := newRegion(t)
	id := r.create("172.16.1.0/24", "i-1")
	r.must(sdk.CreateModifyRouteEntryResponse(), "ModifyRouteEntry", "RouteEntryId", id, "RouteEntryName", "n", "Description", "d")
	if e := r.custom("vtb-a")[0]; e.RouteEntryName != "n" || e.Description != "d" || e.Status != "Available" {
		t.Fatalf("%+v", e)
	}
	r.refused(400, "TaskConflict", "ModifyRouteEntry", "RouteEntryId", id, "RouteEntryName", "m")
	r.pass(r.latency)
	r.refused(404, "InvalidNextHopId.NotFound", "ModifyRouteEntry", "RouteEntryId", id, "NewNextHopId", "i-none", "NewNextHopType", "Instance")
	r.must(sdk.CreateModifyRouteEntryResponse(), "ModifyRouteEntry", "RouteEntryId", id, "NewNextHopId", "i-2", "NewNextHopType", "Instance")
	if e := r.custom("vtb-a")[0]; e.Status != "Modifying" {
		t.Fatalf("%+v", e)
	}
	r.refused(400, "IncorrectRouteEntryStatus", "DeleteRouteEntry", "RouteEntryId", id)
	r.pass(time.Second)
	if e := r.custom("vtb-a")[0]; e.Status != "Available" || e.NextHops.NextHop[0].NextHopId != "i-2" {
		t.Fatalf("%+v", e)
	}
	if len(r.RoutesTo("i-1")) != 0 || len(r.RoutesTo("i-2")) != 1 {
		t.Fatalf("routes to i-1 %v, to i-2 %v", r.RoutesTo("i-1"), r.RoutesTo("i-2"))
	}
}

func TestRouteListPagesSurviveConcurrentChange(t *testing.T) {
	r := newRegion(t)
	r.Knobs.RouteOperation, r.latency = 0, 0
	ids := make([]string, 30)
	for i := range ids {
		ids[i] = r.create(fmt.Sprintf("172.16.%d.0/24", i), "i-1")
	}
	seen := map[string]int{}
	token := ""
	for page := 0; page == 0 || token != ""; page++ {
		reply := sdk.CreateDescribeRouteEntryListResponse()
		params := []string{"RouteTableId", "vtb-a", "RouteEntryType", "Custom"}
		if token != "" {
			params = append(params, "NextToken", token)
		}
		r.must(reply, "DescribeRouteEntryList", params...)
		for _, e := range reply.RouteEntrys.RouteEntry {
			seen[e.RouteEntryId]++
		}
		token = reply.NextToken
		if page == 0 { // the last entry read and one before it go, one more comes
			r.must(sdk.CreateDeleteRouteEntryResponse(), "DeleteRouteEntry", "RouteEntryId", ids[9])
			r.must(sdk.CreateDeleteRouteEntryResponse(), "DeleteRouteEntry", "RouteEntryId", ids[0])
			r.create("172.17.0.0/24", "i-1")
		}
	}
	for _, id := range ids {
		if seen[id] != 1 {
			t.Errorf("entry %s was listed %d times", id, seen[id])
		}
	}
}

func TestRouteListTokenBelongsToItsQuery(t *testing.T) {
	r := newRegion(t)
	reply := sdk.CreateDescribeRouteEntryListResponse()
	r.must(reply, "DescribeRouteEntryList", "RouteTableId", "vtb-a", "MaxResult", "1")
	if reply.NextToken == "" {
		t.Fatal("no token")
	}
	r.must(sdk.CreateDescribeRouteEntryListResponse(), "DescribeRouteEntryList", "RouteTableId", "vtb-a", "MaxResult", "2", "NextToken", reply.NextToken)
	r.refused(400, "IllegalParam.NextToken", "DescribeRouteEntryList", "RouteTableId", "vtb-b", "NextToken", reply.NextToken)
	r.refused(400, "IllegalParam.NextToken", "DescribeRouteEntryList", "RouteTableId", "vtb-a", "RouteEntryType", "Custom", "NextToken", reply.NextToken)
	r.refused(400, "IllegalParam.NextToken", "DescribeRouteEntryList", "RouteTableId", "vtb-a", "NextToken", "nonsense")
	r.refused(400, "InvalidRouteTable.NotFound", "DescribeRouteEntryList", "RouteTableId", "vtb-none")
	r.refused(400, "InvalidParameter", "DescribeRouteEntryList", "RouteTableId", "vtb-a", "MaxResult", strconv.Itoa(501))
	r.Knobs.ClampPageSize = true
	r.must(reply, "DescribeRouteEntryList", "RouteTableId", "vtb-a", "MaxResult", "501")
}

func TestRouteListFilters(t *testing.T) {
	r := newRegion(t)
	id := r.create("172.16.1.0/24", "i-1")
	r.create("172.16.2.0/24", "i-2")
	r.must(sdk.CreateModifyRouteEntryResponse(), "ModifyRouteEntry", "RouteEntryId", id, "RouteEntryName", "mine")
	for _, filter := range [][]string{
		{"RouteEntryId", id}, {"RouteEntryName", "mine"}, {"DestinationCidrBlock", "172.16.1.0/24"},
		{"DestCidrBlockList.1", "172.16.1.0/24", "DestCidrBlockList.2", "172.16.9.0/24"}, {"NextHopId", "i-1"},
	} {
		if e := r.custom("vtb-a", filter...); len(e) != 1 || e[0].RouteEntryId != id {
			t.Errorf("%v: %+v", filter, e)
		}
	}
	if e := r.custom("vtb-a", "NextHopType", "NatGateway"); len(e) != 0 {
		t.Errorf("%+v", e)
	}
}
