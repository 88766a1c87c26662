//go:build bench

package scale

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"
)

const (
	leaseName      = "cloud-controller-manager"
	leaseNamespace = metav1.NamespaceSystem
)

func serviceName(number int) string { return fmt.Sprintf("service-%d", number) }

// createService makes a plain Service with one port.
func (w *world) createService(ctx context.Context, number int) error {
	_, err := w.Client.CoreV1().Services(w.Namespace).Create(ctx, &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: serviceName(number)},
		Spec: corev1.ServiceSpec{
			Type:  corev1.ServiceTypeLoadBalancer,
			Ports: []corev1.ServicePort{{Name: "http", Port: 80, TargetPort: intstr.FromInt32(8080), Protocol: corev1.ProtocolTCP}},
		},
	}, metav1.CreateOptions{})
	return err
}

func (w *world) deleteService(ctx context.Context, number int) error {
	return w.Client.CoreV1().Services(w.Namespace).Delete(ctx, serviceName(number), metav1.DeleteOptions{})
}

// touchService changes an annotation that means nothing: the framework asks for
// the load balancer all over.
func (w *world) touchService(ctx context.Context, number int) error {
	return w.patchService(ctx, serviceName(number), fmt.Sprintf(`{"metadata":{"annotations":{"example.com/touched":"%d"}}}`, time.Now().UnixNano()))
}

func (w *world) patchService(ctx context.Context, name, patch string) error {
	_, err := w.Client.CoreV1().Services(w.Namespace).Patch(ctx, name, types.MergePatchType, []byte(patch), metav1.PatchOptions{})
	return err
}

// drain taints a Node as the cluster autoscaler does before it removes it.
func (w *world) drain(ctx context.Context, name string) error {
	_, err := w.Client.CoreV1().Nodes().Patch(ctx, name, types.StrategicMergePatchType,
		[]byte(`{"spec":{"taints":[{"key":"ToBeDeletedByClusterAutoscaler","value":"1","effect":"NoSchedule"}]}}`), metav1.PatchOptions{})
	return err
}

// holder is who holds the lease, "" when nobody does.
func (w *world) holder() string {
	lease, err := w.Client.CoordinationV1().Leases(leaseNamespace).Get(w.t.Context(), leaseName, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
		return ""
	case err != nil:
		w.t.Fatal(err)
	case lease.Spec.HolderIdentity == nil:
		return ""
	}
	return *lease.Spec.HolderIdentity
}

// awaitLeader waits until somebody else than one holder leads.
func (w *world) awaitLeader(other string, limit time.Duration) (took time.Duration, ok bool) {
	took, reached := w.await(limit, 1, func() int {
		if h := w.holder(); h != "" && h != other {
			return 1
		}
		return 0
	})
	return took, reached == 1
}

// freeLease removes the lease of a replica that was killed: waiting for it to
// run out is not what a restart is measured by.
func (w *world) freeLease() {
	w.t.Helper()
	err := w.Client.CoordinationV1().Leases(leaseNamespace).Delete(w.t.Context(), leaseName, metav1.DeleteOptions{})
	if err != nil && !apierrors.IsNotFound(err) {
		w.t.Fatal(err)
	}
}
