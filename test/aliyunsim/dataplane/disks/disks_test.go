package disks

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/network"
)

const mebibyte = 1 << 20

// world is Disks of two servers, i-1 with virtio disks and i-2 with NVMe ones.
type world struct {
	*testing.T
	*Disks

	net network.Network
}

func newWorld(t *testing.T) *world {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("loop devices take root")
	}
	w := &world{T: t, Disks: New(t.TempDir()), net: network.Network{Servers: []network.Server{{ID: "i-1"}, {ID: "i-2"}}}}
	t.Cleanup(func() {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
		if left := bound(t, w.dir); len(left) > 0 {
			t.Errorf("left behind: %v", left)
		}
	})
	return w
}

// bound are the loop devices over files of the folder.
func bound(t *testing.T, dir string) (names []string) {
	t.Helper()
	files, err := filepath.Glob("/sys/block/loop*/loop/backing_file")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if content, err := os.ReadFile(file); err == nil && strings.HasPrefix(string(content), dir) {
			names = append(names, file)
		}
	}
	return names
}

// put has the disk on a server with the size, or on none.
func (w *world) put(disk, server string, size int64) {
	w.Helper()
	d := network.Disk{ID: "d-" + disk, Serial: disk}
	if server != "" {
		d.Uses = []network.DiskUse{{Server: server, Size: size, NVMe: server == "i-2"}}
	}
	for i := range w.net.Disks {
		if w.net.Disks[i].ID == d.ID {
			w.net.Disks[i] = d
			w.apply()
			return
		}
	}
	w.net.Disks = append(w.net.Disks, d)
	w.apply()
}

func (w *world) apply() {
	w.Helper()
	if err := w.Apply(w.net); err != nil {
		w.Fatal(err)
	}
}

// seen are the serial numbers that a server's sys shows, with the devices.
func (w *world) seen(server string) map[string]string {
	w.Helper()
	devices := map[string]string{}
	for _, pattern := range []string{"*/serial", "*/device/serial"} {
		files, err := filepath.Glob(filepath.Join(w.Tree(server), "sys/block", pattern))
		if err != nil {
			w.Fatal(err)
		}
		for _, file := range files {
			content, err := os.ReadFile(file)
			if err != nil {
				w.Fatal(err)
			}
			name, _, _ := strings.Cut(strings.TrimPrefix(file, filepath.Join(w.Tree(server), "sys/block")+"/"), "/")
			devices[strings.TrimSpace(string(content))] = filepath.Join(w.Tree(server), "dev", name)
		}
	}
	return devices
}

func sizeOf(t *testing.T, device string) int64 {
	t.Helper()
	file, err := os.Open(device)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	end, err := file.Seek(0, 2)
	if err != nil {
		t.Fatal(err)
	}
	return end
}

func TestDiskIsOnTheServersThatSeeIt(t *testing.T) {
	w := newWorld(t)
	const many = 12 // more than the eight devices that kernels begin with
	for i := range many {
		w.put(fmt.Sprintf("serial%d", i), "i-1", mebibyte)
	}
	w.put("other", "i-2", mebibyte)
	if one, two := w.seen("i-1"), w.seen("i-2"); len(one) != many || len(two) != 1 || two["other"] == "" {
		t.Fatalf("i-1 has %v, i-2 has %v", one, two)
	}
	for _, link := range []string{w.Tree("i-1") + "/dev/disk/by-id/virtio-serial3", w.Tree("i-2") + "/dev/disk/by-id/" + nvmeLink + "other"} {
		if sizeOf(t, link) != mebibyte {
			t.Errorf("%s leads to no disk of that size", link)
		}
	}
	w.put("serial3", "", 0)
	one := w.seen("i-1")
	if len(one) != many-1 || one["serial3"] != "" {
		t.Errorf("after it has lost one, i-1 has %v", one)
	}
	for serial, device := range one {
		if sizeOf(t, device) != mebibyte {
			t.Errorf("%s of %s is no disk any more", device, serial)
		}
	}
}

func TestDiskGrowsWhenTheServerIsTold(t *testing.T) {
	w := newWorld(t)
	w.put("grows", "i-2", mebibyte)
	w.put("grows", "i-2", 3*mebibyte)
	if size := sizeOf(t, w.seen("i-2")["grows"]); size != 3*mebibyte {
		t.Errorf("it has %d bytes", size)
	}
}

func TestContentGoesWithTheDisk(t *testing.T) {
	w := newWorld(t)
	w.put("moves", "i-1", mebibyte)
	if err := os.WriteFile(w.seen("i-1")["moves"], []byte("content"), 0); err != nil {
		t.Fatal(err)
	}
	w.put("moves", "", 0)
	w.put("moves", "i-2", mebibyte)
	content, err := os.ReadFile(w.seen("i-2")["moves"])
	if err != nil || !strings.HasPrefix(string(content), "content") {
		t.Errorf("i-2 reads %.20q: %v", content, err)
	}
	if got := w.Unplugged(); len(got) != 1 || got[0] != (network.Unplugged{Disk: "d-moves", Server: "i-1"}) {
		t.Errorf("unplugged are %+v", got)
	}
	w.net.Disks = nil
	w.apply()
	if _, err := os.Stat(w.file("d-moves")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the file of a deleted disk: %v", err)
	}
}

// mounted runs do while a device is mounted, in a mount namespace of its own.
func mounted(t *testing.T, device string, do func(dir string) error) error {
	t.Helper()
	dir := t.TempDir()
	if out, err := exec.CommandContext(t.Context(), "mkfs.ext4", "-q", device).CombinedOutput(); err != nil {
		t.Fatalf("mkfs.ext4: %v\n%s", err, out)
	}
	result := make(chan error)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
		err := unix.Unshare(unix.CLONE_FS | unix.CLONE_NEWNS)
		if err == nil {
			err = unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, "")
		}
		if err == nil {
			err = unix.Mount(device, dir, "ext4", 0, "")
		}
		if err == nil {
			err = do(dir)
			err = errors.Join(err, unix.Unmount(dir, 0))
		}
		result <- err
	}()
	return <-result
}

func TestMountedDiskIsTornOutAndKeepsWhatWasSaved(t *testing.T) {
	w := newWorld(t)
	w.put("torn", "i-1", 16*mebibyte)
	err := mounted(t, w.seen("i-1")["torn"], func(dir string) error {
		if err := os.WriteFile(filepath.Join(dir, "saved"), []byte("before"), 0o600); err != nil {
			return err
		}
		unix.Sync()
		w.net.Disks[0].Uses = nil
		if err := w.Apply(w.net); err != nil {
			return err
		}
		file, err := os.Create(filepath.Join(dir, "late"))
		if err == nil {
			_, err = file.WriteString("after")
			err = errors.Join(err, file.Sync(), file.Close())
		}
		if err == nil {
			w.Error("the server still writes to it")
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(w.seen("i-1")) != 0 {
		t.Error("the server sees it still")
	}
	if got := w.Unplugged(); len(got) != 1 || !got[0].Used {
		t.Errorf("unplugged are %+v", got)
	}
	w.put("torn", "i-2", 16*mebibyte)
	device := w.seen("i-2")["torn"]
	out, err := exec.CommandContext(t.Context(), "debugfs", "-R", "cat saved", device).Output()
	if err != nil || string(out) != "before" {
		t.Errorf("the next server reads %q: %v", out, err)
	}
}
