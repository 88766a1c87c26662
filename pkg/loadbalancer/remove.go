package loadbalancer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/klog/v2"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/apierror"
	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/slb"
	"github.com/kube-aliyun/kube-aliyun/pkg/event"
	"github.com/kube-aliyun/kube-aliyun/pkg/ownership"
)

// freshness is how old a reading may be on which something is deleted.
const freshness = 5 * time.Second

// remaining lists what is left of the load balancer of a Service that wants none,
// and remembers it for the deletion that may follow at once. An empty list is
// believed only when it is proven.
func (b *Balancers) remaining(ctx context.Context, st *state, service *corev1.Service) ([]slb.LoadBalancer, error) {
	at := b.options.Clock.Now()
	lbs, err := b.listOwn(ctx, st)
	if err != nil {
		return nil, err
	}
	if len(lbs) == 0 {
		lbs, err = b.unlisted(ctx, st, service)
		if err != nil {
			return nil, err
		}
	}
	st.listed = &listing{at: at, lbs: lbs}
	return lbs, nil
}

// unlisted looks for a load balancer that an empty listing does not show: one
// that is known, one that was created so lately that the listings may be late,
// one that the Service's status shows.
func (b *Balancers) unlisted(ctx context.Context, st *state, service *corev1.Service) ([]slb.LoadBalancer, error) {
	if id := st.id(); id != "" {
		lb, err := b.options.Cloud.Get(ctx, id)
		switch {
		case errors.Is(err, apierror.ErrNotFound) && !b.young(st, id):
			st.forget(true)
			return nil, nil
		case err != nil:
			return nil, fmt.Errorf("find load balancer: %w", err)
		case !b.ours(lb.Tags, st.uid):
			owner := ownership.Decide(lb.Tags, b.options.ClusterID, string(st.uid))
			b.options.Events.Event(service, event.LoadBalancerNotOurs,
				"load balancer %s is %s and is not deleted with the Service", id, owner.Verdict)
			st.forget(false)
			return nil, nil
		}
		return []slb.LoadBalancer{lb}, nil
	}
	last := b.started
	if st.doubt != nil {
		last = st.doubt.at
	}
	if b.options.Clock.Since(last) < b.options.IndexLag {
		if err := b.settled(ctx, last); err != nil {
			return nil, err
		}
		return b.listOwn(ctx, st)
	}
	// Less is at stake than with a creation: what is left over is found by the audit.
	err := b.absent(ctx, st, service, 2*b.options.IndexLag)
	if _, foreign := errors.AsType[*notOursError](err); foreign {
		return nil, nil // nothing of ours is left
	}
	return nil, err
}

// remove deletes the load balancer of a Service, and whatever else carries the
// Service's marks.
func (b *Balancers) remove(ctx context.Context, st *state, service *corev1.Service) error {
	listed := st.listed
	st.listed = nil
	if listed == nil || b.options.Clock.Since(listed.at) > freshness {
		if _, err := b.remaining(ctx, st, service); err != nil {
			return err
		}
		listed = st.listed
		st.listed = nil
	}
	st.asked = false
	lbs := listed.lbs
	if id := st.id(); id != "" && !slices.ContainsFunc(lbs, func(lb slb.LoadBalancer) bool { return lb.ID == id }) {
		more, err := b.unlisted(ctx, st, service)
		if err != nil {
			return err
		}
		lbs = append(lbs, more...)
	}
	for i := range lbs {
		if err := b.deleteInstance(ctx, lbs[i].ID, lbs[i].DeleteProtection); err != nil {
			st.verified = time.Time{}
			return err
		}
		st.gone[lbs[i].ID] = lbs[i].Address
		klog.FromContext(ctx).V(1).Info("Deleted load balancer", "service", klog.KObj(service), "loadBalancer", lbs[i].ID, "address", lbs[i].Address)
	}
	st.forget(false)
	st.doubt = nil
	return nil
}

// deleteInstance deletes a load balancer that was just read and is ours. One that
// is gone already is as good.
func (b *Balancers) deleteInstance(ctx context.Context, id string, protected bool) error {
	if protected {
		if err := b.options.Cloud.SetDeleteProtection(ctx, id, false); err != nil {
			if errors.Is(err, apierror.ErrNotFound) {
				return nil
			}
			return err
		}
	}
	err := b.options.Cloud.Delete(ctx, id)
	if errors.Is(err, apierror.ErrConflict) && !protected {
		// Protected since it was read.
		return b.deleteInstance(ctx, id, true)
	}
	if errors.Is(err, apierror.ErrNotFound) {
		return nil
	}
	return err
}
