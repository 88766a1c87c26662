package classes

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	servicehelpers "k8s.io/cloud-provider/service/helpers"
)

// addFinalizer adds our finalizer.
func (c *Controller) addFinalizer(ctx context.Context, service *corev1.Service) error {
	change := map[string]any{"metadata": finalizers(service, append(slices.Clone(service.Finalizers), Finalizer))}
	if err := c.patch(ctx, service, change); err != nil {
		return fmt.Errorf("add the finalizer %s: %w", Finalizer, err)
	}
	return nil
}

// release removes our finalizer, and with emptied the load balancer's part of the
// status.
func (c *Controller) release(ctx context.Context, service *corev1.Service, emptied bool) error {
	rest := slices.DeleteFunc(slices.Clone(service.Finalizers), func(f string) bool { return f == Finalizer })
	change := map[string]any{"metadata": finalizers(service, rest)}
	if emptied {
		change["status"] = map[string]any{"loadBalancer": map[string]any{"ingress": nil}}
	}
	if err := c.patch(ctx, service, change); err != nil {
		return fmt.Errorf("remove the finalizer %s: %w", Finalizer, err)
	}
	return nil
}

// finalizers is the metadata of a change of finalizers. The list is replaced as a
// whole, so the write is refused as a conflict when the Service has changed since
// it was read.
func finalizers(service *corev1.Service, list []string) map[string]any {
	return map[string]any{"uid": service.UID, "resourceVersion": service.ResourceVersion, "finalizers": list}
}

// setStatus writes the load balancer's part of the status, when it is another one
// than the Service shows.
func (c *Controller) setStatus(ctx context.Context, service *corev1.Service, status *corev1.LoadBalancerStatus) error {
	if servicehelpers.LoadBalancerStatusEqual(&service.Status.LoadBalancer, status) {
		return nil
	}
	err := c.patch(ctx, service, map[string]any{
		"metadata": map[string]any{"uid": service.UID}, // another Service of that name is refused
		"status":   map[string]any{"loadBalancer": map[string]any{"ingress": status.Ingress}},
	})
	if err != nil {
		return fmt.Errorf("write the Service's status: %w", err)
	}
	return nil
}

// patch changes metadata or status of a Service; one that is gone needs none. Both
// go through the status subresource, as the framework does it: that right is enough.
func (c *Controller) patch(ctx context.Context, service *corev1.Service, change map[string]any) error {
	data, err := json.Marshal(change)
	if err != nil {
		return fmt.Errorf("encode the change of the Service: %w", err)
	}
	_, err = c.options.Client.Services(service.Namespace).Patch(ctx, service.Name, types.MergePatchType, data, metav1.PatchOptions{}, "status")
	if apierrors.IsNotFound(err) {
		return nil
	}
	return err
}
