package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/kube-aliyun/kube-aliyun/test/environment/console"
	"github.com/kube-aliyun/kube-aliyun/test/sandbox"
)

var errLeft = errors.New("there is something left")

// sweepLimit bounds the wait for a killed holder to let go, after it has no
// arguments any more.
const sweepLimit = 20 * time.Second

// sweep removes what a killed holder has left of its servers, and looks for what
// may be left then.
func sweep(ctx context.Context, c *console.Console, r record) error {
	if !r.Real {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, sweepLimit)
	defer cancel()
	tick := time.NewTicker(500 * time.Millisecond)
	defer tick.Stop()
	// A holder that was killed before it could tell has left nobody knows what: it
	// gets a moment.
	for rounds := 0; ; rounds++ {
		if err := sandbox.Sweep(ctx); err != nil {
			return err
		}
		var left []string
		if r.Held != nil {
			for _, id := range r.Held.Sandboxes {
				found, err := traces(id)
				if err != nil {
					return err
				}
				left = append(left, found...)
			}
		}
		switch {
		case len(left) == 0 && r.Held != nil:
			c.Step("looked for processes, namespaces, mounts, control groups and files of servers: none")
			return nil
		case r.Held == nil && rounds == 2:
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("%w of servers: %s", errLeft, strings.Join(left, ", "))
		}
	}
}

// traces are all things on this machine whose name has the id in it.
func traces(id string) ([]string, error) {
	var left []string
	for _, pattern := range []string{"/run/netns/" + id + "*", "/run/kube-aliyun/" + id + "*"} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			return nil, fmt.Errorf("looking for what is left: %w", err)
		}
		left = append(left, found...)
	}
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return nil, fmt.Errorf("looking for mounts: %w", err)
	}
	for line := range strings.Lines(string(mounts)) {
		if strings.Contains(line, id) {
			left = append(left, "the mount "+strings.TrimSpace(line))
		}
	}
	_ = filepath.WalkDir("/sys/fs/cgroup", func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() && strings.Contains(entry.Name(), id) {
			left = append(left, path)
			return filepath.SkipDir
		}
		return nil // a group that goes meanwhile is none
	})
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, fmt.Errorf("looking for processes: %w", err)
	}
	for _, entry := range entries {
		if _, err := strconv.Atoi(entry.Name()); err != nil {
			continue
		}
		// A process that has ended meanwhile, or that only waits for its parent to
		// look, has no arguments.
		arguments, _ := os.ReadFile(filepath.Join("/proc", entry.Name(), "cmdline"))
		groups, _ := os.ReadFile(filepath.Join("/proc", entry.Name(), "cgroup"))
		if len(arguments) > 0 && bytes.Contains(append(arguments, groups...), []byte(id)) {
			left = append(left, "process "+entry.Name())
		}
	}
	return left, nil
}
