package disks

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kube-aliyun/kube-aliyun/pkg/ownership"
	simecs "github.com/kube-aliyun/kube-aliyun/test/aliyunsim/ecs"
)

// allowing is the tag by which a disk's owner lets namespaces of a cluster name it.
func allowing(value string) func(*simecs.DiskSeed) {
	return func(s *simecs.DiskSeed) { s.Tags = map[string]string{ownership.TagAllow: value} }
}

func TestADiskWhoseTagListsTheNamespaceMayBeNamed(t *testing.T) {
	for _, value := range []string{"c1/team-a", "*", "c1/other,c1/team-a"} {
		t.Run(value, func(t *testing.T) {
			r := newRig(t, 1)
			r.disk("d-1", allowing(value))
			r.pod("team-a", "db", "node-1", byItself("d-1", "d-1"))
			r.start()
			r.succeeds(r.inline("d-1", "d-1", "node-1"))
			r.expectOn("d-1", "In_use i-1")
		})
	}
}

func TestCase31APodOfAnotherNamespaceMayNotNameATaggedDisk(t *testing.T) {
	for name, value := range map[string]string{"another namespace": "c1/team-a", "another cluster": "c2/team-b", "no tag": ""} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, 1)
			r.disk("d-1", func(s *simecs.DiskSeed) {
				if value != "" {
					allowing(value)(s)
				}
			})
			r.pod("team-b", "thief", "node-1", byItself("d-1", "d-1"))
			r.start()
			r.fails(r.inline("d-1", "d-1", "node-1"), "d-1", "does not allow namespace team-b", ownership.TagAllow)
			r.expectCalls(map[string]int{"AttachDisk": 0, "TagResources": 0})
		})
	}
}

func TestCase32AnInlineVolumeWithAPersistentVolumesNameIsRefused(t *testing.T) {
	for name, mode := range map[string]InlineVolumes{"tagged": InlineTagged, "any": InlineAny} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, 3).claimed("node-1")
			r.pod("team-b", "thief", "node-3", byItself("pv-1", "d-1"))
			r.start(func(r *rig) { r.opts.Inline = mode })
			r.fails(r.inline("pv-1", "d-1", "node-3"), "pv-1", "PersistentVolume", "no Pod on Node node-3 uses claim default/pv-1")
			r.expectCalls(map[string]int{"AttachDisk": 0})
		})
	}
}

func TestCase34TwoInlineVolumesOfOneNameNeverGetEachOthersDisk(t *testing.T) {
	t.Run("names that are not the disk's are refused", func(t *testing.T) {
		r := newRig(t, 1)
		r.disk("d-1", allowing("*"))
		r.pod("team-a", "db", "node-1", byItself("data", "d-1"))
		r.start()
		r.fails(r.inline("data", "d-1", "node-1"), "data", "d-1", "the disk's id as its name")
		r.expectCalls(map[string]int{"AttachDisk": 0})
	})
	t.Run("with any name allowed, the second is refused", func(t *testing.T) {
		r := newRig(t, 1)
		r.disk("d-1")
		r.disk("d-2")
		r.pod("team-a", "db", "node-1", byItself("data", "d-1"))
		r.start(func(r *rig) { r.opts.Inline = InlineAny })
		r.succeeds(r.inline("data", "d-1", "node-1"))
		r.pod("team-b", "db", "node-1", byItself("data", "d-2"))
		r.fails(r.inline("data", "d-2", "node-1"), "data", "d-1", "d-2")
		r.succeeds(r.inline("data", "d-1", "node-1")) // asked again for the first
		r.expectOn("d-1", "In_use i-1")
		r.expectOn("d-2", "Available")
	})
}

func TestWhoHasNoRightToADiskDoesNotGetIt(t *testing.T) {
	tests := map[string]struct {
		prepare func(*rig)
		volume  string
		says    string
	}{
		"inline volumes are denied": {func(r *rig) {
			r.disk("d-1", allowing("*"))
			r.pod("default", "db", "node-1", byItself("d-1", "d-1"))
			r.opts.Inline = InlineDeny
		}, "d-1", "--inline-volumes=deny"},
		"the disk is a PersistentVolume's": {func(r *rig) {
			r.disk("d-1", allowing("*"))
			r.volume("pv-1", "d-1")
			r.pod("default", "db", "node-1", byItself("d-1", "d-1"))
		}, "d-1", "belongs to PersistentVolume pv-1"},
		"no Pod on the node has it": {func(r *rig) {
			r.disk("d-1", allowing("*"))
			r.pod("default", "db", "node-3", byItself("d-1", "d-1"))
		}, "d-1", "nor a Pod on Node node-1"},
		"the Pod has ended": {func(r *rig) {
			r.claimed("node-1")
			pod, err := r.client.CoreV1().Pods("default").Get(r.t.Context(), "db", metav1.GetOptions{})
			r.must(err)
			pod.Status.Phase = corev1.PodSucceeded
			_, err = r.client.CoreV1().Pods("default").UpdateStatus(r.t.Context(), pod, metav1.UpdateOptions{})
			r.must(err)
		}, "pv-1", "no Pod on Node node-1"},
		"the claim is another one of that name": {func(r *rig) {
			r.claimed("node-1")
			claim, err := r.client.CoreV1().PersistentVolumeClaims("default").Get(r.t.Context(), "pv-1", metav1.GetOptions{})
			r.must(err)
			claim.UID = "later"
			_, err = r.client.CoreV1().PersistentVolumeClaims("default").Update(r.t.Context(), claim, metav1.UpdateOptions{})
			r.must(err)
		}, "pv-1", "an earlier claim"},
		"the disk belongs to another cluster": {func(r *rig) {
			r.claimed("node-1", func(s *simecs.DiskSeed) { s.Tags = map[string]string{ownership.TagClusterID: "c2"} })
		}, "pv-1", "belongs to cluster c2"},
		"what it names is no disk": {func(r *rig) {
			r.pod("default", "db", "node-1", byItself("data", "../etc"))
			r.opts.Inline = InlineAny
		}, "data", "no disk id"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, 3)
			tt.prepare(r)
			r.start()
			disk := "d-1"
			if tt.volume == "data" {
				disk = "../etc"
			}
			r.fails(r.inline(tt.volume, disk, "node-1"), tt.says)
			r.expectCalls(map[string]int{"AttachDisk": 0, "DetachDisk": 0, "TagResources": 0})
		})
	}
}

func TestTheDiskIsThePersistentVolumesWhateverTheDriverSays(t *testing.T) {
	r := newRig(t, 1).claimed("node-1")
	r.disk("d-2")
	r.start()
	r.succeeds(r.inline("pv-1", "d-2", "node-1"))
	r.expectOn("d-1", "In_use i-1")
	r.expectOn("d-2", "Available")
}

func TestDiskOf(t *testing.T) {
	for name, tt := range map[string]struct {
		options map[string]string
		want    string
	}{
		"ours":                    {map[string]string{"diskId": "d-1"}, "d-1"},
		"AliyunContainerService":  {map[string]string{"volumeId": "d-2"}, "d-2"},
		"in another letter case":  {map[string]string{"VolumeId": "d-3"}, "d-3"},
		"ours wins":               {map[string]string{"volumeId": "d-2", "diskId": "d-1"}, "d-1"},
		"an empty one is nothing": {map[string]string{"volumeId": "d-2", "diskId": ""}, "d-2"},
		"none":                    {map[string]string{"fsType": "ext4"}, ""},
	} {
		if got := DiskOf(tt.options); got != tt.want {
			t.Errorf("%s: %q", name, got)
		}
	}
}
