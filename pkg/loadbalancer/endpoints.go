package loadbalancer

import (
	"context"
	"fmt"
	"maps"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
)

// podKey names an endpoint: a Pod has an address for as long as it lives.
type podKey struct {
	uid          types.UID
	pod, address string
}

// endpoint is an endpoint that is said to be a Pod.
type endpoint struct {
	podKey
	// ports are the numbers of the Service's ports by name.
	ports map[string]int
	// ready endpoints take traffic; terminating ones still serve.
	ready, terminating bool
}

// mostEndpoints bounds what is read for one Service: far more than a load
// balancer takes.
const mostEndpoints = 1000

// slices returns the EndpointSlices of a Service.
func (b *Balancers) slices(service *corev1.Service) ([]*discoveryv1.EndpointSlice, error) {
	list, err := b.options.EndpointSlices.EndpointSlices(service.Namespace).List(
		labels.SelectorFromSet(labels.Set{discoveryv1.LabelServiceName: service.Name}))
	if err != nil {
		return nil, fmt.Errorf("list endpoint slices: %w", err)
	}
	return list, nil
}

// podEndpoints returns the IPv4 endpoints of a Service that say that they are Pods
// of its namespace, and the addresses of others by why they are not.
func (b *Balancers) podEndpoints(service *corev1.Service) ([]*endpoint, map[string][]string, error) {
	list, err := b.slices(service)
	if err != nil {
		return nil, nil, err
	}
	problems := map[string][]string{}
	byKey := map[podKey]*endpoint{}
	var out []*endpoint
	for _, slice := range list {
		if slice.AddressType != discoveryv1.AddressTypeIPv4 {
			continue
		}
		ports := map[string]int{}
		for _, p := range slice.Ports {
			ports[ptr.Deref(p.Name, "")] = int(ptr.Deref(p.Port, 0))
		}
		for i := range slice.Endpoints {
			e := &slice.Endpoints[i]
			if len(e.Addresses) == 0 {
				continue
			}
			address := e.Addresses[0] // the others mean the same, by the API's rule
			if why := noPod(e.TargetRef, service.Namespace); why != "" {
				problems[why] = append(problems[why], address)
				continue
			}
			key := podKey{uid: e.TargetRef.UID, pod: e.TargetRef.Name, address: address}
			known := byKey[key]
			if known == nil {
				if len(out) == mostEndpoints {
					why := fmt.Sprintf("the Service has more than %d endpoints", mostEndpoints)
					problems[why] = append(problems[why], address)
					continue
				}
				known = &endpoint{podKey: key, ports: map[string]int{}}
				byKey[key] = known
				out = append(out, known)
			}
			maps.Copy(known.ports, ports)
			known.ready = known.ready || ptr.Deref(e.Conditions.Ready, true)
			known.terminating = known.terminating || ptr.Deref(e.Conditions.Terminating, false) && ptr.Deref(e.Conditions.Serving, true)
		}
	}
	return out, problems, nil
}

// noPod says why an endpoint's reference is not one to a Pod of a namespace.
func noPod(ref *corev1.ObjectReference, namespace string) string {
	switch {
	case ref == nil || ref.Kind != "Pod" || ref.Name == "":
		return "the endpoint is no Pod (its targetRef names none)"
	case ref.Namespace != "" && ref.Namespace != namespace:
		return "the endpoint is a Pod of another namespace, " + ref.Namespace
	}
	return ""
}

// few is how many Pods are read one by one; more are read by one listing.
const few = 2

// livePods reads the Pods of endpoints from the API server, by name. There is no
// informer of Pods: most Services need none. Those that do not exist are missing.
func (b *Balancers) livePods(ctx context.Context, service *corev1.Service, endpoints []*endpoint) (map[string]*corev1.Pod, error) {
	out := map[string]*corev1.Pod{}
	if len(endpoints) > few && len(service.Spec.Selector) > 0 {
		selector := labels.SelectorFromSet(service.Spec.Selector).String()
		list, err := b.options.Pods.Pods(service.Namespace).List(ctx, metav1.ListOptions{LabelSelector: selector})
		if err != nil {
			return nil, fmt.Errorf("list the Service's Pods: %w", err)
		}
		for i := range list.Items {
			out[list.Items[i].Name] = &list.Items[i]
		}
	}
	for _, e := range endpoints {
		if out[e.pod] != nil {
			continue
		}
		pod, err := b.options.Pods.Pods(service.Namespace).Get(ctx, e.pod, metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("read Pod %s: %w", e.pod, err)
		}
		out[e.pod] = pod
	}
	return out, nil
}
