package cluster

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kube-aliyun/kube-aliyun/test/process/victim"
)

// startElsewhere starts a control plane out of another process and returns the
// function that kills that process.
func startElsewhere(t *testing.T, dir string, environment ...string) (kill func()) {
	t.Helper()
	elsewhere := victim.Start(t, append(environment, startVariable+"="+dir)...)
	t.Cleanup(func() {
		if err := Cleanup(dir); err != nil {
			t.Error(err)
		}
	})
	if line := elsewhere.Line(t); line != "ready" {
		t.Fatalf("the other process said %q", line)
	}
	return elsewhere.Kill
}

func requireGone(t *testing.T, processes []Process) {
	t.Helper()
	for _, process := range processes {
		eventually(t, process.Name+" has ended", func(context.Context) (bool, error) {
			return !processExists(process.PID), nil
		})
	}
}

// processExists does not count a dead process that nobody has waited for.
func processExists(pid int) bool {
	content, err := os.ReadFile(procFile(pid, "cmdline"))
	return err == nil && len(content) > 0
}

func TestStopLeavesNoProcess(t *testing.T) {
	c, err := Start(t.Context(), Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	processes := c.Processes()
	if err := c.Stop(); err != nil {
		t.Fatal(err)
	}
	for _, process := range processes {
		if processExists(process.PID) {
			t.Errorf("%s (pid %d) still runs", process.Name, process.PID)
		}
	}
	if err := c.Stop(); err != nil {
		t.Errorf("stopping twice: %v", err)
	}
	if _, err := Open(c.Dir()); !errors.Is(err, ErrNotRunning) {
		t.Errorf("opening a stopped control plane: got %v, want %v", err, ErrNotRunning)
	}
}

func TestProcessesEndWithACrashedParent(t *testing.T) {
	dir := t.TempDir()
	kill := startElsewhere(t, dir)
	c, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if !c.Alive() {
		t.Fatal("the control plane does not run")
	}
	processes := c.Processes()
	kill()
	requireGone(t, processes)
	if err := Cleanup(dir); err != nil {
		t.Errorf("cleaning up after the crash: %v", err)
	}
}

func TestDetachedControlPlaneOutlivesItsParent(t *testing.T) {
	dir := t.TempDir()
	kill := startElsewhere(t, dir, detachVariable+"=yes")
	kill()

	c, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if !c.Alive() {
		t.Fatal("the control plane ended with its parent")
	}
	if _, err := c.Client().CoreV1().Namespaces().List(t.Context(), metav1.ListOptions{}); err != nil {
		t.Errorf("asking the detached control plane: %v", err)
	}
	if _, err := c.KubeconfigFor("late"); err != nil {
		t.Errorf("making a kubeconfig: %v", err)
	}
	if _, err := Start(t.Context(), Options{Dir: dir}); !errors.Is(err, ErrRunning) {
		t.Errorf("starting a second one in the folder: got %v, want %v", err, ErrRunning)
	}
	processes := c.Processes()
	if err := Cleanup(dir); err != nil {
		t.Fatal(err)
	}
	requireGone(t, processes)
}

func TestRestartedServerKeepsItsData(t *testing.T) {
	c := StartForTest(t, Options{})
	createNode(t, c, "kept")
	if err := c.Kill(etcdName); err != nil {
		t.Fatal(err)
	}
	if c.Alive() {
		t.Error("a control plane without etcd is told alive")
	}
	for _, name := range []string{etcdName, apiServerName} {
		if err := c.Restart(t.Context(), name); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := c.Client().CoreV1().Nodes().Get(t.Context(), "kept", metav1.GetOptions{}); err != nil {
		t.Errorf("reading the node after the restart: %v", err)
	}
	if err := c.Restart(t.Context(), schedulerName); !errors.Is(err, ErrUnknownProgram) {
		t.Errorf("restarting what was not started: got %v, want %v", err, ErrUnknownProgram)
	}
}

func TestFailedStartNamesTheProgramAndLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	_, err := Start(t.Context(), Options{Dir: dir, KubeAPIServerArgs: []string{"--no-such-flag"}})
	if err == nil {
		t.Fatal("started with a flag that does not exist")
	}
	for _, want := range []string{apiServerName, "unknown flag: --no-such-flag", filepath.Join("logs", apiServerName+".log")} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error does not tell %q:\n%v", want, err)
		}
	}
	if _, err := Open(dir); !errors.Is(err, ErrNotRunning) {
		t.Errorf("opening after a failed start: got %v, want %v", err, ErrNotRunning)
	}
}

func TestMissingProgramsAreToldWithTheRemedy(t *testing.T) {
	t.Setenv(AssetsVariable, t.TempDir())
	_, err := Start(t.Context(), Options{Dir: t.TempDir(), Scheduler: true})
	if !errors.Is(err, ErrNoBinaries) {
		t.Fatalf("got %v, want %v", err, ErrNoBinaries)
	}
	for _, want := range []string{etcdName, apiServerName, schedulerName, "make kubernetes"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error does not tell %q: %v", want, err)
		}
	}
}
