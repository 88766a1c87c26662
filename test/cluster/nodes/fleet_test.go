package nodes_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"
	cloudproviderapi "k8s.io/cloud-provider/api"
	"k8s.io/klog/v2"

	"github.com/kube-aliyun/kube-aliyun/test/cluster"
	"github.com/kube-aliyun/kube-aliyun/test/cluster/nodes"
)

// heartbeat is short, so that a dead node is found within seconds.
const heartbeat = time.Second

func TestMain(m *testing.M) {
	cluster.MainWith(m, cluster.Options{ControllerManager: true, NodeMonitorGrace: 6 * heartbeat, ClusterCIDR: []string{"10.128.0.0/12"}})
}

func eventually(t *testing.T, what string, condition func(ctx context.Context) (bool, error)) {
	t.Helper()
	err := wait.PollUntilContextTimeout(t.Context(), 50*time.Millisecond, time.Minute, true, condition)
	if err != nil {
		t.Fatalf("waiting until %s: %v", what, err)
	}
}

// run starts a fleet for the time of the test, and removes its nodes at the end.
func run(t *testing.T, client kubernetes.Interface, options []nodes.Option, list ...nodes.Node) *nodes.Fleet {
	t.Helper()
	options = append([]nodes.Option{nodes.HeartbeatEvery(heartbeat)}, options...)
	fleet := nodes.New(client, klog.FromContext(t.Context()), options...)
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() {
		if err := fleet.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() {
		for _, node := range list {
			err := fleet.Remove(context.WithoutCancel(ctx), node.Name)
			if err != nil && !errors.Is(err, nodes.ErrUnknownNode) {
				t.Error(err)
			}
		}
		cancel()
		running.Wait()
	})
	if err := fleet.Add(ctx, list...); err != nil {
		t.Fatal(err)
	}
	return fleet
}

func get(ctx context.Context, t *testing.T, client kubernetes.Interface, name string) *corev1.Node {
	t.Helper()
	node, err := client.CoreV1().Nodes().Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return node
}

func ready(node *corev1.Node) corev1.ConditionStatus {
	for _, condition := range node.Status.Conditions {
		if condition.Type == corev1.NodeReady {
			return condition.Status
		}
	}
	return ""
}

func TestNodeIsRegisteredAsAKubeletDoes(t *testing.T) {
	client := cluster.Shared(t).Client()
	run(t, client, nil, nodes.Node{
		Name: "register-1", InternalIP: "192.0.2.10", ProvidedNodeIP: "192.0.2.10", ProviderID: "cn-test.i-1",
		Labels: map[string]string{"example.com/pool": "one"},
	})
	node := get(t.Context(), t, client, "register-1")
	if got := node.Labels[corev1.LabelHostname]; got != "register-1" {
		t.Errorf("label of the host name: got %q", got)
	}
	if got := node.Labels["example.com/pool"]; got != "one" {
		t.Errorf("label of ours: got %q", got)
	}
	if got := node.Annotations[cloudproviderapi.AnnotationAlphaProvidedIPAddr]; got != "192.0.2.10" {
		t.Errorf("annotation of the node IP: got %q", got)
	}
	if got := node.Spec.ProviderID; got != "cn-test.i-1" {
		t.Errorf("provider ID: got %q", got)
	}
	if !slices.ContainsFunc(node.Spec.Taints, func(taint corev1.Taint) bool { return taint.Key == cloudproviderapi.TaintExternalCloudProvider }) {
		t.Errorf("taints lack that of an uninitialised node: %v", node.Spec.Taints)
	}
	if got := ready(node); got != corev1.ConditionTrue {
		t.Errorf("ready: got %q", got)
	}
}

func TestDeadNodeBecomesNotReadyAndComesBack(t *testing.T) {
	client := cluster.Shared(t).Client()
	fleet := run(t, client, nil, nodes.Node{Name: "life-1"}, nodes.Node{Name: "life-2"})
	if err := fleet.Kill("life-1"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the dead node is not ready", func(ctx context.Context) (bool, error) {
		return ready(get(ctx, t, client, "life-1")) == corev1.ConditionUnknown, nil
	})
	if got := ready(get(t.Context(), t, client, "life-2")); got != corev1.ConditionTrue {
		t.Errorf("the living node is ready: got %q", got)
	}
	if err := fleet.Revive(t.Context(), "life-1"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the revived node is ready", func(ctx context.Context) (bool, error) {
		return ready(get(ctx, t, client, "life-1")) == corev1.ConditionTrue, nil
	})
}

func TestLivingNodeReportsItselfReadyAgain(t *testing.T) {
	client := cluster.Shared(t).Client()
	run(t, client, nil, nodes.Node{Name: "again-1"})
	patch := []byte(`{"status":{"conditions":[{"type":"Ready","status":"Unknown","reason":"NodeStatusUnknown"}]}}`)
	_, err := client.CoreV1().Nodes().Patch(t.Context(), "again-1", "application/strategic-merge-patch+json", patch, metav1.PatchOptions{}, "status")
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "the node is ready", func(ctx context.Context) (bool, error) {
		return ready(get(ctx, t, client, "again-1")) == corev1.ConditionTrue, nil
	})
}

func TestDeletedNodeIsNotRegisteredAgainUntilRevived(t *testing.T) {
	client := cluster.Shared(t).Client()
	fleet := run(t, client, nil, nodes.Node{Name: "deleted-1"})
	if err := client.CoreV1().Nodes().Delete(t.Context(), "deleted-1", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the fleet has seen the deletion", func(context.Context) (bool, error) {
		return len(fleet.Alive()) == 0, nil
	})
	if _, err := client.CoreV1().Nodes().Get(t.Context(), "deleted-1", metav1.GetOptions{}); !apierrors.IsNotFound(err) {
		t.Errorf("reading the deleted node: got %v, want not found", err)
	}
	if err := fleet.Revive(t.Context(), "deleted-1"); err != nil {
		t.Fatal(err)
	}
	if got := ready(get(t.Context(), t, client, "deleted-1")); got != corev1.ConditionTrue {
		t.Errorf("the revived node is ready: got %q", got)
	}
}

func TestRemovedNodeLeavesNoLease(t *testing.T) {
	client := cluster.Shared(t).Client()
	fleet := run(t, client, nil, nodes.Node{Name: "removed-1"})
	leases := client.CoordinationV1().Leases(corev1.NamespaceNodeLease)
	eventually(t, "the node has a lease", func(ctx context.Context) (bool, error) {
		_, err := leases.Get(ctx, "removed-1", metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			return false, nil
		}
		return err == nil, err
	})
	if err := fleet.Remove(t.Context(), "removed-1"); err != nil {
		t.Fatal(err)
	}
	if _, err := client.CoreV1().Nodes().Get(t.Context(), "removed-1", metav1.GetOptions{}); !apierrors.IsNotFound(err) {
		t.Errorf("reading the removed node: got %v, want not found", err)
	}
	if _, err := leases.Get(t.Context(), "removed-1", metav1.GetOptions{}); !apierrors.IsNotFound(err) {
		t.Errorf("reading its lease: got %v, want not found", err)
	}
	if err := fleet.Kill("removed-1"); !errors.Is(err, nodes.ErrUnknownNode) {
		t.Errorf("killing it: got %v, want %v", err, nodes.ErrUnknownNode)
	}
}

func TestExistingNodeIsTakenOver(t *testing.T) {
	client := cluster.Shared(t).Client()
	first := nodes.New(client, klog.FromContext(t.Context()))
	if err := first.Add(t.Context(), nodes.Node{Name: "over-1", ProviderID: "cn-test.i-first"}); err != nil {
		t.Fatal(err)
	}
	run(t, client, nil, nodes.Node{Name: "over-1", ProviderID: "cn-test.i-second"})
	if got := get(t.Context(), t, client, "over-1").Spec.ProviderID; got != "cn-test.i-first" {
		t.Errorf("provider ID: got %q, want that of the existing node", got)
	}
	eventually(t, "the node has a lease", func(ctx context.Context) (bool, error) {
		_, err := client.CoordinationV1().Leases(corev1.NamespaceNodeLease).Get(ctx, "over-1", metav1.GetOptions{})
		return err == nil, nil
	})
}

func TestHundredNodesGetARangeEach(t *testing.T) {
	client := cluster.Shared(t).Client()
	const count = 100
	list := nodes.Numbered(count, func(number int, node *nodes.Node) {
		node.Name = fmt.Sprintf("many-%d", number)
	})
	run(t, client, nil, list...)
	ranges := map[string]bool{}
	eventually(t, "every node has a range of its own", func(ctx context.Context) (bool, error) {
		clear(ranges)
		all, err := client.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
		if err != nil {
			return false, err
		}
		for _, node := range all.Items {
			if node.Spec.PodCIDR != "" {
				ranges[node.Spec.PodCIDR] = true
			}
		}
		return len(ranges) >= count, nil
	})
}
