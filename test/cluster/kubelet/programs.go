package kubelet

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/kube-aliyun/kube-aliyun/test/process"
	"github.com/kube-aliyun/kube-aliyun/test/sandbox"
)

// containerdTimeout is for its start, on a machine that is busy.
const containerdTimeout = 30 * time.Second

// importTimeout is for an image.
const importTimeout = time.Minute

// Folders of the node that its programs keep temporary files in: what a killed
// one leaves goes with the node.
const temporary = "/run/tmp"

var (
	errEnded    = errors.New("the program has ended")
	errNoSocket = errors.New("containerd does not answer")
	errImport   = errors.New("the image was not imported")
	errUnknown  = errors.New("the node has no such program to be restarted")
)

func (n *Node) kubeletPath() string {
	return filepath.Join(n.options.Cluster.Binaries(), Kubelet)
}

func (n *Node) kubeProxyPath() string {
	return filepath.Join(n.options.Cluster.Binaries(), KubeProxy)
}

// kubeletArguments are those that have no place in the configuration file.
func (n *Node) kubeletArguments() []string {
	arguments := []string{
		"--config=/var/lib/kubelet/config.yaml",
		"--kubeconfig=/var/lib/kubelet/kubeconfig",
		"--hostname-override=" + n.options.Name,
		"--node-ip=" + n.options.nodeIPs(),
		// A cloud controller tells what the Node is and when it may be used.
		"--cloud-provider=external",
		"--v=2",
	}
	if len(n.options.Labels) > 0 {
		var labels []string
		for _, key := range slices.Sorted(maps.Keys(n.options.Labels)) {
			labels = append(labels, key+"="+n.options.Labels[key])
		}
		arguments = append(arguments, "--node-labels="+strings.Join(labels, ","))
	}
	return append(arguments, n.options.KubeletArgs...)
}

// startContainerd starts it and gives it its images.
func (n *Node) startContainerd(ctx context.Context) error {
	if err := n.run(ctx, Containerd, containerdPath, []string{"--config=/var/lib/containerd/config.toml"}); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, containerdTimeout)
	defer cancel()
	socket, err := n.HostPath("/run/containerd/containerd.sock")
	if err != nil {
		return err
	}
	for {
		if err := n.ended(); err != nil {
			return err
		}
		if _, err := os.Stat(socket); err == nil {
			break
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w; its log ends with:\n%s", errNoSocket, n.tail(Containerd))
		case <-time.After(10 * time.Millisecond):
		}
	}
	for _, archive := range n.options.Images {
		if err := n.Import(ctx, archive); err != nil {
			return err
		}
	}
	return nil
}

// Import gives the node the images of a docker-archive.
func (n *Node) Import(ctx context.Context, archive string) error {
	ctx, cancel := context.WithTimeout(ctx, importTimeout)
	defer cancel()
	p, err := n.Exec(ctx, "ctr", ctrPath, []string{"--namespace=k8s.io", "images", "import", archive})
	if err != nil {
		return err
	}
	if err := p.Wait(ctx); err != nil {
		return errors.Join(err, p.Signal(syscall.SIGKILL))
	}
	if p.Ended() != "exit status 0" {
		return fmt.Errorf("%s: %w: %s\n%s", archive, errImport, p.Ended(), n.tail("ctr"))
	}
	return nil
}

// running is a program, and how it was started.
type running struct {
	*process.Process
	binary    string
	arguments []string
}

// run starts one of the node's lasting programs.
func (n *Node) run(ctx context.Context, name, binary string, arguments []string) error {
	begin := time.Now()
	p, err := n.Exec(ctx, name, binary, arguments)
	if err != nil {
		return err
	}
	n.mu.Lock()
	n.running[name] = running{Process: p, binary: binary, arguments: arguments}
	if name == Kubelet {
		n.since = begin
	}
	n.mu.Unlock()
	return nil
}

// Exec starts a program on the node: in its network namespace, control group and
// file system. It ends with the node. Its output is NAME.log among the node's logs.
func (n *Node) Exec(ctx context.Context, name, binary string, arguments []string) (*process.Process, error) {
	p, err := process.Start(ctx, process.Program{
		Name:   name,
		Binary: binary,
		Args:   arguments,
		Env:    []string{"TMPDIR=" + temporary, "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"},
		Log:    filepath.Join(n.logs, name+".log"),
		Enter: func() error {
			// The file system is the last: the paths before are this machine's.
			return errors.Join(sandbox.Enter(n.options.Namespace), n.programs.Join(), n.filesystem.Enter())
		},
	})
	if err != nil {
		return nil, err
	}
	// For version 2 of control groups, where threads cannot join.
	if err := n.programs.Add(p.PID()); err != nil && p.Ended() == "" {
		return nil, errors.Join(err, p.Signal(syscall.SIGKILL))
	}
	return p, nil
}

// Restart ends containerd or kubelet and starts it again, as its supervisor would;
// kube-proxy is always started again when it ends. A restarted kubelet registers
// its Node when that was deleted.
func (n *Node) Restart(ctx context.Context, name string) error {
	n.mu.Lock()
	p, found := n.running[name]
	n.mu.Unlock()
	if !found || name == KubeProxy {
		return fmt.Errorf("%s: %w", name, errUnknown)
	}
	if err := p.Signal(syscall.SIGKILL); err != nil {
		return err
	}
	if err := p.Wait(ctx); err != nil {
		return err
	}
	return n.run(ctx, name, p.binary, p.arguments)
}

// ended tells of a program that has ended by itself and is not started again.
func (n *Node) ended() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	for name, p := range n.running {
		if how := p.Ended(); how != "" && name != KubeProxy {
			return fmt.Errorf("%s: %w (%s); its log ends with:\n%s", name, errEnded, how, n.tail(name))
		}
	}
	return nil
}

// tail is the end of a program's log.
func (n *Node) tail(name string) string {
	const lines, window = 15, 8 << 10
	content, err := os.ReadFile(filepath.Join(n.logs, name+".log"))
	if err != nil {
		return err.Error()
	}
	content = content[max(0, len(content)-window):]
	found := strings.Split(strings.TrimSpace(string(content)), "\n")
	return strings.Join(found[max(0, len(found)-lines):], "\n")
}
