package flexvolume

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/kube-aliyun/kube-aliyun/test/blockdev"
)

// answer is what a caller learns from a process of the driver.
type answer struct {
	Status, Message, Device string
	Attached                *bool
	Capabilities            map[string]bool
	exit                    int
}

// runDriver runs the program as Kubernetes does, standard output and standard
// error together, and fails unless all of it is one JSON object.
func runDriver(t *testing.T, program string, env []string, attributes *syscall.SysProcAttr, arguments ...string) answer {
	t.Helper()
	command := exec.CommandContext(t.Context(), program, arguments...)
	command.Env = append(os.Environ(), env...)
	command.SysProcAttr = attributes
	out, err := command.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	var got answer
	decoder := json.NewDecoder(bytes.NewReader(out))
	if err := decoder.Decode(&got); err != nil || decoder.More() {
		t.Fatalf("%v printed what is not one JSON object (%v):\n%s", arguments, err, out)
	}
	got.exit = command.ProcessState.ExitCode()
	if (got.exit == 0) != (got.Status == "Success") {
		t.Errorf("%v: status %q with exit status %d", arguments, got.Status, got.exit)
	}
	return got
}

// rig is a server: disks in a tree of devices, and kubelet's folders.
type rig struct {
	t       *testing.T
	tree    *blockdev.Tree
	kubelet string
	program string
}

func newRig(t *testing.T) *rig {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("loop devices and mounts take root")
	}
	for _, program := range []string{"mkfs.ext4", "mkfs.xfs", "blkid", "mount"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("%s is missing; 'sudo make setup' installs it", program)
		}
	}
	_, program := built(t)
	tree, err := blockdev.NewTree(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return &rig{t: t, tree: tree, kubelet: t.TempDir(), program: program}
}

// disk makes a disk that the kernel shows under the name.
func (r *rig) disk(name string, kind blockdev.Kind, serial string, size int64) *blockdev.Loop {
	r.t.Helper()
	loop, err := blockdev.NewLoop(filepath.Join(r.t.TempDir(), name), size)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() {
		if err := loop.Close(); err != nil {
			r.t.Error(err)
		}
	})
	if err := r.tree.Add(name, kind, serial, loop); err != nil {
		r.t.Fatal(err)
	}
	return loop
}

// call runs the driver without any network.
func (r *rig) call(arguments ...string) answer {
	r.t.Helper()
	return runDriver(r.t, r.program, []string{treeForTests + "=" + r.tree.Root(), LogVariable + "=off"},
		&syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNET}, arguments...)
}

// must is a call that succeeds.
func (r *rig) must(arguments ...string) answer {
	r.t.Helper()
	got := r.call(arguments...)
	if got.Status != "Success" {
		r.t.Fatalf("%v: %s", arguments, got.Message)
	}
	return got
}

// where is the folder in which kubelet has the volume's disk mounted. The test
// ends with nothing there.
func (r *rig) where(volume string) string {
	dir := r.kubelet + mountsFolder + volume
	r.t.Cleanup(func() {
		for unix.Unmount(dir, 0) == nil {
			continue
		}
	})
	return dir
}

// pod is a Pod's folder for the volume.
func (r *rig) pod(uid, volume string) string {
	dir := filepath.Join(r.kubelet, "pods", uid) + volumesFolder + volume
	r.t.Cleanup(func() { _ = unix.Unmount(dir, 0) })
	return dir
}

// with are the options of a volume as kubelet passes them; pairs follow the name.
func with(name string, pairs ...string) string {
	all := map[string]string{keyFSType: "", keyReadWrite: "rw", keyName: name}
	user := map[string]string{}
	for i := 0; i < len(pairs); i += 2 {
		user[pairs[i]] = pairs[i+1]
	}
	maps.Copy(all, user)
	text, err := json.Marshal(all)
	if err != nil {
		panic(err)
	}
	return string(text)
}

// findmnt is what is mounted at the folder: its type and options.
func findmnt(t *testing.T, dir string) (fsType, options string) {
	t.Helper()
	d := New()
	there, mounted, err := d.mountedAt(dir)
	if err != nil || !mounted {
		t.Fatalf("%s is not mounted (%v)", dir, err)
	}
	return there.FsType, join(there.MountOptions) + "," + join(there.SuperOptions)
}

func join(list []string) string {
	var text string
	for _, one := range list {
		text += one + ","
	}
	return text
}

// shell runs a program of the machine and returns what it prints.
func shell(t *testing.T, name string, arguments ...string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), name, arguments...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %v: %v\n%s", name, arguments, err, out)
	}
	return string(out)
}
