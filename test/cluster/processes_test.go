package cluster

import (
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"k8s.io/client-go/kubernetes/fake"
)

// sleeper runs a process that has the argument in its command line.
func sleeper(t *testing.T, argument string) int {
	t.Helper()
	command := exec.CommandContext(t.Context(), "sh", "-c", "sleep 60 & wait", argument)
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = command.Process.Kill()
		_ = command.Wait()
	})
	return command.Process.Pid
}

func recordPID(t *testing.T, dir string, pid int) {
	t.Helper()
	record := state{Components: []component{{Name: etcdName, PID: pid}}}
	if err := record.save(dir); err != nil {
		t.Fatal(err)
	}
}

func TestCleanupEndsARecordedProcessOfTheFolder(t *testing.T) {
	dir := t.TempDir()
	pid := sleeper(t, "--data-dir="+dir+"/etcd")
	recordPID(t, dir, pid)
	if err := Cleanup(dir); err != nil {
		t.Fatal(err)
	}
	if processExists(pid) {
		t.Errorf("process %d still runs", pid)
	}
}

func TestCleanupSparesAProcessThatHasTheOldID(t *testing.T) {
	for name, argument := range map[string]func(dir string) string{
		"of something else":          func(string) string { return "--data-dir=/elsewhere/etcd" },
		"of a folder of longer name": func(dir string) string { return "--data-dir=" + dir + "0/etcd" },
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			pid := sleeper(t, argument(dir))
			recordPID(t, dir, pid)
			if err := Cleanup(dir); err != nil {
				t.Fatal(err)
			}
			if !processExists(pid) {
				t.Errorf("process %d was ended", pid)
			}
		})
	}
}

func TestCleanupOfNothingIsNoError(t *testing.T) {
	if err := Cleanup(filepath.Join(t.TempDir(), "absent")); err != nil {
		t.Error(err)
	}
	if err := Cleanup(t.TempDir()); err != nil {
		t.Error(err)
	}
}

func TestSweepRemovesOnlyWhatACrashLeft(t *testing.T) {
	parent := t.TempDir()
	dead := ownProcess()
	dead.Start = "1"
	cases := map[string]struct {
		record state
		stays  bool
	}{
		"crashed":  {record: state{Owner: dead}},
		"running":  {record: state{Owner: ownProcess()}, stays: true},
		"detached": {record: state{Owner: dead, Detached: true}, stays: true},
	}
	for name, test := range cases {
		dir := filepath.Join(parent, temporaryPrefix+name)
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := test.record.save(dir); err != nil {
			t.Fatal(err)
		}
	}
	if err := sweep(parent); err != nil {
		t.Fatal(err)
	}
	for name, test := range cases {
		_, err := os.Stat(filepath.Join(parent, temporaryPrefix+name))
		if (err == nil) != test.stays {
			t.Errorf("%s: stays %t, want %t", name, err == nil, test.stays)
		}
	}
}

func TestTakenPortIsToldApartFromOtherFailures(t *testing.T) {
	dir := t.TempDir()
	log := filepath.Join(dir, "log")
	p := endedChild(t)
	comp := component{Name: apiServerName, Log: log}

	if err := os.WriteFile(log, []byte("listen tcp 127.0.0.1:1: bind: address already in use\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := endedError(comp, p); !errors.Is(err, errPortTaken) {
		t.Errorf("got %v, want %v", err, errPortTaken)
	}
	if err := os.WriteFile(log, []byte("bad flag\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := endedError(comp, p); errors.Is(err, errPortTaken) || !errors.Is(err, errEnded) {
		t.Errorf("got %v, want %v", err, errEnded)
	}
}

func TestProgramMovesToAnotherPortWhenItsPortIsTaken(t *testing.T) {
	taken, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = taken.Close() })
	tries := 0
	c := bareCluster(t)
	c.choosePort = func(ctx context.Context, host string) (int, error) {
		tries++
		if address, ok := taken.Addr().(*net.TCPAddr); ok && tries == 1 {
			return address.Port, nil
		}
		return freePort(ctx, host)
	}
	if err := c.launch(t.Context(), etcdName); err != nil {
		t.Fatal(err)
	}
	if tries != 2 {
		t.Errorf("ports tried: got %d, want 2", tries)
	}
}

// bareCluster is a control plane whose programs are not started yet.
func bareCluster(t *testing.T) *Cluster {
	t.Helper()
	o, err := Options{Dir: t.TempDir()}.withDefaults()
	if err != nil {
		t.Fatal(err)
	}
	c := &Cluster{options: o, dir: o.Dir, children: map[string]*child{}, choosePort: freePort}
	if err := c.prepare(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Stop(); err != nil {
			t.Error(err)
		}
	})
	return c
}

func TestControllerManagerThatEndsAfterItWasHealthyIsToldAtOnce(t *testing.T) {
	ended := endedChild(t)
	c := &Cluster{
		options:  Options{StartTimeout: defaultStartTimeout},
		client:   fake.NewClientset(),
		record:   state{Components: []component{{Name: controllerManagerName}}},
		children: map[string]*child{controllerManagerName: ended},
	}
	if err := c.waitServiceAccount(t.Context()); !errors.Is(err, errEnded) {
		t.Errorf("got %v, want %v", err, errEnded)
	}
}

// endedChild is a program that has ended with a failure.
func endedChild(t *testing.T) *child {
	t.Helper()
	p, err := startChild(t.Context(), component{Name: "false", Binary: "/bin/false", Log: filepath.Join(t.TempDir(), "log")}, false, "")
	if err != nil {
		t.Fatal(err)
	}
	<-p.Done()
	return p
}
