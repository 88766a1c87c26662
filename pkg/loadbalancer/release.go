package loadbalancer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/klog/v2"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/apierror"
	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/slb"
	"github.com/kube-aliyun/kube-aliyun/pkg/event"
	"github.com/kube-aliyun/kube-aliyun/pkg/loadbalancer/annotation"
	"github.com/kube-aliyun/kube-aliyun/pkg/loadbalancer/apply"
	"github.com/kube-aliyun/kube-aliyun/pkg/loadbalancer/audit"
	"github.com/kube-aliyun/kube-aliyun/pkg/loadbalancer/build"
	"github.com/kube-aliyun/kube-aliyun/pkg/loadbalancer/plan"
	"github.com/kube-aliyun/kube-aliyun/pkg/ownership"
)

// held reads the load balancers of others on which a Service that wants none has
// something left.
func (b *Balancers) held(ctx context.Context, o *owner, service *corev1.Service) ([]*plan.Actual, error) {
	ids := slices.Clone(o.foreign)
	if id := names(service); id != "" {
		ids = append(ids, id)
	}
	for _, st := range o.states {
		if st.adopted && st.actual != nil {
			ids = append(ids, st.id())
		}
	}
	slices.Sort(ids)
	var out []*plan.Actual
	for _, id := range slices.Compact(ids) {
		read, err := audit.Read(ctx, b.options.Cloud, id, b.options.Clock.Now)
		if err != nil {
			return nil, err
		}
		if read.Actual == nil || b.ours(read.Actual.Instance.Tags, o.uid) {
			continue
		}
		if err := audit.ReadGroups(ctx, b.options.Cloud, read.Actual); err != nil {
			return nil, err
		}
		if !plan.Make(build.Released(b.config, service, id), read.Actual).Empty() {
			out = append(out, read.Actual)
		}
	}
	return out, nil
}

// release takes what a Service made off a load balancer of somebody else, which
// has just been read.
func (b *Balancers) release(ctx context.Context, service *corev1.Service, a *plan.Actual) error {
	p := plan.Make(build.Released(b.config, service, a.Instance.ID), a)
	out := b.executor.Run(ctx, p.Steps, apply.Target{Actual: a, Fresh: true})
	if out.Gone {
		return nil
	}
	if err := out.Err(); err != nil {
		return fmt.Errorf("leave load balancer %s: %w", a.Instance.ID, err)
	}
	klog.FromContext(ctx).V(1).Info("Left load balancer", "service", klog.KObj(service), "loadBalancer", a.Instance.ID)
	return nil
}

// preserves reports whether a Service's load balancer outlives it.
func preserves(service *corev1.Service) bool {
	return annotation.Value(service.Annotations, annotation.PreserveOnDelete) == "true"
}

// preserve makes a load balancer nobody's: with its listeners and servers as they
// are, but without our marks. Its tags go last, because by them it is found again
// after a crash.
func (b *Balancers) preserve(ctx context.Context, service *corev1.Service, id string) error {
	read, err := audit.Read(ctx, b.options.Cloud, id, b.options.Clock.Now)
	if err != nil {
		return err
	}
	if read.Actual == nil || !b.ours(read.Actual.Instance.Tags, service.UID) {
		return nil
	}
	if err := b.unmark(ctx, service, read.Actual); err != nil {
		return err
	}
	lb := &read.Actual.Instance
	if lb.ModificationProtection != slb.NonProtection && lb.ModificationProtection != "" {
		if err := b.options.Cloud.SetModificationProtection(ctx, id, slb.NonProtection, ""); err != nil {
			return err
		}
	}
	if err := b.options.Cloud.Untag(ctx, id, ownKeys(lb.Tags)...); err != nil && !errors.Is(err, apierror.ErrNotFound) {
		return err
	}
	b.options.Events.Event(service, event.LoadBalancerPreserved,
		"load balancer %s (%s) is kept with its listeners and servers, and belongs to no Service any more; it costs until you delete it", id, lb.Address)
	return nil
}

// ownKeys returns the keys of our marks among an object's tags.
func ownKeys(tags map[string]string) []string {
	var keys []string
	for key := range tags {
		if strings.HasPrefix(key, ownership.TagPrefix) && key != ownership.TagAllow {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return keys
}

// unmark takes a Service's mark off the listeners of a load balancer, so that
// another Service may take them over.
func (b *Balancers) unmark(ctx context.Context, service *corev1.Service, a *plan.Actual) error {
	for i := range a.Listeners {
		l := &a.Listeners[i]
		if !build.OwnListener(l.Attributes[slb.Description], b.options.ClusterID, service.UID) {
			continue
		}
		change := slb.Change{Attributes: slb.Attributes{slb.Description: fmt.Sprintf("kept from %s/%s", service.Namespace, service.Name)}}
		if err := b.options.Cloud.SetListener(ctx, a.Instance.ID, l.ListenerKey, change); err != nil && !errors.Is(err, apierror.ErrNotFound) {
			return fmt.Errorf("keep load balancer %s: %w", a.Instance.ID, err)
		}
	}
	return nil
}
