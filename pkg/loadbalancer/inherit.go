package loadbalancer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/klog/v2"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/slb"
	"github.com/kube-aliyun/kube-aliyun/pkg/event"
	"github.com/kube-aliyun/kube-aliyun/pkg/loadbalancer/annotation"
	"github.com/kube-aliyun/kube-aliyun/pkg/loadbalancer/audit"
	"github.com/kube-aliyun/kube-aliyun/pkg/ownership"
)

// predecessorError says that the load balancer whose address a Service shows was
// made for it by another controller.
type predecessorError struct {
	id   string
	from string
}

func (e *predecessorError) Error() string {
	return fmt.Sprintf("load balancer %s was made for the Service by %s", e.id, e.from)
}

// madeFor returns the one load balancer that another controller made for a Service
// whose status shows a host name, or may show an elastic IP, in place of its address.
func madeFor(service *corev1.Service, lbs []slb.LoadBalancer) (slb.LoadBalancer, bool) {
	byName := slices.ContainsFunc(service.Status.LoadBalancer.Ingress, func(i corev1.LoadBalancerIngress) bool { return i.Hostname != "" })
	if !byName && annotation.Value(service.Annotations, annotation.ExternalIPType) == "" {
		return slb.LoadBalancer{}, false
	}
	var found []slb.LoadBalancer
	for i := range lbs {
		if ownership.Predecessor(lbs[i].Name, lbs[i].Tags, string(service.UID)) != "" {
			found = append(found, lbs[i])
		}
	}
	if len(found) != 1 {
		return slb.LoadBalancer{}, false
	}
	return found[0], true
}

// errOtherAlive says that the controller whose load balancer is to be taken over
// still works: two that do not know of each other would undo each other's work.
var errOtherAlive = errors.New("another controller still works on load balancers")

// inherit takes over a load balancer that another controller made for the
// Service, by one call that marks it: from then on it is ours. Nothing that
// carries traffic is touched.
func (b *Balancers) inherit(ctx context.Context, st *state, service *corev1.Service, found *predecessorError) error {
	if !st.asked {
		return nil // an Ensure will come, which has seen to the finalizer
	}
	if b.options.Predecessors != nil {
		lock, err := b.options.Predecessors(ctx)
		if err != nil {
			return fmt.Errorf("take over load balancer %s: %w", found.id, err)
		}
		if lock != "" {
			b.options.Events.Event(service, event.LoadBalancerTakeOverWaits,
				"load balancer %s was made for the Service by %s and is not taken over yet: %s was renewed in the last minute; stop that controller on all masters", found.id, found.from, lock)
			return fmt.Errorf("take over load balancer %s: %s was renewed in the last minute: %w", found.id, lock, errOtherAlive)
		}
	}
	o, err := audit.Read(ctx, b.options.Cloud, found.id, b.options.Clock.Now)
	if err != nil {
		return err
	}
	if o.Actual == nil {
		return nil
	}
	lb := &o.Actual.Instance
	if from := ownership.Predecessor(lb.Name, lb.Tags, string(st.uid)); from != found.from {
		return fmt.Errorf("take over load balancer %s: its name or tags have just been changed", found.id)
	}
	tags := ownership.ServiceTags(ownership.Service{
		ClusterID: b.options.ClusterID, ClusterName: b.options.ClusterName, UID: string(st.uid),
		Namespace: service.Namespace, Name: service.Name, Role: st.role,
	})
	tags[ownership.TagTakenOver] = found.from
	if err := b.options.Cloud.Tag(ctx, found.id, tags); err != nil {
		return fmt.Errorf("take over load balancer %s: %w", found.id, err)
	}
	if lb.Tags == nil {
		lb.Tags = map[string]string{}
	}
	maps.Copy(lb.Tags, tags)
	st.actual, st.verified, st.written = o.Actual, o.Start, b.options.Clock.Now()
	b.options.Events.Event(service, event.LoadBalancerTakenOver,
		"load balancer %s (%s) was made by %s and is taken over as it is; settings that the Service does not name stay until its tag %s is removed", lb.ID, lb.Address, found.from, ownership.TagTakenOver)
	return nil
}

// inspectPredecessor plans for a Service that shows an address and has no load
// balancer of ours: another controller may have made it.
func (b *Balancers) inspectPredecessor(ctx context.Context, st *state, service *corev1.Service) (view, error) {
	all, err := b.options.Cloud.List(ctx, slb.Filter{})
	if err != nil {
		return view{}, fmt.Errorf("find load balancer: %w", err)
	}
	lb, found := shown(service, all)
	if !found {
		lb, found = madeFor(service, all)
	}
	from := ownership.Predecessor(lb.Name, lb.Tags, string(st.uid))
	if !found || from == "" {
		return b.compared(ctx, st, service)
	}
	o, err := audit.Read(ctx, b.options.Cloud, lb.ID, b.options.Clock.Now)
	if err != nil {
		return view{}, err
	}
	if st.actual = o.Actual; st.actual != nil {
		st.actual.Instance.Tags[ownership.TagTakenOver] = from
	}
	v, err := b.compared(ctx, st, service)
	v.plan.Notices = append(v.plan.Notices, fmt.Sprintf("load balancer %s (%s) was made by %s and is taken over as it is", lb.ID, lb.Address, from))
	return v, err
}

// The marks that the official controller leaves on a Service.
const (
	officialFinalizer = "service.k8s.alibaba/resources"
	officialHash      = "service.beta.kubernetes.io/hash"
	officialID        = "service.k8s.alibaba/loadbalancer-id"
)

// shed takes the official controller's marks off a Service whose load balancer was
// taken over from it: nobody else would, and with that finalizer it could never be deleted.
func (b *Balancers) shed(ctx context.Context, o *owner, service *corev1.Service) error {
	taken := false
	for _, st := range o.states {
		taken = taken || st.actual != nil && st.actual.Instance.Tags[ownership.TagTakenOver] == ownership.OfficialController
	}
	_, hash := service.Labels[officialHash]
	_, id := service.Labels[officialID]
	if !taken || b.options.Statuses == nil || !slices.Contains(service.Finalizers, officialFinalizer) && !hash && !id {
		return nil
	}
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{
		"uid": service.UID, "resourceVersion": service.ResourceVersion,
		"finalizers": slices.DeleteFunc(slices.Clone(service.Finalizers), func(f string) bool { return f == officialFinalizer }),
		"labels":     map[string]any{officialHash: nil, officialID: nil},
	}})
	if err != nil {
		return fmt.Errorf("encode the Service's marks: %w", err)
	}
	_, err = b.options.Statuses.Services(service.Namespace).Patch(ctx, service.Name, types.MergePatchType, patch, metav1.PatchOptions{})
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("take the other controller's marks off the Service: %w", err)
	}
	klog.FromContext(ctx).V(1).Info("Took another controller's marks off a Service", "service", klog.KObj(service))
	return nil
}
