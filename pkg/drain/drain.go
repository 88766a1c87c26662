// Package drain tells when a Node that is announced to go has nothing left that
// its server is needed for.
package drain

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/client-go/kubernetes"
)

// TaintAutoscaler marks a Node whose server the cluster autoscaler is about to
// release. The API refuses to release a server that a route leads to.
const TaintAutoscaler = "ToBeDeletedByClusterAutoscaler"

// Announced reports whether a Node is announced to go: it is being deleted, or
// the cluster autoscaler or an operator (out-of-service) says so.
func Announced(node *corev1.Node) bool {
	if node.DeletionTimestamp != nil {
		return true
	}
	for i := range node.Spec.Taints {
		switch node.Spec.Taints[i].Key {
		case TaintAutoscaler, corev1.TaintNodeOutOfService:
			return true
		}
	}
	return false
}

// Emptied reports whether only Pods are left on the Node that stay until it
// goes: those of DaemonSets, static ones and finished ones. The Pods are read
// live, at this moment and for this Node alone.
func Emptied(ctx context.Context, client kubernetes.Interface, node string) (bool, error) {
	pods, err := client.CoreV1().Pods(metav1.NamespaceAll).List(ctx, metav1.ListOptions{
		FieldSelector: fields.OneTermEqualSelector("spec.nodeName", node).String(),
	})
	if err != nil {
		return false, fmt.Errorf("list pods of node %s: %w", node, err)
	}
	for i := range pods.Items {
		if p := &pods.Items[i]; p.Spec.NodeName == node && !stays(p) {
			return false, nil
		}
	}
	return true, nil
}

// stays reports whether a drain leaves the Pod where it is.
func stays(p *corev1.Pod) bool {
	if p.Status.Phase == corev1.PodSucceeded || p.Status.Phase == corev1.PodFailed {
		return true
	}
	if _, static := p.Annotations[corev1.MirrorPodAnnotationKey]; static {
		return true
	}
	owner := metav1.GetControllerOf(p)
	return owner != nil && owner.Kind == "DaemonSet"
}
