package cluster

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// endTimeout bounds the wait for a killed process to be gone.
const endTimeout = 10 * time.Second

// processID names one process for good: process ids are used again, a process
// id together with its start time is not.
type processID struct {
	PID   int    `json:"pid"`
	Start string `json:"start"`
}

func ownProcess() processID {
	pid := os.Getpid()
	return processID{PID: pid, Start: startTime(pid)}
}

func (p processID) alive() bool {
	return p.Start != "" && startTime(p.PID) == p.Start
}

// startTime returns the kernel's start time of a process (field 22 of
// /proc/PID/stat, counted behind the name, which may hold spaces), or "" when
// there is no such process.
func startTime(pid int) string {
	content, err := os.ReadFile(procFile(pid, "stat"))
	if err != nil {
		return ""
	}
	_, rest, found := strings.Cut(string(content[bytes.LastIndexByte(content, ')')+1:]), " ")
	fields := strings.Fields(rest)
	if !found || len(fields) < 20 {
		return ""
	}
	return fields[19]
}

func procFile(pid int, name string) string {
	return filepath.Join("/proc", strconv.Itoa(pid), name)
}

// belongsTo tells whether a process runs and is of the control plane in dir:
// each of our programs has a file of the folder among its arguments. A dead
// process that nobody has waited for has no arguments left.
func belongsTo(pid int, dir string) bool {
	if pid <= 1 {
		return false
	}
	arguments, err := os.ReadFile(procFile(pid, "cmdline"))
	return err == nil && bytes.Contains(arguments, []byte(dir+"/"))
}

// killAll ends those of the processes that belong to the control plane in dir,
// and waits until they are gone. Nothing in a control plane of ours is worth a
// graceful end, which would take seconds.
func killAll(pids []int, dir string) error {
	problems := make([]error, 0, 2*len(pids))
	for _, pid := range pids {
		problems = append(problems, kill(pid, dir))
	}
	deadline := time.Now().Add(endTimeout)
	for _, pid := range pids {
		problems = append(problems, waitGone(pid, dir, deadline))
	}
	return errors.Join(problems...)
}

func kill(pid int, dir string) error {
	// The handle comes first: what is looked at is then what is killed, even
	// if the process ends in between and its id is used again.
	process, err := os.FindProcess(pid)
	if err != nil {
		return fmt.Errorf("finding process %d: %w", pid, err)
	}
	defer func() { _ = process.Release() }()
	if !belongsTo(pid, dir) {
		return nil
	}
	if err := process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("ending process %d: %w", pid, err)
	}
	return nil
}

var errStillThere = errors.New("the process has not ended")

func waitGone(pid int, dir string, deadline time.Time) error {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for belongsTo(pid, dir) {
		if time.Now().After(deadline) {
			return fmt.Errorf("waiting for process %d: %w", pid, errStillThere)
		}
		<-tick.C
	}
	return nil
}
