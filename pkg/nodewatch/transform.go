package nodewatch

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
)

// Transform is a cache.TransformFunc for every informer: it drops the managed
// fields of any object and the image list of Nodes, which nobody here reads and
// which are most of a Node's size. It is safe for controllers that write objects
// back: the API server keeps managed fields that an update leaves out, and a
// Node's status is not written by an update of the Node.
func Transform(obj any) (any, error) {
	accessor, err := meta.Accessor(obj)
	if err != nil {
		return obj, nil //nolint:nilerr // not an object: tombstones pass unchanged
	}
	accessor.SetManagedFields(nil)
	if node, ok := obj.(*corev1.Node); ok {
		node.Status.Images = nil
	}
	return obj, nil
}
