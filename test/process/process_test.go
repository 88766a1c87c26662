package process

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

func start(t *testing.T, script string) (*Process, Record) {
	t.Helper()
	dir := t.TempDir()
	log := filepath.Join(dir, "log")
	p, err := Start(t.Context(), Program{Name: "script", Binary: "/bin/sh", Args: []string{"-c", script, dir}, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Signal(syscall.SIGKILL); <-p.Done() })
	return p, Record{Name: "script", PID: p.PID(), Marker: dir, Log: log}
}

func TestEndStopsAProgramThatListens(t *testing.T) {
	p, record := start(t, "read never")
	if err := record.End(t.Context(), 5*time.Second); err != nil {
		t.Fatal(err)
	}
	<-p.Done()
	if record.Alive() {
		t.Error("still alive")
	}
}

func TestEndKillsAProgramThatDoesNot(t *testing.T) {
	p, record := start(t, "trap '' TERM; while :; do sleep 0.05; done")
	if err := record.End(t.Context(), 50*time.Millisecond); err != nil {
		t.Fatal(err)
	}
	<-p.Done()
}

func TestEndLeavesAProcessAloneThatIsNotTheProgram(t *testing.T) {
	p, record := start(t, "sleep 60")
	record.Marker = "/some/other/folder"
	if err := record.End(t.Context(), time.Second); err != nil {
		t.Fatal(err)
	}
	if p.Ended() != "" {
		t.Error("a foreign process was ended")
	}
}

func TestProgramIsWhereItsStartEntered(t *testing.T) {
	dir := t.TempDir()
	log := filepath.Join(dir, "log")
	p, err := Start(t.Context(), Program{
		Name: "script", Binary: "/bin/sh", Args: []string{"-c", "umask"}, Log: log,
		// The umask is a property of the thread once it shares it with no other.
		Enter: func() error {
			if err := syscall.Unshare(syscall.CLONE_FS); err != nil {
				return err
			}
			syscall.Umask(0o123)
			return nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	<-p.Done()
	output, err := os.ReadFile(log)
	if err != nil || string(output) != "0123\n" {
		t.Errorf("umask %q, %v", output, err)
	}
}

func TestFailedEntryStartsNothing(t *testing.T) {
	dir := t.TempDir()
	reason := errors.New("no such place")
	_, err := Start(t.Context(), Program{
		Name: "script", Binary: "/bin/sh", Args: []string{"-c", "echo started"}, Log: filepath.Join(dir, "log"),
		Enter: func() error { return reason },
	})
	if !errors.Is(err, reason) {
		t.Errorf("got %v", err)
	}
	if output, err := os.ReadFile(filepath.Join(dir, "log")); err != nil || len(output) > 0 {
		t.Errorf("printed %q, %v", output, err)
	}
}
