// Package flexvolume tests the manifests beside it.
package flexvolume

import (
	"bytes"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	"sigs.k8s.io/yaml"

	"github.com/kube-aliyun/kube-aliyun/deploy/image"
	"github.com/kube-aliyun/kube-aliyun/pkg/flexvolume"
	"github.com/kube-aliyun/kube-aliyun/pkg/volumesocket/wire"
)

// read decodes the documents of a file; a field that the type does not have is an
// error.
func read[T any](t *testing.T, file string) []*T {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var objects []*T
	for document := range bytes.SplitSeq(content, []byte("\n---\n")) {
		object := new(T)
		if err := yaml.UnmarshalStrict(document, object); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		objects = append(objects, object)
	}
	return objects
}

func TestTheInstallerPutsTheDriverWhereKubernetesLooks(t *testing.T) {
	pod := read[appsv1.DaemonSet](t, "daemonset.yaml")[0].Spec.Template.Spec
	container := pod.Containers[0]
	if want := []string{image.DriverPath, "--install=" + container.VolumeMounts[0].MountPath, "--stay"}; !slices.Equal(container.Command, want) {
		t.Errorf("command %v, not %v", container.Command, want)
	}
	if got := pod.Volumes[0].HostPath.Path; got != flexvolume.DefaultPlugins {
		t.Errorf("installs into %s", got)
	}
	if container.VolumeMounts[0].Name != pod.Volumes[0].Name || container.VolumeMounts[0].ReadOnly {
		t.Errorf("mounts %+v", container.VolumeMounts)
	}
}

func TestTheInstallerRunsEverywhereAndMayDoNothingElse(t *testing.T) {
	pod := read[appsv1.DaemonSet](t, "daemonset.yaml")[0].Spec.Template.Spec
	if len(pod.Tolerations) != 1 || pod.Tolerations[0] != (corev1.Toleration{Operator: corev1.TolerationOpExists}) || len(pod.NodeSelector) > 0 || pod.Affinity != nil {
		t.Error("some node is left out")
	}
	context := pod.Containers[0].SecurityContext
	switch {
	case pod.AutomountServiceAccountToken == nil || *pod.AutomountServiceAccountToken:
		t.Error("it has a token")
	case pod.HostPID || pod.HostIPC || context.Privileged != nil:
		t.Error("it may see the host")
	case *context.AllowPrivilegeEscalation || !*context.ReadOnlyRootFilesystem || !slices.Contains(context.Capabilities.Drop, "ALL") || len(context.Capabilities.Add) > 0:
		t.Errorf("it may do too much: %+v", context)
	}
}

func TestKubeControllerManagerSeesTheDriverAndTheSocket(t *testing.T) {
	pod := read[corev1.Pod](t, "kube-controller-manager/kube-controller-manager+strategic.yaml")[0].Spec
	want := map[string]bool{flexvolume.DefaultPlugins: true, path.Dir(wire.DefaultSocket): false}
	for folder, readOnly := range want {
		mount := slices.IndexFunc(pod.Containers[0].VolumeMounts, func(m corev1.VolumeMount) bool { return m.MountPath == folder && m.ReadOnly == readOnly })
		if mount < 0 {
			t.Errorf("%s is not mounted", folder)
			continue
		}
		name := pod.Containers[0].VolumeMounts[mount].Name
		if !slices.ContainsFunc(pod.Volumes, func(v corev1.Volume) bool { return v.Name == name && v.HostPath != nil && v.HostPath.Path == folder }) {
			t.Errorf("%s is not the host's", folder)
		}
	}
	var kubeadm struct {
		APIVersion, Kind  string
		ControllerManager struct {
			ExtraVolumes []struct {
				Name, HostPath, MountPath, PathType string
				ReadOnly                            bool
			}
		}
	}
	content, err := os.ReadFile("kube-controller-manager/kubeadm.yaml")
	if err == nil {
		err = yaml.UnmarshalStrict(content, &kubeadm)
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range kubeadm.ControllerManager.ExtraVolumes {
		if readOnly, ok := want[v.MountPath]; !ok || v.HostPath != v.MountPath || v.ReadOnly != readOnly {
			t.Errorf("kubeadm mounts %+v", v)
		}
		delete(want, v.MountPath)
	}
	if len(want) > 0 {
		t.Errorf("kubeadm does not mount %v", want)
	}
}

func TestTheControllerServesTheSocketThatTheDriverCalls(t *testing.T) {
	pod := read[appsv1.DaemonSet](t, "controller/volumes.yaml")[0].Spec.Template.Spec
	folder := path.Dir(wire.DefaultSocket)
	if got := pod.InitContainers[0].Command; !slices.Equal(got, []string{image.DriverPath, "--socket-dir=" + folder, "--owner=65532"}) {
		t.Errorf("the folder is made by %v", got)
	}
	if !strings.HasPrefix(image.ControllerUser, "65532:") {
		t.Errorf("the controller is user %s", image.ControllerUser)
	}
	if pod.Volumes[0].HostPath.Path != folder || pod.Containers[0].VolumeMounts[0].MountPath != folder {
		t.Errorf("the controller sees %+v", pod.Volumes)
	}
	kustomization, err := os.ReadFile("controller/kustomization.yaml")
	if err != nil || !strings.Contains(string(kustomization), "--volume-socket="+wire.DefaultSocket) {
		t.Errorf("the controller is not told to serve %s (%v)", wire.DefaultSocket, err)
	}
}

// TestTheStaticPodIsTheOtherOneWithTheSocket has both manifests change together.
func TestTheStaticPodIsTheOtherOneWithTheSocket(t *testing.T) {
	want := read[corev1.Pod](t, "../controller/static-pod.yaml")[0]
	added := read[appsv1.DaemonSet](t, "controller/volumes.yaml")[0].Spec.Template.Spec
	want.Spec.InitContainers = added.InitContainers
	want.Spec.Volumes = append(want.Spec.Volumes, added.Volumes...)
	container := &want.Spec.Containers[0]
	container.VolumeMounts = append(container.VolumeMounts, added.Containers[0].VolumeMounts...)
	container.Command = append(container.Command, "--volume-socket="+wire.DefaultSocket)
	if diff := cmp.Diff(want, read[corev1.Pod](t, "controller/static-pod.yaml")[0]); diff != "" {
		t.Errorf("controller/static-pod.yaml (-want +got):\n%s", diff)
	}
}

func TestTheExamplesNameTheDriverAndItsClasses(t *testing.T) {
	classes := map[string]bool{"": true, "archon": true}
	for _, class := range read[storagev1.StorageClass](t, "storageclass.yaml") {
		classes[class.Name] = true
	}
	files, err := filepath.Glob("examples/*.yaml")
	if err != nil || len(files) < 5 {
		t.Fatalf("%d examples, %v", len(files), err)
	}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(content)) {
			key, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
			if key == "driver" && value != flexvolume.Name {
				t.Errorf("%s names driver %s", file, value)
			}
			if key == "storageClassName" && !classes[strings.Trim(value, `"`)] {
				t.Errorf("%s names class %s", file, value)
			}
		}
	}
}
