package integration

import (
	"fmt"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kube-aliyun/kube-aliyun/pkg/provisioner"
	"github.com/kube-aliyun/kube-aliyun/pkg/volumesocket/wire"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/fault"
	"github.com/kube-aliyun/kube-aliyun/test/rig"
)

// dying has a controller killed at the next call of an action, when it arrives or
// when it is carried out and not answered.
func dying(r *rig.Rig, c *rig.Controller, action string, after bool) (killed chan struct{}) {
	killed = make(chan struct{})
	kill := func(fault.Event) {
		c.Kill()
		close(killed)
	}
	rule := fault.Rule{Kind: fault.Reset, Action: action, Count: 1, Before: kill}
	if after {
		rule = fault.Rule{Kind: fault.DropReply, Action: action, Count: 1, After: kill}
	}
	r.Sim.Fault(rule)
	return killed
}

func deleteClaim(r *rig.Rig, name string) {
	r.T.Helper()
	if err := r.Client.CoreV1().PersistentVolumeClaims(r.Namespace).Delete(r.T.Context(), name, metav1.DeleteOptions{}); err != nil {
		r.T.Fatal(err)
	}
}

func growClaim(r *rig.Rig, name, size string) {
	r.T.Helper()
	patch := []byte(`{"spec":{"resources":{"requests":{"storage":"` + size + `"}}}}`)
	_, err := r.Client.CoreV1().PersistentVolumeClaims(r.Namespace).Patch(r.T.Context(), name, types.MergePatchType, patch, metav1.PatchOptions{})
	if err != nil {
		r.T.Fatal(err)
	}
}

// goesAway waits until a volume and its disk are gone.
func goesAway(r *rig.Rig, pv, disk string) {
	r.T.Helper()
	r.Eventually(3*time.Minute, "volume "+pv+" and disk "+disk+" are gone", func() (bool, string) {
		_, err := r.Client.CoreV1().PersistentVolumes().Get(r.T.Context(), pv, metav1.GetOptions{})
		_, there := dataDisks(r)[disk]
		return apierrors.IsNotFound(err) && !there, fmt.Sprint(err, there)
	})
}

// death is a call that the controller does not outlive: it dies when the call
// arrives, or when it is carried out.
type death struct {
	action string
	after  bool
}

// killAtGrowthAndDeletion has a disk grow through each of the first deaths, and a
// disk deleted through each of the others.
func killAtGrowthAndDeletion(t *testing.T, growing, deleting []death) {
	t.Helper()
	r := fresh(t, rig.Options{Servers: 2})
	flag := "--volume-socket=" + r.Socket()
	c := r.StartController(flag)
	c.WaitReady()
	awaitInitialised(r)
	class := storage(r, nil)
	die := func(d death, act func()) {
		killed := dying(r, c, d.action, d.after)
		act()
		select {
		case <-killed:
		case <-time.After(60 * time.Second):
			t.Fatalf("no %s within 60 s", d.action)
		}
		c = r.StartController(flag)
	}
	// Without a kubelet a claim grows once: its file system is waited for.
	for i, d := range growing {
		name := fmt.Sprint("grown-", i)
		claim(r, class, name, nil)
		pv := bound(r, name)
		disk := pv.Spec.FlexVolume.Options["diskId"]
		die(d, func() { growClaim(r, name, "30Gi") })
		r.Eventually(60*time.Second, fmt.Sprintf("the disk has grown after %+v", d), func() (bool, string) {
			sizes := dataDisks(r)
			return sizes[disk] == 30, fmt.Sprint(sizes)
		})
		deleteClaim(r, name)
		goesAway(r, pv.Name, disk)
	}
	for i, d := range deleting {
		name := fmt.Sprint("deleted-", i)
		claim(r, class, name, nil)
		pv := bound(r, name)
		die(d, func() { deleteClaim(r, name) })
		goesAway(r, pv.Name, pv.Spec.FlexVolume.Options["diskId"])
	}
	if leaks, left := r.Disks.Leaks(), dataDisks(r); len(leaks) != 0 || len(left) != 0 {
		t.Errorf("left over: %v, %v", leaks, left)
	}
}

func TestCase30ADiskIsGrownAndDeletedThoughKilled(t *testing.T) {
	killAtGrowthAndDeletion(t, []death{{"ResizeDisk", false}, {"ResizeDisk", true}}, []death{{"DeleteDisk", false}})
}

// names are what both provisioners are called.
var names = map[string]string{"new name": provisioner.Name, "old name": provisioner.OldName}

func TestCase30ARetainedDiskOutlivesClaimAndVolume(t *testing.T) {
	for name, provisioner := range names {
		t.Run(name, func(t *testing.T) {
			r := fresh(t, rig.Options{Servers: 2})
			r.StartController("--volume-socket=" + r.Socket()).WaitReady()
			awaitInitialised(r)
			class := storage(r, func(c *storagev1.StorageClass) {
				c.Provisioner, c.ReclaimPolicy = provisioner, new(corev1.PersistentVolumeReclaimRetain)
			})
			claim(r, class, "data", nil)
			pv := bound(r, "data")
			disk := pv.Spec.FlexVolume.Options["diskId"]
			deleteClaim(r, "data")
			r.Eventually(30*time.Second, "the volume is released", func() (bool, string) {
				now, err := r.Client.CoreV1().PersistentVolumes().Get(t.Context(), pv.Name, metav1.GetOptions{})
				return err == nil && now.Status.Phase == corev1.VolumeReleased, fmt.Sprint(err)
			})
			if err := r.Client.CoreV1().PersistentVolumes().Delete(t.Context(), pv.Name, metav1.DeleteOptions{}); err != nil {
				t.Fatal(err)
			}
			r.Eventually(60*time.Second, "the volume's object is gone", func() (bool, string) {
				now, err := r.Client.CoreV1().PersistentVolumes().Get(t.Context(), pv.Name, metav1.GetOptions{})
				return apierrors.IsNotFound(err), fmt.Sprint(now.Finalizers, err)
			})
			if _, there := dataDisks(r)[disk]; !there || r.Sim.Counts()["DeleteDisk"] != 0 {
				t.Errorf("the disk is there: %v; %v", there, r.Sim.CountsByCode())
			}
		})
	}
}

func TestCase30AVolumeDeletedByHandOutlivesItsDisk(t *testing.T) {
	for name, provisioner := range names {
		t.Run(name, func(t *testing.T) {
			r := fresh(t, rig.Options{Servers: 2})
			r.StartController("--volume-socket=" + r.Socket()).WaitReady()
			awaitInitialised(r)
			class := storage(r, func(c *storagev1.StorageClass) {
				c.Provisioner, c.Parameters = provisioner, map[string]string{"zoneId": "cn-hangzhou-h"}
			})
			claim(r, class, "data", nil)
			pv := bound(r, "data")
			disk, node := pv.Spec.FlexVolume.Options["diskId"], rig.NodeName(1)
			r.VolumePod("db", "data", node)
			asked(r, wire.Attach, pv.Name, node)
			if err := r.Client.CoreV1().PersistentVolumes().Delete(t.Context(), pv.Name, metav1.DeleteOptions{}); err != nil {
				t.Fatal(err)
			}
			r.DeletePod("db")
			deleteClaim(r, "data")
			r.Eventually(60*time.Second, "an event tells that the disk is in use", func() (bool, string) {
				events, err := r.Client.CoreV1().Events(metav1.NamespaceAll).List(t.Context(), metav1.ListOptions{
					FieldSelector: "reason=VolumeFailedDelete,involvedObject.name=" + pv.Name,
				})
				return err == nil && len(events.Items) > 0 && strings.Contains(events.Items[0].Message, "in use"), fmt.Sprint(err)
			})
			if got, n := r.DiskOn(disk), r.Sim.Counts()["DeleteDisk"]+r.Sim.Counts()["DetachDisk"]; got != "In_use i-1" || n != 0 {
				t.Errorf("the disk is %s, %d calls", got, n)
			}
			now, err := r.Client.CoreV1().PersistentVolumes().Get(t.Context(), pv.Name, metav1.GetOptions{})
			if err != nil || now.DeletionTimestamp == nil {
				t.Fatalf("the volume: %v, %v", now.DeletionTimestamp, err)
			}
			asked(r, wire.Detach, pv.Name, node)
			goesAway(r, pv.Name, disk)
		})
	}
}
