package bare

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// unit is a systemd service, as far as ours go.
type unit struct {
	name    string
	oneshot bool
	before  [][]string
	command []string
	// environment is a file with variables.
	environment string
	pause       time.Duration
	// process runs, or has run; guarded by the machine.
	pid int
}

// containerdUnit comes with the distribution's package.
const containerdUnit = "[Service]\nExecStart=/usr/bin/containerd\nRestart=always\nRestartSec=5\n"

var (
	errDirective = errors.New("a directive that this machine does not follow")
	errNoUnit    = errors.New("no such unit runs")
)

// passedOver are directives without a meaning here: who is waited for is in the order
// of the commands, and the confinement of etcd is systemd's.
var passedOver = []string{
	"Description", "Documentation", "After", "Before", "Wants", "Requires", "WantedBy", "RemainAfterExit", "StartLimitIntervalSec",
	"TimeoutStartSec", "LimitNOFILE", "NoNewPrivileges", "PrivateTmp", "ProtectHome", "ProtectSystem", "ExecStop", "Restart",
}

// parseUnit reads a unit file.
func parseUnit(name, text string) (*unit, error) {
	u := &unit{name: strings.TrimSuffix(name, ".service"), pause: 100 * time.Millisecond}
	for line := range strings.Lines(strings.ReplaceAll(text, "\\\n", "")) {
		line = strings.TrimSpace(line)
		key, value, _ := strings.Cut(line, "=")
		switch key {
		case "Type":
			u.oneshot = value == "oneshot"
		case "ExecStart":
			u.command = strings.Fields(value)
		case "ExecStartPre":
			u.before = append(u.before, strings.Fields(strings.TrimPrefix(value, "-")))
		case "EnvironmentFile":
			u.environment = value
		case "RestartSec":
			seconds, err := strconv.Atoi(value)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
			u.pause = time.Duration(seconds) * time.Second
		default:
			if line != "" && !strings.HasPrefix(line, "[") && !slices.Contains(passedOver, key) {
				return nil, fmt.Errorf("%s: %s: %w", name, line, errDirective)
			}
		}
	}
	return u, nil
}

// systemctl does what user-data asks systemd for.
func (m *Machine) systemctl(ctx context.Context, arguments []string) error {
	var names []string
	now := arguments[0] == "restart"
	for _, argument := range arguments[1:] {
		if strings.HasPrefix(argument, "--") {
			now = now || argument == "--now"
			continue
		}
		names = append(names, argument)
	}
	if arguments[0] == "daemon-reload" {
		return nil
	}
	for _, name := range names {
		if err := m.load(name); err != nil {
			return err
		}
		if now {
			if err := m.startUnit(ctx, name); err != nil {
				return err
			}
		}
	}
	return nil
}

// load reads a unit of the machine.
func (m *Machine) load(name string) error {
	content, err := os.ReadFile(m.HostPath(filepath.Join("/etc/systemd/system", name)))
	text := string(content)
	if name == "containerd.service" {
		text, err = containerdUnit, nil
	}
	if err != nil {
		return err
	}
	u, err := parseUnit(name, text)
	if err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.units[name] = u
	return nil
}

// startOrder is that of the units' After.
var startOrder = []string{"etcd.service", "kube-aliyun-node.service", "kube-aliyun-network.service", "containerd.service", "kubelet.service"}

// startEnabled starts what an earlier start has enabled.
func (m *Machine) startEnabled(ctx context.Context) error {
	m.mu.Lock()
	names := slices.Collect(maps.Keys(m.units))
	m.mu.Unlock()
	for _, name := range startOrder {
		if slices.Contains(names, name) {
			if err := m.startUnit(ctx, name); err != nil {
				return err
			}
		}
	}
	return nil
}

// startUnit runs a oneshot to its end, and a service until the power goes.
func (m *Machine) startUnit(ctx context.Context, name string) error {
	m.mu.Lock()
	r, u := m.on, m.units[name]
	begun := r != nil && r.started[name]
	if r != nil {
		r.started[name] = true
	}
	m.mu.Unlock()
	if r == nil {
		return fmt.Errorf("%s: %w", name, errOff)
	}
	if begun {
		return nil
	}
	if u.oneshot {
		return m.Run(ctx, u.command...)
	}
	r.supervised.Go(func() {
		for r.life.Err() == nil {
			m.runOnce(r.life, u)
			select {
			case <-r.life.Done():
			case <-time.After(u.pause):
			}
		}
	})
	if name == "containerd.service" {
		return m.importImages(ctx)
	}
	return nil
}

// runOnce runs a service until it ends.
func (m *Machine) runOnce(ctx context.Context, u *unit) {
	for _, command := range u.before {
		_ = m.Run(ctx, command...)
	}
	command, err := m.expand(u)
	if err != nil {
		return
	}
	p, err := m.start(ctx, u.name, command[0], command[1:], nil)
	if err != nil {
		return
	}
	m.mu.Lock()
	u.pid = p.PID()
	m.mu.Unlock()
	select {
	case <-p.Done():
	case <-ctx.Done():
		_ = p.Signal(syscall.SIGKILL)
		<-p.Done()
	}
	m.mu.Lock()
	u.pid = 0
	m.mu.Unlock()
}

// expand puts variables in, each a word of its own.
func (m *Machine) expand(u *unit) ([]string, error) {
	if u.environment == "" {
		return u.command, nil
	}
	content, err := os.ReadFile(m.HostPath(u.environment))
	if err != nil {
		return nil, err
	}
	variables := map[string]string{}
	for line := range strings.Lines(string(content)) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		variables["$"+key] = value
	}
	command := slices.Clone(u.command)
	for i, word := range command {
		if value, is := variables[word]; is {
			command[i] = value
		}
	}
	return command, nil
}

// Kill ends a service's process with a signal that it cannot catch; its supervisor
// starts it again.
func (m *Machine) Kill(name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	u := m.units[name]
	if u == nil || u.pid == 0 {
		return fmt.Errorf("%s on %s: %w", name, m.Server.Address, errNoUnit)
	}
	return syscall.Kill(u.pid, syscall.SIGKILL)
}
