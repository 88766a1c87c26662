package cluster

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"testing"
)

// KeepVariable names the environment variable that, when set, keeps the folders
// of the tests' control planes, for a look at their logs.
const KeepVariable = "KUBE_ALIYUN_KEEP_CLUSTER_DIR"

// StartForTest starts a control plane for one test, and stops it at the test's
// end. The test fails, with the remedy, when the programs are missing. Dir may
// be empty: a folder for temporary files is used, and removed.
//
// A control plane costs seconds and some 500 MB: prefer Shared.
func StartForTest(t testing.TB, options Options) *Cluster {
	t.Helper()
	if options.Dir == "" {
		dir, err := temporaryDir()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := removeDir(dir); err != nil {
				t.Error(err)
			}
		})
		options.Dir = dir
	}
	c, err := Start(t.Context(), options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Stop(); err != nil {
			t.Error(err)
		}
	})
	return c
}

// shared is the control plane of this test binary.
var shared struct {
	mu      sync.Mutex
	enabled bool
	options Options
	cluster *Cluster
	err     error
}

// Main runs the tests of a package and then stops the control plane that Shared
// has started, if any. It is the body of TestMain:
//
//	func TestMain(m *testing.M) { cluster.Main(m) }
//
// The shared control plane has a controller manager and a scheduler.
func Main(m *testing.M) {
	MainWith(m, Options{ControllerManager: true, Scheduler: true})
}

// MainWith is Main with options for the shared control plane.
func MainWith(m *testing.M, options Options) {
	shared.mu.Lock()
	shared.enabled, shared.options = true, options
	shared.mu.Unlock()
	code := m.Run()
	if err := stopShared(); err != nil {
		_, _ = fmt.Fprintln(os.Stderr, err)
		code = max(code, 1)
	}
	os.Exit(code)
}

// Shared returns the control plane that all tests of a package use, started by
// the first that asks. Tests keep apart by namespaces and names of their own,
// and leave no Nodes behind.
func Shared(t testing.TB) *Cluster {
	t.Helper()
	shared.mu.Lock()
	defer shared.mu.Unlock()
	if !shared.enabled {
		t.Fatal("cluster.Shared needs TestMain to call cluster.Main")
	}
	if shared.cluster == nil && shared.err == nil {
		shared.cluster, shared.err = startShared(t)
	}
	if shared.err != nil {
		t.Fatal(shared.err)
	}
	return shared.cluster
}

func startShared(t testing.TB) (*Cluster, error) {
	options := shared.options
	if options.Dir == "" {
		dir, err := temporaryDir()
		if err != nil {
			return nil, err
		}
		options.Dir = dir
	}
	c, err := Start(t.Context(), options)
	if err != nil && shared.options.Dir == "" {
		return nil, errors.Join(err, removeDir(options.Dir))
	}
	return c, err
}

func stopShared() error {
	shared.mu.Lock()
	defer shared.mu.Unlock()
	if shared.cluster == nil {
		return nil
	}
	if err := shared.cluster.Stop(); err != nil {
		return err
	}
	if shared.options.Dir != "" {
		return nil
	}
	return removeDir(shared.cluster.Dir())
}
