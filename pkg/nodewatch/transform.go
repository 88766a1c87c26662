package nodewatch

import (
	"reflect"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
)

// Transform is a cache.TransformFunc for every informer: it drops the managed
// fields of any object and the image list of Nodes, which nobody here reads and
// which are most of a Node's size. It is safe for controllers that write objects
// back: the API server keeps managed fields that an update leaves out, and a
// Node's status is not written by an update of the Node. The object is not
// changed but copied, its parts shared: who delivers it may still hold it, as
// client-go's fake clients do.
func Transform(obj any) (any, error) {
	if _, err := meta.Accessor(obj); err != nil {
		return obj, nil //nolint:nilerr // not an object: tombstones pass unchanged
	}
	source := reflect.ValueOf(obj)
	if source.Kind() != reflect.Pointer || source.IsNil() {
		return obj, nil
	}
	target := reflect.New(source.Type().Elem())
	target.Elem().Set(source.Elem())
	out := target.Interface()
	accessor, err := meta.Accessor(out)
	if err != nil {
		return obj, err
	}
	accessor.SetManagedFields(nil)
	if node, ok := out.(*corev1.Node); ok {
		node.Status.Images = nil
	}
	return out, nil
}
