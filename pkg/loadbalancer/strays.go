package loadbalancer

import (
	"context"
	"errors"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/klog/v2"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/apierror"
	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/slb"
	"github.com/kube-aliyun/kube-aliyun/pkg/event"
	"github.com/kube-aliyun/kube-aliyun/pkg/loadbalancer/audit"
	"github.com/kube-aliyun/kube-aliyun/pkg/loadbalancer/classes"
	"github.com/kube-aliyun/kube-aliyun/pkg/metric"
	"github.com/kube-aliyun/kube-aliyun/pkg/ownership"
)

// listed looks for load balancers of the cluster that no Service keeps: a second
// one of a Service is its next pass's business, one without a Service an orphan.
func (b *Balancers) listed(ctx context.Context, all []slb.LoadBalancer) {
	keepers, err := b.keepers()
	if err != nil {
		klog.FromContext(ctx).Error(err, "Left-over load balancers were not looked for")
		return
	}
	orphans := 0
	for i := range all {
		lb := &all[i]
		uid := types.UID(lb.Tags[ownership.TagServiceUID])
		if !b.ours(lb.Tags, uid) {
			continue
		}
		if service := keepers[uid]; service != nil {
			if k := (key{uid: uid, role: roleOf(lb)}); wants(service) && b.memory.idOf(k) != lb.ID {
				b.memory.stray(k)
				b.queue.Add(uid, reasonAudit)
			}
			continue
		}
		orphans++
		if err := b.orphan(ctx, lb, serviceName(lb.Tags), uid); err != nil {
			klog.FromContext(ctx).Error(err, "Left-over load balancer", "loadBalancer", lb.ID, "service", serviceName(lb.Tags))
		}
	}
	metric.LoadBalancerOrphans.WithLabelValues().Set(float64(orphans))
	b.forgetServices()
}

// keepers returns, by UID, the Services that keep a load balancer, or are about
// to have it deleted by the service controller.
func (b *Balancers) keepers() (map[types.UID]*corev1.Service, error) {
	services, err := b.options.Services.List(labels.Everything())
	if err != nil {
		return nil, fmt.Errorf("list Services: %w", err)
	}
	out := map[types.UID]*corev1.Service{}
	for _, s := range services {
		if wants(s) || classes.Finalized(s) {
			out[s.UID] = s
		}
	}
	return out, nil
}

// serviceName returns the Service that a load balancer's tags name.
func serviceName(tags map[string]string) types.NamespacedName {
	namespace, name, _ := strings.Cut(tags[ownership.TagService], "/")
	return types.NamespacedName{Namespace: namespace, Name: name}
}

// orphan reports a load balancer without a Service, or deletes it when that is
// wanted and the Service is proven to be gone: by the API server itself, not a
// cache. The load balancer is read again before it is deleted.
func (b *Balancers) orphan(ctx context.Context, lb *slb.LoadBalancer, name types.NamespacedName, uid types.UID) error {
	if !b.options.DeleteOrphans || b.options.Live == nil {
		b.options.Events.Event(serviceReference(name, uid), event.LoadBalancerOrphaned,
			"load balancer %s (%s) belongs to Service %s, which does not exist or wants none; delete it by hand if it is not needed", lb.ID, lb.Address, name)
		return nil
	}
	gone, err := b.serviceGone(ctx, name, uid)
	if err != nil || !gone {
		return err
	}
	now, err := b.options.Cloud.Get(ctx, lb.ID)
	if errors.Is(err, apierror.ErrNotFound) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read left-over load balancer: %w", err)
	}
	if !b.ours(now.Tags, uid) {
		return nil
	}
	if err := b.deleteInstance(ctx, lb.ID, now.DeleteProtection); err != nil {
		return fmt.Errorf("delete left-over load balancer: %w", err)
	}
	if err := b.deleteACLs(ctx, newOwner(uid), []slb.LoadBalancer{now}, nil); err != nil {
		return err
	}
	b.options.Events.Event(serviceReference(name, uid), event.LoadBalancerOrphanDeleted, "load balancer %s (%s) was deleted: its Service %s is gone", lb.ID, lb.Address, name)
	return nil
}

// serviceGone asks the API server whether a Service is gone, or keeps no load
// balancer any more.
func (b *Balancers) serviceGone(ctx context.Context, name types.NamespacedName, uid types.UID) (bool, error) {
	if name.Name == "" {
		return false, nil
	}
	service, err := b.options.Live.GetService(ctx, name.Namespace, name.Name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return true, nil
	}
	if err != nil {
		return false, fmt.Errorf("read Service %s: %w", name, err)
	}
	return service.UID != uid || service.Spec.Type != corev1.ServiceTypeLoadBalancer && !classes.Finalized(service), nil
}

// takeOver makes what a survey has read the memory's beginning.
func (b *Balancers) takeOver(observations []audit.Observation) error {
	keepers, err := b.keepers()
	if err != nil {
		return err
	}
	for _, o := range observations {
		if o.Actual == nil {
			continue
		}
		tags := o.Actual.Instance.Tags
		uid := types.UID(tags[ownership.TagServiceUID])
		service := keepers[uid]
		if service == nil || !b.ours(tags, uid) {
			continue
		}
		keeper := b.memory.of(uid)
		keeper.service = types.NamespacedName{Namespace: service.Namespace, Name: service.Name}
		st := keeper.state(roleOf(&o.Actual.Instance))
		if st.actual != nil {
			st.ambiguous = true
			continue
		}
		st.actual, st.verified = o.Actual, o.Start
		keeper.noteACLs()
		b.memory.publish(keeper)
	}
	return nil
}

// forgetServices drops what is remembered of Services that are gone.
func (b *Balancers) forgetServices() {
	for uid, name := range b.memory.idle() {
		service, err := b.options.Services.Services(name.Namespace).Get(name.Name)
		if apierrors.IsNotFound(err) || err == nil && service.UID != uid {
			b.memory.drop(uid)
			b.insights.drop(uid)
		}
	}
}
