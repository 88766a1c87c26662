package kubelet

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// WaitReady waits until the Node is Ready, ctx ends or one of its programs does.
func (n *Node) WaitReady(ctx context.Context) error {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	last := "it is not registered"
	for {
		if err := n.ended(); err != nil {
			return fmt.Errorf("node %s: %w", n.options.Name, err)
		}
		node, err := n.options.Cluster.Client().CoreV1().Nodes().Get(ctx, n.options.Name, metav1.GetOptions{})
		if err == nil {
			var ready bool
			if ready, last = isReady(node, n.kubeletSince()); ready {
				return nil
			}
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("node %s is not ready (%s): %w; kubelet's log ends with:\n%s", n.options.Name, last, ctx.Err(), n.tail(Kubelet))
		case <-tick.C:
		}
	}
}

// kubeletSince is when the kubelet that runs was started.
func (n *Node) kubeletSince() time.Time {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.since
}

// isReady tells whether a Node is ready, as the kubelet says that was started at
// since, or what it says instead. The API counts in whole seconds.
func isReady(node *corev1.Node, since time.Time) (ready bool, why string) {
	for _, condition := range node.Status.Conditions {
		if condition.Type == corev1.NodeReady && !condition.LastHeartbeatTime.Time.Before(since.Truncate(time.Second)) {
			return condition.Status == corev1.ConditionTrue, condition.Message
		}
	}
	return false, "kubelet has not said"
}
