package flexvolume

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/kube-aliyun/kube-aliyun/test/blockdev"
)

// head is the beginning of a disk, where any format leaves its mark.
func head(t *testing.T, disk *blockdev.Loop) []byte {
	t.Helper()
	content := make([]byte, 4*mib)
	file, err := os.Open(disk.Path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	if _, err := file.Read(content); err != nil {
		t.Fatal(err)
	}
	return content
}

// refused is a call that fails, says the words, and writes nothing to the disk.
func (r *rig) refused(disk *blockdev.Loop, words []string, arguments ...string) {
	r.t.Helper()
	before := head(r.t, disk)
	got := r.call(arguments...)
	if got.Status != statusFailure {
		r.t.Fatalf("%+v, not refused", got)
	}
	for _, word := range words {
		if !strings.Contains(got.Message, word) {
			r.t.Errorf("the message lacks %q: %s", word, got.Message)
		}
	}
	if !bytes.Equal(before, head(r.t, disk)) {
		r.t.Error("the disk was written to")
	}
}

func TestCase23ABlankDiskIsFormattedAndMounted(t *testing.T) {
	for asked, want := range map[string]string{"": "ext4", "ext4": "ext4", "ext3": "ext3", "xfs": "xfs"} {
		t.Run("fsType "+asked, func(t *testing.T) {
			r := newRig(t)
			r.disk("vdb", blockdev.Virtio, "abc", smallXFS)
			dir := r.where("v")
			options := with("v", "diskId", "d-abc", keyFSType, asked)
			r.must("mountdevice", dir, r.tree.Path("vdb"), options)
			if got, _ := findmnt(t, dir); got != want {
				t.Errorf("mounted as %s", got)
			}
			if err := os.WriteFile(filepath.Join(dir, "data"), []byte("kept"), 0o600); err != nil {
				t.Fatal(err)
			}
			// Kubelet repeats a call whose answer it lost, and mounts again later.
			r.must("mountdevice", dir, r.tree.Path("vdb"), options)
			r.must("unmountdevice", dir)
			r.must("mountdevice", dir, r.tree.Path("vdb"), with("v", "diskId", "d-abc"))
			if got, err := os.ReadFile(filepath.Join(dir, "data")); string(got) != "kept" {
				t.Errorf("read back %q, %v", got, err)
			}
		})
	}
}

func TestCase23AnotherFileSystemThanAskedForIsLeftAlone(t *testing.T) {
	r := newRig(t)
	disk := r.disk("vdb", blockdev.Virtio, "abc", smallXFS)
	shell(t, "mkfs.xfs", "-q", disk.Path)
	r.refused(disk, []string{"xfs", "ext4"}, "mountdevice", r.where("v"), r.tree.Path("vdb"), with("v", "diskId", "d-abc", keyFSType, "ext4"))
	shell(t, "mkfs.ext3", "-q", "-F", disk.Path)
	r.refused(disk, []string{"ext3", "ext4"}, "mountdevice", r.where("v"), r.tree.Path("vdb"), with("v", "diskId", "d-abc", keyFSType, "ext4"))
}

func TestCase23WhatIsNoFileSystemIsLeftAlone(t *testing.T) {
	r := newRig(t)
	disk := r.disk("vdb", blockdev.Virtio, "abc", 64*mib)
	shell(t, "mkswap", disk.Path)
	r.refused(disk, []string{"swap"}, "mountdevice", r.where("v"), r.tree.Path("vdb"), with("v", "diskId", "d-abc"))
}

// partition writes a DOS partition table with partitions of 32 MiB.
func partition(t *testing.T, disk *blockdev.Loop, partitions int) {
	t.Helper()
	sector := make([]byte, 512)
	for i := range partitions {
		entry := sector[446+16*i:]
		entry[4] = 0x83
		binary.LittleEndian.PutUint32(entry[8:], uint32(2048+i*65536))
		binary.LittleEndian.PutUint32(entry[12:], 65536)
	}
	sector[510], sector[511] = 0x55, 0xaa
	if err := disk.Write(sector, 0); err != nil {
		t.Fatal(err)
	}
}

// show makes a partition of the table a device of the tree.
func (r *rig) show(disk *blockdev.Loop, name string, index int) *blockdev.Loop {
	r.t.Helper()
	part, err := disk.Partition(int64(2048+(index-1)*65536)*512, 65536*512)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { _ = part.Close() })
	if err := r.tree.AddPartition(name, index, part); err != nil {
		r.t.Fatal(err)
	}
	return part
}

func TestCase23OnePartitionWithAFileSystemIsMounted(t *testing.T) {
	r := newRig(t)
	disk := r.disk("vdb", blockdev.Virtio, "abc", 128*mib)
	partition(t, disk, 1)
	part := r.show(disk, "vdb", 1)
	dir, options := r.where("v"), with("v", "diskId", "d-abc")
	r.refused(disk, []string{"vdb1", "no file system"}, "mountdevice", dir, r.tree.Path("vdb"), options)

	shell(t, "mkfs.ext4", "-q", part.Path)
	r.must("waitforattach", "", options)
	r.must("mountdevice", dir, r.tree.Path("vdb"), options)
	want := number{part.Major, part.Minor}
	there, _, err := New().mountedAt(dir)
	if err != nil || (number{uint32(there.Major), uint32(there.Minor)}) != want {
		t.Errorf("mounted %d:%d, not %v (%v)", there.Major, there.Minor, want, err)
	}
	r.must("mount", r.pod("1", "v"), options)
}

func TestCase23AnyOtherPartitionTableIsLeftAlone(t *testing.T) {
	for partitions := range 3 {
		if partitions == 1 {
			continue
		}
		r := newRig(t)
		disk := r.disk("vdb", blockdev.Virtio, "abc", 128*mib)
		partition(t, disk, partitions)
		for i := range partitions {
			shell(t, "mkfs.ext4", "-q", r.show(disk, "vdb", i+1).Path)
		}
		r.refused(disk, []string{"partition"}, "mountdevice", r.where("v"), r.tree.Path("vdb"), with("v", "diskId", "d-abc"))
	}
}

func TestCase23TheFalseMarkOfAnAtariDiskIsNeverFormattedSilently(t *testing.T) {
	r := newRig(t)
	disk := r.disk("vdb", blockdev.Virtio, "abc", 64*mib)
	// One slot of an AHDI root sector: its flag, GEM, the first sector, the size.
	sector := make([]byte, 512)
	binary.BigEndian.PutUint32(sector[0x1c2:], uint32(64*mib/512))
	copy(sector[0x1c6:], append([]byte{1}, "GEM"...))
	binary.BigEndian.PutUint32(sector[0x1ca:], 2)
	binary.BigEndian.PutUint32(sector[0x1ce:], 1000)
	if err := disk.Write(sector, 0); err != nil {
		t.Fatal(err)
	}
	if got := shell(t, "blkid", "-p", "-s", "PTTYPE", "-o", "value", disk.Path); strings.TrimSpace(got) != "atari" {
		t.Fatalf("blkid sees %q", got)
	}
	r.refused(disk, []string{"ATARI", "wipefs"}, "mountdevice", r.where("v"), r.tree.Path("vdb"), with("v", "diskId", "d-abc"))
}

func TestCase24AReadOnlyVolumeIsMountedAndNotWritten(t *testing.T) {
	r := newRig(t)
	disk := r.disk("vdb", blockdev.Virtio, "abc", 64*mib)
	options := with("v", "diskId", "d-abc", keyReadWrite, "ro")
	r.refused(disk, []string{"blank", "read-only"}, "mountdevice", r.where("v"), r.tree.Path("vdb"), options)

	shell(t, "mkfs.ext4", "-q", disk.Path)
	before := head(t, disk)
	dir := r.where("v")
	r.must("mountdevice", dir, r.tree.Path("vdb"), options)
	if err := os.WriteFile(filepath.Join(dir, "data"), nil, 0o600); err == nil {
		t.Error("the volume can be written")
	}
	r.must("unmountdevice", dir)
	if !bytes.Equal(before, head(t, disk)) {
		t.Error("the disk was written to")
	}
}

func TestCase24TheFlagsOfTheVolumeAreUsed(t *testing.T) {
	r := newRig(t)
	r.disk("vdb", blockdev.Virtio, "abc", 64*mib)
	dir := r.where("v")
	r.must("mountdevice", dir, r.tree.Path("vdb"), with("v", "diskId", "d-abc", "flags", "noatime, nodiratime"))
	if _, options := findmnt(t, dir); !strings.Contains(options, "noatime") || !strings.Contains(options, "nodiratime") {
		t.Errorf("options %s", options)
	}
}

func TestTheMkfsOptionsOfTheVolumeAreUsed(t *testing.T) {
	r := newRig(t)
	disk := r.disk("vdb", blockdev.Virtio, "abc", 64*mib)
	r.must("mountdevice", r.where("v"), r.tree.Path("vdb"), with("v", "diskId", "d-abc", "mkfsOptions", "-L data -N 4096"))
	if got := shell(t, "blkid", "-p", "-s", "LABEL", "-o", "value", disk.Path); strings.TrimSpace(got) != "data" {
		t.Errorf("label %q", got)
	}
}

func TestTwoCopiesOfAnXFSAreMountedOnOneServer(t *testing.T) {
	r := newRig(t)
	original := r.disk("vdb", blockdev.Virtio, "abc", smallXFS)
	duplicate := r.disk("vdc", blockdev.Virtio, "xyz", smallXFS)
	shell(t, "mkfs.xfs", "-q", original.Path)
	shell(t, "dd", "if="+original.Path, "of="+duplicate.Path, "bs=1M", "conv=sparse,fsync", "status=none")
	r.must("mountdevice", r.where("one"), r.tree.Path("vdb"), with("one", "diskId", "d-abc"))
	r.must("mountdevice", r.where("two"), r.tree.Path("vdc"), with("two", "diskId", "d-xyz"))
}

func TestADiskThatChangedItsNameBetweenTheCallsIsNotMounted(t *testing.T) {
	r := newRig(t)
	disk := r.disk("vdb", blockdev.Virtio, "abc", 64*mib)
	r.disk("vdc", blockdev.Virtio, "other", 64*mib)
	r.refused(disk, []string{"no longer"}, "mountdevice", r.where("v"), r.tree.Path("vdc"), with("v", "diskId", "d-abc"))
}

func TestCase26ABusyVolumeStaysMountedUntilItIsReleased(t *testing.T) {
	r := newRig(t)
	r.disk("vdb", blockdev.Virtio, "abc", 64*mib)
	dir := r.where("v")
	r.must("mountdevice", dir, r.tree.Path("vdb"), with("v", "diskId", "d-abc"))
	file, err := os.Create(filepath.Join(dir, "open"))
	if err != nil {
		t.Fatal(err)
	}
	got := r.call("unmountdevice", dir)
	if got.Status != statusFailure || !strings.Contains(got.Message, fmt.Sprint("process ", os.Getpid())) {
		t.Errorf("%+v", got)
	}
	if _, err := file.WriteString("still there"); err != nil {
		t.Errorf("the mount is gone: %v", err)
	}
	findmnt(t, dir)
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	r.must("unmountdevice", dir)
	r.must("unmountdevice", dir)
	if err := os.Remove(dir); err != nil {
		t.Fatal(err)
	}
	r.must("unmountdevice", dir)
}

func TestCase27TheFileSystemGrowsAfterTheDiskAndNotBefore(t *testing.T) {
	for _, fsType := range []string{"ext4", "xfs"} {
		t.Run(fsType, func(t *testing.T) {
			r := newRig(t)
			disk := r.disk("vdb", blockdev.Virtio, "abc", smallXFS)
			dir, options := r.where("v"), with("v", "diskId", "d-abc", keyFSType, fsType)
			r.must("mountdevice", dir, r.tree.Path("vdb"), options)
			small, larger := strconv.FormatInt(smallXFS, 10), strconv.FormatInt(2*smallXFS, 10)
			expand := []string{"expandfs", options, r.tree.Path("vdb"), dir, larger, small}
			before := capacity(t, dir)
			r.refused(disk, []string{"d-abc", small, larger}, expand...)
			if err := disk.Grow(2 * smallXFS); err != nil {
				t.Fatal(err)
			}
			if fsType == "ext4" && !mayGrowExt4(t) {
				r.growsBy("resize2fs", r.tree.Path("vdb"), expand)
				return
			}
			for range 2 {
				r.must(expand...)
			}
			if after := capacity(t, dir); after < before*3/2 {
				t.Errorf("%d bytes before and %d after", before, after)
			}
		})
	}
}

// mayGrowExt4 says whether the kernel lets this process grow a mounted ext4.
func mayGrowExt4(t *testing.T) bool {
	t.Helper()
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capget(&header, &data[0]); err != nil {
		t.Fatal(err)
	}
	return data[0].Effective&(1<<unix.CAP_SYS_RESOURCE) != 0
}

// growsBy looks at the program that the driver runs where the kernel would refuse
// the real one.
func (r *rig) growsBy(program, device string, expand []string) {
	r.t.Helper()
	r.t.Log("this process lacks CAP_SYS_RESOURCE; a stand-in takes the place of " + program)
	folder := r.t.TempDir()
	script := "#!/bin/sh\necho \"$*\" >>" + folder + "/called\n"
	if err := os.WriteFile(filepath.Join(folder, program), []byte(script), 0o755); err != nil {
		r.t.Fatal(err)
	}
	r.t.Setenv("PATH", folder+":"+os.Getenv("PATH"))
	r.must(expand...)
	if called, err := os.ReadFile(filepath.Join(folder, "called")); string(called) != device+"\n" {
		r.t.Errorf("%s was run with %q, %v", program, called, err)
	}
}

func capacity(t *testing.T, dir string) uint64 {
	t.Helper()
	var status unix.Statfs_t
	if err := unix.Statfs(dir, &status); err != nil {
		t.Fatal(err)
	}
	return status.Blocks * uint64(status.Bsize)
}

func TestCase33APodThatNamesAnotherDiskDoesNotGetTheMountedOne(t *testing.T) {
	r := newRig(t)
	r.disk("vdb", blockdev.Virtio, "abc", 64*mib)
	r.disk("vdc", blockdev.Virtio, "xyz", 64*mib)
	dir := r.where("pvc-1")
	r.must("mountdevice", dir, r.tree.Path("vdb"), with("pvc-1", "diskId", "d-abc"))
	pod := r.pod("1", "pvc-1")
	r.must("mount", pod, with("pvc-1", "diskId", "d-abc"))
	r.must("mount", pod, with("pvc-1", "diskId", "d-abc"))
	if got, _ := findmnt(t, pod); got != "ext4" {
		t.Errorf("the Pod's folder shows %s", got)
	}
	for _, other := range []string{"d-xyz", "d-missing"} {
		second := r.pod("2", "pvc-1")
		if got := r.call("mount", second, with("pvc-1", "diskId", other)); got.Status != statusFailure {
			t.Errorf("%s: %+v", other, got)
		}
		if _, mounted, err := New().mountedAt(second); mounted || err != nil {
			t.Errorf("%s: mounted %v, %v", other, mounted, err)
		}
	}
}

func TestAPodGetsNothingWhereTheDiskIsNotMounted(t *testing.T) {
	r := newRig(t)
	r.disk("vdb", blockdev.Virtio, "abc", 64*mib)
	if got := r.call("mount", r.pod("1", "v"), with("v", "diskId", "d-abc")); got.Status != statusFailure {
		t.Errorf("%+v", got)
	}
}

func TestKubeletsFolderMayBeASymbolicLink(t *testing.T) {
	r := newRig(t)
	r.disk("vdb", blockdev.Virtio, "abc", 64*mib)
	link := filepath.Join(t.TempDir(), "kubelet")
	if err := os.Symlink(r.kubelet, link); err != nil {
		t.Fatal(err)
	}
	r.kubelet = link
	dir, options := r.where("v"), with("v", "diskId", "d-abc")
	for range 2 {
		r.must("mountdevice", dir, r.tree.Path("vdb"), options)
		r.must("mount", r.pod("1", "v"), options)
	}
	if got := r.call("unmountdevice", dir); got.Status != statusSuccess {
		t.Errorf("%+v", got)
	}
}
