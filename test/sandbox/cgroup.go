package sandbox

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
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

// Delegate hands the controllers of version 2 down to the group, where kubelet asks
// for them. In version 1 there is nothing to do.
func (g *Cgroup) Delegate() {
	dir := controlGroups
	for part := range strings.SplitSeq(strings.Trim(g.Path, "/"), "/") {
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

// End kills what runs in the group and in those below it, and removes them.
func (g *Cgroup) End(ctx context.Context) error { return endGroups(ctx, g.Path) }

// Processes are the ids of what runs in the group at a path below the hierarchies,
// and in those below it; this process is not among them.
func Processes(path string) []int {
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
	return slices.Sorted(maps.Keys(found))
}

// groups lists the control groups at and below a path, in every hierarchy, outer
// ones first.
func groups(path string) []string {
	roots, err := hierarchies()
	if err != nil {
		return nil
	}
	var found []string
	for _, root := range roots {
		_ = filepath.WalkDir(filepath.Join(root, path), func(path string, entry fs.DirEntry, err error) error {
			if err == nil && entry.IsDir() {
				found = append(found, path)
			}
			return nil // a group that goes meanwhile is none
		})
	}
	return found
}

// endTimeout bounds the end of processes that were killed.
const endTimeout = 20 * time.Second

// endGroups kills what runs in the groups until nothing does, so that what forked
// meanwhile is found too, and removes them.
func endGroups(ctx context.Context, path string) error {
	ctx, cancel := context.WithTimeout(ctx, endTimeout)
	defer cancel()
	for {
		for _, pid := range Processes(path) {
			_ = unix.Kill(pid, unix.SIGKILL)
		}
		// A group is busy a moment longer than it has processes: as long as one is
		// ending, or the thread that started it.
		err := removeGroups(path)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("processes %v do not end: %w", Processes(path), err)
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
