package nodewatch

import (
	"context"
	"fmt"
	"maps"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/client-go/tools/cache"
	"k8s.io/utils/clock"
)

// Options of Notify. The zero value is usable.
type Options struct {
	Window Window
	Clock  clock.WithDelayedExecution
}

// Notify calls changed once for each burst of Node events until ctx is done;
// updates count by default as Changed says. The registration tells when the
// initial list has been delivered.
func Notify(ctx context.Context, nodes cache.SharedIndexInformer, options Options, changed func()) (cache.ResourceEventHandlerRegistration, error) {
	if options.Window == (Window{}) {
		options.Window = DefaultWindow
	}
	if options.Clock == nil {
		options.Clock = clock.RealClock{}
	}
	debouncer := NewDebouncer(ctx, options.Clock, options.Window, changed)
	registration, err := nodes.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    func(any) { debouncer.Trigger() },
		DeleteFunc: func(any) { debouncer.Trigger() },
		UpdateFunc: func(oldObj, newObj any) {
			oldNode, isNode := oldObj.(*corev1.Node)
			newNode, isToo := newObj.(*corev1.Node)
			if isNode && isToo && Changed(oldNode, newNode) {
				debouncer.Trigger()
			}
		},
	})
	if err != nil {
		return nil, fmt.Errorf("watch nodes: %w", err)
	}
	return registration, nil
}

// SpecChanged reports whether labels, spec (provider ID, Pod CIDRs, taints,
// cordon) or deletion of a Node differ, or whether it is another Node of that name.
func SpecChanged(oldNode, newNode *corev1.Node) bool {
	if oldNode.ResourceVersion == newNode.ResourceVersion && oldNode.ResourceVersion != "" {
		return false
	}
	return oldNode.UID != newNode.UID ||
		oldNode.DeletionTimestamp.IsZero() != newNode.DeletionTimestamp.IsZero() ||
		!maps.Equal(oldNode.Labels, newNode.Labels) ||
		!equality.Semantic.DeepEqual(oldNode.Spec, newNode.Spec)
}

// Changed reports whether SpecChanged does, or addresses, annotations or
// readiness differ. A mere heartbeat does not count.
func Changed(oldNode, newNode *corev1.Node) bool {
	if oldNode.ResourceVersion == newNode.ResourceVersion && oldNode.ResourceVersion != "" {
		return false
	}
	return SpecChanged(oldNode, newNode) ||
		ready(oldNode) != ready(newNode) ||
		!maps.Equal(oldNode.Annotations, newNode.Annotations) ||
		!equality.Semantic.DeepEqual(oldNode.Status.Addresses, newNode.Status.Addresses)
}

func ready(node *corev1.Node) corev1.ConditionStatus {
	for i := range node.Status.Conditions {
		if node.Status.Conditions[i].Type == corev1.NodeReady {
			return node.Status.Conditions[i].Status
		}
	}
	return corev1.ConditionUnknown
}
