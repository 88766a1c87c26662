package vpc

import (
	"fmt"
	"strconv"
	"testing"
	"time"

	sdk "github.com/aliyun/alibaba-cloud-sdk-go/services/vpc"
)

// createItems renders RouteEntries.N for CreateRouteEntries: table, destination and
// next hop an item.
func createItems(items ...[3]string) []string {
	params := make([]string, 0, 14*len(items))
	for i, item := range items {
		prefix := "RouteEntries." + strconv.Itoa(i+1) + "."
		params = append(params, prefix+"RouteTableId", item[0], prefix+"DstCidrBlock", item[1], prefix+"NextHop", item[2],
			prefix+"NextHopType", "Instance", prefix+"IpVersion", "4", prefix+"Name", "n"+strconv.Itoa(i+1), prefix+"Description", "d")
	}
	return params
}

// deleteItems renders RouteEntries.N for DeleteRouteEntries.
func deleteItems(items ...[3]string) []string {
	params := make([]string, 0, 14*len(items))
	for i, item := range items {
		prefix := "RouteEntries." + strconv.Itoa(i+1) + "."
		params = append(params, prefix+"RouteTableId", item[0], prefix+"DstCidrBlock", item[1], prefix+"NextHop", item[2])
	}
	return params
}

func TestBatchCreatesWhatItCanAndReportsTheRest(t *testing.T) {
	r := newRegion(t)
	r.create("172.16.0.0/24", "i-1")
	reply := sdk.CreateCreateRouteEntriesResponse()
	r.must(reply, "CreateRouteEntries", createItems(
		[3]string{"vtb-a", "172.16.0.0/24", "i-1"},
		[3]string{"vtb-a", "172.16.1.0/24", "i-1"},
		[3]string{"vtb-a", "172.16.1.0/24", "i-2"},
		[3]string{"vtb-custom", "172.16.1.0/24", "i-2"},
		[3]string{"vtb-a", "172.16.2.0/24", "i-none"},
		[3]string{"vtb-none", "172.16.2.0/24", "i-1"},
	)...)
	if reply.SuccessCount != 2 || reply.FailedCount != 4 || len(reply.RouteEntryIds) != 2 || len(reply.FailedRouteEntries) != 4 {
		t.Fatalf("%+v", reply)
	}
	for i, want := range []string{
		"VPC_ROUTE_ENTRY_CIDR_BLOCK_DUPLICATE", "VPC_ROUTE_ENTRY_CIDR_BLOCK_DUPLICATE", "InvalidNextHopId.NotFound", "InvalidRouteTableId.NotFound",
	} {
		if got := reply.FailedRouteEntries[i]; got.FailedCode != want || got.FailedMessage == "" || got.DstCidrBlock == "" || got.NextHop == "" {
			t.Errorf("item %d: %+v, want %s", i, got, want)
		}
	}
	if e := r.custom("vtb-a"); len(e) != 2 || e[1].Status != "Pending" || e[1].RouteEntryName != "n2" || e[1].Description != "d" {
		t.Fatalf("%+v", e)
	}
	if e := r.custom("vtb-custom"); len(e) != 1 || e[0].RouteEntryId != reply.RouteEntryIds[1] {
		t.Fatalf("%+v", e)
	}
}

func TestEntriesOfABatchBecomeAvailableTogether(t *testing.T) {
	r := newRegion(t)
	items := make([][3]string, 50)
	for i := range items {
		items[i] = [3]string{"vtb-a", fmt.Sprintf("172.16.%d.0/24", i), "i-1"}
	}
	r.must(sdk.CreateCreateRouteEntriesResponse(), "CreateRouteEntries", createItems(items...)...)
	r.pass(999 * time.Millisecond)
	for _, e := range r.custom("vtb-a") {
		if e.Status != "Pending" {
			t.Fatalf("too early: %+v", e)
		}
	}
	r.pass(time.Millisecond)
	for _, e := range r.custom("vtb-a") {
		if e.Status != "Available" {
			t.Fatalf("too late: %+v", e)
		}
	}
	reply := sdk.CreateDeleteRouteEntriesResponse()
	r.must(reply, "DeleteRouteEntries", deleteItems(items...)...)
	if reply.SuccessCount != 50 || reply.FailedCount != 0 || len(r.custom("vtb-a")) != 50 {
		t.Fatalf("%+v", reply)
	}
	r.pass(time.Second)
	if e := r.custom("vtb-a"); len(e) != 0 {
		t.Fatalf("%+v", e)
	}
}

func TestBatchDeleteReportsAbsentAndTransitionalEntries(t *testing.T) {
	r := newRegion(t)
	id := r.create("172.16.0.0/24", "i-1")
	r.create("172.16.1.0/24", "i-1")
	reply := sdk.CreateDeleteRouteEntriesResponse()
	params := deleteItems(
		[3]string{"vtb-a", "172.16.0.0/24", "i-1"},
		[3]string{"vtb-a", "172.16.0.0/24", "i-1"},
		[3]string{"vtb-a", "172.16.1.0/24", "i-2"},
		[3]string{"vtb-none", "172.16.1.0/24", "i-1"},
		[3]string{"vtb-a", "10.0.0.0/24", "i-1"},
	)
	r.must(reply, "DeleteRouteEntries", append(params, "RouteEntries.6.RouteTableId", "vtb-custom", "RouteEntries.6.RouteEntryId", id)...)
	if reply.SuccessCount != 1 || reply.FailedCount != 5 {
		t.Fatalf("%+v", reply)
	}
	for i, want := range []string{
		"VPC_ROUTE_ENTRY_STATUS_ERROR", "VPC_ROUTER_ENTRY_NOT_EXIST", "VPC_ROUTER_ENTRY_NOT_EXIST", "OperationDenied", "VPC_ROUTER_ENTRY_NOT_EXIST",
	} {
		if got := reply.FailedRouteEntries[i].FailedCode; got != want {
			t.Errorf("item %d: %s, want %s", i, got, want)
		}
	}
	if reply.FailedRouteEntries[4].RouteEntryId != id {
		t.Errorf("%+v", reply.FailedRouteEntries[4])
	}
}

func TestBatchInWhichAllFailsLeavesTheVPCIdle(t *testing.T) {
	r := newRegion(t)
	reply := sdk.CreateDeleteRouteEntriesResponse()
	r.must(reply, "DeleteRouteEntries", deleteItems([3]string{"vtb-a", "172.16.0.0/24", "i-1"})...)
	if reply.FailedCount != 1 || reply.SuccessCount != 0 {
		t.Fatalf("%+v", reply)
	}
	r.create("172.16.0.0/24", "i-1")
}

func TestBatchIsRefusedWhole(t *testing.T) {
	r := newRegion(t)
	tooMany := make([][3]string, 51)
	for i := range tooMany {
		tooMany[i] = [3]string{"vtb-a", fmt.Sprintf("172.16.%d.0/24", i), "i-1"}
	}
	r.refused(400, "InvalidParameter", "CreateRouteEntries", createItems(tooMany...)...)
	r.refused(400, "InvalidParameter", "DeleteRouteEntries", deleteItems(tooMany...)...)
	r.refused(400, "MissingParameter", "CreateRouteEntries")
	r.refused(400, "MissingParameter", "DeleteRouteEntries", "RouteEntries.1.RouteTableId", "vtb-a", "RouteEntries.1.DstCidrBlock", "172.16.0.0/24")
	r.refused(400, "MissingParameter", "CreateRouteEntries", "RouteEntries.1.RouteTableId", "vtb-a", "RouteEntries.1.DstCidrBlock", "172.16.0.0/24")
}

func TestBatchStopsAtTheQuota(t *testing.T) {
	r := newRegion(t)
	r.Knobs.RoutesPerTable = 1
	reply := sdk.CreateCreateRouteEntriesResponse()
	r.must(reply, "CreateRouteEntries", createItems([3]string{"vtb-a", "172.16.0.0/24", "i-1"}, [3]string{"vtb-a", "172.16.1.0/24", "i-1"})...)
	if reply.SuccessCount != 1 || reply.FailedRouteEntries[0].FailedCode != "QuotaExceeded" {
		t.Fatalf("%+v", reply)
	}
}
