//go:build nightly

package e2e

import (
	"context"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kube-aliyun/kube-aliyun/test/e2e/stage"
)

// What Kubernetes takes until it lets a volume go whose node has not unmounted it.
const (
	// afterDeclared is for a node that is out of service: it has to be NotReady,
	// and then its Pods are collected every 20 seconds.
	afterDeclared = 3 * time.Minute
	// afterDeletion is for a Node that was deleted: kube-controller-manager waits
	// six minutes for what it saw in use.
	afterDeletion = 10 * time.Minute
)

const outOfService = "node.kubernetes.io/out-of-service"

func TestDiskLeavesAStoppedServer(t *testing.T) {
	worker := theatre.Workers()[0]
	store(t, "stopped", shippedClass, zoneOf(t, worker))
	node := runs(t, "stopped", "")
	if node != worker.Name() {
		t.Fatalf("it runs on %s", node)
	}
	inPod(t, "stopped", "write", dataFile, "before the stop")
	if err := theatre.Stop(t.Context(), worker); err != nil {
		t.Fatal(err)
	}
	if err := theatre.Kubectl(t.Context(), "taint", "node", node, outOfService+"=stopped:NoExecute"); err != nil {
		t.Fatal(err)
	}
	runsWithin(t, afterDeclared, "stopped", node)
	holds(t, "stopped", "before the stop")
	if err := theatre.StartAgain(t.Context(), worker); err != nil {
		t.Fatal(err)
	}
	if err := theatre.Kubectl(t.Context(), "taint", "node", node, outOfService+"-"); err != nil {
		t.Fatal(err)
	}
	if err := theatre.WaitUsable(t.Context()); err != nil {
		t.Fatal(err)
	}
	unclaim(t, "stopped")
}

// joinIn adds a server to a zone until the test's end: they come by turns.
func joinIn(t *testing.T, zone string) *stage.Server {
	t.Helper()
	for {
		server, err := theatre.Join(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { leave(t, server) })
		if zoneOf(t, server) == zone {
			return server
		}
	}
}

func TestDiskLeavesAReleasedServer(t *testing.T) {
	worker := theatre.Workers()[0]
	zone := zoneOf(t, worker)
	server := joinIn(t, zone)
	if err := theatre.Kubectl(t.Context(), "cordon", worker.Name()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := theatre.Kubectl(context.WithoutCancel(t.Context()), "uncordon", worker.Name()); err != nil {
			t.Error(err)
		}
	})
	store(t, "released", shippedClass, zone)
	node := runs(t, "released", "")
	if node != server.Name() {
		t.Fatalf("it runs on %s", node)
	}
	inPod(t, "released", "write", dataFile, "before the release")
	if err := theatre.Stop(t.Context(), server); err != nil {
		t.Fatal(err)
	}
	if err := theatre.Client().CoreV1().Nodes().Delete(t.Context(), node, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the server is released", func(ctx context.Context) error { return theatre.Release(ctx, server) })
	runsWithin(t, afterDeletion, "released", node)
	holds(t, "released", "before the release")
	unclaim(t, "released")
	if lines := strings.Join(mounts(t, theatre.Master()), "\n"); strings.Contains(lines, "/dev/loop") {
		t.Errorf("the master has a disk mounted:\n%s", lines)
	}
}
