package bare

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/vishvananda/netlink"

	"github.com/kube-aliyun/kube-aliyun/pkg/bootstrap/clusterfile"
	"github.com/kube-aliyun/kube-aliyun/pkg/bootstrap/render"
	"github.com/kube-aliyun/kube-aliyun/test/cluster/kubelet"
	"github.com/kube-aliyun/kube-aliyun/test/e2e/stage"
	"github.com/kube-aliyun/kube-aliyun/test/process"
	"github.com/kube-aliyun/kube-aliyun/test/sandbox"
)

// folders are a machine's own. /run is the last: the sandbox's files are below it.
var folders = []string{
	"/etc/cni", "/etc/containerd", "/etc/etcd", "/etc/kube-aliyun", "/etc/kubernetes", "/etc/modules-load.d",
	"/etc/sysctl.d", "/etc/systemd/system", "/usr/libexec/kubernetes", "/usr/local/bin",
	"/var/lib/cni", "/var/lib/containerd", "/var/lib/etcd", "/var/lib/kubelet",
	"/var/log/containers", "/var/log/pods", "/run",
}

// temporary is where a machine's programs keep temporary files.
const temporary = "/run/tmp"

// Machine is a server of the region.
type Machine struct {
	stage.Place
	Server clusterfile.Server
	// Images are docker-archives that are on its disk, and Programs what is in
	// /usr/local/bin: as a server's image has them.
	images, programs []string
	box              *sandbox.Sandbox
	// dir has its files and logs.
	dir string

	mu sync.Mutex
	// on is guarded by mu; nil while the machine is off.
	on *running
	// applied tells that the user-data has been, at the first start.
	applied bool
	units   map[string]*unit
}

// running is what ends with the machine's power.
type running struct {
	// life ends when the power goes.
	life       context.Context //nolint:containedctx // it is the machine's life, not a call's
	end        context.CancelFunc
	supervised sync.WaitGroup
	filesystem *kubelet.Filesystem
	group      *sandbox.Cgroup
	programs   *sandbox.Cgroup
	// started are the units that run, or have run to their end.
	started map[string]bool
}

var (
	errOff     = errors.New("the machine is off")
	errCommand = errors.New("the command has failed")
)

// NewMachine is a server that is off.
func NewMachine(box *sandbox.Sandbox, place stage.Place, server clusterfile.Server, programs, images []string) *Machine {
	return &Machine{
		Place: place, Server: server, box: box, programs: programs, images: images,
		dir: filepath.Join(box.Dir(), server.Address), units: map[string]*unit{},
	}
}

// Logs is the folder with what its programs have printed, a file for each.
func (m *Machine) Logs() string { return filepath.Join(m.dir, "logs") }

// HostPath is where this machine has one of the server's own files.
func (m *Machine) HostPath(path string) string { return filepath.Join(m.dir, "files", path) }

// PowerOn starts the machine. At its first start the user-data is applied; later
// the units run that it has enabled.
func (m *Machine) PowerOn(ctx context.Context, userData []byte) error {
	if err := errors.Join(os.MkdirAll(m.Logs(), 0o700), os.RemoveAll(m.HostPath("/run"))); err != nil {
		return err
	}
	r := &running{started: map[string]bool{}}
	var err error
	if r.group, err = m.box.Cgroup(m.Server.Address); err != nil {
		return err
	}
	if r.programs, err = m.box.Cgroup(m.Server.Address + "/programs"); err != nil {
		return err
	}
	pods, err := m.box.Cgroup(m.Server.Address + "/pods")
	if err != nil {
		return err
	}
	pods.Delegate()
	if r.filesystem, err = kubelet.NewFilesystem(filepath.Join(m.dir, "files"), folders); err != nil {
		return err
	}
	r.life, r.end = context.WithCancel(context.WithoutCancel(ctx))
	m.mu.Lock()
	m.on = r
	m.mu.Unlock()
	if err := os.MkdirAll(m.HostPath(temporary), 0o755); err != nil { // #nosec G301 -- as the machine's
		return err
	}
	if m.applied {
		return m.startEnabled(ctx)
	}
	m.applied = true
	for _, program := range m.programs {
		if err := os.Symlink(program, m.HostPath(filepath.Join("/usr/local/bin", filepath.Base(program)))); err != nil {
			return err
		}
	}
	config, err := render.ParseCloudConfig(userData)
	if err != nil {
		return err
	}
	return m.apply(ctx, config)
}

// PowerOff ends everything at once. Its disk stays; its network is as after a start.
func (m *Machine) PowerOff(ctx context.Context) error {
	m.mu.Lock()
	r := m.on
	m.on = nil
	m.mu.Unlock()
	if r == nil {
		return nil
	}
	r.end()
	err := r.group.End(ctx)
	r.supervised.Wait()
	return errors.Join(err, r.filesystem.Close(), m.clearNetwork(ctx))
}

// clearNetwork removes what its programs have put into its network namespace.
func (m *Machine) clearNetwork(ctx context.Context) error {
	if _, err := os.Stat(m.Namespace); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return sandbox.Within(m.Namespace, func() error {
		var problems []error
		if link, err := netlink.LinkByName("cbr0"); err == nil {
			problems = append(problems, netlink.LinkDel(link))
		}
		if output, err := exec.CommandContext(ctx, "/usr/sbin/nft", "flush", "ruleset").CombinedOutput(); err != nil {
			problems = append(problems, fmt.Errorf("nft flush ruleset: %w: %s", err, output))
		}
		return errors.Join(problems...)
	})
}

// start starts a program on the machine; its output is appended to NAME.log.
func (m *Machine) start(ctx context.Context, name, binary string, arguments, environment []string) (*process.Process, error) {
	m.mu.Lock()
	r := m.on
	m.mu.Unlock()
	if r == nil {
		return nil, fmt.Errorf("%s: %w", name, errOff)
	}
	p, err := process.Start(ctx, process.Program{
		Name: name, Binary: binary, Args: arguments, Log: filepath.Join(m.Logs(), name+".log"),
		Env: append([]string{"TMPDIR=" + temporary, "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}, environment...),
		Enter: func() error {
			return errors.Join(sandbox.Enter(m.Namespace), r.programs.Join(), r.filesystem.Enter())
		},
	})
	if err != nil {
		return nil, err
	}
	// For version 2 of control groups, where threads cannot join. One that has ended
	// needs no group.
	if err := r.programs.Add(p.PID()); err != nil && !errors.Is(err, syscall.ESRCH) && p.Ended() == "" {
		return nil, err
	}
	return p, nil
}

// Run runs a command on the machine to its end.
func (m *Machine) Run(ctx context.Context, command ...string) error {
	p, err := m.start(ctx, filepath.Base(command[0]), command[0], command[1:], nil)
	if err != nil {
		return err
	}
	if err := p.Wait(ctx); err != nil {
		return err
	}
	if p.Ended() != "exit status 0" {
		return fmt.Errorf("%s on %s: %w: %s; see %s", strings.Join(command, " "), m.Server.Address, errCommand, p.Ended(), m.Logs())
	}
	return nil
}

// containerdTimeout is for its start.
const containerdTimeout = time.Minute

// importImages brings the images of the machine's disk to containerd, which a registry
// would be asked for otherwise.
func (m *Machine) importImages(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, containerdTimeout)
	defer cancel()
	for {
		if _, err := os.Stat(m.HostPath("/run/containerd/containerd.sock")); err == nil {
			break
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("containerd on %s: %w", m.Server.Address, ctx.Err())
		case <-time.After(20 * time.Millisecond):
		}
	}
	for _, archive := range m.images {
		if err := m.Run(ctx, "/usr/bin/ctr", "--namespace=k8s.io", "images", "import", archive); err != nil {
			return err
		}
	}
	return nil
}

// Processes are the ids of what runs on the machine.
func (m *Machine) Processes() ([]int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.on == nil {
		return nil, fmt.Errorf("%s: %w", m.Server.Address, errOff)
	}
	return sandbox.Processes(m.on.group.Path), nil
}
