package kubelet

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// controlGroups is where they are mounted: a hierarchy per controller (version 1),
// or one for all (version 2).
const controlGroups = "/sys/fs/cgroup"

// delegate hands the controllers of version 2 down to the group at path: kubelet
// asks for them there. In version 1 there is nothing to do.
func delegate(path string) {
	dir := controlGroups
	for part := range strings.SplitSeq(strings.Trim(path, "/"), "/") {
		offered, err := os.ReadFile(filepath.Join(dir, "cgroup.controllers")) // #nosec G304 -- a file of the kernel
		if err != nil {
			return
		}
		for controller := range strings.FieldsSeq(string(offered)) {
			// One that cannot be had is missed by kubelet, which says so.
			_ = os.WriteFile(filepath.Join(dir, "cgroup.subtree_control"), []byte("+"+controller), 0)
		}
		dir = filepath.Join(dir, part)
	}
}

// groups lists the control groups at and below a path, in every hierarchy, outer
// ones first.
func groups(path string) []string {
	roots, _ := filepath.Glob(filepath.Join(controlGroups, "*", path)) // a constant pattern
	var found []string
	for _, root := range append(roots, filepath.Join(controlGroups, path)) {
		_ = filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
			if err == nil && entry.IsDir() {
				found = append(found, path)
			}
			return nil // a group that goes meanwhile is none
		})
	}
	return found
}

// endTimeout bounds the end of a node's processes.
const endTimeout = 20 * time.Second

// killGroup kills what runs in a control group and below until nothing does, and
// removes it.
func killGroup(ctx context.Context, path string) error {
	ctx, cancel := context.WithTimeout(ctx, endTimeout)
	defer cancel()
	for {
		for _, pid := range members(path) {
			_ = unix.Kill(pid, unix.SIGKILL)
		}
		// A group is busy a moment longer than it has processes: as long as one is
		// ending, or the thread of ours that started it.
		err := removeGroups(path)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("processes %v do not end: %w", members(path), err)
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// removeGroups removes control groups that are empty, inner ones first.
func removeGroups(path string) error {
	for _, dir := range slices.Backward(groups(path)) {
		if err := os.Remove(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("control group: %w", err)
		}
	}
	return nil
}

// members are the processes in a control group and below.
func members(path string) []int {
	found := map[int]bool{}
	for _, dir := range groups(path) {
		content, err := os.ReadFile(filepath.Join(dir, "cgroup.procs")) // #nosec G304 -- a file of the kernel
		if err != nil {
			continue
		}
		for field := range strings.FieldsSeq(string(content)) {
			if pid, err := strconv.Atoi(field); err == nil && pid != os.Getpid() {
				found[pid] = true
			}
		}
	}
	pids := make([]int, 0, len(found))
	for pid := range found {
		pids = append(pids, pid)
	}
	return pids
}
