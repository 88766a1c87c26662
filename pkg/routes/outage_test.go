package routes

import (
	"fmt"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/vpc"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/api"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/fault"
)

// intact fails when any of the Nodes' routes is not there, or there are others.
func (r *rig) intact(from, to int) {
	r.t.Helper()
	got := r.entries()
	if len(got) != to-from+1 {
		r.t.Errorf("%d entries", len(got))
	}
	for i := from; i <= to; i++ {
		if e := got[cidr(i)]; e.NextHopID != fmt.Sprintf("i-%d", i) || e.Status != vpc.Available {
			r.t.Errorf("entry of node-%d: %+v", i, e)
		}
	}
}

func TestARegionThatShowsNothingOrRefusesLosesNoRoute(t *testing.T) {
	for name, kind := range map[string]fault.Kind{"empty lists": fault.EmptyList, "denied": fault.Deny, "empty answers": fault.Empty} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, 4)
			r.addNodes(1, 3)
			r.start(func(o *Options) { o.Period = 300 * time.Millisecond })
			r.ready(1, 3)
			id := r.sim.Fault(fault.Rule{Action: "Describe*", Kind: kind})
			before := r.sim.Counts()["DescribeRouteEntryList"]
			r.eventually("an audit in the outage", func() bool { return r.sim.Counts()["DescribeRouteEntryList"] > before+1 })
			r.delete("node-3") // its route may go when the region can be read again, not blindly
			r.stop()
			r.start(func(o *Options) { o.Period = 300 * time.Millisecond }) // also for one that starts in the outage
			r.eventually("another start was tried", func() bool { return r.sim.Counts()["DescribeVSwitches"] > 1 })
			r.stop()
			r.sim.ClearFault(id)
			r.intact(1, 3)
			for i := 1; i <= 2; i++ {
				if c := r.condition(node(i).Name); c.Status != corev1.ConditionFalse {
					t.Errorf("condition of node-%d: %+v", i, c)
				}
			}
			if n := r.sim.Counts()["DeleteRouteEntries"]; n != 0 {
				t.Errorf("%d deletions", n)
			}
			r.addNodes(4, 4)
			r.start()
			r.ready(4, 4)
			r.eventually("the orphan is gone", func() bool { _, ok := r.entries()[cidr(3)]; return !ok })
		})
	}
}

func TestAnEmptyAnswerDuringADeletionIsNotTakenForItsEnd(t *testing.T) {
	r := newRig(t, 2)
	r.addNodes(1, 2)
	r.start()
	r.ready(1, 2)
	id := r.sim.Fault(fault.Rule{Action: "DescribeRouteEntryList", Kind: fault.EmptyList})
	r.delete("node-1")
	before := r.sim.Counts()["DescribeRouteEntryList"]
	r.eventually("readings in vain", func() bool { return r.sim.Counts()["DescribeRouteEntryList"] > before+1 })
	r.sim.ClearFault(id)
	r.eventually("the route is gone", func() bool { return len(r.entries()) == 1 })
}

func TestAFailedCreationIsRetriedWithinFifteenSeconds(t *testing.T) {
	r := newRig(t, 1)
	r.sim.Fault(fault.Rule{Action: "CreateRouteEntries", Kind: fault.Deny, Count: 2})
	r.addNodes(1, 1)
	r.start()
	r.eventually("failure is told", func() bool { return r.events.has("node-1 FailedToCreateRoute") })
	r.ready(1, 1)
	for before := range 100 {
		if pause := backoff(before, errMissing); pause > 15*time.Second {
			t.Errorf("pause after %d failures: %v", before, pause)
		}
		if pause := backoff(before, errConflict); pause > lastBackoff {
			t.Errorf("pause after %d conflicts: %v", before, pause)
		}
	}
}

func TestALostReplyLeavesNoDoubtAndNoDouble(t *testing.T) {
	for _, action := range []string{"CreateRouteEntries", "DeleteRouteEntries"} {
		t.Run(action, func(t *testing.T) {
			r := newRig(t, 2)
			r.sim.Fault(fault.Rule{Action: action, Kind: fault.DropReply, Count: 1})
			r.addNodes(1, 2)
			r.start()
			r.ready(1, 2)
			r.delete("node-2")
			r.eventually("the deleted node's route is gone", func() bool { return len(r.entries()) == 1 })
			r.intact(1, 1)
		})
	}
}

func TestThrottledCallsConvergeWithBoundedVolume(t *testing.T) {
	r := newRig(t, 60)
	r.sim.Fault(fault.Rule{Kind: fault.Throttle, Probability: 0.2})
	r.addNodes(1, 60)
	r.start()
	r.ready(1, 60)
	r.sim.ClearFaults()
	r.intact(1, 60)
	if n := r.sim.Counts()["CreateRouteEntries"]; n > 20 {
		t.Errorf("%d creations for 60 nodes", n)
	}
}

func TestAnEntryDeletedByHandComesBack(t *testing.T) {
	r := newRig(t, 2)
	r.addNodes(1, 2)
	r.start(func(o *Options) { o.Period = 300 * time.Millisecond })
	r.ready(1, 2)
	results, err := r.vpc.DeleteRouteEntries(t.Context(), []vpc.RouteEntry{r.entries()[cidr(1)]})
	if err != nil || results[0].Err != nil {
		t.Fatal(results, err)
	}
	r.eventually("it went", func() bool { return len(r.entries()) == 1 })
	r.eventually("it came back", func() bool { return r.entries()[cidr(1)].Status == vpc.Available })
	r.ready(1, 1)
}

func TestAControllerThatDiedDuringACreationIsContinued(t *testing.T) {
	r := newRig(t, 2)
	r.sim.Knobs(func(k *api.Knobs) { k.RouteOperation = 700 * time.Millisecond })
	r.addNodes(1, 2)
	r.start()
	r.eventually("entries are on their way", func() bool { return len(r.entries()) == 2 })
	r.stop()
	r.start()
	r.ready(1, 2)
	r.intact(1, 2)
	if n := r.sim.Counts()["CreateRouteEntries"]; n != 1 {
		t.Errorf("%d creations", n)
	}
}

func TestOneServerThatTheAPIRefusesHarmsItsNodeOnly(t *testing.T) {
	r := newRig(t, 3)
	r.addNodes(1, 2)
	lost := node(3)
	lost.Spec.PodCIDR, lost.Spec.PodCIDRs = "100.64.7.0/24", []string{"100.64.7.0/24"}
	r.add(lost)
	r.start()
	r.ready(1, 2)
	r.eventually("the third is told", func() bool { return r.events.has("node-3 PodCIDRCollides", "cloud services") })
}
