package kubelet

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kube-aliyun/kube-aliyun/test/images"
	"github.com/kube-aliyun/kube-aliyun/test/sandbox"
)

// heldForever makes this test binary a process that runs a node until it is killed.
const heldForever = "KUBELET_HELD_FOREVER"

func TestMain(m *testing.M) {
	if os.Getenv(heldForever) != "" {
		hold()
	}
	before := machine()
	code := m.Run()
	if shared.world != nil {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		if err := shared.world.close(ctx); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = max(code, 1)
		}
		cancel()
	}
	if diff := cmp.Diff(before, machine()); diff != "" {
		fmt.Fprintf(os.Stderr, "the machine is not as it was:\n%s", diff)
		code = max(code, 1)
	}
	os.Exit(code)
}

// machine is what of the machine a node could have changed: whether folders are
// there, and the kernel's settings.
func machine() map[string]string {
	state := map[string]string{}
	for _, folder := range ownFolders {
		_, err := os.Stat(folder)
		state[folder] = fmt.Sprint(err)
	}
	for _, setting := range kernelSettings {
		value, err := os.ReadFile(setting)
		state[setting] = fmt.Sprintf("%s, %v", value, err)
	}
	return state
}

// hold starts a node that runs a static Pod, tells the sandbox's id and waits to be
// killed.
func hold() {
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	w, err := newWorld(ctx, 1)
	if err == nil {
		err = w.nodes[0].Write(File{Path: "/etc/kubernetes/manifests/static.json", Content: staticPod(), Mode: 0o600})
	}
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println(w.sandbox.ID())
	<-ctx.Done()
	os.Exit(1)
}

// staticPod answers on port 18080 of its server.
func staticPod() []byte {
	return []byte(strings.ReplaceAll(`{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "static", "namespace": "default"},
		"spec": {"hostNetwork": true, "terminationGracePeriodSeconds": 0, "containers": [{"name": "network", "image": "IMAGE",
			"imagePullPolicy": "Never", "args": ["serve", "--http=18080", "--tcp=", "--udp=", "--proxied-tcp="]}]}}`, "IMAGE", images.Network))
}

// needNodes skips the test where there can be none.
func needNodes(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("real nodes take a minute")
	}
	if err := Supported(); err != nil {
		t.Skip(err)
	}
}

// two is a world with two nodes, which all tests share. They leave it as it was.
func two(t *testing.T) *world {
	t.Helper()
	needNodes(t)
	shared.once.Do(func() { shared.world, shared.err = newWorld(t.Context(), 2) })
	if errors.Is(shared.err, sandbox.ErrUnsupported) {
		t.Skip(shared.err)
	}
	if shared.err != nil {
		t.Fatal(shared.err)
	}
	return shared.world
}
