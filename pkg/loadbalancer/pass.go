package loadbalancer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/apierror"
	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/slb"
	"github.com/kube-aliyun/kube-aliyun/pkg/loadbalancer/build"
	"github.com/kube-aliyun/kube-aliyun/pkg/loadbalancer/classes"
	"github.com/kube-aliyun/kube-aliyun/pkg/loadbalancer/queue"
	"github.com/kube-aliyun/kube-aliyun/pkg/metric"
)

// Why a Service is in the queue.
const (
	reasonEnsure    queue.Reason = "ensure"
	reasonUpdate    queue.Reason = "update"
	reasonLookup    queue.Reason = "lookup"
	reasonDelete    queue.Reason = "delete"
	reasonNodes     queue.Reason = "nodes"
	reasonEndpoints queue.Reason = "endpoints"
	reasonAudit     queue.Reason = "audit"
	reasonRejected  queue.Reason = "rejected"
	reasonRefused   queue.Reason = "refused"
	reasonFamily    queue.Reason = "family"
	reasonGates     queue.Reason = "readiness gates"
	reasonElastic   queue.Reason = "elastic IP"
)

// answer is the result of a pass.
type answer struct {
	status *corev1.LoadBalancerStatus
	exists bool
}

// errNoService says that the Service of an Ensure is not there any more.
var errNoService = errors.New("the Service does not exist any more, or wants no load balancer")

// unchangeableError says what of a Service cannot be had although the rest is done.
type unchangeableError struct {
	problems []string
}

func (e *unchangeableError) Error() string { return strings.Join(e.problems, "; ") }

// pass works on one Service.
func (b *Balancers) pass(ctx context.Context, uid types.UID, batch queue.Batch) (answer, error) {
	select {
	case <-b.warm:
	case <-ctx.Done():
		return answer{}, fmt.Errorf("wait for the survey of load balancers: %w", ctx.Err())
	}
	started := b.options.Clock.Now()
	o := b.memory.of(uid)
	wished := newest(batch)
	if wished != nil {
		o.service = types.NamespacedName{Namespace: wished.Namespace, Name: wished.Name}
	}
	result, a, err := b.work(ctx, o, wished, batch)
	o.noteACLs()
	b.memory.publish(o)
	if err != nil && result != resultRefused {
		result = resultFailed
	}
	b.insights.record(o, &insight{began: started, ended: b.options.Clock.Now(), reasons: batch.String(), result: result, err: err})
	metric.LoadBalancerPasses.WithLabelValues(result).Inc()
	metric.LoadBalancerPassDuration.WithLabelValues().Observe(b.options.Clock.Since(started).Seconds())
	return a, err
}

// The results of passes, as the metric tells them.
const (
	resultUnchanged = "unchanged"
	resultChanged   = "changed"
	resultRefused   = "refused"
	resultFailed    = "failed"
	resultDeleted   = "deleted"
)

// work does what a batch asks for.
func (b *Balancers) work(ctx context.Context, o *owner, wished *corev1.Service, batch queue.Batch) (string, answer, error) {
	switch {
	case batch.Has(reasonDelete):
		return resultDeleted, answer{}, b.remove(ctx, o, wished)
	case batch.Has(reasonLookup):
		return b.lookup(ctx, o, wished)
	}
	service, err := b.current(o)
	if err != nil {
		return resultFailed, answer{}, err
	}
	if service == nil && batch.Has(reasonEnsure) && wants(wished) && b.unknown(wished) {
		service = wished // the lister is late
	}
	if service == nil {
		for _, st := range o.states {
			b.memory.takeSeen(st.key())
		}
		if batch.Has(reasonEnsure) {
			return resultFailed, answer{}, errNoService
		}
		return resultUnchanged, answer{}, nil
	}
	if batch.Has(reasonEnsure) {
		o.asked, o.met = true, true
	}
	result, status, err := b.reconcileAll(ctx, o, service, batch)
	if err == nil && !batch.Has(reasonEnsure) {
		err = b.report(ctx, service, status)
	}
	if err != nil && hopeless(err) {
		result = resultRefused
		b.queue.AddAfter(o.uid, reasonRefused, refusedAgain)
	}
	b.waits(service, batch, err)
	b.openGates(ctx, o, service)
	return result, answer{status: status, exists: o.exists()}, err
}

// refusedAgain is when a Service that is refused is looked at and told again, as
// events do not last: a change of the Service comes at once, by itself.
const refusedAgain = 5 * time.Minute

// repeat reports whether a failed pass is repeated by the queue. What only a
// change of the Service can mend is not; deletions are repeated by the service
// controller, which waits for them.
func repeat(batch queue.Batch, err error) bool {
	if batch.Has(reasonEnsure) && lasting(err) {
		return false
	}
	return !hopeless(err) && !errors.Is(err, errNoService) && !batch.Has(reasonDelete) && !batch.Has(reasonLookup)
}

// lasting reports whether an error will probably be there again in a moment. The
// service controller, which asks again after 5 s and then ever later, is patient
// enough with it; two back-offs that do not know of each other are not.
func lasting(err error) bool {
	return errors.Is(err, apierror.ErrQuota) || errors.Is(err, apierror.ErrDenied) || errors.Is(err, apierror.ErrInvalid)
}

// hopeless reports whether only a change of the Service or of the configuration
// can mend an error.
func hopeless(err error) bool {
	_, impossible := errors.AsType[*build.RefusedError](err)
	_, unchangeable := errors.AsType[*unchangeableError](err)
	return impossible || unchangeable
}

// lookup says whether anything is left of a Service's load balancer.
func (b *Balancers) lookup(ctx context.Context, o *owner, wished *corev1.Service) (string, answer, error) {
	if wants(wished) {
		var known []slb.LoadBalancer
		wanted := build.Roles(wished)
		for _, role := range wanted {
			if st := o.state(role); b.trusted(st) {
				known = append(known, st.actual.Instance)
			}
		}
		if len(known) == len(wanted) {
			return resultUnchanged, found(wished, known), nil
		}
	}
	lbs, err := b.remaining(ctx, o, wished)
	if err != nil || len(lbs)+len(o.listed.acls) == 0 {
		return resultUnchanged, answer{}, err
	}
	return resultUnchanged, found(wished, lbs), nil
}

func found(service *corev1.Service, lbs []slb.LoadBalancer) answer {
	status := &corev1.LoadBalancerStatus{}
	for i := range lbs {
		status.Ingress = append(status.Ingress, *ingressOf(service, lbs[i].Address, "", corev1.LoadBalancerIPModeVIP))
	}
	return answer{status: status, exists: true}
}

// current returns the Service as the lister has it now; nil when it does not
// exist any more, is another one of that name, or wants no load balancer.
func (b *Balancers) current(o *owner) (*corev1.Service, error) {
	if o.service.Name == "" {
		return nil, nil
	}
	service, err := b.options.Services.Services(o.service.Namespace).Get(o.service.Name)
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read Service: %w", err)
	}
	if service.UID != o.uid || !wants(service) {
		return nil, nil
	}
	return service, nil
}

// unknown reports whether the lister has no Service of that name.
func (b *Balancers) unknown(service *corev1.Service) bool {
	_, err := b.options.Services.Services(service.Namespace).Get(service.Name)
	return apierrors.IsNotFound(err)
}

// wants reports whether a Service is ours to serve: those with another class than
// ours are left to others.
func wants(service *corev1.Service) bool {
	return classes.Serves(service) && service.DeletionTimestamp == nil
}

// mayCreate reports whether a pass may create a load balancer: one that was asked
// for by an Ensure, which has seen to the finalizer; node changes never do, but
// for one that could not be had before.
func mayCreate(st *state, service *corev1.Service, batch queue.Batch) bool {
	if batch.Has(reasonEnsure) {
		return true
	}
	again := batch.Has(queue.Retry) || batch.Has(reasonAudit) || st.lacking != nil && (batch.Has(reasonFamily) || batch.Has(reasonNodes))
	return st.asked && again && classes.Finalized(service)
}

// trusted reports whether the memory of a load balancer is good enough to change
// it: read or written without an error since, and not long ago.
func (b *Balancers) trusted(st *state) bool {
	limit := b.options.Settings.AuditPeriod + b.slack
	return st.believed() && b.options.Clock.Since(st.verified) <= limit
}

// newest returns the last Service that a waiting caller brought along.
func newest(batch queue.Batch) *corev1.Service {
	for _, wish := range slices.Backward(batch.Wishes) {
		if service, ok := wish.(*corev1.Service); ok {
			return service
		}
	}
	return nil
}

// passTimeout bounds one pass.
const passTimeout = 5 * time.Minute
