package flexvolume

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/kube-aliyun/kube-aliyun/pkg/volumesocket/wire"
	"github.com/kube-aliyun/kube-aliyun/test/blockdev"
	"github.com/kube-aliyun/kube-aliyun/test/flexhost"
)

// cluster is a master and two servers. Its controller knows the wire's protocol
// and plugs disks, and decides nothing: that is tested where it is decided.
type cluster struct {
	t      *testing.T
	socket string
	master *host
	nodes  map[string]*node

	mutex    sync.Mutex
	disks    map[string]*blockdev.Loop
	attached map[string]string
	plugged  int
	// failure is what the controller answers instead of doing anything.
	failure string
	listen  net.Listener
	open    sync.WaitGroup
}

// node is a server with a kubelet.
type node struct {
	*host
	tree *blockdev.Tree
}

func newCluster(t *testing.T) *cluster {
	t.Helper()
	c := &cluster{
		t: t, socket: filepath.Join(t.TempDir(), "volumes.sock"), nodes: map[string]*node{},
		disks: map[string]*blockdev.Loop{}, attached: map[string]string{},
	}
	for _, name := range []string{"one", "two"} {
		tree, err := blockdev.NewTree(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		n := &node{tree: tree}
		root := t.TempDir()
		n.host = flexhost.Start(t, programs, filepath.Join(t.TempDir(), "exec"), root, flexhost.TreeVariable+"="+tree.Root())
		c.nodes[name] = n
		t.Cleanup(func() { unmountBelow(t, root) })
	}
	c.master = flexhost.Start(t, programs, filepath.Join(t.TempDir(), "exec"), t.TempDir(), "ALIYUN_FLEXV_SOCKET="+c.socket)
	return c
}

// unmountBelow undoes what a failed test left mounted.
func unmountBelow(t *testing.T, root string) {
	t.Helper()
	content, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(content)) {
		if fields := strings.Fields(line); strings.HasPrefix(fields[1], root+"/") {
			_ = unix.Unmount(fields[1], 0)
		}
	}
}

// disk makes a disk of the region.
func (c *cluster) disk(id string, size int64) *blockdev.Loop {
	c.t.Helper()
	loop, err := blockdev.NewLoop(filepath.Join(c.t.TempDir(), id), size)
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() { _ = loop.Close() })
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.disks[id] = loop
	return loop
}

// serve starts the controller.
func (c *cluster) serve() {
	c.t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(c.t.Context(), "unix", c.socket)
	if err != nil {
		c.t.Fatal(err)
	}
	c.listen = listener
	c.open.Go(func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			c.open.Go(func() {
				defer func() { _ = connection.Close() }()
				request, err := wire.ReadRequest(connection)
				if err == nil {
					err = wire.WriteReply(connection, c.answer(request))
				}
				if err != nil {
					c.t.Error(err)
				}
			})
		}
	})
	c.t.Cleanup(c.down)
}

// down ends the controller.
func (c *cluster) down() {
	if c.listen != nil {
		_ = c.listen.Close()
		c.open.Wait()
		c.listen = nil
	}
}

func (c *cluster) fail(message string) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.failure = message
}

func (c *cluster) answer(r wire.Request) wire.Reply {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	id := r.Options["diskId"]
	switch {
	case c.failure != "":
		return wire.Reply{Error: c.failure}
	case r.Verb == wire.IsAttached:
		there := c.attached[r.Volume] == r.Node
		return wire.Reply{Attached: &there}
	case r.Verb == wire.Detach:
		if c.attached[r.Volume] == r.Node {
			delete(c.attached, r.Volume)
			return errorReply(c.nodes[r.Node].tree.Remove(device(r.Volume)))
		}
		return wire.Reply{}
	case c.attached[r.Volume] != "" && c.attached[r.Volume] != r.Node:
		return wire.Reply{Error: fmt.Sprintf("disk %s is used by node %s", id, c.attached[r.Volume])}
	case c.attached[r.Volume] == "":
		c.attached[r.Volume] = r.Node
		c.plugged++
		if err := c.nodes[r.Node].tree.Add(device(r.Volume), blockdev.Virtio, strings.TrimPrefix(id, "d-"), c.disks[id]); err != nil {
			return errorReply(err)
		}
	}
	return wire.Reply{Device: wire.DevicePath(id, "")}
}

// device is the name that a server's kernel gives the disk of the volume here.
func device(volume string) string {
	return "vd" + strings.NewReplacer("-", "", ".", "").Replace(volume)
}

func errorReply(err error) wire.Reply {
	if err != nil {
		return wire.Reply{Error: err.Error()}
	}
	return wire.Reply{}
}

// up brings a volume into a Pod by the calls that Kubernetes makes, in their
// order, and returns the Pod's folder and the device.
func (c *cluster) up(v volume, name, pod string) (folder, device string) {
	c.t.Helper()
	n := c.nodes[name]
	device = c.master.Must(request{Do: "attach", Spec: v, Node: name}).Text
	device = n.Must(request{Do: "waitforattach", Spec: v, Device: device}).Text
	n.Must(request{Do: "mountdevice", Spec: v, Device: device})
	return n.Must(request{Do: "setup", Spec: v, Pod: pod}).Text, device
}

// leave takes it away again.
func (c *cluster) leave(v volume, name, pod string) {
	c.t.Helper()
	n := c.nodes[name]
	n.Must(request{Do: "teardown", Spec: v, Pod: pod})
	n.Must(request{Do: "unmountdevice", Spec: v})
	c.master.Must(request{Do: "detach", Spec: v, Node: name})
}
