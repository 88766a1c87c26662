package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"time"

	"github.com/kube-aliyun/kube-aliyun/test/cluster"
	"github.com/kube-aliyun/kube-aliyun/test/environment/console"
)

// endGrace is how long a program may take to stop before it is killed.
const endGrace = 10 * time.Second

// holderGrace is how long real servers may take to end.
const holderGrace = 100 * time.Second

// down ends an environment, whoever started it, and removes its folder.
func down(ctx context.Context, c *console.Console) error {
	p, err := findPlace()
	if err != nil {
		return err
	}
	if _, err := os.Stat(p.dir); errors.Is(err, fs.ErrNotExist) {
		c.Step("nothing is up")
		return nil
	}
	unlock, err := p.lock()
	if err != nil {
		return err
	}
	defer unlock()
	return p.remove(ctx, c)
}

// remove ends what runs and removes the folder, the lock with it.
func (p place) remove(ctx context.Context, c *console.Console) error {
	if err := p.end(ctx, c); err != nil {
		return err
	}
	if err := os.RemoveAll(p.dir); err != nil {
		return fmt.Errorf("removing the environment's folder: %w", err)
	}
	c.Step("%s removed; nothing is left", p.short(p.dir))
	return nil
}

// clear ends what runs and empties the folder, but for the lock.
func (p place) clear(ctx context.Context, c *console.Console) error {
	if err := p.end(ctx, c); err != nil {
		return err
	}
	entries, err := os.ReadDir(p.dir)
	if err != nil {
		return fmt.Errorf("emptying the environment's folder: %w", err)
	}
	for _, entry := range entries {
		if entry.Name() == "lock" {
			continue
		}
		if err := os.RemoveAll(p.repositoryFile(".run", entry.Name())); err != nil {
			return fmt.Errorf("emptying the environment's folder: %w", err)
		}
	}
	if err := os.MkdirAll(p.repositoryFile(".run", "logs"), 0o700); err != nil {
		return fmt.Errorf("making the folder of logs: %w", err)
	}
	return nil
}

// end ends what runs, in the reverse order of its start, and leaves the folder.
func (p place) end(ctx context.Context, c *console.Console) error {
	r, _, err := p.load()
	if err != nil {
		// What the record does not tell is found below, by its arguments.
		c.Step("%v", err)
	}
	var problems []error
	stop := func(name string, grace time.Duration) {
		one, found := r.process(name)
		if !found || !one.Alive() {
			return
		}
		begin := time.Now()
		if err := one.End(ctx, grace); err != nil {
			problems = append(problems, err)
			return
		}
		c.Step("%s ended (process %d, %.1f s)", name, one.PID, time.Since(begin).Seconds())
	}
	stop(controllerName, endGrace)
	stop(keeperName, endGrace)
	stop(holderName, holderGrace)
	problems = append(problems, p.endControlPlane(c))
	for _, one := range slices.Backward(r.Processes) {
		stop(one.Name, endGrace)
	}
	problems = append(problems, p.endLeftovers(ctx, c), sweep(ctx, c, r))
	if err := errors.Join(problems...); err != nil {
		return err
	}
	if err := os.Remove(p.record()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("removing the environment's record: %w", err)
	}
	return nil
}

func (p place) endControlPlane(c *console.Console) error {
	alive := 0
	if found, err := cluster.Open(p.cluster()); err == nil {
		for _, one := range found.Processes() {
			if one.Alive {
				alive++
			}
		}
	}
	if _, err := os.Stat(p.cluster()); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err := cluster.Cleanup(p.cluster()); err != nil {
		return fmt.Errorf("ending the control plane: %w", err)
	}
	if alive > 0 {
		c.Step("the control plane ended (%d processes)", alive)
	}
	return nil
}
