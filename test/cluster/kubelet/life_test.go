package kubelet

import (
	"bytes"
	"context"
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/vishvananda/netlink"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kube-aliyun/kube-aliyun/test/images/echo"
	"github.com/kube-aliyun/kube-aliyun/test/process/victim"
	"github.com/kube-aliyun/kube-aliyun/test/sandbox"
)

// traces lists what the machine has of a sandbox: files, namespaces, control
// groups, and processes that are in its groups, have its name among their
// arguments or see it mounted.
func traces(t *testing.T, id string) []string {
	t.Helper()
	var found []string
	for _, pattern := range []string{"/run/netns/" + id + "*", "/run/kube-aliyun/" + id, "/sys/fs/cgroup/" + id, "/sys/fs/cgroup/*/" + id} {
		matches, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		found = append(found, matches...)
	}
	processes, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range processes {
		for _, name := range []string{"cgroup", "cmdline", "mountinfo"} {
			content, err := os.ReadFile(filepath.Join(dir, name))
			if err == nil && bytes.Contains(content, []byte(id)) {
				found = append(found, filepath.Join(dir, name))
			}
		}
	}
	return found
}

func TestNothingIsLeftOfANodeWhoseOwnerWasKilled(t *testing.T) {
	needNodes(t)
	owner := victim.Start(t, heldForever+"=yes")
	id := owner.Line(t)
	if strings.Contains(id, " ") {
		t.Fatalf("the owner said %q", id)
	}
	eventually(t, "a container runs", func(context.Context) error {
		if !slices.ContainsFunc(sandbox.Processes("/"+id+"/"+serverAddress(0)+"/pods"), runs("/network")) {
			return errNotRunning
		}
		return nil
	})

	owner.Kill()
	if !slices.ContainsFunc(sandbox.Processes("/"+id+"/"+serverAddress(0)+"/pods"), runs("/network")) {
		t.Error("the container has ended with the owner: nothing is left to be removed")
	}
	if err := sandbox.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	// A process that was killed is there until its parent has been told.
	eventually(t, "nothing is left", func(context.Context) error {
		if found := traces(t, id); len(found) > 0 {
			return errors.New(strings.Join(found, ", "))
		}
		return nil
	})
}

// runs tells of a process whether it runs a program.
func runs(program string) func(pid int) bool {
	return func(pid int) bool {
		arguments, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "cmdline"))
		return err == nil && bytes.HasPrefix(arguments, []byte(program+"\x00"))
	}
}

func TestKilledNodeIsSilentAndComesBack(t *testing.T) {
	w := two(t)
	w.routePods(t)
	address := w.runPod(t, "dying", w.nodes[1], nil)
	url := "http://" + address + ":8080/"
	reach := func(ctx context.Context) error {
		_, err := echo.Get(ctx, from(w.client), url)
		return err
	}
	eventually(t, "the client reaches the Pod", reach)

	if err := w.nodes[1].Kill(t.Context()); err != nil {
		t.Fatal(err)
	}
	if found := sandbox.Processes("/" + w.sandbox.ID() + "/" + serverAddress(1)); len(found) > 0 {
		t.Errorf("processes %v are left", found)
	}
	links, err := w.servers[1].Netlink().LinkList()
	if err != nil {
		t.Fatal(err)
	}
	if slices.ContainsFunc(links, func(l netlink.Link) bool { return l.Attrs().Name == bridge }) {
		t.Error("the bridge of the Pods is left")
	}

	if w.nodes[1], err = Start(t.Context(), w.options(1)); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the node is ready again", w.nodes[1].WaitReady)
	eventually(t, "the Pod answers again", func(ctx context.Context) error {
		pod, err := w.cluster.Client().CoreV1().Pods(metav1.NamespaceDefault).Get(ctx, "dying", metav1.GetOptions{})
		if err != nil {
			return err
		}
		url = "http://" + pod.Status.PodIP + ":8080/"
		return reach(ctx)
	})
}

func TestPodsGetAddressesOutOfTheRangeThatTheNodeHasNow(t *testing.T) {
	w := two(t)
	nodes := w.cluster.Client().CoreV1().Nodes()
	name := w.nodes[1].Name()
	before, err := nodes.Get(t.Context(), name, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if err := nodes.Delete(t.Context(), name, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := w.nodes[1].Restart(t.Context(), Kubelet); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the node is ready again", w.nodes[1].WaitReady)
	var current netip.Prefix
	eventually(t, "the Node has another range", func(ctx context.Context) error {
		node, err := nodes.Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return err
		}
		if node.Spec.PodCIDR == before.Spec.PodCIDR {
			t.Fatalf("it has %s again", node.Spec.PodCIDR)
		}
		current, err = netip.ParsePrefix(node.Spec.PodCIDR)
		return err
	})
	w.routePods(t)
	address := w.runPod(t, "new-range", w.nodes[1], nil)
	if !current.Contains(netip.MustParseAddr(address)) {
		t.Errorf("the Pod's address %s is not out of %s", address, current)
	}
	eventually(t, "the client reaches the Pod", func(ctx context.Context) error {
		_, err := echo.Get(ctx, from(w.client), "http://"+address+":8080/")
		return err
	})
}

func TestProgramOfTheNodeIsWhereTheNodeIs(t *testing.T) {
	w := two(t)
	p, err := w.nodes[0].Exec(t.Context(), "look", "/bin/sh", []string{"-c", "cat /var/lib/kubelet/config.yaml /proc/self/net/fib_trie && echo 7 > /proc/sys/kernel/panic"})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	output, err := os.ReadFile(filepath.Join(w.nodes[0].logs, "look.log"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"kind: KubeletConfiguration", serverAddress(0)} {
		if !strings.Contains(string(output), want) {
			t.Errorf("it has not seen %q", want)
		}
	}
	if value, err := os.ReadFile("/proc/sys/kernel/panic"); err != nil || string(value) == "7\n" {
		t.Errorf("it has set the machine's kernel: %q, %v", value, err)
	}
}

func TestNodeOfAReleasedServerEnds(t *testing.T) {
	w := two(t)
	released, err := w.sandbox.Namespace("released")
	if err != nil {
		t.Fatal(err)
	}
	if err := w.plug(released, "released", "servers", serverAddress(8), gateway); err != nil {
		t.Fatal(err)
	}
	o := w.options(0)
	o.Address, o.Namespace = serverAddress(8), released.Path()
	n, err := Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.cluster.Client().CoreV1().Nodes().Delete(context.WithoutCancel(t.Context()), n.Name(), metav1.DeleteOptions{}); err != nil {
			t.Error(err)
		}
	})
	if err := released.Remove(); err != nil {
		t.Fatal(err)
	}
	if err := n.Close(t.Context()); err != nil {
		t.Error(err)
	}
	// A namespace goes with the last that holds it: nodes must not.
	eventually(t, "the server is gone", func(context.Context) error {
		if _, err := w.router.Netlink().LinkByName("released"); err == nil {
			return errStillThere
		}
		return nil
	})
}

var errStillThere = errors.New("still there")

func TestNodesHoldNoOtherServersNamespace(t *testing.T) {
	w := two(t)
	other, err := w.sandbox.Namespace("other")
	if err != nil {
		t.Fatal(err)
	}
	if err := w.plug(other, "other", "servers", serverAddress(9), gateway); err != nil {
		t.Fatal(err)
	}
	// The copy of the machine's mounts that a node starts with has it too.
	if err := w.nodes[1].Kill(t.Context()); err != nil {
		t.Fatal(err)
	}
	if w.nodes[1], err = Start(t.Context(), w.options(1)); err != nil {
		t.Fatal(err)
	}
	if err := other.Remove(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the other server is gone", func(context.Context) error {
		if _, err := w.router.Netlink().LinkByName("other"); err == nil {
			return errStillThere
		}
		return nil
	})
	eventually(t, "the node is ready again", w.nodes[1].WaitReady)
}
