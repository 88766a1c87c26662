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
	"github.com/kube-aliyun/kube-aliyun/pkg/loadbalancer/build"
	"github.com/kube-aliyun/kube-aliyun/pkg/ownership"
)

// freshness is how old a reading may be on which something is deleted.
const freshness = 5 * time.Second

// remaining lists what is left of the load balancers of a Service that wants
// none, and remembers it for the deletion that may follow at once. An empty list
// is believed only when it is proven.
func (b *Balancers) remaining(ctx context.Context, o *owner, service *corev1.Service) ([]slb.LoadBalancer, error) {
	at := b.options.Clock.Now()
	lbs, err := b.listAll(ctx, o)
	if err != nil {
		return nil, err
	}
	o.foreign = nil
	for _, role := range expected(o, service, lbs) {
		more, err := b.unlisted(ctx, o.state(role), service)
		if err != nil {
			return nil, err
		}
		lbs = append(lbs, more...)
	}
	held, err := b.held(ctx, o, service)
	if err != nil {
		return nil, err
	}
	o.listed = &listing{at: at, lbs: lbs, held: held}
	if len(lbs) == 0 { // no mark tells of them
		if o.listed.acls, err = b.leftACLs(ctx, o, service); err != nil {
			o.listed = nil
			return nil, err
		}
	}
	for _, a := range held {
		lbs = append(lbs, a.Instance)
	}
	return lbs, nil
}

// expected returns the roles of which a listing should show a load balancer and
// does not: those that are known or may have been created, and those that the
// Service wants, when the listing shows none at all or the Service is one of two
// families.
func expected(o *owner, service *corev1.Service, lbs []slb.LoadBalancer) []ownership.Role {
	wanted := build.Roles(service)
	var out []ownership.Role
	for _, role := range roles {
		ofRole := func(lb slb.LoadBalancer) bool { return roleOf(&lb) == role }
		st := o.state(role)
		switch {
		case st.adopts(service): // held's business
		case st.id() != "":
			if !slices.ContainsFunc(lbs, func(lb slb.LoadBalancer) bool { return lb.ID == st.id() }) {
				out = append(out, role)
			}
		case slices.ContainsFunc(lbs, ofRole):
		case st.doubt != nil, slices.Contains(wanted, role), hasAddress(service, role):
			out = append(out, role)
		}
	}
	return out
}

// unlisted looks for a load balancer that a listing does not show: one that is
// known, one that was created so lately that the listings may be late, one that
// the Service's status shows.
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
	if _, theirs := errors.AsType[*predecessorError](err); theirs {
		return nil, nil // it was never taken over
	}
	if foreign, ok := errors.AsType[*notOursError](err); ok {
		st.foreign = append(st.foreign, foreign.id) // what is ours on it goes
		return nil, nil
	}
	return nil, err
}

// remove deletes the load balancers of a Service: all that carries its marks.
func (b *Balancers) remove(ctx context.Context, o *owner, service *corev1.Service) error {
	listed := o.listed
	o.listed = nil
	if listed == nil || b.options.Clock.Since(listed.at) > freshness {
		if _, err := b.remaining(ctx, o, service); err != nil {
			return err
		}
		listed = o.listed
		o.listed = nil
	}
	o.asked = false
	for i := range listed.lbs {
		lb := &listed.lbs[i]
		st := o.state(roleOf(lb))
		if preserves(service) {
			if err := b.preserve(ctx, service, lb.ID); err != nil {
				return err
			}
			continue
		}
		if err := b.deleteInstance(ctx, lb.ID, lb.DeleteProtection); err != nil {
			st.verified = time.Time{}
			return err
		}
		st.gone[lb.ID] = lb.Address
		klog.FromContext(ctx).V(1).Info("Deleted load balancer", "service", klog.KObj(service), "loadBalancer", lb.ID, "address", lb.Address)
	}
	for _, a := range listed.held {
		leave := b.release
		if preserves(service) {
			leave = b.unmark
		}
		if err := leave(ctx, service, a); err != nil {
			return err
		}
	}
	o.foreign = nil
	for _, st := range o.states {
		st.forget(false)
		st.doubt = nil
	}
	if preserves(service) {
		err := b.eachACL(ctx, o, listed.lbs, listed.acls, b.preserveACL)
		if err != nil {
			return err
		}
	} else if err := b.deleteACLs(ctx, o, listed.lbs, listed.acls); err != nil {
		return err
	}
	o.met = true
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
