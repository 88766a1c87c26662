package cluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// ErrUnknownProgram says that the control plane has no program of that name.
var ErrUnknownProgram = errors.New("the control plane has no such program")

// Stop ends every program and forgets the control plane. Its logs and data stay
// in the folder. A second Stop does nothing.
func (c *Cluster) Stop() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, p := range c.children {
		p.expected.Store(true)
	}
	err := cleanup(c.dir, c.record)
	if err == nil {
		for _, p := range c.children {
			<-p.Done()
		}
	}
	if c.relay != nil {
		err = errors.Join(err, c.relay.Close())
	}
	return err
}

// Cleanup ends what runs of the control plane in a folder, whoever started it,
// and forgets it. Logs and data stay. Nothing recorded there: nothing is done.
func Cleanup(dir string) error {
	dir, err := trueName(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	record, err := loadState(dir)
	if errors.Is(err, ErrNotRunning) {
		return nil
	}
	if err != nil {
		return err
	}
	return cleanup(dir, record)
}

func cleanup(dir string, record state) error {
	pids := make([]int, 0, len(record.Components))
	for _, comp := range slices.Backward(record.Components) {
		pids = append(pids, comp.PID)
	}
	if err := killAll(pids, dir); err != nil {
		return fmt.Errorf("stopping the control plane in %s: %w", dir, err)
	}
	if err := os.Remove(filepath.Join(dir, stateFile)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("removing the control plane's record: %w", err)
	}
	return nil
}

// Open finds the control plane that an earlier process has left running in a
// folder. ErrNotRunning when none is recorded there; whether its programs are
// still alive is told by Alive and Processes.
func Open(dir string) (*Cluster, error) {
	dir, err := trueName(dir)
	if err != nil {
		return nil, err
	}
	record, err := loadState(dir)
	if err != nil {
		return nil, err
	}
	o := Options{Dir: dir, Detach: record.Detached, StartTimeout: defaultStartTimeout, Log: io.Discard}
	c := &Cluster{options: o, dir: dir, record: record, children: map[string]*child{}}
	if err := c.connect(); err != nil {
		return nil, err
	}
	return c, nil
}

// Kill ends one program ("etcd", "kube-apiserver", ...) as a crash would.
func (c *Cluster) Kill(name string) error {
	comp, p, err := c.find(name)
	if err != nil {
		return err
	}
	return c.end(comp, p)
}

// Restart ends one program, starts it again on its port with its data, and
// waits until it is ready.
func (c *Cluster) Restart(ctx context.Context, name string) error {
	comp, p, err := c.find(name)
	if err != nil {
		return err
	}
	if err := c.end(comp, p); err != nil {
		return err
	}
	return c.run(ctx, comp)
}

func (c *Cluster) find(name string) (component, *child, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, comp := range c.record.Components {
		if comp.Name == name {
			return comp, c.children[name], nil
		}
	}
	return component{}, nil, fmt.Errorf("%s: %w", name, ErrUnknownProgram)
}
