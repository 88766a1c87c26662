package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/kube-aliyun/kube-aliyun/test/environment/console"
	"github.com/kube-aliyun/kube-aliyun/test/process"
)

// programs are what an environment consists of, besides its keeper or holder.
var programs = []string{"aliyun-sim", controllerName, "etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler"}

// endLeftovers ends programs of this environment that no record tells of: the
// process that started one was killed before it had written it down.
func (p place) endLeftovers(ctx context.Context, c *console.Console) error {
	left, err := p.leftovers("/proc")
	if err != nil {
		return err
	}
	var problems []error
	for _, one := range left {
		if err := one.End(ctx, endGrace); err != nil {
			problems = append(problems, err)
			continue
		}
		c.Step("%s ended (process %d, which no record told of)", one.Name, one.PID)
	}
	return errors.Join(problems...)
}

// leftovers are the processes that work in the environment's folder and are one
// of its programs.
func (p place) leftovers(proc string) ([]process.Record, error) {
	entries, err := os.ReadDir(proc)
	if err != nil {
		return nil, fmt.Errorf("looking for processes: %w", err)
	}
	var found []process.Record
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		// A process that has ended meanwhile, or is somebody else's, has nothing to tell.
		content, _ := os.ReadFile(filepath.Join(proc, entry.Name(), "cmdline"))
		args := strings.Split(string(content), "\x00")
		if name, marker := p.recognise(args); name != "" {
			found = append(found, process.Record{Name: name, PID: pid, Marker: marker})
		}
	}
	return found, nil
}

// recognise returns which program of this environment a command line is of, and
// an argument that shows it.
func (p place) recognise(args []string) (name, marker string) {
	i := slices.IndexFunc(args, func(arg string) bool { return strings.Contains(arg, "="+p.dir+"/") })
	if i < 1 {
		return "", ""
	}
	switch {
	case args[1] == "keep":
		return keeperName, args[i]
	case args[1] == "hold":
		return holderName, args[i]
	case slices.Contains(programs, filepath.Base(args[0])) && strings.HasPrefix(args[0], p.root+"/bin/"):
		return filepath.Base(args[0]), args[i]
	default:
		return "", ""
	}
}
