package flexvolume

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"
)

// install runs the program's own installer.
func install(t *testing.T, program, plugins string) string {
	t.Helper()
	return shell(t, program, "--install="+plugins)
}

func TestCase06TheDriverIsReplacedUnderRunningCalls(t *testing.T) {
	released, forTree := built(t)
	plugins := filepath.Join(t.TempDir(), "exec")
	install(t, released, plugins)
	driver := filepath.Join(plugins, folderName, fileName)
	removed := watchRemovals(t, filepath.Dir(driver))

	stop := make(chan struct{})
	var callers sync.WaitGroup
	for range 2 {
		callers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if out, err := exec.CommandContext(t.Context(), driver, "init").CombinedOutput(); err != nil || !strings.Contains(string(out), `"Success"`) {
					t.Errorf("a call during the replacement: %v, %q", err, out)
					return
				}
			}
		})
	}
	for i := range 100 {
		install(t, []string{forTree, released}[i%2], plugins)
	}
	close(stop)
	callers.Wait()
	if names := removed(); len(names) > 0 {
		t.Errorf("removed or moved away: %v", names)
	}
}

// watchRemovals tells which files that Kubernetes looks at went from the folder.
func watchRemovals(t *testing.T, folder string) func() []string {
	t.Helper()
	watch, err := unix.InotifyInit1(unix.IN_NONBLOCK | unix.IN_CLOEXEC)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := unix.InotifyAddWatch(watch, folder, unix.IN_DELETE|unix.IN_MOVED_FROM|unix.IN_DELETE_SELF|unix.IN_MOVE_SELF); err != nil {
		t.Fatal(err)
	}
	return func() []string {
		defer func() { _ = unix.Close(watch) }()
		var names []string
		buffer := make([]byte, 1<<16)
		for {
			n, err := unix.Read(watch, buffer)
			if err != nil || n <= 0 {
				return names
			}
			for at := 0; at < n; {
				length := int(buffer[at+12])
				name := strings.TrimRight(string(buffer[at+16:at+16+length]), "\x00")
				if !strings.HasPrefix(name, ".") {
					names = append(names, name)
				}
				at += 16 + length
			}
		}
	}
}

func TestCase06AnUnchangedDriverIsNotRewritten(t *testing.T) {
	released, _ := built(t)
	plugins := t.TempDir()
	install(t, released, plugins)
	driver := filepath.Join(plugins, folderName, fileName)
	before, err := os.Stat(driver)
	if err != nil {
		t.Fatal(err)
	}
	if out := install(t, released, plugins); !strings.Contains(out, "changed: false") {
		t.Errorf("it says %q", out)
	}
	if after, err := os.Stat(driver); err != nil || !os.SameFile(before, after) || !after.ModTime().Equal(before.ModTime()) {
		t.Errorf("the file was written again (%v)", err)
	}
	if mode := before.Mode().Perm(); mode != 0o755 {
		t.Errorf("mode %o: kube-controller-manager may be any user", mode)
	}
}

func TestCase06ACopyThatDoesNotRunIsNotInstalled(t *testing.T) {
	released, _ := built(t)
	plugins := t.TempDir()
	install(t, released, plugins)
	broken := filepath.Join(t.TempDir(), "half")
	if err := os.WriteFile(broken, []byte("\x7fELF"), 0o755); err != nil {
		t.Fatal(err)
	}
	if changed, err := Install(t.Context(), broken, plugins); err == nil || changed {
		t.Errorf("installed: %v, %v", changed, err)
	}
	shell(t, filepath.Join(plugins, folderName, fileName), "init")
	if left, err := filepath.Glob(filepath.Join(plugins, folderName, ".*")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestTheDriverStaysWhileAVolumeIsOnTheNode(t *testing.T) {
	released, _ := built(t)
	plugins, kubelet := t.TempDir(), t.TempDir()
	install(t, released, plugins)
	volume := filepath.Join(kubelet, "pods/1") + volumesFolder + "v"
	if err := os.MkdirAll(volume, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := Uninstall(plugins, kubelet); err == nil || !strings.Contains(err.Error(), volume) {
		t.Errorf("error %v", err)
	}
	shell(t, filepath.Join(plugins, folderName, fileName), "init")
	if err := os.Remove(volume); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := Uninstall(plugins, kubelet); err != nil {
			t.Fatal(err)
		}
	}
	if left, err := os.ReadDir(plugins); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	if err := Uninstall(filepath.Join(plugins, "missing"), kubelet); err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}

func TestTheSocketsFolderIsTheControllers(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("giving a folder away takes root")
	}
	released, _ := built(t)
	folder := filepath.Join(t.TempDir(), "kube-aliyun", "volumes")
	for range 2 {
		shell(t, released, "--socket-dir="+folder, "--owner=65532")
	}
	var status unix.Stat_t
	if err := unix.Stat(folder, &status); err != nil || status.Uid != 65532 || status.Gid != 65532 || status.Mode&0o777 != 0o750 {
		t.Errorf("owner %d:%d, mode %o, %v", status.Uid, status.Gid, status.Mode&0o777, err)
	}
}
