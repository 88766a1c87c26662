// Package classes serves Services that name this project's load balancer class.
// The framework's service controller leaves every Service with a class alone, so
// a controller of our own, with a finalizer of our own, leads those of ours to
// the same load balancers. Services of other classes are never touched.
package classes

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
	servicehelpers "k8s.io/cloud-provider/service/helpers"
)

const (
	// Class is the load balancer class of CLB instances that this project makes.
	Class = "kube-aliyun.io/clb"
	// Finalizer keeps a Service of our class until its load balancer is deleted.
	// The framework's finalizer will not do: the service controller would delete
	// the load balancer of a Service that has it and a class.
	Finalizer = "kube-aliyun.io/load-balancer-cleanup"
)

// Ours reports whether a Service names our class.
func Ours(service *corev1.Service) bool {
	return service.Spec.LoadBalancerClass != nil && *service.Spec.LoadBalancerClass == Class
}

// Serves reports whether a Service's load balancer is this project's to make: it
// names our class, or none.
func Serves(service *corev1.Service) bool {
	return service.Spec.Type == corev1.ServiceTypeLoadBalancer && (service.Spec.LoadBalancerClass == nil || Ours(service))
}

// Wants reports whether this package leads a Service to a load balancer.
func Wants(service *corev1.Service) bool {
	return service.Spec.Type == corev1.ServiceTypeLoadBalancer && Ours(service) && service.DeletionTimestamp == nil
}

// Finalized reports whether a Service cannot go before its load balancer does: it
// has our finalizer, or the framework's.
func Finalized(service *corev1.Service) bool {
	return hasFinalizer(service) || servicehelpers.HasLBFinalizer(service)
}

func hasFinalizer(service *corev1.Service) bool {
	return slices.Contains(service.Finalizers, Finalizer)
}
