package routes

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

// The reasons of the condition NetworkUnavailable; the first two are those of the
// framework's route controller.
const (
	reasonCreated  = "RouteCreated"
	reasonMissing  = "NoRouteCreated"
	reasonConflict = "RouteConflict"
	reasonCheckOn  = "SourceDestCheckOn"
	reasonLeaving  = "RouteRemoved"
)

// verdict is what the condition NetworkUnavailable is to say.
type verdict struct {
	status  corev1.ConditionStatus
	reason  string
	message string
}

func routed() verdict {
	return verdict{corev1.ConditionFalse, reasonCreated, "every route to the Node's Pods is available"}
}

func unavailable(reason, message string) verdict {
	return verdict{corev1.ConditionTrue, reason, message}
}

// with returns the Node as it is after the verdict was written.
func (v verdict) with(node *corev1.Node, now metav1.Time) *corev1.Node {
	if have, exists := networkCondition(node); exists && have.Status == v.status {
		now = have.LastTransitionTime
	}
	out := node.DeepCopy()
	out.Status.Conditions = slices.DeleteFunc(out.Status.Conditions, func(c corev1.NodeCondition) bool {
		return c.Type == corev1.NodeNetworkUnavailable
	})
	out.Status.Conditions = append(out.Status.Conditions, corev1.NodeCondition{
		Type: corev1.NodeNetworkUnavailable, Status: v.status, Reason: v.reason, LastTransitionTime: now,
	})
	return out
}

// networkCondition returns the Node's condition NetworkUnavailable.
func networkCondition(node *corev1.Node) (corev1.NodeCondition, bool) {
	for _, c := range node.Status.Conditions {
		if c.Type == corev1.NodeNetworkUnavailable {
			return c, true
		}
	}
	return corev1.NodeCondition{}, false
}

// setCondition writes the verdict unless the Node already has it. The write
// carries the Node's UID, so that a namesake is left alone; a Node that is gone
// is none to write to.
func setCondition(ctx context.Context, client kubernetes.Interface, node *corev1.Node, v verdict, now metav1.Time) error {
	have, exists := networkCondition(node)
	if exists && have.Status == v.status && have.Reason == v.reason {
		return nil
	}
	since := now
	if exists && have.Status == v.status {
		since = have.LastTransitionTime
	}
	patch, err := json.Marshal(map[string]any{
		"metadata": map[string]any{"uid": node.UID},
		"status": map[string]any{"conditions": []corev1.NodeCondition{{
			Type: corev1.NodeNetworkUnavailable, Status: v.status, Reason: v.reason, Message: v.message,
			LastHeartbeatTime: now, LastTransitionTime: since,
		}}},
	})
	if err != nil {
		return fmt.Errorf("encode condition of node %s: %w", node.Name, err)
	}
	_, err = client.CoreV1().Nodes().PatchStatus(ctx, node.Name, patch)
	if apierrors.IsNotFound(err) || apierrors.IsConflict(err) {
		return nil // gone, or another Node of that name: its own event follows
	}
	if err != nil {
		return fmt.Errorf("write condition NetworkUnavailable of node %s: %w", node.Name, err)
	}
	return nil
}
