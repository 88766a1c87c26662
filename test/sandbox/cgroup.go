package sandbox

import (
	"bytes"
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

// controlGroups is where the kernel's control groups are mounted: a hierarchy
// per controller, or one for all (version 2).
const controlGroups = "/sys/fs/cgroup"

// Cgroup is a control group, under every controller.
type Cgroup struct {
	// Path is its path below each hierarchy, as kubelet's cgroupRoot has it.
	Path string
	dirs []string
}

// Cgroup makes a control group. What runs in it, and in groups below it, ends
// with the sandbox.
func (s *Sandbox) Cgroup(name string) (*Cgroup, error) {
	g := &Cgroup{Path: "/" + filepath.Join(s.id, name)}
	hierarchies, err := hierarchies()
	if err != nil {
		return nil, err
	}
	for _, hierarchy := range hierarchies {
		dir := filepath.Join(hierarchy, g.Path)
		if err := makeGroup(hierarchy, filepath.Join(s.id, name)); err != nil {
			return nil, fmt.Errorf("control group %s: %w", dir, err)
		}
		g.dirs = append(g.dirs, dir)
	}
	return g, nil
}

// Join moves the calling thread into the group; programs that it starts are born
// in it. The caller has locked its goroutine to the thread and never unlocks it.
func (g *Cgroup) Join() error {
	for _, dir := range g.dirs {
		file := filepath.Join(dir, "tasks")
		if _, err := os.Stat(file); errors.Is(err, fs.ErrNotExist) {
			// Version 2 moves whole processes only.
			continue
		}
		if err := os.WriteFile(file, []byte(strconv.Itoa(unix.Gettid())), 0); err != nil {
			return fmt.Errorf("join control group: %w", err)
		}
	}
	return nil
}

// Add moves a process into the group.
func (g *Cgroup) Add(pid int) error {
	for _, dir := range g.dirs {
		if err := os.WriteFile(filepath.Join(dir, "cgroup.procs"), []byte(strconv.Itoa(pid)), 0); err != nil {
			return fmt.Errorf("process %d into control group: %w", pid, err)
		}
	}
	return nil
}

// hierarchies lists where control groups are mounted.
func hierarchies() ([]string, error) {
	if _, err := os.Stat(filepath.Join(controlGroups, "cgroup.controllers")); err == nil {
		return []string{controlGroups}, nil
	}
	entries, err := os.ReadDir(controlGroups)
	if err != nil {
		return nil, fmt.Errorf("control groups: %w", err)
	}
	var found []string
	for _, entry := range entries {
		dir := filepath.Join(controlGroups, entry.Name())
		// Links such as cpu -> cpu,cpuacct are the same hierarchy again.
		if _, err := os.Stat(filepath.Join(dir, "cgroup.procs")); err == nil && entry.Type()&fs.ModeSymlink == 0 {
			found = append(found, dir)
		}
	}
	return found, nil
}

// makeGroup makes the group at path and those above it. In a cpuset of version 1
// nothing may run until it has got processors and memory.
func makeGroup(hierarchy, path string) error {
	dir := hierarchy
	for part := range strings.SplitSeq(path, "/") {
		parent := dir
		dir = filepath.Join(dir, part)
		if err := os.Mkdir(dir, 0o755); err != nil && !errors.Is(err, fs.ErrExist) { // #nosec G301 -- the kernel's own mode
			return err
		}
		for _, name := range []string{"cpuset.cpus", "cpuset.mems"} {
			own, err := os.ReadFile(filepath.Join(dir, name)) // #nosec G304 -- a file of the kernel
			if err != nil || len(bytes.TrimSpace(own)) > 0 {
				continue
			}
			above, err := os.ReadFile(filepath.Join(parent, name)) // #nosec G304 -- a file of the kernel
			if err != nil {
				return err
			}
			if err := os.WriteFile(filepath.Join(dir, name), above, 0); err != nil {
				return err
			}
		}
	}
	return nil
}

// removeGroups kills what runs in the sandbox's control groups and removes them.
func removeGroups(ctx context.Context, id string) error {
	hierarchies, err := hierarchies()
	if err != nil {
		return err
	}
	var problems []error
	for _, hierarchy := range hierarchies {
		root := filepath.Join(hierarchy, id)
		if err := emptied(ctx, root); err != nil {
			problems = append(problems, err)
			continue
		}
		for _, dir := range slices.Backward(groupsBelow(root)) {
			if err := os.Remove(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
				problems = append(problems, fmt.Errorf("control group: %w", err))
			}
		}
	}
	return errors.Join(problems...)
}

// groupsBelow lists a group and those in it, outer ones first.
func groupsBelow(root string) []string {
	var dirs []string
	_ = filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() {
			dirs = append(dirs, path)
		}
		return nil // a group that goes meanwhile is none that has to go
	})
	return dirs
}

// emptied kills what is in the groups until nothing is. A process that forks is
// found again by the next look.
func emptied(ctx context.Context, root string) error {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	for {
		pids := processes(root)
		if len(pids) == 0 {
			return nil
		}
		for _, pid := range pids {
			_ = unix.Kill(pid, unix.SIGKILL)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("control group %s: processes %v do not end: %w", root, pids, ctx.Err())
		case <-time.After(10 * time.Millisecond):
		}
	}
}

func processes(root string) []int {
	var pids []int
	for _, dir := range groupsBelow(root) {
		content, err := os.ReadFile(filepath.Join(dir, "cgroup.procs")) // #nosec G304 -- a file of the kernel
		if err != nil {
			continue
		}
		for line := range strings.FieldsSeq(string(content)) {
			if pid, err := strconv.Atoi(line); err == nil && pid != os.Getpid() {
				pids = append(pids, pid)
			}
		}
	}
	return pids
}
