package vpc

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/apierror"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/api"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/fault"
)

const table = aliyunsim.SmallRouteTable

func entryTo(i int) NewEntry {
	return NewEntry{TableID: table, CIDR: fmt.Sprintf("10.%d.%d.0/24", i/256, i%256), ServerID: "i-1", Name: "name", Description: "text"}
}

// custom returns the custom entries by destination.
func custom(t *testing.T, c *Client) map[string]RouteEntry {
	t.Helper()
	all, err := c.RouteEntries(t.Context(), table)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]RouteEntry{}
	for _, e := range all {
		if e.Custom {
			out[e.CIDR] = e
		}
	}
	return out
}

func TestAVPCItsVSwitchesAndTablesAreRead(t *testing.T) {
	_, c := newRig(t, aliyunsim.Options{})
	v, err := c.VPC(t.Context(), aliyunsim.SmallVPC)
	if err != nil || v.CIDR != "192.168.0.0/16" || v.Name != "small" || v.VRouterID == "" {
		t.Errorf("VPC %+v, %v", v, err)
	}
	if _, err := c.VPC(t.Context(), "vpc-none"); !errors.Is(err, apierror.ErrNotFound) {
		t.Errorf("missing VPC: %v", err)
	}
	switches, err := c.VSwitches(t.Context(), aliyunsim.SmallVPC)
	if err != nil || len(switches) != 2 {
		t.Fatalf("vSwitches %+v, %v", switches, err)
	}
	for _, s := range switches {
		if s.VPCID != aliyunsim.SmallVPC || s.Zone == "" || s.CIDR == "" || s.RouteTableID != table || s.FreeAddresses == 0 {
			t.Errorf("vSwitch %+v", s)
		}
	}
	tables, err := c.RouteTables(t.Context(), aliyunsim.SmallVPC)
	if err != nil || len(tables) != 1 || tables[0].ID != table || !tables[0].System || tables[0].VPCID != aliyunsim.SmallVPC {
		t.Errorf("tables %+v, %v", tables, err)
	}
}

func TestEntriesAreCreatedAndDeletedInBatches(t *testing.T) {
	sim, c := newRig(t, aliyunsim.Options{})
	entries := make([]NewEntry, 0, 120)
	for i := range 120 {
		entries = append(entries, entryTo(i))
	}
	for start := 0; start < len(entries); start += MaxBatch {
		results, err := c.CreateRouteEntries(t.Context(), entries[start:min(start+MaxBatch, len(entries))])
		if err != nil {
			t.Fatal(err)
		}
		for i, r := range results {
			if r.Err != nil || r.EntryID == "" {
				t.Fatalf("entry %d: %+v", start+i, r)
			}
		}
	}
	got := custom(t, c)
	if len(got) != len(entries) {
		t.Fatalf("%d entries, want %d", len(got), len(entries))
	}
	want := RouteEntry{
		ID: got["10.0.0.0/24"].ID, TableID: table, Name: "name", Description: "text", CIDR: "10.0.0.0/24", Status: Available,
		Custom: true, NextHopType: NextHopInstance, NextHopID: "i-1",
	}
	if d := cmp.Diff(want, got["10.0.0.0/24"]); d != "" {
		t.Errorf("-want +got\n%s", d)
	}
	if n := sim.Counts()["DescribeRouteEntryList"]; n != 2 {
		t.Errorf("%d reading calls for 120 entries, want 2", n)
	}
	doomed := make([]RouteEntry, 0, 50)
	for i := range 50 {
		doomed = append(doomed, got[entryTo(i).CIDR])
	}
	results, err := c.DeleteRouteEntries(t.Context(), append(doomed[:49], RouteEntry{ID: "rte-missing", TableID: table}))
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range results {
		if r.Err != nil {
			t.Errorf("deletion %d: %v", i, r.Err)
		}
	}
	if left := len(custom(t, c)); left != 71 {
		t.Errorf("%d entries left, want 71", left)
	}
}

func TestEachItemOfABatchHasItsOwnResult(t *testing.T) {
	_, c := newRig(t, aliyunsim.Options{})
	if _, err := c.CreateRouteEntries(t.Context(), []NewEntry{entryTo(1)}); err != nil {
		t.Fatal(err)
	}
	results, err := c.CreateRouteEntries(t.Context(), []NewEntry{
		entryTo(0), entryTo(1), entryTo(2), {TableID: table, CIDR: "192.168.1.0/24", ServerID: "i-1"},
	})
	if err != nil {
		t.Fatal(err)
	}
	kinds := make([]apierror.Kind, len(results))
	for i, r := range results {
		kinds[i] = apierror.KindOf(r.Err)
	}
	if d := cmp.Diff([]apierror.Kind{apierror.Unknown, apierror.Conflict, apierror.Unknown, apierror.Invalid}, kinds); d != "" {
		t.Error(d)
	}
	if results[0].Err != nil || results[2].Err != nil || len(custom(t, c)) != 3 {
		t.Errorf("results %+v", results)
	}
}

func TestAFullTableRefusesWithQuota(t *testing.T) {
	sim, c := newRig(t, aliyunsim.Options{})
	sim.Knobs(func(k *api.Knobs) { k.RoutesPerTable = 1 })
	results, err := c.CreateRouteEntries(t.Context(), []NewEntry{entryTo(0), entryTo(1)})
	if err != nil {
		t.Fatal(err)
	}
	if results[0].Err != nil || !errors.Is(results[1].Err, apierror.ErrQuota) {
		t.Errorf("results %+v", results)
	}
}

func TestEntriesAreReadByDestination(t *testing.T) {
	sim, c := newRig(t, aliyunsim.Options{})
	if _, err := c.CreateRouteEntries(t.Context(), []NewEntry{entryTo(0), entryTo(1), entryTo(2)}); err != nil {
		t.Fatal(err)
	}
	sim.ResetCounters()
	got, err := c.RouteEntriesTo(t.Context(), table, []string{"10.0.1.0/24", "10.9.9.0/24"})
	if err != nil || len(got) != 1 || got[0].CIDR != "10.0.1.0/24" {
		t.Errorf("got %+v, %v", got, err)
	}
	if _, err := c.RouteEntriesTo(t.Context(), table, nil); err != nil || sim.Counts()["DescribeRouteEntryList"] != 1 {
		t.Errorf("calls %v, %v", sim.Counts(), err)
	}
}

func TestAnEntryIsRenamed(t *testing.T) {
	_, c := newRig(t, aliyunsim.Options{})
	results, err := c.CreateRouteEntries(t.Context(), []NewEntry{entryTo(0)})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.ModifyRouteEntry(t.Context(), results[0].EntryID, "kube-aliyun-c1", "mine"); err != nil {
		t.Fatal(err)
	}
	if e := custom(t, c)["10.0.0.0/24"]; e.Name != "kube-aliyun-c1" || e.Description != "mine" || e.NextHopID != "i-1" {
		t.Errorf("entry %+v", e)
	}
}

func TestIPv6EntriesAreToldApart(t *testing.T) {
	_, c := newRig(t, aliyunsim.Options{})
	results, err := c.CreateRouteEntries(t.Context(), []NewEntry{{TableID: table, CIDR: "fd00:10::/64", ServerID: "i-1", IPv6: true}})
	if err != nil || results[0].Err != nil {
		t.Fatalf("%+v, %v", results, err)
	}
	if e := custom(t, c)["fd00:10::/64"]; !e.IPv6 || e.NextHopID != "i-1" {
		t.Errorf("entry %+v", e)
	}
}

func TestALostReplyOfACreationIsNotRepeated(t *testing.T) {
	sim, c := newRig(t, aliyunsim.Options{})
	sim.Fault(fault.Rule{Action: "CreateRouteEntries", Kind: fault.DropReply, Count: 1})
	_, err := c.CreateRouteEntries(t.Context(), []NewEntry{entryTo(0)})
	if !apierror.MaybeExecuted(err) {
		t.Errorf("error %v does not say that the entry may exist", err)
	}
	if n := sim.Counts()["CreateRouteEntries"]; n != 1 {
		t.Errorf("%d calls", n)
	}
	if len(custom(t, c)) != 1 {
		t.Error("the entry is not there")
	}
}

func TestAMissingTableIsNotAnEmptyOne(t *testing.T) {
	_, c := newRig(t, aliyunsim.Options{})
	if _, err := c.RouteEntries(t.Context(), "vtb-none"); !errors.Is(err, apierror.ErrNotFound) {
		t.Errorf("got %v", err)
	}
}

func TestEntriesInTransitionAreSeen(t *testing.T) {
	sim, c := newRig(t, aliyunsim.Options{})
	sim.Knobs(func(k *api.Knobs) { k.RouteOperation = time.Hour })
	if _, err := c.CreateRouteEntries(t.Context(), []NewEntry{entryTo(0)}); err != nil {
		t.Fatal(err)
	}
	if e := custom(t, c)["10.0.0.0/24"]; e.Status != Pending {
		t.Errorf("status %s, want %s", e.Status, Pending)
	}
}
