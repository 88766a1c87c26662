package disks

import (
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kube-aliyun/kube-aliyun/pkg/volumesocket/wire"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/api"
	simecs "github.com/kube-aliyun/kube-aliyun/test/aliyunsim/ecs"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/fault"
)

func TestCase07PlainAttachIsOneAttachDiskAndEndsWithTheDiskThere(t *testing.T) {
	r := newRig(t, 1).claimed("node-1").start()
	reply := r.ask(wire.Attach, "pv-1", "node-1", map[string]string{"diskId": "d-of-the-driver"})
	r.succeeds(reply.Error)
	if disk, _, ok := wire.ParseDevice(reply.Device); !ok || disk != "d-1" {
		t.Errorf("device %q", reply.Device)
	}
	r.expectCalls(map[string]int{"AttachDisk": 1, "DetachDisk": 0, "TagResources": 1})
	r.expectOn("d-1", "In_use i-1")
	for _, call := range r.sim.Journal() {
		if call.Action == "AttachDisk" && call.Params["DeleteWithInstance"] != "false" {
			t.Errorf("DeleteWithInstance is %q", call.Params["DeleteWithInstance"])
		}
	}
}

func TestCase07TheDiskGoesWithItsServerOnlyIfTheOptionSaysSo(t *testing.T) {
	r := newRig(t, 1)
	r.disk("d-1")
	r.must(r.client.Tracker().Add(&corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "db"},
		Spec:       corev1.PodSpec{NodeName: "node-1", Volumes: []corev1.Volume{byItself("d-1", "d-1")}},
	}))
	r.start(func(r *rig) { r.opts.Inline = InlineAny })
	reply := r.ask(wire.Attach, "d-1", "node-1", map[string]string{"diskId": "d-1", "deleteWithInstance": "true"})
	r.succeeds(reply.Error)
	for _, call := range r.sim.Journal() {
		if call.Action == "AttachDisk" && call.Params["DeleteWithInstance"] != "true" {
			t.Errorf("DeleteWithInstance is %q", call.Params["DeleteWithInstance"])
		}
	}
}

func TestCase08AttachOfADiskThatIsThereChangesNothing(t *testing.T) {
	r := newRig(t, 1).claimed("node-1", func(s *simecs.DiskSeed) { s.Server = "i-1" }).start()
	r.succeeds(r.attach("pv-1", "node-1"))
	r.succeeds(r.attach("pv-1", "node-1"))
	r.expectCalls(map[string]int{"AttachDisk": 0, "DetachDisk": 0, "TagResources": 1})
}

func TestCase08AnAttachWhoseAnswerWasLostIsGoneOnWith(t *testing.T) {
	r := newRig(t, 1).claimed("node-1").start()
	r.sim.Fault(fault.Rule{Action: "AttachDisk", Kind: fault.DropReply, Count: 1})
	r.succeeds(r.attach("pv-1", "node-1"))
	r.expectCalls(map[string]int{"AttachDisk": 1, "DetachDisk": 0})
	r.expectOn("d-1", "In_use i-1")
}

func TestCase09ADiskThatIsBeingDetachedIsWaitedFor(t *testing.T) {
	for name, server := range map[string]string{"from the same server": "i-1", "from another server": "i-3"} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, 3).claimed("node-1", func(s *simecs.DiskSeed) { s.Server = server }).start()
			r.sim.Knobs(func(k *api.Knobs) { k.DiskDetach, k.AttachLostWhileDetaching = 300*time.Millisecond, true })
			r.must(r.ecs.DetachDisk(t.Context(), "d-1", server))
			r.succeeds(r.attach("pv-1", "node-1"))
			r.expectCalls(map[string]int{"AttachDisk": 1, "DetachDisk": 1})
			r.expectOn("d-1", "In_use i-1")
		})
	}
}

func TestCase09ADetachThatDoesNotEndFailsInTimeAndALaterTrySucceeds(t *testing.T) {
	r := newRig(t, 3).claimed("node-1", func(s *simecs.DiskSeed) { s.Server = "i-3" })
	r.start(func(r *rig) { r.server.Operation = 400 * time.Millisecond })
	r.sim.Knobs(func(k *api.Knobs) { k.DetachNeverEnds = true })
	r.must(r.ecs.DetachDisk(t.Context(), "d-1", "i-3"))
	r.fails(r.attach("pv-1", "node-1"), "d-1", "Detaching", "tried again")
	r.expectCalls(map[string]int{"AttachDisk": 0})
	r.sim.Knobs(func(k *api.Knobs) { k.DetachNeverEnds = false })
	r.eventually("the disk is free", func() bool { return r.on("d-1") == "Available" })
	r.succeeds(r.attach("pv-1", "node-1"))
	r.expectOn("d-1", "In_use i-1")
}

func TestCase10ADiskThatAPodUsesElsewhereIsNeverTaken(t *testing.T) {
	r := newRig(t, 3).claimed("node-1", func(s *simecs.DiskSeed) { s.Server = "i-3" })
	r.pod("default", "old", "node-3", byClaim("pv-1"))
	r.start()
	for range 100 {
		r.fails(r.attach("pv-1", "node-1"), "d-1", "i-3", "node-3", "default/old")
	}
	r.expectCalls(map[string]int{"AttachDisk": 0, "DetachDisk": 0})
}

func TestCase10ADiskOnAServerOutsideTheClusterIsNeverTaken(t *testing.T) {
	for name, stop := range map[string]bool{"that runs": false, "that is stopped": true} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, 3).claimed("node-1", func(s *simecs.DiskSeed) { s.Server = "i-3" })
			r.must(r.client.CoreV1().Nodes().Delete(t.Context(), "node-3", metav1.DeleteOptions{}))
			if stop {
				r.stopServer("i-3")
			}
			r.start()
			r.fails(r.attach("pv-1", "node-1"), "d-1", "i-3", "no node of this cluster")
			r.expectCalls(map[string]int{"AttachDisk": 0, "DetachDisk": 0})
		})
	}
}

// stopServer stops a server and waits until it is.
func (r *rig) stopServer(id string) {
	r.t.Helper()
	now := r.sim.Now()
	r.sim.Do(func(region *aliyunsim.Region) {
		if err := region.ECS.Stop(now, id); err != nil {
			r.t.Fatal(err)
		}
	})
}

// moved has pv-1 attached to node-3 by the daemon itself, and the Pod gone to node-1.
func (r *rig) moved() *rig {
	r.t.Helper()
	r.claimed("node-3")
	r.start()
	r.succeeds(r.attach("pv-1", "node-3"))
	r.deletePod("default", "db")
	r.pod("default", "db", "node-1", byClaim("pv-1"))
	return r
}

func TestCase11AStaleAttachmentIsTakenOver(t *testing.T) {
	r := newRig(t, 3).moved()
	r.succeeds(r.attach("pv-1", "node-1"))
	r.expectCalls(map[string]int{"AttachDisk": 2, "DetachDisk": 1})
	r.expectOn("d-1", "In_use i-1")
	if !r.events.has("pv-1 DiskTakenOver Disk d-1 is detached from server i-3") {
		t.Errorf("events %q", r.events.events)
	}
}

func TestCase11WithOneConditionUnmetNothingIsTakenOver(t *testing.T) {
	tests := map[string]func(*corev1.Node){
		"not ready":    func(n *corev1.Node) { n.Status.Conditions[0].Status = corev1.ConditionUnknown },
		"still in use": func(n *corev1.Node) { n.Status.VolumesInUse = []corev1.UniqueVolumeName{"aliyun/flexv/pv-1"} },
		"still attached on the books": func(n *corev1.Node) {
			n.Status.VolumesAttached = []corev1.AttachedVolume{{Name: "aliyun/flexv/pv-1"}}
		},
	}
	for name, change := range tests {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, 3).moved()
			r.change("node-3", change)
			r.fails(r.attach("pv-1", "node-1"), "d-1", "i-3", "node-3")
			r.expectCalls(map[string]int{"AttachDisk": 1, "DetachDisk": 0})
		})
	}
}

func TestCase11ANodeOutOfServiceLosesItsDisk(t *testing.T) {
	r := newRig(t, 3).moved()
	r.change("node-3", func(n *corev1.Node) {
		n.Status.Conditions[0].Status = corev1.ConditionUnknown
		n.Status.VolumesInUse = []corev1.UniqueVolumeName{"aliyun/flexv/pv-1"}
		n.Spec.Taints = []corev1.Taint{{Key: corev1.TaintNodeOutOfService, Effect: corev1.TaintEffectNoExecute}}
	})
	r.succeeds(r.attach("pv-1", "node-1"))
	r.expectOn("d-1", "In_use i-1")
}

func TestCase11ADeletedNodesDiskIsTakenOverOnceItsServerIsOff(t *testing.T) {
	r := newRig(t, 3).moved()
	r.must(r.client.CoreV1().Nodes().Delete(t.Context(), "node-3", metav1.DeleteOptions{}))
	r.stop() // whoever attached the disk is another process
	r.start()
	r.fails(r.attach("pv-1", "node-1"), "d-1", "i-3", "node-3", "runs")
	r.expectCalls(map[string]int{"DetachDisk": 0})
	r.stopServer("i-3")
	r.eventually("the server is stopped", func() bool { return r.attach("pv-1", "node-1") == "" })
	r.expectCalls(map[string]int{"DetachDisk": 1})
	r.expectOn("d-1", "In_use i-1")
}

func TestCase12WhatCannotBeIsRefusedWithOneCall(t *testing.T) {
	t.Run("unknown disk", func(t *testing.T) {
		r := newRig(t, 1)
		r.volume("pv-1", "d-1")
		r.pod("default", "db", "node-1", byClaim("pv-1"))
		r.start()
		r.fails(r.attach("pv-1", "node-1"), "d-1", "not found in region cn-hangzhou")
		r.expectCalls(map[string]int{"AttachDisk": 0, "DescribeDisks": 1})
	})
	t.Run("another zone", func(t *testing.T) {
		r := newRig(t, 1).claimed("node-1", func(s *simecs.DiskSeed) { s.Zone = zoneI }).start()
		r.fails(r.attach("pv-1", "node-1"), zoneH, zoneI)
		r.expectCalls(map[string]int{"AttachDisk": 0, "DescribeDisks": 1})
	})
	t.Run("locked", func(t *testing.T) {
		r := newRig(t, 1).claimed("node-1", func(s *simecs.DiskSeed) { s.Locks = []string{"financial"} }).start()
		r.fails(r.attach("pv-1", "node-1"), "locked", "financial")
		r.expectCalls(map[string]int{"AttachDisk": 0})
	})
}

func TestCase12ARefusalOfTheAPIIsSaidPlainlyAndNotAskedForAgainAtOnce(t *testing.T) {
	for code, says := range map[string]string{
		"InvalidInstanceType.NotSupportDiskCategory": "another type",
		"InstanceDiskLimitExceeded":                  "as many disks as its type takes",
		"DiskInArrears":                              "pay what is due",
		"DiskNotPortable":                            "subscription disk",
		"InstanceLockedForSecurity":                  "security reasons",
	} {
		t.Run(code, func(t *testing.T) {
			r := newRig(t, 1).claimed("node-1").start()
			r.sim.Fault(fault.Rule{Action: "AttachDisk", Kind: fault.Deny, Code: code})
			r.fails(r.attach("pv-1", "node-1"), "d-1", "i-1", code, says)
			r.sim.ResetCounters()
			const tries = 5
			for range tries {
				r.fails(r.attach("pv-1", "node-1"), code, says)
			}
			total := 0
			for _, n := range r.sim.Counts() {
				total += n
			}
			if total > tries {
				t.Errorf("%d calls for %d tries: %v", total, tries, r.sim.Counts())
			}
			if code == "InstanceDiskLimitExceeded" && !r.events.has("node-1 DiskLimitReached") {
				t.Errorf("events %q", r.events.events)
			}
		})
	}
}

func TestCase13AWrongKeyIsToldAtOnceAndWithoutASecret(t *testing.T) {
	r := newRig(t, 1).claimed("node-1").start()
	id := r.sim.Fault(fault.Rule{Product: "Ecs", Kind: fault.Deny, Code: "InvalidAccessKeyId.NotFound", Status: 404, Message: "Specified access key is not found."})
	began := time.Now()
	message := r.attach("pv-1", "node-1")
	r.fails(message, "InvalidAccessKeyId.NotFound")
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("it took %s", took)
	}
	r.sim.ClearFault(id)
	r.eventually("it recovers by itself", func() bool { return r.attach("pv-1", "node-1") == "" })
}

func TestCase14AThrottledAttachSucceeds(t *testing.T) {
	for _, action := range []string{"AttachDisk", "DescribeDisks", "TagResources"} {
		t.Run(action, func(t *testing.T) {
			r := newRig(t, 1).claimed("node-1").start()
			r.sim.Fault(fault.Rule{Action: action, Kind: fault.Throttle, Count: 5})
			r.succeeds(r.attach("pv-1", "node-1"))
			r.expectOn("d-1", "In_use i-1")
			var at []time.Time
			for _, call := range r.sim.Journal() {
				if call.Action == action && len(at) < 6 {
					at = append(at, call.Time)
				}
			}
			if first, last := at[1].Sub(at[0]), at[5].Sub(at[4]); last < 4*first {
				t.Errorf("the gaps do not grow: %s at first, %s at last", first, last)
			}
		})
	}
}

func TestCase16WhatPassesIsTriedAgainAfterLooking(t *testing.T) {
	tests := map[string]fault.Rule{
		"IncorrectInstanceStatus":   {Kind: fault.Deny, Code: "IncorrectInstanceStatus"},
		"IncorrectDiskStatus":       {Kind: fault.Deny, Code: "IncorrectDiskStatus"},
		"InvalidOperation.Conflict": {Kind: fault.Deny, Code: "InvalidOperation.Conflict", Status: 400},
		"InternalError":             {Kind: fault.ServerError, Status: 500},
		"connection reset":          {Kind: fault.Reset},
		"lost after it was done":    {Kind: fault.Late, Delay: 1500 * time.Millisecond},
	}
	for name, rule := range tests {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, 1).claimed("node-1").start()
			rule.Action, rule.Count = "AttachDisk", 1
			r.sim.Fault(rule)
			r.succeeds(r.attach("pv-1", "node-1"))
			r.expectOn("d-1", "In_use i-1")
			if accepted := r.sim.CountsByCode()["AttachDisk"]["OK"] + r.sim.CountsByCode()["AttachDisk"]["ClientGone"]; accepted != 1 {
				t.Errorf("%d attaches were accepted: %v", accepted, r.sim.CountsByCode())
			}
		})
	}
}

func TestCase17NothingLastsLongerThanItsTime(t *testing.T) {
	r := newRig(t, 1).claimed("node-1")
	r.start(func(r *rig) { r.server.Operation, r.server.Question = 2*time.Second, time.Second })
	r.sim.Fault(fault.Rule{Product: "Ecs", Kind: fault.Delay, Delay: time.Hour})
	var wg sync.WaitGroup
	for _, verb := range []wire.Verb{wire.Attach, wire.Detach, wire.IsAttached} {
		wg.Go(func() {
			began := time.Now()
			reply := r.ask(verb, "pv-1", "node-1", nil)
			if reply.Error == "" {
				t.Errorf("%s succeeded", verb)
			}
			limit := 3 * time.Second
			if took := time.Since(began); took > limit {
				t.Errorf("%s took %s", verb, took)
			}
		})
	}
	wg.Wait()
	r.sim.ClearFaults()
}
