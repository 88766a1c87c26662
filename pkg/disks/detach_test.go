package disks

import (
	"fmt"
	"strconv"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kube-aliyun/kube-aliyun/pkg/ownership"
	"github.com/kube-aliyun/kube-aliyun/pkg/volumesocket/wire"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/api"
	simecs "github.com/kube-aliyun/kube-aliyun/test/aliyunsim/ecs"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/fault"
)

// attached is a disk that the daemon has attached for pv-1 to a Node, whose Pod
// has gone since.
func (r *rig) attached(node string) *rig {
	r.t.Helper()
	r.claimed(node).start()
	r.succeeds(r.attach("pv-1", node))
	r.deletePod("default", "db")
	r.sim.ResetCounters()
	return r
}

// release releases a server.
func (r *rig) release(id string) {
	r.t.Helper()
	now := r.sim.Now()
	r.sim.Do(func(region *aliyunsim.Region) {
		if err := region.ECS.Release(now, id, true); err != nil {
			r.t.Fatal(err)
		}
	})
}

func TestCase19DetachByThePersistentVolumesNameWaitsUntilTheDiskIsFree(t *testing.T) {
	r := newRig(t, 1).attached("node-1")
	r.sim.Knobs(func(k *api.Knobs) { k.DiskDetach = 300 * time.Millisecond })
	r.succeeds(r.detach("pv-1", "node-1"))
	r.expectOn("d-1", "Available")
	r.expectCalls(map[string]int{"DetachDisk": 1})
}

func TestCase19DetachByTheDisksName(t *testing.T) {
	r := newRig(t, 1)
	r.disk("d-1", func(s *simecs.DiskSeed) { s.Server = "i-1" })
	r.start()
	r.succeeds(r.detach("d-1", "node-1"))
	r.expectOn("d-1", "Available")
}

func TestCase19AnInlineNameIsFoundByWhatItsAttachLeft(t *testing.T) {
	r := newRig(t, 1)
	r.disk("d-1")
	r.pod("default", "db", "node-1", byItself("data", "d-1"))
	r.start(func(r *rig) { r.opts.Inline = InlineAny })
	r.succeeds(r.inline("data", "d-1", "node-1"))
	r.deletePod("default", "db")
	r.stop() // the memory is not the process's
	r.start()
	r.succeeds(r.detach("data", "node-1"))
	r.expectOn("d-1", "Available")
}

func TestCase19AnAmbiguousInlineNameDetachesNothing(t *testing.T) {
	r := newRig(t, 1)
	memory := ownership.Attachment{ClusterID: cluster, ServerID: "i-1", Node: "node-1", Volume: "data"}
	for _, id := range []string{"d-1", "d-2"} {
		r.disk(id, func(s *simecs.DiskSeed) { s.Server, s.Tags = "i-1", memory.Tags() })
	}
	r.start()
	r.fails(r.detach("data", "node-1"), "d-1", "d-2", "none is detached")
	r.expectCalls(map[string]int{"DetachDisk": 0})
}

func TestCase20DetachOfWhatIsNotThereSucceedsAndTouchesNothing(t *testing.T) {
	tests := map[string]struct {
		change func(*rig)
		on     string
	}{
		"not attached": {func(*rig) {}, "Available"},
		"attached to another server": {func(r *rig) {
			r.must(r.ecs.AttachDisk(r.t.Context(), "d-1", "i-3", false))
			r.eventually("it is attached", func() bool { return r.on("d-1") == "In_use i-3" })
		}, "In_use i-3"},
		"disk deleted": {func(r *rig) { r.must(r.ecs.DeleteDisk(r.t.Context(), "d-1")) }, "gone"},
		"volume deleted": {func(r *rig) {
			r.must(r.client.CoreV1().PersistentVolumes().Delete(r.t.Context(), "pv-1", metav1.DeleteOptions{}))
		}, "Available"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, 3)
			r.disk("d-1")
			r.volume("pv-1", "d-1")
			r.start()
			tt.change(r)
			r.succeeds(r.detach("pv-1", "node-1"))
			r.expectOn("d-1", tt.on)
			r.expectCalls(map[string]int{"DetachDisk": 0})
		})
	}
}

func TestCase20DetachFromAReleasedServerSucceeds(t *testing.T) {
	r := newRig(t, 3).attached("node-1")
	r.release("i-1")
	r.succeeds(r.detach("pv-1", "node-1"))
	r.expectOn("d-1", "Available")
}

func TestCase20DetachOfADeletedVolumesDisk(t *testing.T) {
	r := newRig(t, 1).attached("node-1")
	r.must(r.client.CoreV1().PersistentVolumes().Delete(t.Context(), "pv-1", metav1.DeleteOptions{}))
	r.succeeds(r.detach("pv-1", "node-1"))
	r.expectOn("d-1", "Available")
}

func TestCase20DetachThatIsUnderWayIsWaitedFor(t *testing.T) {
	r := newRig(t, 1).attached("node-1")
	r.sim.Knobs(func(k *api.Knobs) { k.DiskDetach = 300 * time.Millisecond })
	r.must(r.ecs.DetachDisk(t.Context(), "d-1", "i-1"))
	r.succeeds(r.detach("pv-1", "node-1"))
	r.expectOn("d-1", "Available")
	r.expectCalls(map[string]int{"DetachDisk": 1})
}

func TestCase20AnAnswerThatItIsDetachedIsCheckedByLooking(t *testing.T) {
	for code, done := range map[string]fault.Kind{
		"DependencyViolation": fault.Deny, "InvalidDisk.AlreadyDetached": fault.Deny, "InvalidInstanceId.NotFound": fault.Deny,
		"DisksDetachingOnEcsExceeded": fault.Deny, "IncorrectInstanceStatus": fault.Deny, "lost": fault.DropReply,
	} {
		t.Run(code, func(t *testing.T) {
			r := newRig(t, 1).attached("node-1")
			rule := fault.Rule{Action: "DetachDisk", Kind: done, Count: 1}
			if done == fault.Deny {
				rule.Code = code
			}
			r.sim.Fault(rule)
			r.succeeds(r.detach("pv-1", "node-1"))
			r.expectOn("d-1", "Available")
		})
	}
}

func TestCase21ADeletedNodesDiskIsDetachedAfterARestart(t *testing.T) {
	for name, forget := range map[string]func(*rig){
		"the annotation remembers": func(r *rig) {
			r.must(r.ecs.UntagDisks(r.t.Context(), []string{"d-1"}, []string{ownership.TagAttachedBy, ownership.TagAttachedNode}))
		},
		"the tags remember": func(r *rig) {
			r.must(r.client.CoreV1().PersistentVolumes().Delete(r.t.Context(), "pv-1", metav1.DeleteOptions{}))
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, 3).attached("node-1")
			r.must(r.client.CoreV1().Nodes().Delete(t.Context(), "node-1", metav1.DeleteOptions{}))
			r.stop()
			forget(r)
			r.start()
			r.succeeds(r.detach("pv-1", "node-1"))
			r.expectOn("d-1", "Available")
		})
	}
}

func TestCase21ADeletedNodeThatNobodyRemembersIsNotGuessed(t *testing.T) {
	r := newRig(t, 3)
	r.disk("d-1", func(s *simecs.DiskSeed) { s.Server = "i-1" })
	r.volume("pv-1", "d-1")
	r.must(r.client.CoreV1().Nodes().Delete(t.Context(), "node-1", metav1.DeleteOptions{}))
	r.start()
	r.fails(r.detach("pv-1", "node-1"), "d-1", "node-1", "i-1", "by hand")
	r.expectCalls(map[string]int{"DetachDisk": 0})
}

func TestAMountedDiskIsNotDetachedUnlessItsServerIsOffOrOutOfService(t *testing.T) {
	mounted := func(n *corev1.Node) { n.Status.VolumesInUse = []corev1.UniqueVolumeName{"aliyun/flexv/pv-1"} }
	t.Run("running", func(t *testing.T) {
		r := newRig(t, 1).attached("node-1")
		r.change("node-1", mounted)
		r.fails(r.detach("pv-1", "node-1"), "d-1", "node-1", "mounted")
		r.expectCalls(map[string]int{"DetachDisk": 0})
	})
	t.Run("stopped", func(t *testing.T) {
		r := newRig(t, 1).attached("node-1")
		r.change("node-1", mounted)
		r.stopServer("i-1")
		r.eventually("it is detached", func() bool { return r.detach("pv-1", "node-1") == "" })
		r.expectOn("d-1", "Available")
	})
	t.Run("out of service", func(t *testing.T) {
		r := newRig(t, 1).attached("node-1")
		r.change("node-1", mounted)
		r.change("node-1", func(n *corev1.Node) { n.Spec.Taints = []corev1.Taint{{Key: corev1.TaintNodeOutOfService}} })
		r.succeeds(r.detach("pv-1", "node-1"))
		r.expectOn("d-1", "Available")
	})
}

func (r *rig) isAttached(volume, node string, options map[string]string) string {
	r.t.Helper()
	reply := r.ask(wire.IsAttached, volume, node, options)
	switch {
	case reply.Error != "":
		return reply.Error
	case reply.Attached == nil:
		return "nothing"
	}
	return strconv.FormatBool(*reply.Attached)
}

func TestCase18IsAttachedTellsTheTruthAndChangesNothing(t *testing.T) {
	r := newRig(t, 3).attached("node-1")
	for _, tt := range []struct{ node, want string }{{"node-1", "true"}, {"node-3", "false"}} {
		if got := r.isAttached("pv-1", tt.node, nil); got != tt.want {
			t.Errorf("on %s: %s", tt.node, got)
		}
	}
	if got := r.isAttached("d-1", "node-1", map[string]string{"diskId": "d-1"}); got != "true" {
		t.Errorf("inline: %s", got)
	}
	r.succeeds(r.detach("pv-1", "node-1"))
	if got := r.isAttached("pv-1", "node-1", nil); got != "false" {
		t.Errorf("after the detach: %s", got)
	}
	r.must(r.ecs.DeleteDisk(t.Context(), "d-1"))
	if got := r.isAttached("pv-1", "node-1", nil); got != "false" {
		t.Errorf("after the disk's end: %s", got)
	}
	r.expectCalls(map[string]int{"AttachDisk": 0, "TagResources": 0, "DetachDisk": 1})
}

func TestCase18IsAttachedAfterTheServersEndIsFalse(t *testing.T) {
	r := newRig(t, 3).attached("node-1")
	r.release("i-1")
	r.eventually("the disk is free", func() bool { return r.on("d-1") == "Available" })
	// What was read a moment ago is believed for a while.
	r.stop()
	r.start()
	if got := r.isAttached("pv-1", "node-1", nil); got != "false" {
		t.Error(got)
	}
}

func TestCase18WhatCannotBeToldIsAFailure(t *testing.T) {
	r := newRig(t, 1).attached("node-1")
	r.stop()
	r.start(func(r *rig) { r.server.Question = 500 * time.Millisecond })
	r.sim.Fault(fault.Rule{Action: "DescribeDisks", Kind: fault.ServerError})
	if got := r.isAttached("pv-1", "node-1", nil); got == "true" || got == "false" || got == "nothing" {
		t.Errorf("it was told: %s", got)
	}
}

func TestCase18TwoHundredVolumesCostFourCallsAMinute(t *testing.T) {
	r := newRig(t, 21)
	const volumes = 200
	node := func(i int) string { return fmt.Sprintf("node-%d", 1+2*(i%11)) }
	for i := range volumes {
		r.disk(fmt.Sprintf("d-%d", i), func(s *simecs.DiskSeed) { s.Server = fmt.Sprintf("i-%d", 1+2*(i%11)) })
		r.volume(fmt.Sprintf("pv-%d", i), fmt.Sprintf("d-%d", i))
	}
	r.start()
	r.sim.ResetCounters()
	for i := range volumes { // the controller asks for one after the other
		if got := r.isAttached(fmt.Sprintf("pv-%d", i), node(i), nil); got != "true" {
			t.Fatalf("volume %d: %s", i, got)
		}
	}
	if got := r.sim.Counts()["DescribeDisks"]; got > 4 {
		t.Errorf("%d calls", got)
	}
	if got := len(r.sim.Journal()); got > 5 {
		t.Errorf("%d calls in all: %v", got, r.sim.Counts())
	}
}
