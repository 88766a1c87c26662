package loadbalancer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

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

// familyAgain is when a load balancer that a Service can do without, and could
// not have, is asked for again.
const familyAgain = 5 * time.Minute

// unavailableError says why a Service lacks a load balancer that it can do
// without.
type unavailableError struct {
	why string
}

func (e *unavailableError) Error() string { return e.why }

// wanted returns the roles that a Service wants, and those that it has and that are
// not given up.
func (o *owner) wanted(service *corev1.Service) []ownership.Role {
	return build.Living(service, o.may)
}

// may reports whether the Service may have a load balancer of a role.
func (o *owner) may(role ownership.Role) bool {
	st := o.states[role]
	return st != nil && (st.actual != nil || st.ambiguous || st.doubt != nil)
}

// lack notes that the load balancer cannot be had for now.
func (s *state) lack(format string, args ...any) error {
	s.lacking = &unavailableError{why: fmt.Sprintf(format, args...)}
	return s.lacking
}

// reconcileAll makes all load balancers of a Service what they should be, and
// returns the Service's status once all of them work. Those of a family that the
// Service has no more go last, and only when the others are right.
func (b *Balancers) reconcileAll(ctx context.Context, o *owner, service *corev1.Service, batch queue.Batch) (string, *corev1.LoadBalancerStatus, error) {
	o.listed = nil // what is done now is not in it
	wanted := o.wanted(service)
	if err := b.lookAtPods(ctx, o, service); err != nil {
		return resultFailed, nil, err
	}
	j := joint{result: resultUnchanged, status: &corev1.LoadBalancerStatus{}}
	for _, role := range wanted {
		result, ingress, err := b.reconcile(ctx, o.state(role), service, batch)
		if _, missing := errors.AsType[*unavailableError](err); missing {
			b.options.Events.Event(service, event.LoadBalancerFamilyUnavailable,
				"the Service prefers two address families and gets no IPv6 load balancer: %v; the IPv4 one serves, and the other is tried again every %s", err, familyAgain)
			b.queue.AddAfter(o.uid, reasonFamily, familyAgain)
			continue
		}
		if err != nil && hopeless(err) {
			result = resultRefused
			b.refuse(service, err)
		}
		j.add(service, role, result, ingress, err)
	}
	if err := j.err(); err != nil || j.incomplete {
		if j.fresh {
			// One family must not wait for the other, nor a port for one that is blocked.
			err = errors.Join(err, b.report(ctx, service, j.status))
		}
		return j.result, nil, err
	}
	for _, role := range roles {
		if slices.Contains(wanted, role) {
			continue
		}
		dropped, err := b.drop(ctx, o.state(role), service)
		if err != nil {
			return resultFailed, nil, err
		}
		if dropped {
			j.result = worse(j.result, resultChanged)
		}
	}
	dropped, err := b.dropStrayACLs(ctx, o, service)
	if err != nil {
		return resultFailed, nil, err
	}
	if dropped {
		j.result = worse(j.result, resultChanged)
	}
	if err := b.shed(ctx, o, service); err != nil {
		return resultFailed, nil, err
	}
	return j.result, j.status, nil
}

// joint is what has become of a Service's load balancers together.
type joint struct {
	result string
	status *corev1.LoadBalancerStatus
	// fresh: some of the status is news; incomplete: some of it is not.
	fresh, incomplete bool
	// final are errors that only a change of the Service mends; passing the others.
	final, passing []error
}

// add enters one load balancer. The address of one that failed stays in the
// status as the Service shows it.
func (j *joint) add(service *corev1.Service, role ownership.Role, result string, ingress *corev1.LoadBalancerIngress, err error) {
	j.result = worse(j.result, result)
	switch {
	case err != nil && hopeless(err):
		j.final = append(j.final, err)
	case err != nil:
		j.passing = append(j.passing, err)
	}
	if ingress != nil {
		j.fresh = true
		j.show(*ingress)
		return
	}
	j.incomplete = true
	for _, ingress := range shownBy(service, role) {
		j.show(ingress)
	}
}

// show enters what is shown of one load balancer; a host name that stands for
// both families is shown once.
func (j *joint) show(ingress corev1.LoadBalancerIngress) {
	again := func(other corev1.LoadBalancerIngress) bool {
		return ingress.Hostname != "" && other.Hostname == ingress.Hostname
	}
	if !slices.ContainsFunc(j.status.Ingress, again) {
		j.status.Ingress = append(j.status.Ingress, ingress)
	}
}

// err is the error of the pass: what may mend itself before what cannot.
func (j *joint) err() error {
	if len(j.passing) > 0 {
		return errors.Join(j.passing...)
	}
	return errors.Join(j.final...)
}

// drop deletes the load balancer of a family that the Service has no more, and
// reports whether there was one.
func (b *Balancers) drop(ctx context.Context, st *state, service *corev1.Service) (bool, error) {
	b.memory.takeSeen(st.key())
	if b.memory.takeStray(st.key()) {
		st.ambiguous = true
	}
	st.lacking = nil
	if st.actual == nil && !st.ambiguous && st.doubt == nil {
		return false, nil
	}
	lbs, err := b.listOwn(ctx, st)
	if err != nil {
		return false, err
	}
	known := slices.ContainsFunc(lbs, func(lb slb.LoadBalancer) bool { return lb.ID == st.id() })
	if st.actual != nil && !known || st.doubt != nil && len(lbs) == 0 {
		more, err := b.unlisted(ctx, st, service)
		if err != nil {
			return false, err
		}
		lbs = append(lbs, more...)
	}
	for i := range lbs {
		lb := &lbs[i]
		if err := b.deleteInstance(ctx, lb.ID, lb.DeleteProtection); err != nil {
			st.verified = time.Time{}
			return true, fmt.Errorf("delete the load balancer of a family that the Service has no more: %w", err)
		}
		st.gone[lb.ID] = lb.Address
		b.options.Events.Event(service, event.LoadBalancerFamilyDropped,
			"load balancer %s (%s) was deleted: the Service has no %s any more", lb.ID, lb.Address, lb.IPVersion)
	}
	if err := b.dropACL(ctx, st, lbs); err != nil {
		return true, err
	}
	st.forget(false)
	st.doubt = nil
	return len(lbs) > 0, nil
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
