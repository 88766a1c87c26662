package process

import (
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
