package flexvolume

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kube-aliyun/kube-aliyun/test/flexhost"
)

const (
	mib      = int64(1) << 20
	smallXFS = 320 * mib
)

func TestCase07DataFollowsAVolumeFromServerToServer(t *testing.T) {
	c := newCluster(t)
	c.serve()
	c.disk("d-abc", 64*mib)
	v := ofDisk("pvc-1", "d-abc")
	folder, _ := c.up(v, "one", "pod-1")
	if err := os.WriteFile(filepath.Join(folder, "data"), []byte("kept"), 0o600); err != nil {
		t.Fatal(err)
	}
	c.master.Fails(request{Do: "attach", Spec: v, Node: "two"}, "d-abc", "one")
	c.leave(v, "one", "pod-1")
	folder, _ = c.up(v, "two", "pod-2")
	if got, err := os.ReadFile(filepath.Join(folder, "data")); string(got) != "kept" {
		t.Errorf("read back %q, %v", got, err)
	}
	c.leave(v, "two", "pod-2")
}

func TestCase08ARepeatedAttachIsAskedAgainAndPlugsOnce(t *testing.T) {
	c := newCluster(t)
	c.serve()
	c.disk("d-abc", 16*mib)
	v := ofDisk("pvc-1", "d-abc")
	for range 3 {
		c.master.Must(request{Do: "attach", Spec: v, Node: "one"})
	}
	if c.plugged != 1 {
		t.Errorf("plugged %d times", c.plugged)
	}
}

func TestCase03AFailureIsNoReasonToUseKubernetesDefaults(t *testing.T) {
	c := newCluster(t)
	c.serve()
	c.disk("d-abc", 16*mib)
	v := ofDisk("pvc-1", "d-abc")
	c.fail("the controller has no credentials yet")
	for _, call := range []request{{Do: "attach", Spec: v, Node: "one"}, {Do: "isattached", Spec: v, Node: "one"}, {Do: "detach", Spec: v, Node: "one"}} {
		c.master.Fails(call, "no credentials")
	}
	bad := volume{Name: "pvc-1", Options: map[string]string{"diskId": ""}}
	for _, do := range []string{"waitforattach", "mountdevice"} {
		c.nodes["one"].Fails(request{Do: do, Spec: bad, Device: ""})
	}
	c.fail("")
	c.up(v, "one", "pod-1")
	c.leave(v, "one", "pod-1")
}

func TestCase04VolumesThatAKubeletFindsAfterItsRestartAreUnmounted(t *testing.T) {
	c := newCluster(t)
	c.serve()
	c.disk("d-abc", 64*mib)
	v := ofDisk("pvc-1", "d-abc")
	c.up(v, "one", "pod-1")
	old := c.nodes["one"]
	old.Stop()
	again := &node{tree: old.tree, host: flexhost.Start(t, programs, old.Plugins, old.Root, flexhost.TreeVariable+"="+old.tree.Root())}
	c.nodes["one"] = again
	if got := again.Must(request{Do: "reconstruct", Spec: volume{Name: "pvc-1"}, Pod: "pod-1"}); got.Text != "pvc-1" {
		t.Errorf("reconstructed as %q", got.Text)
	}
	// The name is all that is left of the volume.
	c.leave(volume{Name: "pvc-1", Inline: true}, "one", "pod-1")
}

func TestCase06ThePluginIsThereWhileItIsReplaced(t *testing.T) {
	c := newCluster(t)
	v := ofDisk("pvc-1", "d-abc")
	stop := make(chan struct{})
	var looking sync.WaitGroup
	looking.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
			}
			if got := c.master.Do(request{Do: "find", Spec: v}); got.Error != "" {
				t.Errorf("a look-up during the replacement: %s", got.Error)
				return
			}
		}
	})
	for i := range 100 {
		program := []string{programs.Other, programs.Driver}[i%2]
		if out, err := exec.CommandContext(t.Context(), program, "--install="+c.master.Plugins).CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	close(stop)
	looking.Wait()
}

func TestCase13ACallFailsWhileTheControllerIsDownAndWorksAfter(t *testing.T) {
	c := newCluster(t)
	c.disk("d-abc", 16*mib)
	v := ofDisk("pvc-1", "d-abc")
	for range 2 {
		begin := time.Now()
		c.master.Fails(request{Do: "attach", Spec: v, Node: "one"}, c.socket, "aliyun-controller")
		c.master.Fails(request{Do: "detach", Spec: v, Node: "one"}, c.socket)
		if took := time.Since(begin); took > 10*time.Second {
			t.Errorf("two calls took %s", took)
		}
		c.serve()
		c.master.Must(request{Do: "attach", Spec: v, Node: "one"})
		c.down()
	}
}

func TestCase18NotAttachedIsToldApartFromUnknown(t *testing.T) {
	c := newCluster(t)
	c.serve()
	c.disk("d-abc", 16*mib)
	v := ofDisk("pvc-1", "d-abc")
	is := request{Do: "isattached", Spec: v, Node: "one"}
	if got := c.master.Must(is); got.Attached == nil || *got.Attached {
		t.Errorf("before: %+v", got)
	}
	c.master.Must(request{Do: "attach", Spec: v, Node: "one"})
	if got := c.master.Must(is); got.Attached == nil || !*got.Attached {
		t.Errorf("after: %+v", got)
	}
	c.fail("throttled")
	c.master.Fails(is, "throttled")
}

func TestCase15SixteenVolumesOfOneServerComeUpAtOnceEachWithItsDisk(t *testing.T) {
	c := newCluster(t)
	c.serve()
	const count = 16
	var all sync.WaitGroup
	for i := range count {
		c.disk(fmt.Sprintf("d-abc%d", i), 16*mib)
	}
	for i := range count {
		all.Go(func() {
			v := ofDisk(fmt.Sprintf("pvc-%d", i), fmt.Sprintf("d-abc%d", i))
			n := c.nodes["one"]
			attached := c.master.Do(request{Do: "attach", Spec: v, Node: "one"})
			found := n.Do(request{Do: "waitforattach", Spec: v, Device: attached.Text})
			mounted := n.Do(request{Do: "mountdevice", Spec: v, Device: found.Text})
			pod := n.Do(request{Do: "setup", Spec: v, Pod: fmt.Sprint("pod-", i)})
			for _, answer := range []response{attached, found, mounted, pod} {
				if answer.Error != "" {
					t.Errorf("volume %d: %s", i, answer.Error)
					return
				}
			}
			if want := n.tree.Path(device(v.Name)); found.Text != want {
				t.Errorf("volume %d is on %s, not on %s", i, found.Text, want)
			}
		})
	}
	all.Wait()
	for i := range count {
		if !t.Failed() {
			c.leave(ofDisk(fmt.Sprintf("pvc-%d", i), fmt.Sprintf("d-abc%d", i)), "one", fmt.Sprint("pod-", i))
		}
	}
}

func TestCase24AReadOnlyPodGetsAReadOnlyVolume(t *testing.T) {
	c := newCluster(t)
	c.serve()
	c.disk("d-abc", 64*mib)
	v := ofDisk("pvc-1", "d-abc")
	c.up(v, "one", "pod-1")
	c.leave(v, "one", "pod-1")
	v.ReadOnly = true
	folder, _ := c.up(v, "one", "pod-2")
	if err := os.WriteFile(filepath.Join(folder, "data"), nil, 0o600); err == nil {
		t.Error("the volume can be written")
	}
	c.leave(v, "one", "pod-2")
}

func TestCase27AVolumeGrowsUnderItsPod(t *testing.T) {
	c := newCluster(t)
	c.serve()
	disk := c.disk("d-abc", smallXFS)
	v := ofDisk("pvc-1", "d-abc")
	v.FSType = "xfs"
	_, path := c.up(v, "one", "pod-1")
	n := c.nodes["one"]
	expand := request{Do: "expand", Spec: v, Device: path, Size: 2 * smallXFS}
	n.Fails(expand, "d-abc", "grows after the disk has grown")
	if err := disk.Grow(2 * smallXFS); err != nil {
		t.Fatal(err)
	}
	n.Must(expand)
	n.Must(expand)
	c.leave(v, "one", "pod-1")
}

func TestCase33AnInlineVolumeWithThePersistentVolumesNameDoesNotGetIt(t *testing.T) {
	c := newCluster(t)
	c.serve()
	c.disk("d-abc", 64*mib)
	c.disk("d-xyz", 64*mib)
	v := ofDisk("pvc-1", "d-abc")
	_, path := c.up(v, "one", "pod-1")
	n := c.nodes["one"]
	thief := volume{Name: "pvc-1", Inline: true, Options: map[string]string{"diskId": "d-xyz"}}
	// Kubelet takes both for one: it is attached, it has a device, it is mounted.
	n.Must(request{Do: "mountdevice", Spec: thief, Device: path})
	n.Fails(request{Do: "setup", Spec: thief, Pod: "pod-2"}, "d-xyz")
	if left, err := os.ReadDir(filepath.Join(n.Root, "pods/pod-2/volumes/aliyun~flexv")); err == nil && len(left) > 0 {
		t.Errorf("left in the Pod: %v", left)
	}
	c.leave(v, "one", "pod-1")
}

func TestCase34OfTwoInlineVolumesOfOneNameTheSecondIsRefused(t *testing.T) {
	c := newCluster(t)
	c.serve()
	c.disk("d-abc", 64*mib)
	c.disk("d-xyz", 64*mib)
	first := volume{Name: "data", Inline: true, Options: map[string]string{"diskId": "d-abc"}}
	second := volume{Name: "data", Inline: true, Options: map[string]string{"diskId": "d-xyz"}}
	folder, _ := c.up(first, "one", "pod-1")
	if err := os.WriteFile(filepath.Join(folder, "secret"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	n := c.nodes["one"]
	n.Fails(request{Do: "waitforattach", Spec: second, Device: "/dev/disk/by-id/virtio-abc"}, "d-abc", "d-xyz")
	n.Fails(request{Do: "setup", Spec: second, Pod: "pod-2"}, "d-xyz")
	c.leave(first, "one", "pod-1")
}

func TestAWorkerNeedsNoSocketAndNoNetwork(t *testing.T) {
	c := newCluster(t)
	c.serve()
	c.disk("d-abc", 64*mib)
	v := ofDisk("pvc-1", "d-abc")
	folder, _ := c.up(v, "one", "pod-1")
	if !strings.HasPrefix(folder, c.nodes["one"].Root) {
		t.Errorf("folder %s", folder)
	}
	// A worker has no socket: what only a master may do fails there.
	c.nodes["one"].Fails(request{Do: "attach", Spec: v, Node: "one"}, "volume socket")
	c.leave(v, "one", "pod-1")
}
