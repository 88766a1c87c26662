package cluster

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/kube-aliyun/kube-aliyun/test/process"
)

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

// marker is what the arguments of every program of the control plane in dir
// hold: each has a file of the folder among them.
func marker(dir string) string { return dir + "/" }

// belongsTo tells whether a process runs and is of the control plane in dir.
func belongsTo(pid int, dir string) bool {
	return process.Record{PID: pid, Marker: marker(dir)}.Alive()
}

// killAll ends those of the processes that belong to the control plane in dir,
// and waits until they are gone. Nothing in a control plane of ours is worth a
// graceful end, which would take seconds.
func killAll(pids []int, dir string) error {
	records := make([]process.Record, len(pids))
	for i, pid := range pids {
		records[i] = process.Record{Name: "program of the control plane", PID: pid, Marker: marker(dir)}
	}
	return process.KillAll(records...)
}
