package routes

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/tools/cache"

	"github.com/kube-aliyun/kube-aliyun/pkg/drain"
)

// handler puts Nodes into the queue whose change may concern their routes.
func (c *Controller) handler() cache.ResourceEventHandler {
	return cache.ResourceEventHandlerFuncs{
		AddFunc: func(obj any) {
			if node, ok := obj.(*corev1.Node); ok {
				c.mu.Lock()
				delete(c.deleted, node.Name)
				c.mu.Unlock()
				c.changed(node.Name)
			}
		},
		UpdateFunc: func(oldObj, newObj any) {
			before, ok := oldObj.(*corev1.Node)
			after, ok2 := newObj.(*corev1.Node)
			if ok && ok2 && concerns(before, after) {
				c.changed(after.Name)
			}
		},
		DeleteFunc: func(obj any) {
			// A tombstone says that the Node was missing from a listing, not that it
			// was seen to be deleted.
			if node, ok := obj.(*corev1.Node); ok {
				c.mu.Lock()
				c.deleted[node.Name] = true
				c.mu.Unlock()
				c.changed(node.Name)
			} else if tombstone, ok := obj.(cache.DeletedFinalStateUnknown); ok {
				if node, ok := tombstone.Obj.(*corev1.Node); ok {
					c.changed(node.Name)
				}
			}
		},
	}
}

// changed puts a Node into the queue at once, whatever its back-off was.
func (c *Controller) changed(name string) {
	c.mu.Lock()
	delete(c.failures, name)
	c.mu.Unlock()
	c.queue.Add(name)
}

// concerns reports whether a change of a Node may change its routes.
func concerns(before, after *corev1.Node) bool {
	return before.UID != after.UID ||
		before.Spec.ProviderID != after.Spec.ProviderID ||
		before.Spec.PodCIDR != after.Spec.PodCIDR ||
		!slices.Equal(before.Spec.PodCIDRs, after.Spec.PodCIDRs) ||
		drain.Announced(before) != drain.Announced(after) ||
		!slices.Equal(before.Status.Addresses, after.Status.Addresses) ||
		conditionStatus(before) != conditionStatus(after)
}

func conditionStatus(node *corev1.Node) corev1.ConditionStatus {
	condition, _ := networkCondition(node)
	return condition.Status
}
