package e2e

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/ecs"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/dataplane"
	"github.com/kube-aliyun/kube-aliyun/test/cluster/kubelet"
	"github.com/kube-aliyun/kube-aliyun/test/e2e/stage"
	"github.com/kube-aliyun/kube-aliyun/test/images"
)

// Where the Pods of StatefulSets have their volume.
const (
	dataFolder = "/data"
	dataFile   = dataFolder + "/written"
)

const (
	// shippedClass is a StorageClass of deploy/flexvolume.
	shippedClass = "aliyun-disk"
	// xfsClass is one of xfs: the growth of a mounted ext4 takes CAP_SYS_RESOURCE,
	// which containers and small virtual machines may lack.
	xfsClass = "test-xfs"
)

// xfs makes the StorageClass xfsClass until the test's end.
func xfs(t *testing.T) {
	t.Helper()
	classes := theatre.Client().StorageV1().StorageClasses()
	_, err := classes.Create(t.Context(), &storagev1.StorageClass{
		ObjectMeta: metav1.ObjectMeta{Name: xfsClass}, Provisioner: "disk.kube-aliyun.io",
		Parameters:           map[string]string{"type": "cloud_essd", "fsType": "xfs"},
		AllowVolumeExpansion: new(true), VolumeBindingMode: new(storagev1.VolumeBindingWaitForFirstConsumer),
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := classes.Delete(context.WithoutCancel(t.Context()), xfsClass, metav1.DeleteOptions{}); err != nil {
			t.Error(err)
		}
	})
}

// store runs a StatefulSet of one Pod with a claim of a StorageClass in a zone,
// until the test's end, when the claim and its disk have to go too.
func store(t *testing.T, name, class, zone string) {
	t.Helper()
	if err := theatre.InstallDriver(t.Context()); err != nil {
		t.Fatal(err)
	}
	labels := map[string]string{"app": name}
	spec := podSpec()
	spec.TerminationGracePeriodSeconds = new(int64)
	spec.NodeSelector = map[string]string{corev1.LabelTopologyZone: zone}
	// The master is the other node of its zone.
	spec.Tolerations = []corev1.Toleration{{Key: "node-role.kubernetes.io/control-plane", Operator: corev1.TolerationOpExists}}
	spec.Affinity = &corev1.Affinity{NodeAffinity: &corev1.NodeAffinity{PreferredDuringSchedulingIgnoredDuringExecution: []corev1.PreferredSchedulingTerm{{
		Weight: 100,
		Preference: corev1.NodeSelectorTerm{MatchExpressions: []corev1.NodeSelectorRequirement{
			{Key: "node-role.kubernetes.io/control-plane", Operator: corev1.NodeSelectorOpDoesNotExist},
		}},
	}}}}
	// The image's user owns nothing of a new disk.
	spec.SecurityContext = &corev1.PodSecurityContext{FSGroup: new(int64(65532))}
	spec.Containers[0].VolumeMounts = []corev1.VolumeMount{{Name: "data", MountPath: dataFolder}}
	set := &appsv1.StatefulSet{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: appsv1.StatefulSetSpec{
			Replicas: new(int32(1)), Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels}, Spec: spec},
			VolumeClaimTemplates: []corev1.PersistentVolumeClaim{{
				ObjectMeta: metav1.ObjectMeta{Name: "data"},
				Spec: corev1.PersistentVolumeClaimSpec{
					AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce}, StorageClassName: &class,
					Resources: corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("20Gi")}},
				},
			}},
		},
	}
	if _, err := theatre.Client().AppsV1().StatefulSets(namespace).Create(t.Context(), set, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), patience)
		defer cancel()
		for _, what := range []string{"statefulset/" + name, "pod/" + name + "-0", "pvc/data-" + name + "-0"} {
			if err := theatre.Kubectl(ctx, "delete", what, "--namespace="+namespace, "--ignore-not-found", "--timeout=80s"); err != nil {
				t.Error(err)
			}
		}
	})
}

// runs waits until the Pod of a StatefulSet is ready, on another node than the one
// before, and tells where it is.
func runs(t *testing.T, name, before string) (node string) {
	t.Helper()
	return runsWithin(t, patience, name, before)
}

func runsWithin(t *testing.T, limit time.Duration, name, before string) (node string) {
	t.Helper()
	took := within(t, limit, name+" runs", func(ctx context.Context) error {
		pod, err := theatre.Client().CoreV1().Pods(namespace).Get(ctx, name+"-0", metav1.GetOptions{})
		if err != nil {
			return err
		}
		if pod.DeletionTimestamp != nil || pod.Spec.NodeName == before {
			return fmt.Errorf("%w: it is on %s", errNotYet, before)
		}
		node = pod.Spec.NodeName
		for _, c := range pod.Status.Conditions {
			if c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue {
				return nil
			}
		}
		return fmt.Errorf("%w on %s: %s", errNotYet, node, pod.Status.String())
	})
	t.Logf("%s runs on %s after %.1f s", name, node, took.Seconds())
	return node
}

// inPod runs the network-test program in the Pod of a StatefulSet.
func inPod(t *testing.T, name string, arguments ...string) string {
	t.Helper()
	output, err := theatre.KubectlOutput(t.Context(), append([]string{"exec", name + "-0", "--", images.NetworkProgram}, arguments...)...)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(output))
}

// holds checks that the disk still has what was written.
func holds(t *testing.T, name, text string) {
	t.Helper()
	if got := inPod(t, name, "read", dataFile); got != text {
		t.Fatalf("%s reads %q, and %q was written", name, got, text)
	}
}

// zoneOf is a server's zone.
func zoneOf(t *testing.T, server *stage.Server) string {
	t.Helper()
	node, err := theatre.Client().CoreV1().Nodes().Get(t.Context(), server.Name(), metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return node.Labels[corev1.LabelTopologyZone]
}

// touchEvery is how often a Pod is changed so that its kubelet looks at its claims.
const touchEvery = 3 * time.Second

// grow asks for a larger claim of a Pod that runs, and waits until it has it.
func grow(t *testing.T, name, size string) {
	t.Helper()
	patch := fmt.Sprintf(`{"spec": {"resources": {"requests": {"storage": %q}}}}`, size)
	if err := theatre.Kubectl(t.Context(), "patch", "pvc", "data-"+name+"-0", "--patch="+patch); err != nil {
		t.Fatal(err)
	}
	want := resource.MustParse(size)
	var touched time.Time
	took := eventually(t, "the claim has grown", func(ctx context.Context) error {
		claim, err := theatre.Client().CoreV1().PersistentVolumeClaims(namespace).Get(ctx, "data-"+name+"-0", metav1.GetOptions{})
		if err != nil {
			return err
		}
		if has := claim.Status.Capacity[corev1.ResourceStorage]; has.Cmp(want) < 0 {
			// A kubelet looks at the claims of a Pod that does not change once in
			// one to two minutes.
			if time.Since(touched) > touchEvery {
				touched = time.Now()
				if err := theatre.Kubectl(ctx, "annotate", "--overwrite", "pod", name+"-0", "test.kube-aliyun.io/touched="+touched.Format("150405")); err != nil {
					return err
				}
			}
			return fmt.Errorf("%w: it has %s: %v", errNotYet, has.String(), claim.Status.Conditions)
		}
		return nil
	})
	bytes, err := strconv.ParseInt(inPod(t, name, "size", dataFolder), 10, 64)
	// A file system keeps a part of its disk for itself.
	if err != nil || bytes < want.Value()/100*90 {
		t.Errorf("the claim says %s, and the Pod sees %d bytes: %v", size, bytes, err)
	}
	t.Logf("the claim grew to %s under the Pod in %.1f s", size, took.Seconds())
}

// drain moves the Pod of a StatefulSet away from a node, and lets the node have Pods
// again at the test's end.
func drain(t *testing.T, name, node string) {
	t.Helper()
	t.Cleanup(func() {
		err := theatre.Kubectl(context.WithoutCancel(t.Context()), "uncordon", node)
		if err != nil && !strings.Contains(err.Error(), "NotFound") {
			t.Error(err)
		}
	})
	if err := theatre.Kubectl(t.Context(), "drain", node, "--pod-selector=app="+name, "--timeout=60s"); err != nil {
		t.Fatal(err)
	}
}

// dataDisks are those of the region.
func dataDisks(ctx context.Context, cloud *ecs.Client) (found []string, err error) {
	disks, err := cloud.Disks(ctx, ecs.DiskFilter{})
	for i := range disks {
		if !disks[i].System {
			found = append(found, fmt.Sprintf("%s (%s)", disks[i].ID, disks[i].Status))
		}
	}
	return found, err
}

// unclaim deletes StatefulSets and their claims, and waits until the disks are gone
// and nothing of them is left on any server.
func unclaim(t *testing.T, names ...string) {
	t.Helper()
	cloud := operator(t)
	for _, name := range names {
		for _, what := range []string{"statefulset/" + name, "pvc/data-" + name + "-0"} {
			if err := theatre.Kubectl(t.Context(), "delete", what, "--timeout=80s"); err != nil {
				t.Fatal(err)
			}
		}
	}
	took := eventually(t, "the disks are deleted", func(ctx context.Context) error {
		found, err := dataDisks(ctx, cloud)
		if err == nil && len(found) > 0 {
			err = fmt.Errorf("%w: %v", errNotYet, found)
		}
		return err
	})
	t.Logf("the disks were deleted %.1f s after their claims", took.Seconds())
	nothingLeft(t)
}

// nothingLeft checks that no server has a mount of a volume, the machine no device
// of the region, and that no disk was taken from a server that used it.
func nothingLeft(t *testing.T) {
	t.Helper()
	plane, err := theatre.Region().Dataplane(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, u := range plane.Unplugged {
		if u.Used {
			t.Errorf("%s was detached from %s, where it was mounted", u.Disk, u.Server)
		}
	}
	files, err := filepath.Glob("/sys/block/loop*/loop/backing_file")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if content, err := os.ReadFile(file); err == nil && bytes.Contains(content, []byte("/"+plane.Sandbox+"/")) {
			t.Errorf("%s is left: %s", filepath.Dir(filepath.Dir(file)), content)
		}
	}
	for _, server := range theatre.Servers() {
		for _, line := range mounts(t, server) {
			if strings.Contains(line, "aliyun") && strings.Contains(line, "/flexv/") || strings.Contains(line, "aliyun~flexv/") {
				t.Errorf("%s has a mount: %s", server.Name(), line)
			}
		}
	}
}

// mounts are those that a server's kubelet sees.
func mounts(t *testing.T, server *stage.Server) (lines []string) {
	t.Helper()
	pid, runs := server.Node.PIDs()[kubelet.Kubelet]
	if !runs {
		return nil
	}
	content, err := os.ReadFile(fmt.Sprintf("/proc/%d/mountinfo", pid))
	if err != nil {
		t.Fatal(err)
	}
	scanner := bufio.NewScanner(bytes.NewReader(content))
	for scanner.Scan() {
		lines = append(lines, scanner.Text())
	}
	return lines
}

// offline takes the cloud's API and metadata from the workers until the test's end.
func offline(t *testing.T) {
	t.Helper()
	for _, server := range theatre.Workers() {
		reach := func() error {
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
			defer cancel()
			conn, err := server.Dial(ctx, "tcp", dataplane.OpenAPIAddress)
			if err == nil {
				err = conn.Close()
			}
			return err
		}
		if err := reach(); err != nil {
			t.Fatalf("%s does not reach the API before it is cut off: %v", server.Name(), err)
		}
		if err := server.CutOff(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := server.Restore(); err != nil {
				t.Error(err)
			}
		})
		if reach() == nil {
			t.Fatalf("%s reaches the API though it is cut off", server.Name())
		}
	}
}

func TestDisksFollowTheirPodsAndGrowUnderThem(t *testing.T) {
	worker := theatre.Workers()[0]
	offline(t)
	xfs(t)
	zone := zoneOf(t, worker)
	store(t, "store", shippedClass, zone)
	store(t, "grows", xfsClass, zone)
	first := runs(t, "store", "")
	inPod(t, "store", "write", dataFile, "before the drain")
	runs(t, "grows", "")
	inPod(t, "grows", "write", dataFile, "before it grew")
	grow(t, "grows", "30Gi")
	holds(t, "grows", "before it grew")
	noCredentials(t)
	drain(t, "store", first)
	runs(t, "store", first)
	holds(t, "store", "before the drain")
	unclaim(t, "store", "grows")
}
