package cluster

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"
)

// portTries is how often a program is started on another port when its port
// was taken between the choice and the start.
const portTries = 4

// ErrRunning says that the folder's control plane is still running.
var ErrRunning = errors.New("a control plane is running in this folder; stop it first")

// Start brings up a control plane and returns when every program is ready. The
// context bounds the start only. When it fails, nothing is left running.
func Start(ctx context.Context, options Options) (*Cluster, error) {
	o, err := options.withDefaults()
	if err != nil {
		return nil, err
	}
	if err := checkBinaries(o.Binaries, o.programs()); err != nil {
		return nil, err
	}
	if o.Binaries, err = trueName(o.Binaries); err != nil {
		return nil, err
	}
	dir, err := makeDir(o.Dir)
	if err != nil {
		return nil, err
	}
	if err := clearDir(dir); err != nil {
		return nil, err
	}
	c := &Cluster{
		options:  o,
		dir:      dir,
		record:   state{Detached: o.Detach, Owner: ownProcess(), Namespace: o.Namespace},
		children: map[string]*child{},

		choosePort: freePort,
	}
	if err := c.start(ctx); err != nil {
		return nil, errors.Join(err, c.Stop())
	}
	return c, nil
}

func (c *Cluster) start(ctx context.Context) error {
	begin := time.Now()
	if err := c.relayFromLoopback(ctx); err != nil {
		return err
	}
	if err := c.prepare(); err != nil {
		return err
	}
	for _, name := range []string{etcdName, apiServerName} {
		if err := c.launch(ctx, name); err != nil {
			return err
		}
	}
	for name, who := range map[string]identity{
		"admin":               {user: "admin", groups: []string{adminGroup}},
		controllerManagerName: {user: controllerManagerUser},
		schedulerName:         {user: schedulerUser},
	} {
		server := c.serverURL()
		if name == "admin" {
			server = c.apiServerURL()
		}
		if _, err := c.writeKubeconfig(name, server, who); err != nil {
			return err
		}
	}
	if err := c.connect(); err != nil {
		return err
	}
	group, groupContext := errgroup.WithContext(ctx)
	if c.options.ControllerManager {
		group.Go(func() error {
			if err := c.launch(groupContext, controllerManagerName); err != nil {
				return err
			}
			return c.waitServiceAccount(groupContext)
		})
	}
	if c.options.Scheduler {
		group.Go(func() error { return c.launch(groupContext, schedulerName) })
	}
	if err := group.Wait(); err != nil {
		return fmt.Errorf("starting the control plane: %w", err)
	}
	c.logf("control plane ready in %s: %s", time.Since(begin).Round(time.Millisecond), c.apiServerURL())
	return nil
}

// prepare fills the folder with what the programs need at their start.
func (c *Cluster) prepare() error {
	if err := c.record.save(c.dir); err != nil {
		return err
	}
	if err := os.MkdirAll(c.path("logs"), 0o700); err != nil {
		return fmt.Errorf("making the folder of logs: %w", err)
	}
	return makeKeys(c.path("pki"), c.options)
}

// launch starts a program on a free port and waits until it is ready.
func (c *Cluster) launch(ctx context.Context, name string) error {
	for try := 1; ; try++ {
		port, err := c.port(ctx, name)
		if err != nil {
			return err
		}
		err = c.run(ctx, component{
			Name:      name,
			Binary:    filepath.Join(c.options.Binaries, name),
			Args:      c.arguments(name, port),
			Env:       c.environment(name),
			Log:       c.path("logs", name+".log"),
			Address:   c.hostPort(port),
			ReadyPath: readyPaths[name],
		})
		if !errors.Is(err, errPortTaken) || try == portTries || c.options.Namespace != "" {
			return err
		}
		c.logf("%s: port %d was taken, trying another", name, port)
	}
}

// port is where a program listens: a server has its usual one free.
func (c *Cluster) port(ctx context.Context, name string) (int, error) {
	if c.options.Namespace != "" {
		return usualPorts[name], nil
	}
	return c.choosePort(ctx, c.options.BindAddress)
}

// relayFromLoopback makes the API server of a network namespace reachable from
// this machine.
func (c *Cluster) relayFromLoopback(ctx context.Context) error {
	if c.options.Namespace == "" {
		return nil
	}
	target := c.hostPort(usualPorts[apiServerName])
	var err error
	c.relay, err = startRelay(ctx, func(ctx context.Context) (net.Conn, error) { return c.dial(ctx, "tcp4", target) })
	if err == nil {
		c.record.Relay = c.relay.Address()
	}
	return err
}

// run starts the program of a component, records it and waits until it is
// ready.
func (c *Cluster) run(ctx context.Context, comp component) error {
	begin := time.Now()
	p, err := startChild(ctx, comp, c.record.Detached, c.record.Namespace)
	if err != nil {
		return err
	}
	comp.PID = p.PID()
	if err := c.recordComponent(comp, p); err != nil {
		return errors.Join(err, c.end(comp, p))
	}
	if err := c.waitReady(ctx, comp, p); err != nil {
		return errors.Join(err, c.end(comp, p))
	}
	c.logf("%s ready in %s (pid %d)", comp.Name, time.Since(begin).Round(time.Millisecond), comp.PID)
	go c.tellEnd(comp, p)
	return nil
}

// tellEnd logs an end that nobody asked for.
func (c *Cluster) tellEnd(comp component, p *child) {
	<-p.Done()
	if !p.expected.Load() {
		c.logf("%s (pid %d) ended by itself: %s; its log %s ends with:\n%s",
			comp.Name, comp.PID, p.Ended(), comp.Log, lastLines(comp.Log, logLines))
	}
}

// end kills the program of a component; p is nil when another process has
// started it.
func (c *Cluster) end(comp component, p *child) error {
	if p == nil {
		return killAll([]int{comp.PID}, c.dir)
	}
	p.expected.Store(true)
	if err := killAll([]int{comp.PID}, c.dir); err != nil {
		return err
	}
	<-p.Done()
	return nil
}

// clearDir removes what an ended control plane has left in the folder.
func clearDir(dir string) error {
	old, err := loadState(dir)
	if err != nil && !errors.Is(err, ErrNotRunning) {
		return err
	}
	for _, comp := range old.Components {
		if belongsTo(comp.PID, dir) {
			return fmt.Errorf("%s, process %d of %s: %w", dir, comp.PID, comp.Name, ErrRunning)
		}
	}
	for _, name := range []string{stateFile, "pki", "kubeconfig", "etcd", "logs"} {
		if err := os.RemoveAll(filepath.Join(dir, name)); err != nil {
			return fmt.Errorf("removing an old control plane: %w", err)
		}
	}
	return nil
}
