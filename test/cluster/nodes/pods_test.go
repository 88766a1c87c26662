package nodes_test

import (
	"context"
	"net/netip"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/kube-aliyun/kube-aliyun/test/cluster"
	"github.com/kube-aliyun/kube-aliyun/test/cluster/nodes"
)

// createPod makes a Pod that is bound to a node from the start.
func createPod(t *testing.T, client kubernetes.Interface, node, name string) {
	t.Helper()
	pods := client.CoreV1().Pods(metav1.NamespaceDefault)
	_, err := pods.Create(t.Context(), &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: corev1.PodSpec{
			NodeName:    node,
			Containers:  []corev1.Container{{Name: "one", Image: "example.invalid/one"}},
			Tolerations: []corev1.Toleration{{Operator: corev1.TolerationOpExists}},
		},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		err := pods.Delete(context.WithoutCancel(t.Context()), name, *metav1.NewDeleteOptions(0))
		if err != nil && !apierrors.IsNotFound(err) {
			t.Error(err)
		}
	})
}

func waitRunning(t *testing.T, client kubernetes.Interface, name string) (running *corev1.Pod) {
	t.Helper()
	eventually(t, "Pod "+name+" is ready", func(ctx context.Context) (bool, error) {
		pod, err := client.CoreV1().Pods(metav1.NamespaceDefault).Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return false, err
		}
		running = pod
		for _, condition := range pod.Status.Conditions {
			if condition.Type == corev1.PodReady && condition.Status == corev1.ConditionTrue {
				return pod.Status.Phase == corev1.PodRunning, nil
			}
		}
		return false, nil
	})
	return running
}

func TestPodRunsWithAnAddressOfItsNode(t *testing.T) {
	client := cluster.Shared(t).Client()
	run(t, client, []nodes.Option{nodes.WithPods()}, nodes.Node{Name: "pods-1", InternalIP: "192.0.2.20"})
	createPod(t, client, "pods-1", "first")
	createPod(t, client, "pods-1", "second")
	first, second := waitRunning(t, client, "first"), waitRunning(t, client, "second")

	node := get(t.Context(), t, client, "pods-1")
	prefix, err := netip.ParsePrefix(node.Spec.PodCIDR)
	if err != nil {
		t.Fatal(err)
	}
	for _, pod := range []*corev1.Pod{first, second} {
		if address, err := netip.ParseAddr(pod.Status.PodIP); err != nil || !prefix.Contains(address) {
			t.Errorf("address of %s: got %q, want one of %s", pod.Name, pod.Status.PodIP, prefix)
		}
		if got := pod.Status.HostIP; got != "192.0.2.20" {
			t.Errorf("address of the host of %s: got %q", pod.Name, got)
		}
	}
	if first.Status.PodIP == second.Status.PodIP {
		t.Errorf("both Pods have the address %s", first.Status.PodIP)
	}
}

func TestDeletedPodEnds(t *testing.T) {
	client := cluster.Shared(t).Client()
	run(t, client, []nodes.Option{nodes.WithPods()}, nodes.Node{Name: "ends-1"})
	createPod(t, client, "ends-1", "ends")
	waitRunning(t, client, "ends")
	pods := client.CoreV1().Pods(metav1.NamespaceDefault)
	if err := pods.Delete(t.Context(), "ends", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the Pod is gone", func(ctx context.Context) (bool, error) {
		_, err := pods.Get(ctx, "ends", metav1.GetOptions{})
		return apierrors.IsNotFound(err), nil
	})
}

func TestPodOfADeadNodeWaitsForItsReturn(t *testing.T) {
	client := cluster.Shared(t).Client()
	fleet := run(t, client, []nodes.Option{nodes.WithPods()}, nodes.Node{Name: "waits-1"})
	if err := fleet.Kill("waits-1"); err != nil {
		t.Fatal(err)
	}
	createPod(t, client, "waits-1", "waits")
	eventually(t, "the dead node is not ready", func(ctx context.Context) (bool, error) {
		return ready(get(ctx, t, client, "waits-1")) == corev1.ConditionUnknown, nil
	})
	pod, err := client.CoreV1().Pods(metav1.NamespaceDefault).Get(t.Context(), "waits", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if pod.Status.Phase != corev1.PodPending {
		t.Errorf("phase on a dead node: got %s, want %s", pod.Status.Phase, corev1.PodPending)
	}
	if err := fleet.Revive(t.Context(), "waits-1"); err != nil {
		t.Fatal(err)
	}
	waitRunning(t, client, "waits")
}
