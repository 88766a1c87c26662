package rig

import (
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	// Not called here: cached test results depend on what the test binary is made
	// of, and this is what the tests run as a process.
	_ "github.com/kube-aliyun/kube-aliyun/pkg/manager"
)

// built is the controller that all tests of a test binary share.
var built struct {
	once sync.Once
	path string
	out  string
	err  error
}

// binary builds aliyun-controller, with the race detector when the test has it.
func binary(t testing.TB) string {
	t.Helper()
	built.once.Do(func() {
		dir := root(t)
		built.path = filepath.Join(dir, "bin", "test", "aliyun-controller")
		args := []string{"build", "-o", built.path}
		if raceDetector {
			built.path += "-race"
			args = []string{"build", "-race", "-o", built.path}
		}
		command := exec.CommandContext(t.Context(), "go", append(args, "./cmd/aliyun-controller")...) // #nosec G204 -- our own program
		command.Dir = dir
		out, err := command.CombinedOutput()
		built.out, built.err = string(out), err
	})
	if built.err != nil {
		t.Fatalf("go build ./cmd/aliyun-controller: %v\n%s", built.err, built.out)
	}
	return built.path
}

// root is the repository's folder: the nearest one above with a go.mod.
func root(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			t.Fatal("no go.mod above the working directory")
		}
		dir = parent
	}
}

func kubectl(t testing.TB) string {
	t.Helper()
	if assets := os.Getenv("KUBEBUILDER_ASSETS"); assets != "" {
		return filepath.Join(assets, "kubectl")
	}
	return filepath.Join(root(t), "bin", "kubernetes", "kubectl")
}
