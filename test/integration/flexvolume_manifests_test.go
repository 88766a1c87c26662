package integration

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"
)

const diskManifests = "../../deploy/flexvolume"

func TestAPIServerTakesTheManifestsOfDisksStrictly(t *testing.T) {
	for _, arguments := range [][]string{
		{"-k", diskManifests},
		{"-k", diskManifests + "/controller"},
		{"-f", diskManifests + "/examples/static.yaml"},
		{"-f", diskManifests + "/examples/inline.yaml"},
		{"-f", diskManifests + "/examples/dynamic.yaml"},
		{"-f", diskManifests + "/examples/statefulset.yaml"},
		{"-f", diskManifests + "/examples/archon.yaml"},
	} {
		arguments = append([]string{"apply", "--server-side", "--force-conflicts", "--dry-run=server", "--validate=strict"}, arguments...)
		if out, err := kubectl(t, arguments...); err != nil {
			t.Errorf("%v: %v\n%s", arguments, err, out)
		}
	}
}

// TestAdmissionRefusesWhatTheControllerWould changes a good Pod or volume in one
// place at a time.
func TestAdmissionRefusesWhatTheControllerWould(t *testing.T) {
	policy := filepath.Join(diskManifests, "admission.yaml")
	if out, err := kubectl(t, "apply", "-f", policy); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Cleanup(func() {
		if out, err := kubectl(t, "delete", "--ignore-not-found", "-f", policy); err != nil && t.Context().Err() == nil {
			t.Errorf("%v\n%s", err, out)
		}
	})
	const pod = `{apiVersion: v1, kind: Pod, metadata: {name: p, namespace: default}, spec: {
		containers: [{name: c, image: i}], volumes: [{name: %s, flexVolume: {driver: %s, options: {%s}%s}}]}}`
	const volume = `{apiVersion: v1, kind: PersistentVolume, metadata: {name: v}, spec: {capacity: {storage: 1Gi}, accessModes: [%s],
		flexVolume: {driver: aliyun/flexv, options: {%s}}%s}}`
	take := func(manifest string) string {
		file := filepath.Join(t.TempDir(), "manifest.yaml")
		if err := os.WriteFile(file, []byte(manifest), 0o600); err != nil {
			t.Fatal(err)
		}
		out, err := kubectl(t, "create", "--dry-run=server", "-f", file)
		if err == nil {
			return ""
		}
		return out
	}
	otherName := fmt.Sprintf(pod, "data", "aliyun/flexv", "diskId: d-abc", "")
	// A policy is in force some moments after it was made.
	err := wait.PollUntilContextTimeout(t.Context(), 200*time.Millisecond, time.Minute, true, func(context.Context) (bool, error) {
		return take(otherName) != "", nil
	})
	if err != nil {
		t.Fatalf("the policy is not in force: %v", err)
	}
	for _, c := range []struct{ name, manifest, refused string }{
		{"a volume named like its disk", fmt.Sprintf(pod, "d-abc", "aliyun/flexv", "diskId: d-abc", ""), ""},
		{"another driver", fmt.Sprintf(pod, "data", "other/driver", "", ""), ""},
		{"a volume with a name of its own", otherName, "named like its disk"},
		{"a volume without disk", fmt.Sprintf(pod, "d-abc", "aliyun/flexv", "", ""), "named like its disk"},
		{"a secret", fmt.Sprintf(pod, "d-abc", "aliyun/flexv", "diskId: d-abc", ", secretRef: {name: s}"), "secretRef"},
		{"a PersistentVolume", fmt.Sprintf(volume, "ReadWriteOnce", "diskId: d-abc", ""), ""},
		{"one that names its disk as alicloud/disk did", fmt.Sprintf(volume, "ReadWriteOnce", "VolumeId: d-abc", ""), ""},
		{"one without disk", fmt.Sprintf(volume, "ReadWriteOnce", "", ""), "diskId"},
		{"one whose disk is no id", fmt.Sprintf(volume, "ReadWriteOnce", "diskId: data", ""), "diskId"},
		{"mount options", fmt.Sprintf(volume, "ReadWriteOnce", "diskId: d-abc", ", mountOptions: [noatime]"), "flags"},
		{"a block device", fmt.Sprintf(volume, "ReadWriteOnce", "diskId: d-abc", ", volumeMode: Block"), "block devices"},
		{"many writers", fmt.Sprintf(volume, "ReadWriteMany", "diskId: d-abc", ""), "one server"},
	} {
		got := take(c.manifest)
		if (c.refused == "") != (got == "") || !strings.Contains(got, c.refused) {
			t.Errorf("%s: %q, wanted %q", c.name, got, c.refused)
		}
	}
}
