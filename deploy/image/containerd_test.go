package image

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/kube-aliyun/kube-aliyun/test/process"
)

// containerd starts a containerd of the test's own. It returns the folder with
// everything that it keeps, and a function that runs ctr with it.
func containerd(t *testing.T) (dir string, ctr func(args ...string) (string, error)) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("containerd needs root")
	}
	for _, name := range []string{"containerd", "ctr", "runc"} {
		if _, err := exec.LookPath(name); err != nil {
			t.Skipf("%s is not installed (make setup)", name)
		}
	}
	binary, err := exec.LookPath("containerd")
	if err != nil {
		t.Fatal(err)
	}
	dir = t.TempDir()
	socket, config := filepath.Join(dir, "s"), filepath.Join(dir, "config.toml")
	if err := os.WriteFile(config, []byte("version = 2\ndisabled_plugins = [\"io.containerd.grpc.v1.cri\"]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	p, err := process.Start(t.Context(), process.Program{
		Name: "containerd", Binary: binary, Log: filepath.Join(dir, "log"),
		Args: []string{"--config", config, "--root", filepath.Join(dir, "root"), "--state", filepath.Join(dir, "state"), "--address", socket},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 20*time.Second)
		defer cancel()
		if err := errors.Join(p.Signal(syscall.SIGTERM), p.Wait(ctx)); err != nil {
			t.Error(err)
		}
	})
	run := func(args ...string) (string, error) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		out, err := exec.CommandContext(ctx, "ctr", append([]string{"--address", socket, "--connect-timeout", "20s"}, args...)...).CombinedOutput()
		return string(out), err
	}
	if out, err := run("version"); err != nil {
		log, _ := os.ReadFile(filepath.Join(dir, "log"))
		t.Fatalf("containerd does not start: %v\n%s%s", err, out, bytes.TrimSpace(log))
	}
	return dir, run
}

func TestContainerdImportsAndRunsTheArchive(t *testing.T) {
	dir, ctr := containerd(t)
	const name = "localhost/kube-aliyun/aliyun-controller:local"
	archive := filepath.Join(t.TempDir(), "image.tar")
	if err := WriteArchive(archive, controller(t, runtime.GOARCH), name); err != nil {
		t.Fatal(err)
	}
	if out, err := ctr("images", "import", "--snapshotter", "native", archive); err != nil {
		t.Fatalf("import: %v\n%s", err, out)
	}
	if out, err := ctr("images", "list", "--quiet"); err != nil || strings.TrimSpace(out) != name {
		t.Errorf("images: %v\n%s", err, out)
	}
	// The program prints its user and group, its arguments, and whether it could
	// not write into the root file system.
	out, err := ctr("run", "--rm", "--snapshotter", "native", "--read-only", "--cgroup", "",
		"--fifo-dir", filepath.Join(dir, "fifo"), "--runc-root", filepath.Join(dir, "runc"), name, "test")
	if err != nil {
		t.Fatalf("run: %v\n%s", err, out)
	}
	if got := strings.TrimSpace(out); got != "65532 65532 [] true" {
		t.Errorf("in the container it says %q", got)
	}
}
