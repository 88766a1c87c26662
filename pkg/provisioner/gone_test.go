package provisioner

import (
	"strings"
	"testing"
	"time"

	clocktesting "k8s.io/utils/clock/testing"

	simecs "github.com/kube-aliyun/kube-aliyun/test/aliyunsim/ecs"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/fault"
)

// missing deletes the volume of a disk that lists lack, and returns what is said.
func (r *rig) missing(disk string) string {
	r.t.Helper()
	err := r.Delete(r.t.Context(), volumeOf(disk))
	if err == nil {
		r.t.Fatal("the disk is taken for gone")
	}
	return err.Error()
}

func TestADiskIsGoneWhenTwoListsAMinuteApartLackIt(t *testing.T) {
	r := newRig(t)
	clock := clocktesting.NewFakeClock(time.Now())
	r.Clock = clock
	for range 2 {
		if said := r.missing("d-gone"); !strings.Contains(said, "still missing in") {
			t.Error(said)
		}
		clock.Step(missingFor / 2)
	}
	if err := r.Delete(t.Context(), volumeOf("d-gone")); err != nil {
		t.Error(err)
	}
}

func TestAnEmptyListAfterRightsWereCutProvesNothing(t *testing.T) {
	r := newRig(t)
	clock := clocktesting.NewFakeClock(time.Now())
	r.Clock = clock
	pv := r.provision(options("20Gi"))
	other := volumeOf(r.addDisk(simecs.DiskSeed{ID: "d-other", Zone: zoneH, Size: 20}))
	other.Name = "pvc-2"
	if err := r.volumes.Add(other); err != nil {
		t.Fatal(err)
	}
	blind := r.sim.Fault(fault.Rule{Action: "DescribeDisks", Kind: fault.EmptyList})
	for range 3 {
		if said := r.missing(pv.Spec.FlexVolume.Options[optionDisk]); !strings.Contains(said, "ecs:DescribeDisks") {
			t.Error(said)
		}
		clock.Step(2 * missingFor)
	}
	r.sim.ClearFault(blind)
	if err := r.Delete(t.Context(), pv); err != nil {
		t.Fatal(err)
	}
	if left := r.oneDisk(); left.ID != "d-other" {
		t.Errorf("%s is left", left.ID)
	}
}

func TestADiskThatIsListedAgainWasNeverGone(t *testing.T) {
	r := newRig(t)
	clock := clocktesting.NewFakeClock(time.Now())
	r.Clock = clock
	pv := r.provision(options("20Gi"))
	id := pv.Spec.FlexVolume.Options[optionDisk]
	blind := r.sim.Fault(fault.Rule{Action: "DescribeDisks", Kind: fault.EmptyList, Count: 1})
	r.missing(id)
	r.sim.ClearFault(blind)
	r.sim.Fault(fault.Rule{Action: "DeleteDisk", Kind: fault.ServerError, Code: "DiskInCoolingPeriod", Status: 403})
	r.missing(id) // seen, and busy
	clock.Step(2 * missingFor)
	r.sim.Fault(fault.Rule{Action: "DescribeDisks", Kind: fault.EmptyList, Count: 1})
	if said := r.missing(id); !strings.Contains(said, "still missing in") {
		t.Error(said)
	}
}
