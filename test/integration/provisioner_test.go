package integration

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kube-aliyun/kube-aliyun/pkg/provisioner"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/fault"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/ram"
	"github.com/kube-aliyun/kube-aliyun/test/rig"
)

// storage is a StorageClass of a test, named after its namespace.
func storage(r *rig.Rig, change func(*storagev1.StorageClass)) string {
	r.T.Helper()
	class := &storagev1.StorageClass{
		ObjectMeta: metav1.ObjectMeta{Name: r.Namespace}, Provisioner: provisioner.Name,
		Parameters: map[string]string{"type": "cloud_essd", "fsType": "ext4", "zoneId": "cn-hangzhou-h,cn-hangzhou-i"}, AllowVolumeExpansion: new(true),
	}
	if change != nil {
		change(class)
	}
	if _, err := r.Client.StorageV1().StorageClasses().Create(r.T.Context(), class, metav1.CreateOptions{}); err != nil {
		r.T.Fatal(err)
	}
	r.T.Cleanup(func() {
		if err := r.Client.StorageV1().StorageClasses().Delete(r.T.Context(), class.Name, metav1.DeleteOptions{}); err != nil && r.T.Context().Err() == nil {
			r.T.Error(err)
		}
	})
	return class.Name
}

// claim makes a claim of a class.
func claim(r *rig.Rig, class, name string, change func(*corev1.PersistentVolumeClaimSpec)) {
	r.T.Helper()
	c := &corev1.PersistentVolumeClaim{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: corev1.PersistentVolumeClaimSpec{
			StorageClassName: &class, AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
			Resources: corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("3Gi")}},
		},
	}
	if change != nil {
		change(&c.Spec)
	}
	if _, err := r.Client.CoreV1().PersistentVolumeClaims(r.Namespace).Create(r.T.Context(), c, metav1.CreateOptions{}); err != nil {
		r.T.Fatal(err)
	}
}

// bound waits until a claim is bound and returns its volume.
func bound(r *rig.Rig, name string) *corev1.PersistentVolume {
	r.T.Helper()
	var pv *corev1.PersistentVolume
	r.Eventually(90*time.Second, "claim "+name+" is bound", func() (bool, string) {
		c, err := r.Client.CoreV1().PersistentVolumeClaims(r.Namespace).Get(r.T.Context(), name, metav1.GetOptions{})
		if err != nil || c.Status.Phase != corev1.ClaimBound {
			return false, fmt.Sprint(c.Status.Phase, err)
		}
		pv, err = r.Client.CoreV1().PersistentVolumes().Get(r.T.Context(), c.Spec.VolumeName, metav1.GetOptions{})
		return err == nil, fmt.Sprint(err)
	})
	return pv
}

// dataDisks are the sizes of the region's data disks by id.
func dataDisks(r *rig.Rig) map[string]int {
	r.T.Helper()
	dump, err := r.Sim.Dump()
	if err != nil {
		r.T.Fatal(err)
	}
	var state struct {
		Disks map[string]struct {
			Type string
			Size int
		} `json:"disks"`
	}
	if err := json.Unmarshal(dump.Products["Ecs"], &state); err != nil {
		r.T.Fatal(err)
	}
	sizes := map[string]int{}
	for id, d := range state.Disks {
		if d.Type == "data" {
			sizes[id] = d.Size
		}
	}
	return sizes
}

// TestClaimGrowsAndGoesWithThePublishedRights runs one claim's life
// with the rights of deploy/controller/rbac.yaml and deploy/ram/controller.json alone.
func TestClaimGrowsAndGoesWithThePublishedRights(t *testing.T) {
	r := fresh(t, rig.Options{Servers: 2})
	document, err := os.ReadFile("../../deploy/ram/controller.json")
	if err != nil {
		t.Fatal(err)
	}
	policy, err := ram.ParsePolicy(string(document))
	if err != nil {
		t.Fatal(err)
	}
	putKey(r, ram.Key{ID: aliyunsim.TestKey, Secret: aliyunsim.TestSecret, User: "controller", Policies: []ram.Policy{policy}})
	r.StartController("--volume-socket=" + r.Socket()).WaitReady()
	awaitInitialised(r)
	class := storage(r, nil)
	claim(r, class, "data", nil)
	pv := bound(r, "data")
	capacity := pv.Spec.Capacity[corev1.ResourceStorage]
	disk := pv.Spec.FlexVolume.Options["diskId"]
	if sizes := dataDisks(r); capacity.String() != "20Gi" || len(sizes) != 1 || sizes[disk] != 20 {
		t.Fatalf("%s, %v", capacity.String(), sizes)
	}

	// Growth: the expand controller of Kubernetes raises the volume's capacity.
	patch := []byte(`{"spec":{"resources":{"requests":{"storage":"30Gi"}}}}`)
	if _, err := r.Client.CoreV1().PersistentVolumeClaims(r.Namespace).Patch(t.Context(), "data", "application/merge-patch+json", patch, metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
	r.Eventually(60*time.Second, "the disk has grown", func() (bool, string) {
		sizes := dataDisks(r)
		return sizes[disk] == 30, fmt.Sprint(sizes)
	})

	if err := r.Client.CoreV1().PersistentVolumeClaims(r.Namespace).Delete(t.Context(), "data", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	r.Eventually(90*time.Second, "disk and volume are gone", func() (bool, string) {
		_, err := r.Client.CoreV1().PersistentVolumes().Get(t.Context(), pv.Name, metav1.GetOptions{})
		return apierrors.IsNotFound(err) && len(dataDisks(r)) == 0, fmt.Sprint(err, dataDisks(r))
	})
}

func TestCase29DiskIsInTheZoneThatTheSchedulerChose(t *testing.T) {
	r := fresh(t, rig.Options{Servers: 2})
	r.StartController("--volume-socket=" + r.Socket()).WaitReady()
	awaitInitialised(r)
	class := storage(r, func(c *storagev1.StorageClass) {
		c.VolumeBindingMode = new(storagev1.VolumeBindingWaitForFirstConsumer)
		c.Provisioner = provisioner.OldName
		c.Parameters = map[string]string{"diskCategory": "cloud_efficiency"}
	})
	claim(r, class, "data", nil)
	_, err := r.Client.CoreV1().Pods(r.Namespace).Create(t.Context(), &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "db"},
		Spec: corev1.PodSpec{
			NodeSelector: map[string]string{corev1.LabelTopologyZone: "cn-hangzhou-i"},
			Containers:   []corev1.Container{{Name: "c", Image: "localhost/none"}},
			Volumes: []corev1.Volume{{Name: "data", VolumeSource: corev1.VolumeSource{
				PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: "data"},
			}}},
		},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	pv := bound(r, "data")
	text := fmt.Sprint(pv.Spec.NodeAffinity.Required.NodeSelectorTerms)
	if !strings.Contains(text, "cn-hangzhou-i") {
		t.Errorf("%s", text)
	}
}

func TestCase29OneDiskThoughKilledAtEachCall(t *testing.T) {
	r := fresh(t, rig.Options{Servers: 2})
	c := r.StartController("--volume-socket=" + r.Socket())
	c.WaitReady()
	awaitInitialised(r)
	class := storage(r, nil)
	for n, at := range []struct {
		action string
		after  bool
	}{{"CreateDisk", false}, {"CreateDisk", true}, {"DescribeDisks", false}} {
		killed := make(chan struct{}, 1)
		kill := func(fault.Event) {
			c.Kill()
			killed <- struct{}{}
		}
		rule := fault.Rule{Kind: fault.Hook, Action: at.action, Count: 1}
		if at.after {
			rule.After = kill
		} else {
			rule.Before = kill
		}
		id := r.Sim.Fault(rule)
		name := fmt.Sprintf("data-%d", n)
		claim(r, class, name, nil)
		select {
		case <-killed:
		case <-time.After(60 * time.Second):
			t.Fatalf("no %s within 60 s", at.action)
		}
		r.Sim.ClearFault(id)
		c = r.StartController("--volume-socket=" + r.Socket())
		c.WaitReady()
		pv := bound(r, name)
		sizes := dataDisks(r)
		if _, found := sizes[pv.Spec.FlexVolume.Options["diskId"]]; len(sizes) != n+1 || !found {
			t.Fatalf("killed at %s: %v for %d claims", at.action, sizes, n+1)
		}
	}
}

func TestCase28ClaimThatCannotBeIsTold(t *testing.T) {
	r := fresh(t, rig.Options{Servers: 2})
	r.StartController("--volume-socket=" + r.Socket()).WaitReady()
	awaitInitialised(r)
	class := storage(r, nil)
	block := corev1.PersistentVolumeBlock
	claim(r, class, "block", func(s *corev1.PersistentVolumeClaimSpec) { s.VolumeMode = &block })
	claim(r, class, "shared", func(s *corev1.PersistentVolumeClaimSpec) {
		s.AccessModes = []corev1.PersistentVolumeAccessMode{corev1.ReadWriteMany}
	})
	for name, word := range map[string]string{"block": "block", "shared": "ReadWriteMany"} {
		r.Eventually(30*time.Second, "claim "+name+" is told why", func() (bool, string) {
			list, err := r.Client.CoreV1().Events(r.Namespace).List(t.Context(), metav1.ListOptions{FieldSelector: "reason=ProvisioningFailed,involvedObject.name=" + name})
			if err != nil {
				return false, err.Error()
			}
			for i := range list.Items {
				if strings.Contains(list.Items[i].Message, word) {
					return true, ""
				}
			}
			return false, fmt.Sprint(len(list.Items), " events")
		})
	}
	if sizes := dataDisks(r); len(sizes) != 0 {
		t.Errorf("%v", sizes)
	}
}
