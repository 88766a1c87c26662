package loadbalancer

import (
	"context"
	"errors"

	corev1 "k8s.io/api/core/v1"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/slb"
	"github.com/kube-aliyun/kube-aliyun/pkg/event"
	"github.com/kube-aliyun/kube-aliyun/pkg/loadbalancer/build"
	"github.com/kube-aliyun/kube-aliyun/pkg/loadbalancer/queue"
	"github.com/kube-aliyun/kube-aliyun/pkg/ownership"
)

// roles are all roles of load balancers.
var roles = []ownership.Role{ownership.RoleLoadBalancer, ownership.RoleLoadBalancer6}

// roleOf returns the role of a load balancer that carries a Service's marks. Its
// address family decides, which nobody can change, not the tag.
func roleOf(lb *slb.LoadBalancer) ownership.Role {
	if lb.IPVersion == slb.IPv6 {
		return ownership.RoleLoadBalancer6
	}
	return ownership.RoleLoadBalancer
}

// wantedRoles returns the load balancers that a Service wants.
func wantedRoles(*corev1.Service) []ownership.Role {
	return []ownership.Role{ownership.RoleLoadBalancer}
}

// reconcileAll makes all load balancers of a Service what they should be, and
// returns the Service's status once all of them work.
func (b *Balancers) reconcileAll(ctx context.Context, o *owner, service *corev1.Service, batch queue.Batch) (string, *corev1.LoadBalancerStatus, error) {
	wanted := wantedRoles(service)
	result := resultUnchanged
	o.listed = nil // what is done now is not in it
	var ingresses []corev1.LoadBalancerIngress
	var final, passing []error
	for _, role := range wanted {
		one, ingress, err := b.reconcile(ctx, o.state(role), service, batch)
		if err != nil && hopeless(err) {
			one = resultRefused
			b.refuse(service, err)
			final = append(final, err)
		} else if err != nil {
			passing = append(passing, err)
		}
		result = worse(result, one)
		if ingress != nil {
			ingresses = append(ingresses, *ingress)
		}
	}
	if len(passing) > 0 {
		return result, nil, errors.Join(passing...)
	}
	if len(final) > 0 || len(ingresses) < len(wanted) {
		return result, nil, errors.Join(final...)
	}
	return result, &corev1.LoadBalancerStatus{Ingress: ingresses}, nil
}

// refuse tells the Service's owner why a load balancer cannot be as asked for.
func (b *Balancers) refuse(service *corev1.Service, err error) {
	if impossible, ok := errors.AsType[*build.RefusedError](err); ok {
		b.options.Events.Event(service, event.LoadBalancerRefused, "the load balancer is left as it is: %v", impossible)
		return
	}
	if unchangeable, ok := errors.AsType[*unchangeableError](err); ok {
		b.options.Events.Event(service, event.LoadBalancerUnchangeable, "%v", unchangeable)
	}
}

// worse returns the one of two results that a pass with both has.
func worse(a, b string) string {
	for _, result := range []string{resultFailed, resultRefused, resultChanged} {
		if a == result || b == result {
			return result
		}
	}
	return resultUnchanged
}
