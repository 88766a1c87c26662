package ecs

import (
	"errors"
	"slices"
	"testing"
	"time"

	sdk "github.com/aliyun/alibaba-cloud-sdk-go/services/ecs"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/api"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/vpc"
)

func (r *region) status(id string) string {
	r.t.Helper()
	found := r.list("InstanceIds", `["`+id+`"]`).Instances.Instance
	if len(found) == 0 {
		return ""
	}
	return found[0].Status
}

func TestServerStopsAndStartsAsynchronously(t *testing.T) {
	r := newRegion(t, fleet(1)...)
	r.refused(403, "IncorrectInstanceStatus", "StartInstance", "InstanceId", "i-1")
	r.refused(400, "InvalidParameter", "StopInstance", "InstanceId", "i-1", "StoppedMode", "Odd")
	r.refused(400, "DryRunOperation", "StopInstance", "InstanceId", "i-1", "DryRun", "true")
	r.must(sdk.CreateStopInstanceResponse(), "StopInstance", "InstanceId", "i-1", "StoppedMode", "StopCharging")
	if got := r.status("i-1"); got != "Stopping" {
		t.Fatal(got)
	}
	r.refused(403, "IncorrectInstanceStatus", "StopInstance", "InstanceId", "i-1")
	r.pass(2 * time.Second)
	if i := r.list().Instances.Instance[0]; i.Status != "Stopped" || i.StoppedMode != "StopCharging" {
		t.Fatalf("%s %s", i.Status, i.StoppedMode)
	}
	r.must(sdk.CreateStartInstanceResponse(), "StartInstance", "InstanceId", "i-1")
	if got := r.status("i-1"); got != "Starting" {
		t.Fatal(got)
	}
	r.pass(2 * time.Second)
	if i := r.list().Instances.Instance[0]; i.Status != "Running" || i.StoppedMode != "Not-applicable" {
		t.Fatalf("%s %s", i.Status, i.StoppedMode)
	}
	r.refused(404, "InvalidInstanceId.NotFound", "StartInstance", "InstanceId", "i-none")
	r.refused(404, "InvalidInstanceId.NotFound", "StopInstance", "InstanceId", "i-none")
}

func TestTransitionsThatTakeNoTimeAreOverAtOnce(t *testing.T) {
	r := newRegion(t, fleet(1)...)
	r.Knobs.ServerTransition = 0
	if err := r.Stop(r.now, "i-1"); err != nil || r.status("i-1") != "Stopped" {
		t.Fatalf("%v, %s", err, r.status("i-1"))
	}
	if err := r.Start(r.now, "i-1"); err != nil || r.status("i-1") != "Running" {
		t.Fatalf("%v, %s", err, r.status("i-1"))
	}
	var apiErr *api.Error
	if err := r.Start(r.now, "i-1"); !errors.As(err, &apiErr) {
		t.Fatal(err)
	}
}

func TestRunningServerIsDeletedOnlyByForce(t *testing.T) {
	r := newRegion(t, fleet(2)...)
	r.refused(403, "IncorrectInstanceStatus", "DeleteInstance", "InstanceId", "i-1")
	r.must(sdk.CreateDeleteInstanceResponse(), "DeleteInstance", "InstanceId", "i-1", "Force", "true")
	if r.status("i-1") != "" {
		t.Fatal("still listed")
	}
	r.refused(404, "InvalidInstanceId.NotFound", "DeleteInstance", "InstanceId", "i-1", "Force", "true")
	if !slices.Equal(r.balancers.released, []string{"i-1"}) {
		t.Fatalf("load balancers heard of %v", r.balancers.released)
	}
	if _, ok := r.Server("i-1"); ok {
		t.Fatal("other products still see the server")
	}
}

func TestServerThatIsANextHopCannotBeReleased(t *testing.T) {
	r := newRegion(t, fleet(2)...)
	if err := r.vpc.Seed(vpc.Seed{Routes: []vpc.RouteSeed{{ID: "rte-1", Destination: "172.16.0.0/24", NextHop: "i-1"}}}); err != nil {
		t.Fatal(err)
	}
	r.refused(400, "DependencyViolation.RouteEntry", "DeleteInstance", "InstanceId", "i-1", "Force", "true")
	r.refused(400, "DependencyViolation.RouteEntry", "DeleteInstances", "InstanceId.1", "i-2", "InstanceId.2", "i-1", "Force", "true")
	if err := r.Release(r.now, "i-1", true); err == nil || err.Code != "DependencyViolation.RouteEntry" {
		t.Fatalf("%v", err)
	}
	for _, a := range r.vpc.Actions() {
		if a.Name != "DeleteRouteEntry" {
			continue
		}
		call := &api.Call{Action: a.Name, Now: r.now, Params: api.Params{"RouteEntryId": "rte-1"}}
		if _, err := a.Handle(call); err != nil {
			t.Fatal(err)
		}
	}
	r.refused(400, "DependencyViolation.RouteEntry", "DeleteInstance", "InstanceId", "i-1", "Force", "true") // Deleting is not gone
	r.pass(time.Second)
	r.must(sdk.CreateDeleteInstanceResponse(), "DeleteInstance", "InstanceId", "i-1", "Force", "true")
}

func TestProtectedBusyAndUnfinishedServersCannotBeReleased(t *testing.T) {
	r := newRegion(t, ServerSeed{ID: "i-1", DeletionProtection: true}, ServerSeed{ID: "i-2"}, ServerSeed{ID: "i-3", ChargeType: "PrePaid"})
	r.refused(403, "InvalidOperation.DeletionProtection", "DeleteInstance", "InstanceId", "i-1", "Force", "true")
	if err := r.SetDeletionProtection("i-1", false); err != nil {
		t.Fatal(err)
	}
	r.must(sdk.CreateDeleteInstanceResponse(), "DeleteInstance", "InstanceId", "i-1", "Force", "true")
	r.balancers.busy["i-2"] = true
	r.refused(400, "DependencyViolation.SLBConfiguring", "DeleteInstance", "InstanceId", "i-2", "Force", "true")
	r.refused(403, "ChargeTypeViolation", "DeleteInstance", "InstanceId", "i-3", "Force", "true")
	id, err := r.Create(r.now, ServerSeed{VSwitch: "vsw-a", Status: "Pending"})
	if err != nil {
		t.Fatal(err)
	}
	r.refused(403, "IncorrectInstanceStatus.Initializing", "DeleteInstance", "InstanceId", id, "Force", "true")
}

func TestReleasedServerStaysListedForTheLagOnly(t *testing.T) {
	r := newRegion(t, ServerSeed{ID: "i-1", PrivateIP: "10.0.0.5", EIP: "47.1.1.1", IPv6: "2001:db8::5"})
	r.Knobs.ReleasedServerLag = 3 * time.Second
	if err := r.Release(r.now, "i-1", true); err != nil {
		t.Fatal(err)
	}
	if got := r.status("i-1"); got != "Stopped" {
		t.Fatalf("during the lag: %q", got)
	}
	if _, ok := r.Server("i-1"); ok {
		t.Fatal("other products still see the server")
	}
	if _, err := r.Create(r.now, ServerSeed{ID: "i-2", VSwitch: "vsw-a", PrivateIP: "10.0.0.5", EIP: "47.1.1.1", IPv6: "2001:db8::5"}); err != nil {
		t.Fatalf("the addresses are not free: %v", err)
	}
	if due := r.Advance(r.now); !due.Equal(r.now.Add(3 * time.Second)) {
		t.Fatalf("next transition at %s", due)
	}
	r.pass(3 * time.Second)
	if got := ids(r.list("PrivateIpAddresses", `["10.0.0.5"]`)); !slices.Equal(got, []string{"i-2"}) {
		t.Fatalf("after the lag: %v", got)
	}
}

func TestDeleteInstancesIsAllOrNothingAndOncePerToken(t *testing.T) {
	r := newRegion(t, fleet(3)...)
	r.refused(404, "InvalidInstanceId.NotFound", "DeleteInstances", "InstanceId.1", "i-1", "InstanceId.2", "i-none", "Force", "true")
	r.refused(400, "MissingParameter", "DeleteInstances", "Force", "true")
	params := []string{"InstanceId.1", "i-1", "InstanceId.2", "i-2", "Force", "true", "ClientToken", "t"}
	r.must(sdk.CreateDeleteInstancesResponse(), "DeleteInstances", params...)
	r.pass(r.latency)
	r.must(sdk.CreateDeleteInstancesResponse(), "DeleteInstances", params...)
	if got := ids(r.list()); !slices.Equal(got, []string{"i-3"}) {
		t.Fatal(got)
	}
}

func TestOtherProductsSeeServersAndInterfaces(t *testing.T) {
	r := newRegion(t, ServerSeed{ID: "i-1", PrivateIP: "10.0.0.5", Interfaces: []InterfaceSeed{{ID: "eni-x"}}})
	s, ok := r.Server("i-1")
	if !ok || s.VPCID != "vpc-a" || s.VSwitchID != "vsw-a" || s.ZoneID != "cn-test-a" || s.Status != "Running" || s.PrimaryIP != "10.0.0.5" ||
		len(s.InterfaceIDs) != 2 || s.InterfaceIDs[1] != "eni-x" || s.Unhealthy {
		t.Fatalf("%+v", s)
	}
	if err := r.SetUnhealthy("i-1", true); err != nil {
		t.Fatal(err)
	}
	if s, _ := r.Server("i-1"); !s.Unhealthy {
		t.Fatal("healthy")
	}
	if i, ok := r.Interface("eni-x"); !ok || i.InstanceID != "i-1" || i.VPCID != "vpc-a" || i.PrimaryIP == "" {
		t.Fatalf("%+v", i)
	}
	if _, ok := r.Interface("eni-none"); ok {
		t.Fatal("an interface that does not exist")
	}
}
