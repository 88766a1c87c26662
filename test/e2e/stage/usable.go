package stage

import (
	"context"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// usableTimeout is for new nodes, on a machine that is busy.
const usableTimeout = 3 * time.Minute

var errNotUsable = errors.New("not usable yet")

// WaitUsable waits until every server that runs is a Node that is Ready,
// initialised, routed and schedulable, the master for Pods that tolerate it.
func (s *Stage) WaitUsable(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, usableTimeout)
	defer cancel()
	waiting := map[string]bool{}
	for _, server := range s.Servers() {
		if !server.off {
			waiting[server.Name()] = true
		}
	}
	return poll(ctx, func(ctx context.Context) error {
		nodes, err := s.Client().CoreV1().Nodes().List(ctx, metav1.ListOptions{})
		if err != nil {
			return err
		}
		why := ""
		for i := range nodes.Items {
			node := &nodes.Items[i]
			if !waiting[node.Name] {
				continue
			}
			if missing := notUsable(node); missing != "" {
				why = missing
				continue
			}
			delete(waiting, node.Name)
		}
		if len(waiting) == 0 {
			return nil
		}
		return fmt.Errorf("%w: %d Nodes, such as: %s", errNotUsable, len(waiting), why)
	})
}

// notUsable says what a Node lacks, or "".
func notUsable(node *corev1.Node) string {
	if node.Spec.Unschedulable {
		return node.Name + " is cordoned"
	}
	for _, taint := range node.Spec.Taints {
		if taint.Key != controlPlaneLabel {
			return fmt.Sprintf("%s has the taint %s", node.Name, taint.Key)
		}
	}
	state := map[corev1.NodeConditionType]corev1.NodeCondition{}
	for _, condition := range node.Status.Conditions {
		state[condition.Type] = condition
	}
	if ready := state[corev1.NodeReady]; ready.Status != corev1.ConditionTrue {
		return fmt.Sprintf("%s is not Ready: %s", node.Name, ready.Message)
	}
	if network := state[corev1.NodeNetworkUnavailable]; network.Status != corev1.ConditionFalse {
		return fmt.Sprintf("%s has no route: %s", node.Name, network.Message)
	}
	return ""
}
