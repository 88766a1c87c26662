package provisioner

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/ecs"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/api"
	simecs "github.com/kube-aliyun/kube-aliyun/test/aliyunsim/ecs"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/fault"
)

// volumeOf is a volume that this provisioner made of a disk.
func volumeOf(disk string) *corev1.PersistentVolume {
	return &corev1.PersistentVolume{
		ObjectMeta: metav1.ObjectMeta{Name: "pvc-1", UID: "pv-uid", Annotations: map[string]string{annotationProvisioner: Name}},
		Spec: corev1.PersistentVolumeSpec{PersistentVolumeSource: corev1.PersistentVolumeSource{
			FlexVolume: &corev1.FlexPersistentVolumeSource{Driver: Driver, Options: map[string]string{"diskId": disk}},
		}},
	}
}

// keeps deletes, which has to fail with the words and leave the disk.
func (r *rig) keeps(pv *corev1.PersistentVolume, words ...string) {
	r.t.Helper()
	err := r.Delete(r.t.Context(), pv)
	if err == nil {
		r.t.Fatal("deleted")
	}
	for _, word := range words {
		if !strings.Contains(err.Error(), word) {
			r.t.Errorf("%q does not say %q", err, word)
		}
	}
	r.oneDisk()
}

func TestCase30AvailableDiskIsDeletedAndAMissingOneIsDone(t *testing.T) {
	r := newRig(t)
	pv := r.provision(options("20Gi"))
	for range 2 {
		if err := r.Delete(t.Context(), pv); err != nil {
			t.Fatal(err)
		}
		if all := r.disks(); len(all) != 0 {
			t.Fatalf("%+v", all)
		}
	}
}

func TestCase30DiskInUseIsNeitherDetachedNorDeleted(t *testing.T) {
	r := newRig(t)
	pv := r.provision(options("20Gi", "zoneId", zoneH))
	d := r.oneDisk()
	if err := r.cloud.AttachDisk(t.Context(), d.ID, "i-1", false); err != nil {
		t.Fatal(err)
	}
	r.keeps(pv, d.ID, "i-1", "detached")
	if n := r.sim.Counts()["DetachDisk"] + r.sim.Counts()["DeleteDisk"]; n != 0 {
		t.Errorf("%d calls", n)
	}
	if err := r.cloud.DetachDisk(t.Context(), d.ID, "i-1"); err != nil {
		t.Fatal(err)
	}
	if err := r.Delete(t.Context(), pv); err != nil {
		t.Fatal(err)
	}
}

func TestCase30DeletionIsTriedAgainWhileTheDiskIsBusy(t *testing.T) {
	for _, code := range []string{"IncorrectDiskStatus.Initializing", "DiskCreatingSnapshot", "DiskInCoolingPeriod"} {
		t.Run(code, func(t *testing.T) {
			r := newRig(t)
			pv := r.provision(options("20Gi"))
			id := r.sim.Fault(fault.Rule{Action: "DeleteDisk", Kind: fault.ServerError, Code: code, Status: http.StatusForbidden})
			r.keeps(pv, code)
			r.sim.ClearFault(id)
			if err := r.Delete(t.Context(), pv); err != nil {
				t.Fatal(err)
			}
		})
	}
}

func TestCase30DisksOfOthersAreLeftAlone(t *testing.T) {
	for name, c := range map[string]struct {
		disk   simecs.DiskSeed
		change func(*corev1.PersistentVolume)
		word   string
	}{
		"another cluster's": {disk: simecs.DiskSeed{Tags: map[string]string{"kube-aliyun.io/cluster-id": "c2"}}, word: "c2"},
		"of ACK":            {disk: simecs.DiskSeed{Name: "pvc-1", Tags: map[string]string{"ack.aliyun.com": "c9"}}, word: "c9"},
		"another volume's": {
			disk: simecs.DiskSeed{Tags: map[string]string{"kube-aliyun.io/cluster-id": "c1", "kube-aliyun.io/volume": "pvc-2"}}, word: "pvc-2",
		},
		"unmarked": {disk: simecs.DiskSeed{Name: "other"}, word: "kube-aliyun.io/cluster-id"},
		"foreign driver": {
			disk:   simecs.DiskSeed{Tags: map[string]string{"kube-aliyun.io/cluster-id": "c1"}},
			change: func(pv *corev1.PersistentVolume) { pv.Spec.FlexVolume.Driver = "example.com/other" }, word: "aliyun/flexv",
		},
		"foreign provisioner": {
			disk:   simecs.DiskSeed{Tags: map[string]string{"kube-aliyun.io/cluster-id": "c1"}},
			change: func(pv *corev1.PersistentVolume) { pv.Annotations[annotationProvisioner] = "example.com/other" }, word: "provisioner",
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			c.disk.Zone = zoneH
			pv := volumeOf(r.addDisk(c.disk))
			if c.change != nil {
				c.change(pv)
			}
			r.keeps(pv, c.word)
			if n := r.sim.Counts()["DeleteDisk"]; n != 0 {
				t.Errorf("%d calls", n)
			}
		})
	}
}

func TestCase30DiskOfTwoVolumesIsKept(t *testing.T) {
	r := newRig(t)
	pv := r.provision(options("20Gi"))
	other := pv.DeepCopy()
	other.Name = "by-hand"
	if err := r.volumes.Add(other); err != nil {
		t.Fatal(err)
	}
	r.keeps(pv, "by-hand")
}

func TestDiskOfTheFirstKubeAliyunIsDeleted(t *testing.T) {
	r := newRig(t)
	pv := volumeOf(r.addDisk(simecs.DiskSeed{Name: "pvc-1", Zone: zoneH}))
	pv.Annotations[annotationProvisioner] = OldName
	if err := r.Delete(t.Context(), pv); err != nil {
		t.Fatal(err)
	}
	if all := r.disks(); len(all) != 0 {
		t.Errorf("%+v", all)
	}
}

func TestSnapshotIsCompleteBeforeTheDiskIsDeleted(t *testing.T) {
	r := newRig(t)
	pv := r.provision(options("20Gi", "zoneId", zoneH, "snapshotOnDelete", "true"))
	d := r.oneDisk()
	for _, call := range []func() error{
		func() error { return r.cloud.AttachDisk(t.Context(), d.ID, "i-1", false) },
		func() error { return r.cloud.DetachDisk(t.Context(), d.ID, "i-1") },
	} {
		if err := call(); err != nil {
			t.Fatal(err)
		}
	}
	r.sim.Knobs(func(k *api.Knobs) { k.SnapshotTime = 300 * 1e6 })
	for {
		err := r.Delete(t.Context(), pv)
		if err == nil {
			break
		}
		if !errors.Is(err, errSnapshot) {
			t.Fatal(err)
		}
		r.oneDisk()
	}
	shots, err := r.cloud.Snapshots(t.Context(), d.ID, nil)
	if err != nil || len(shots) != 1 || shots[0].Status != ecs.SnapshotAccomplished {
		t.Errorf("%+v, %v", shots, err)
	}
}

func TestDiskThatWasNeverUsedIsDeletedWithoutSnapshot(t *testing.T) {
	r := newRig(t)
	pv := r.provision(options("20Gi", "snapshotOnDelete", "true"))
	if err := r.Delete(t.Context(), pv); err != nil {
		t.Fatal(err)
	}
}
