package slb

import (
	"testing"
	"time"

	sdk "github.com/aliyun/alibaba-cloud-sdk-go/services/slb"
)

func TestLoadBalancerIsBusyUntilTheReply(t *testing.T) {
	r := newRig(t)
	lb, other := r.create(), r.create()
	r.latency = 100 * time.Millisecond
	r.knobs.LoadBalancerBusy = 50 * time.Millisecond
	r.listen(lb, 80)
	group := func() string {
		for id := range r.p.groups {
			return id
		}
		return ""
	}
	tries := [][]string{
		{"CreateLoadBalancerTCPListener", "LoadBalancerId", lb, "ListenerPort", "81", "BackendServerPort", "1", "Bandwidth", "-1"},
		{"SetLoadBalancerTCPListenerAttribute", "LoadBalancerId", lb, "ListenerPort", "80"},
		{"StartLoadBalancerListener", "LoadBalancerId", lb, "ListenerPort", "80"},
		{"DeleteLoadBalancerListener", "LoadBalancerId", lb, "ListenerPort", "80"},
		{"AddBackendServers", "LoadBalancerId", lb, "BackendServers", servers(0, 1)},
		{"CreateVServerGroup", "LoadBalancerId", lb},
		{"SetLoadBalancerDeleteProtection", "LoadBalancerId", lb, "DeleteProtection", "on"},
		{"ModifyLoadBalancerInternetSpec", "LoadBalancerId", lb, "Bandwidth", "5"},
		{"DeleteLoadBalancer", "LoadBalancerId", lb},
	}
	status := map[string]int{
		"ServiceIsConfiguring": 400, "BackendServer.configuring": 409, "SystemBusy": 449, "OperationBusy": 400, "ServiceIsStopping": 409,
	}
	seen := map[string]bool{}
	for _, args := range tries {
		before := r.dump()
		_, err := r.try(args[0], args[1:]...)
		if err == nil || status[err.Code] != err.Status {
			t.Fatalf("%v: %v", args, err)
		}
		seen[err.Code] = true
		if r.dump() != before {
			t.Errorf("%v left a trace", args)
		}
	}
	if len(seen) != len(status) {
		t.Errorf("codes in turn: %v", seen)
	}
	r.knobs.BusyCode = "SystemBusy"
	for range 3 {
		r.refused(449, "SystemBusy", tries[0][0], tries[0][1:]...)
	}
	// Reads, tags and other load balancers are free.
	r.do("DescribeLoadBalancerAttribute", "LoadBalancerId", lb)
	r.do("TagResources", "ResourceType", "instance", "ResourceId.1", lb, "Tag.1.Key", "k")
	r.listen(other, 80)
	r.pass(149 * time.Millisecond)
	r.refused(449, "SystemBusy", tries[0][0], tries[0][1:]...)
	r.pass(time.Millisecond)
	r.do("CreateVServerGroup", "LoadBalancerId", lb, "BackendServers", servers(80, 1))
	r.refused(449, "SystemBusy", "DeleteVServerGroup", "VServerGroupId", group())
	if !r.p.ServerBusy(serverID(1)) || r.p.ServerBusy(serverID(2)) {
		t.Error("the servers of a busy load balancer are busy, and no others")
	}
	r.pass(time.Second)
	if r.p.ServerBusy(serverID(1)) {
		t.Error("the server stays busy")
	}
}

func TestLockedLoadBalancerIsReadOnly(t *testing.T) {
	r := newRig(t)
	lb := r.create()
	r.listen(lb, 80)
	if err := r.p.Lock(lb); err != nil {
		t.Fatal(err)
	}
	const code = "OperationDenied.LoadBalancerLocked"
	r.refused(400, code, "DeleteLoadBalancer", "LoadBalancerId", lb)
	r.refused(400, code, "StartLoadBalancerListener", "LoadBalancerId", lb, "ListenerPort", "80")
	r.refused(400, code, "AddBackendServers", "LoadBalancerId", lb, "BackendServers", servers(0, 1))
	r.refused(400, code, "TagResources", "ResourceType", "instance", "ResourceId.1", lb, "Tag.1.Key", "k")
	got := sdk.CreateDescribeLoadBalancerAttributeResponse()
	r.read(got, "DescribeLoadBalancerAttribute", "LoadBalancerId", lb)
	if got.LoadBalancerStatus != "locked" || got.BusinessStatus != "FinancialLocked" {
		t.Errorf("status %s %s", got.LoadBalancerStatus, got.BusinessStatus)
	}
	if err := r.p.Unlock(lb); err != nil {
		t.Fatal(err)
	}
	r.do("DeleteLoadBalancer", "LoadBalancerId", lb)
}

func TestNewLoadBalancerAppearsAfterItsLags(t *testing.T) {
	r := newRig(t)
	r.latency = 100 * time.Millisecond
	r.knobs.GetLag, r.knobs.ListLag, r.knobs.TagLag = time.Second, 2*time.Second, 3*time.Second
	lb := r.create("Tag.1.Key", "k", "Tag.1.Value", "v")
	seen := func() (get, list, tags bool) {
		_, err := r.try("DescribeLoadBalancerAttribute", "LoadBalancerId", lb)
		return err == nil, r.do("DescribeLoadBalancers")["TotalCount"] == 1,
			r.do("DescribeLoadBalancers", "Tag.1.Key", "k", "Tag.1.Value", "v")["TotalCount"] == 1
	}
	for _, want := range []struct {
		get, list, tags bool
	}{{false, false, false}, {true, false, false}, {true, true, false}, {true, true, true}} {
		get, list, tags := seen()
		if get != want.get || list != want.list || tags != want.tags {
			t.Fatalf("at %v: get %t, list %t, tags %t, want %+v", r.now, get, list, tags, want)
		}
		if !get {
			r.refused(404, "InvalidLoadBalancerId.NotFound", "DeleteLoadBalancer", "LoadBalancerId", lb)
			r.refused(404, "InvalidResourceId.NotFound", "TagResources", "ResourceType", "instance", "ResourceId.1", lb, "Tag.1.Key", "x")
		}
		r.pass(time.Second + 100*time.Millisecond)
	}
}

func TestNewTagIsFoundAfterTheLag(t *testing.T) {
	r := newRig(t)
	lb := r.create()
	r.knobs.TagLag = time.Second
	r.do("TagResources", "ResourceType", "instance", "ResourceId.1", lb, "Tag.1.Key", "k", "Tag.1.Value", "v")
	count := func() any { return r.do("DescribeLoadBalancers", "Tag.1.Key", "k", "Tag.1.Value", "v")["TotalCount"] }
	if count() != 0 {
		t.Error("found at once")
	}
	r.pass(time.Second)
	if count() != 1 {
		t.Error("not found after the lag")
	}
}

func TestDeletedLoadBalancerStaysInListsForTheLag(t *testing.T) {
	r := newRig(t)
	r.knobs.DeleteLag = time.Second
	lb := r.create("Tag.1.Key", "k", "Tag.1.Value", "v")
	r.do("DeleteLoadBalancer", "LoadBalancerId", lb)
	r.refused(404, "InvalidLoadBalancerId.NotFound", "DescribeLoadBalancerAttribute", "LoadBalancerId", lb)
	for _, want := range []int{1, 0} {
		for _, filter := range [][]string{nil, {"LoadBalancerId", lb}, {"Tag.1.Key", "k", "Tag.1.Value", "v"}} {
			if got := r.do("DescribeLoadBalancers", filter...)["TotalCount"]; got != want {
				t.Errorf("list %v: %v, want %d", filter, got, want)
			}
		}
		r.pass(time.Second)
	}
}

func TestLagsSpreadAtRandom(t *testing.T) {
	r := newRig(t)
	r.knobs.GetLag, r.knobs.LagSpread = time.Second, time.Second
	seen := map[time.Duration]bool{}
	for range 20 {
		lag := r.p.byID[r.create()].GetAt.Sub(r.now)
		if lag < time.Second || lag > 2*time.Second {
			t.Fatalf("lag %v", lag)
		}
		seen[lag] = true
	}
	if len(seen) < 2 {
		t.Errorf("all lags are %v", seen)
	}
}
