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
	servicehelpers "k8s.io/cloud-provider/service/helpers"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/apierror"
	"github.com/kube-aliyun/kube-aliyun/pkg/event"
	"github.com/kube-aliyun/kube-aliyun/pkg/loadbalancer/build"
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
	st := b.memory.of(uid)
	wished := newest(batch)
	if wished != nil {
		st.service = types.NamespacedName{Namespace: wished.Namespace, Name: wished.Name}
	}
	result, a, err := b.work(ctx, st, wished, batch)
	b.memory.publish(st)
	if err != nil && result != resultRefused {
		result = resultFailed
	}
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
func (b *Balancers) work(ctx context.Context, st *state, wished *corev1.Service, batch queue.Batch) (string, answer, error) {
	switch {
	case batch.Has(reasonDelete):
		return resultDeleted, answer{}, b.remove(ctx, st, wished)
	case batch.Has(reasonLookup):
		return b.lookup(ctx, st, wished)
	}
	service, err := b.current(st)
	if err != nil {
		return resultFailed, answer{}, err
	}
	if service == nil && batch.Has(reasonEnsure) && wants(wished) && b.unknown(wished) {
		service = wished // the lister is late
	}
	if service == nil {
		b.memory.takeSeen(st.uid)
		if batch.Has(reasonEnsure) {
			return resultFailed, answer{}, errNoService
		}
		return resultUnchanged, answer{}, nil
	}
	if batch.Has(reasonEnsure) {
		st.asked = true
	}
	result, status, err := b.reconcile(ctx, st, service, batch)
	if err == nil && !batch.Has(reasonEnsure) {
		err = b.report(ctx, service, status)
	}
	var impossible *build.RefusedError
	var unchangeable *unchangeableError
	switch {
	case errors.As(err, &impossible):
		b.options.Events.Event(service, event.LoadBalancerRefused, "the load balancer is left as it is: %v", impossible)
		result = resultRefused
	case errors.As(err, &unchangeable):
		b.options.Events.Event(service, event.LoadBalancerUnchangeable, "%v", unchangeable)
		result = resultRefused
	}
	if result == resultRefused {
		b.queue.AddAfter(st.uid, reasonRefused, refusedAgain)
	}
	return result, answer{status: status, exists: st.actual != nil}, err
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
func (b *Balancers) lookup(ctx context.Context, st *state, wished *corev1.Service) (string, answer, error) {
	if wants(wished) && b.trusted(st) {
		return resultUnchanged, b.found(wished, st.actual.Instance.Address), nil
	}
	lbs, err := b.remaining(ctx, st, wished)
	if err != nil || len(lbs) == 0 {
		return resultUnchanged, answer{}, err
	}
	return resultUnchanged, b.found(wished, lbs[0].Address), nil
}

func (b *Balancers) found(service *corev1.Service, address string) answer {
	return answer{status: statusOf(service, address, corev1.LoadBalancerIPModeVIP), exists: true}
}

// current returns the Service as the lister has it now; nil when it does not
// exist any more, is another one of that name, or wants no load balancer.
func (b *Balancers) current(st *state) (*corev1.Service, error) {
	if st.service.Name == "" {
		return nil, nil
	}
	service, err := b.options.Services.Services(st.service.Namespace).Get(st.service.Name)
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read Service: %w", err)
	}
	if service.UID != st.uid || !wants(service) {
		return nil, nil
	}
	return service, nil
}

// unknown reports whether the lister has no Service of that name.
func (b *Balancers) unknown(service *corev1.Service) bool {
	_, err := b.options.Services.Services(service.Namespace).Get(service.Name)
	return apierrors.IsNotFound(err)
}

// wants reports whether a Service is ours to serve: the framework's controller
// leaves those with a class to others.
func wants(service *corev1.Service) bool {
	return service.Spec.Type == corev1.ServiceTypeLoadBalancer && service.Spec.LoadBalancerClass == nil && service.DeletionTimestamp == nil
}

// mayCreate reports whether a pass may create a load balancer: one that was asked
// for by an Ensure, which has seen to the finalizer; node changes never do.
func mayCreate(st *state, service *corev1.Service, batch queue.Batch) bool {
	if batch.Has(reasonEnsure) {
		return true
	}
	return st.asked && (batch.Has(queue.Retry) || batch.Has(reasonAudit)) && servicehelpers.HasLBFinalizer(service)
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
