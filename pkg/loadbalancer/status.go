package loadbalancer

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
	netutils "k8s.io/utils/net"
	"k8s.io/utils/ptr"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/slb"
	"github.com/kube-aliyun/kube-aliyun/pkg/loadbalancer/build"
	"github.com/kube-aliyun/kube-aliyun/pkg/loadbalancer/classes"
	"github.com/kube-aliyun/kube-aliyun/pkg/ownership"
)

// ingressOf returns the part of a Service's status that tells of a load balancer
// that works: its address, or the host name that the Service wants shown instead.
func ingressOf(service *corev1.Service, address, hostname string, mode corev1.LoadBalancerIPMode) *corev1.LoadBalancerIngress {
	ports := make([]corev1.PortStatus, 0, len(service.Spec.Ports))
	for i := range service.Spec.Ports {
		p := &service.Spec.Ports[i]
		ports = append(ports, corev1.PortStatus{Port: p.Port, Protocol: p.Protocol})
	}
	if hostname != "" {
		return &corev1.LoadBalancerIngress{Hostname: hostname, Ports: ports}
	}
	return &corev1.LoadBalancerIngress{IP: address, IPMode: ptr.To(mode), Ports: ports}
}

// portInUse is the error of a port in the status whose place on the load balancer
// a listener of somebody else has.
const portInUse = "kube-aliyun.io/PortInUse"

// block enters in the status which ports have no listener.
func block(ingress *corev1.LoadBalancerIngress, blocked []slb.ListenerKey) *corev1.LoadBalancerIngress {
	if ingress == nil {
		return nil
	}
	for i := range ingress.Ports {
		p := &ingress.Ports[i]
		if slices.ContainsFunc(blocked, func(k slb.ListenerKey) bool {
			return k.Port == int(p.Port) && (k.Protocol == slb.UDP) == (p.Protocol == corev1.ProtocolUDP)
		}) {
			p.Error = ptr.To(portInUse)
		}
	}
	return ingress
}

// report writes the status of a Service after a pass that no Ensure waits for,
// when it is another one than the Service shows. It concerns only Services that
// a controller has taken charge of.
func (b *Balancers) report(ctx context.Context, service *corev1.Service, status *corev1.LoadBalancerStatus) error {
	if b.options.Statuses == nil || status == nil || !classes.Finalized(service) ||
		servicehelpers.LoadBalancerStatusEqual(&service.Status.LoadBalancer, status) {
		return nil
	}
	patch, err := json.Marshal(map[string]any{
		"metadata": map[string]any{"uid": service.UID}, // another Service of that name is refused
		"status":   map[string]any{"loadBalancer": status},
	})
	if err != nil {
		return fmt.Errorf("encode the Service's status: %w", err)
	}
	_, err = b.options.Statuses.Services(service.Namespace).Patch(ctx, service.Name, types.MergePatchType, patch, metav1.PatchOptions{}, "status")
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("write the Service's status: %w", err)
	}
	return nil
}

// shown returns the load balancer of a list whose address the Service's status
// shows.
func shown(service *corev1.Service, lbs []slb.LoadBalancer) (slb.LoadBalancer, bool) {
	for _, ingress := range service.Status.LoadBalancer.Ingress {
		for i := range lbs {
			if ingress.IP != "" && lbs[i].Address == ingress.IP {
				return lbs[i], true
			}
		}
	}
	return slb.LoadBalancer{}, false
}

// shownBy returns what the Service's status shows of the family that a role
// stands for; a host name stands for all that the Service wants.
func shownBy(service *corev1.Service, role ownership.Role) []corev1.LoadBalancerIngress {
	var out []corev1.LoadBalancerIngress
	for _, ingress := range service.Status.LoadBalancer.Ingress {
		byName := ingress.Hostname != "" && slices.Contains(build.Roles(service), role)
		if byName || ingress.IP != "" && netutils.IsIPv6String(ingress.IP) == (role == ownership.RoleLoadBalancer6) {
			out = append(out, ingress)
		}
	}
	return out
}

// hasAddress reports whether the Service's status shows an address of the family
// that a role stands for, or a host name: it has, or had, such a load balancer.
func hasAddress(service *corev1.Service, role ownership.Role) bool {
	return len(shownBy(service, role)) > 0
}

// serviceReference is a Service to record events on when it is not at hand.
func serviceReference(name types.NamespacedName, uid types.UID) *corev1.Service {
	return &corev1.Service{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Service"},
		ObjectMeta: metav1.ObjectMeta{Namespace: name.Namespace, Name: name.Name, UID: uid},
	}
}
