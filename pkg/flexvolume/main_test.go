package flexvolume

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"k8s.io/klog/v2"
)

const (
	// asDriver makes this test binary a driver with calls that misbehave.
	asDriver = "FLEXV_TEST_AS_DRIVER"
	// isolated marks the process that has a mount namespace of its own.
	isolated = "FLEXV_TEST_ISOLATED"
	// treeForTests is the environment variable with the tree of devices.
	treeForTests = "FLEXV_TEST_TREE"
)

// TestMain gives root a mount namespace: what a killed test has mounted goes
// with it, and with that its loop devices.
func TestMain(m *testing.M) {
	switch {
	case os.Getenv(asDriver) != "":
		os.Exit(misbehave())
	case os.Getuid() == 0 && os.Getenv(isolated) == "":
		os.Exit(isolate())
	}
	code := m.Run()
	if programs.dir != "" {
		_ = os.RemoveAll(programs.dir)
	}
	os.Exit(code)
}

func isolate() int {
	command := exec.CommandContext(context.Background(), "/proc/self/exe", os.Args[1:]...)
	command.Env = append(os.Environ(), isolated+"=1")
	command.Stdout, command.Stderr = os.Stdout, os.Stderr
	command.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS, Pdeathsig: syscall.SIGKILL}
	if err := command.Run(); err != nil {
		if exit, ok := err.(*exec.ExitError); ok { //nolint:errorlint // as Run returns it
			return exit.ExitCode()
		}
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// misbehave runs the driver with calls that panic and print.
func misbehave() int {
	out, err := ClaimOutput()
	if err != nil {
		return 2
	}
	d := New()
	d.calls["panic"] = call{0, time.Minute, func(context.Context, []string) (reply, error) { panic("100% \"wrong\"\n错") }}
	d.calls["noise"] = call{0, time.Minute, func(ctx context.Context, _ []string) (reply, error) {
		fmt.Println("a library prints")
		fmt.Fprintln(os.Stderr, "and complains")
		klog.Error("so does mount-utils")
		klog.FromContext(ctx).V(5).Info("at any verbosity")
		child := exec.CommandContext(ctx, "sh", "-c", "echo a child; echo prints >&2")
		child.Stdout, child.Stderr = os.Stdout, os.Stderr
		return reply{}, child.Run()
	}}
	return d.Run(context.Background(), os.Args[1:], out)
}

// programs are the driver as users get it, and the one that searches a tree.
var programs struct {
	once              sync.Once
	dir               string
	released, forTree string
	err               error
}

func built(t *testing.T) (released, forTree string) {
	t.Helper()
	programs.once.Do(func() {
		//nolint:usetesting // all tests use them; TestMain removes them
		if programs.dir, programs.err = os.MkdirTemp("", "flexv-test-"); programs.err != nil {
			return
		}
		programs.released, programs.forTree = filepath.Join(programs.dir, "flexv"), filepath.Join(programs.dir, "flexv-tree")
		for path, flags := range map[string]string{
			programs.released: "-s -w",
			programs.forTree:  "-s -w -X github.com/kube-aliyun/kube-aliyun/pkg/flexvolume.treeVariable=" + treeForTests,
		} {
			command := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-ldflags", flags, "-o", path, "../../cmd/aliyun-flexv")
			command.Env = append(os.Environ(), "CGO_ENABLED=0")
			if out, err := command.CombinedOutput(); err != nil {
				programs.err = fmt.Errorf("%w\n%s", err, out)
			}
		}
	})
	if programs.err != nil {
		t.Fatal(programs.err)
	}
	return programs.released, programs.forTree
}
