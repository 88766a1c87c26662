package flexvolume

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/kube-aliyun/kube-aliyun/pkg/volumesocket/wire"
	"github.com/kube-aliyun/kube-aliyun/test/blockdev"
)

const (
	mib = int64(1) << 20
	// smallXFS is the smallest xfs that mkfs makes.
	smallXFS = 320 * mib
)

// fast is a driver in this process whose waits are short.
func (r *rig) fast() *Driver {
	d := New()
	d.dev, d.sys, d.state = filepath.Join(r.tree.Root(), "dev"), filepath.Join(r.tree.Root(), "sys"), filepath.Join(r.tree.Root(), "run")
	d.limits.poll = 10 * time.Millisecond
	for name, c := range d.calls {
		c.limit = min(c.limit, 300*time.Millisecond)
		d.calls[name] = c
	}
	return d
}

func TestCase22TheDiskIsFoundByItsSerialWhateverItsName(t *testing.T) {
	r := newRig(t)
	r.disk("vdb", blockdev.Virtio, "other00000", 16*mib)
	r.disk("vdd", blockdev.Virtio, "virtio0000", 16*mib)
	r.disk("nvme2n1", blockdev.NVMe, "nvme000000", 16*mib)
	// The link of an earlier disk: the kernel's word counts.
	if err := r.tree.Link("virtio-virtio0000", "vdb"); err != nil {
		t.Fatal(err)
	}
	for disk, name := range map[string]string{"d-virtio0000": "vdd", "d-nvme000000": "nvme2n1"} {
		for _, device := range []string{wire.DevicePath(disk, ""), "/dev/xvdb", ""} {
			if got := r.must("waitforattach", device, with("v", "diskId", disk)); got.Device != r.tree.Path(name) {
				t.Errorf("%s, named %q: device %s, not %s", disk, device, got.Device, name)
			}
		}
	}
}

func TestCase22AfterARestartOfKubeletThePathAloneNamesTheDisk(t *testing.T) {
	r := newRig(t)
	r.disk("vdd", blockdev.Virtio, "abc", 16*mib)
	if got := r.must("waitforattach", wire.DevicePath("d-abc", ""), with("v")); got.Device != r.tree.Path("vdd") {
		t.Errorf("device %s", got.Device)
	}
}

func TestCase22AMissingDiskIsToldByItsSerialAndNothingElseIsAnswered(t *testing.T) {
	r := newRig(t)
	r.disk("vdb", blockdev.Virtio, "other00000", 16*mib)
	got := r.fast().answer(t.Context(), []string{"waitforattach", "/dev/vdb", with("v", "diskId", "d-missing")})
	if got.Status != statusFailure || got.Device != "" || !strings.Contains(got.Message, "missing") {
		t.Errorf("%+v", got)
	}
}

func TestCase22ADiskThatAppearsLateIsWaitedFor(t *testing.T) {
	r := newRig(t)
	d := r.fast()
	c := d.calls["waitforattach"]
	c.limit = time.Minute
	d.calls["waitforattach"] = c
	answers := make(chan reply, 1)
	go func() {
		answers <- d.answer(t.Context(), []string{"waitforattach", "", with("v", "diskId", "d-late")})
	}()
	r.disk("vdc", blockdev.Virtio, "late", 16*mib)
	if got := <-answers; got.Device != r.tree.Path("vdc") {
		t.Errorf("%+v", got)
	}
}

func TestCase22TwoDevicesWithOneSerialAreRefused(t *testing.T) {
	r := newRig(t)
	r.disk("vdb", blockdev.Virtio, "twin", 16*mib)
	r.disk("vdc", blockdev.Virtio, "twin", 16*mib)
	if got := r.call("waitforattach", "", with("v", "diskId", "d-twin")); got.Status != statusFailure || got.Device != "" {
		t.Errorf("%+v", got)
	}
}

func TestCase22AFileThatIsAnotherDeviceThanTheKernelsIsRefused(t *testing.T) {
	r := newRig(t)
	r.disk("vdb", blockdev.Virtio, "abc", 16*mib)
	other := r.disk("vdc", blockdev.Virtio, "other", 16*mib)
	if err := os.Remove(r.tree.Path("vdb")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(other.Path, r.tree.Path("vdb")); err != nil {
		t.Fatal(err)
	}
	if got := r.fast().answer(t.Context(), []string{"waitforattach", "", with("v", "diskId", "d-abc")}); got.Device != "" || got.Status != statusFailure {
		t.Errorf("%+v", got)
	}
}

func TestTheSerialOfAnOldDiskIsRememberedFromAttach(t *testing.T) {
	r := newRig(t)
	r.disk("vdb", blockdev.Virtio, "oldserial", 64*mib)
	dir, options := r.where("v"), with("v", "diskId", "d-abc")
	device := r.must("waitforattach", wire.DevicePath("d-abc", "oldserial"), options).Device
	r.must("mountdevice", dir, device, options)
	r.must("mount", r.pod("1", "v"), options)
}

func TestThePathOfAnotherDiskIsRefused(t *testing.T) {
	r := newRig(t)
	r.disk("vdb", blockdev.Virtio, "abc", 16*mib)
	r.disk("vdc", blockdev.Virtio, "xyz", 16*mib)
	got := r.call("waitforattach", wire.DevicePath("d-abc", ""), with("v", "diskId", "d-xyz"))
	if got.Status != statusFailure || !strings.Contains(got.Message, "d-abc") || !strings.Contains(got.Message, "d-xyz") {
		t.Errorf("%+v", got)
	}
}

func TestCase25ADeviceThatServesTheSystemIsRefused(t *testing.T) {
	r := newRig(t)
	loop := r.disk("vda", blockdev.Virtio, "system", 64*mib)
	shell(t, "mkfs.ext4", "-q", loop.Path)
	system := t.TempDir()
	shell(t, "mount", loop.Path, system)
	defer shell(t, "umount", system)
	options := with("v", "diskId", "d-system")
	if got := r.call("waitforattach", "", options); got.Status != statusFailure || !strings.Contains(got.Message, system) {
		t.Errorf("waitforattach: %+v", got)
	}
	if got := r.call("mountdevice", r.where("v"), r.tree.Path("vda"), options); got.Status != statusFailure || !strings.Contains(got.Message, system) {
		t.Errorf("mountdevice: %+v", got)
	}
}

func TestCase25APartOfAnotherDeviceIsRefused(t *testing.T) {
	r := newRig(t)
	r.disk("vda", blockdev.Virtio, "member", 64*mib)
	if err := os.MkdirAll(filepath.Join(r.tree.Root(), "sys/block/vda/holders/dm-0"), 0o755); err != nil {
		t.Fatal(err)
	}
	got := r.call("mountdevice", r.where("v"), r.tree.Path("vda"), with("v", "diskId", "d-member"))
	if got.Status != statusFailure || !strings.Contains(got.Message, "dm-0") {
		t.Errorf("%+v", got)
	}
}

func TestCase25TheDiskOfAnotherVolumeIsRefused(t *testing.T) {
	r := newRig(t)
	r.disk("vda", blockdev.Virtio, "abc", 64*mib)
	r.must("mountdevice", r.where("one"), r.tree.Path("vda"), with("one", "diskId", "d-abc"))
	got := r.call("mountdevice", r.where("two"), r.tree.Path("vda"), with("two", "diskId", "d-abc"))
	if got.Status != statusFailure || !strings.Contains(got.Message, "/one") {
		t.Errorf("%+v", got)
	}
}

func TestMoreThanEightDisksAreToldApart(t *testing.T) {
	r := newRig(t)
	for i := range 12 {
		serial := strings.Repeat(string(rune('a'+i)), 20)
		name := "vd" + string(rune('b'+i))
		r.disk(name, blockdev.Virtio, serial, mib)
		if got := r.must("waitforattach", "", with("v", "diskId", "d-"+serial)); got.Device != r.tree.Path(name) {
			t.Errorf("%s: %s", serial, got.Device)
		}
	}
}
