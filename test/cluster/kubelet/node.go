package kubelet

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/kube-aliyun/kube-aliyun/test/sandbox"
)

// Node is a server that runs as a node. It goes with the process that started it
// and with its sandbox.
type Node struct {
	options Options
	// dir holds the node's files on this machine, logs its programs' output.
	dir, logs  string
	filesystem *filesystem
	// programs and pods are the two halves of group, the node's: in
	// version 2 a group has either processes or groups in it.
	group, programs, pods *sandbox.Cgroup
	network               *networkWriter
	// letProxyEnd ends what is in keeping.
	letProxyEnd context.CancelFunc
	keeping     sync.WaitGroup

	mu sync.Mutex
	// running and since are guarded by mu.
	running map[string]running
	// since is when kubelet was started last: what its Node says from before
	// does not count.
	since time.Time
}

// Names of a node's programs.
const (
	Containerd = "containerd"
	Kubelet    = "kubelet"
	KubeProxy  = "kube-proxy"
)

// Start makes a server a node, and returns when its Node is registered and all its
// programs run; WaitReady waits for more. The node starts with empty disks. The
// context bounds the start only; when it fails, nothing is left.
func Start(ctx context.Context, options Options) (*Node, error) {
	o, err := options.withDefaults()
	if err != nil {
		return nil, fmt.Errorf("node %s: %w", o.Name, err)
	}
	n := &Node{options: o, dir: filepath.Join(o.Sandbox.Dir(), o.Name), running: map[string]running{}}
	n.logs = filepath.Join(n.dir, "logs")
	if err := n.start(ctx); err != nil {
		return nil, fmt.Errorf("node %s: %w", o.Name, errors.Join(err, n.Close(context.WithoutCancel(ctx))))
	}
	return n, nil
}

func (n *Node) start(ctx context.Context) error {
	if err := errors.Join(os.RemoveAll(n.dir), os.MkdirAll(n.logs, 0o700)); err != nil {
		return err
	}
	if err := n.makeGroups(); err != nil {
		return err
	}
	var err error
	if n.filesystem, err = newFilesystem(filepath.Join(n.dir, "files"), ownFolders, n.options.Folders); err != nil {
		return err
	}
	if err := n.writeFiles(); err != nil {
		return err
	}
	if err := n.prepareNetwork(); err != nil {
		return err
	}
	if err := n.startContainerd(ctx); err != nil {
		return err
	}
	if err := n.run(ctx, Kubelet, n.kubeletPath(), n.kubeletArguments()); err != nil {
		return err
	}
	n.network = followNode(ctx, n.options.Cluster.Client(), n.options.Name, n.options.PodRange, n.filesystem)
	if err := n.network.waitRegistered(ctx, n.ended); err != nil {
		return err
	}
	// kube-proxy looks for its Node once, and serves loopback without it.
	return n.startProxy(ctx)
}

func (n *Node) makeGroups() (err error) {
	if n.group, err = n.options.Sandbox.Cgroup(n.options.Name); err != nil {
		return err
	}
	if n.programs, err = n.options.Sandbox.Cgroup(n.options.Name + "/programs"); err != nil {
		return err
	}
	if n.pods, err = n.options.Sandbox.Cgroup(n.options.Name + "/pods"); err != nil {
		return err
	}
	n.pods.Delegate()
	return nil
}

// Name is the Node's name.
func (n *Node) Name() string { return n.options.Name }

// HostPath is where this machine has a file of the node: one below
// /etc/kubernetes, /var/lib/kubelet or another of the node's own folders.
func (n *Node) HostPath(path string) (string, error) { return n.filesystem.HostPath(path) }

// Write puts a file into the node's file system, such as a static Pod's manifest.
func (n *Node) Write(file File) error { return n.filesystem.Write(file) }

// Logs are the paths of the programs' logs, by their names.
func (n *Node) Logs() map[string]string {
	logs := map[string]string{}
	for _, name := range []string{Containerd, Kubelet, KubeProxy} {
		logs[name] = filepath.Join(n.logs, name+".log")
	}
	return logs
}

// PIDs are the processes of the programs that run, by their names.
func (n *Node) PIDs() map[string]int {
	n.mu.Lock()
	defer n.mu.Unlock()
	pids := map[string]int{}
	for name, p := range n.running {
		if p.Ended() == "" {
			pids[name] = p.PID()
		}
	}
	return pids
}

// Kill ends every process of the node at once, containers included, as a failure
// of the server's power would. Its Node object stays, and tells nothing new.
func (n *Node) Kill(ctx context.Context) error {
	if n.network != nil {
		n.network.Stop()
	}
	if n.letProxyEnd != nil {
		n.letProxyEnd()
	}
	n.keeping.Wait()
	if n.group == nil {
		return nil
	}
	err := n.group.End(ctx)
	n.mu.Lock()
	defer n.mu.Unlock()
	if err == nil {
		for _, p := range n.running {
			<-p.Done()
		}
	}
	if n.filesystem != nil {
		err = errors.Join(err, n.filesystem.Close(), n.clearNetwork(ctx))
	}
	if err != nil {
		return fmt.Errorf("ending node %s: %w", n.options.Name, err)
	}
	return nil
}

// Close is Kill, and removes the node's files.
func (n *Node) Close(ctx context.Context) error {
	err := n.Kill(ctx)
	if removeErr := os.RemoveAll(n.dir); removeErr != nil {
		err = errors.Join(err, fmt.Errorf("files of node %s: %w", n.options.Name, removeErr))
	}
	return err
}
