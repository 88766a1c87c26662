package loadbalancer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/apierror"
	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/slb"
	"github.com/kube-aliyun/kube-aliyun/pkg/event"
	"github.com/kube-aliyun/kube-aliyun/pkg/loadbalancer/audit"
	"github.com/kube-aliyun/kube-aliyun/pkg/ownership"
)

// listAll lists the load balancers that carry a Service's marks, without those
// that are proven gone. One call: the UID alone is searched for, because the API
// takes several tags as alternatives.
func (b *Balancers) listAll(ctx context.Context, o *owner) ([]slb.LoadBalancer, error) {
	found, err := b.options.Cloud.List(ctx, slb.Filter{Tags: map[string]string{ownership.TagServiceUID: string(o.uid)}})
	if err != nil {
		return nil, fmt.Errorf("find load balancer: %w", err)
	}
	return slices.DeleteFunc(found, func(lb slb.LoadBalancer) bool {
		return o.state(roleOf(&lb)).isGone(lb.ID) || !b.ours(lb.Tags, o.uid)
	}), nil
}

// listOwn is listAll for one role; what it shows of the others is noted.
func (b *Balancers) listOwn(ctx context.Context, st *state) ([]slb.LoadBalancer, error) {
	all, err := b.listAll(ctx, st.owner)
	if err != nil {
		return nil, err
	}
	var own []slb.LoadBalancer
	for i := range all {
		if role := roleOf(&all[i]); role == st.role {
			own = append(own, all[i])
		} else if other := st.state(role); other.id() != all[i].ID {
			other.ambiguous = true
		}
	}
	return own, nil
}

func (b *Balancers) ours(tags map[string]string, uid types.UID) bool {
	return ownership.Decide(tags, b.options.ClusterID, string(uid)).Verdict == ownership.Ours
}

// errUnproven says that a load balancer which the Service's status shows is in no
// listing, and that nothing proves the listings to be complete.
var errUnproven = errors.New("the Service has an address, but no listing shows a load balancer at all; " +
	"an empty answer proves nothing: check the permissions of the access key")

// patience is how long a load balancer may be missing from listings that are
// empty altogether before they are believed and another one is created.
const patience = 6 * time.Minute

// absent proves that a Service which shows an address has no load balancer any
// more. A listing without any filter must hold other load balancers, and none
// with that address; empty listings count only after some time.
func (b *Balancers) absent(ctx context.Context, st *state, service *corev1.Service, patience time.Duration) error {
	if !hasAddress(service, st.role) || goneAddress(st, service) {
		st.unproven = time.Time{}
		return nil
	}
	all, err := b.options.Cloud.List(ctx, slb.Filter{})
	if err != nil {
		return fmt.Errorf("find load balancer: %w", err)
	}
	ofRole := slices.DeleteFunc(slices.Clone(all), func(lb slb.LoadBalancer) bool { return roleOf(&lb) != st.role })
	lb, found := shown(service, ofRole)
	if !found {
		lb, found = madeFor(service, ofRole)
	}
	if found && !st.isGone(lb.ID) {
		if from := ownership.Predecessor(lb.Name, lb.Tags, string(st.uid)); from != "" {
			return &predecessorError{id: lb.ID, from: from}
		}
		owner := ownership.Decide(lb.Tags, b.options.ClusterID, string(st.uid))
		b.options.Events.Event(service, event.LoadBalancerNotOurs,
			"load balancer %s has the Service's address %s, but is %s; restore its tags %s=%s and %s=%s to keep it, or delete it",
			lb.ID, lb.Address, owner.Verdict, ownership.TagClusterID, b.options.ClusterID, ownership.TagServiceUID, st.uid)
		return &notOursError{id: lb.ID, verdict: owner.Verdict}
	}
	if len(all) > 0 {
		st.unproven = time.Time{}
		return nil
	}
	now := b.options.Clock.Now()
	if st.unproven.IsZero() {
		st.unproven = now
	}
	if now.Sub(st.unproven) < patience {
		return errUnproven
	}
	return nil
}

// goneAddress reports whether the address that the Service's status shows was
// that of a load balancer that is proven not to exist any more.
func goneAddress(st *state, service *corev1.Service) bool {
	for _, address := range st.gone {
		for _, ingress := range service.Status.LoadBalancer.Ingress {
			if address != "" && ingress.IP == address {
				return true
			}
		}
	}
	return false
}

// notOursError says that a load balancer that the Service uses is somebody else's.
type notOursError struct {
	id      string
	verdict ownership.Verdict
}

func (e *notOursError) Error() string {
	return fmt.Sprintf("load balancer %s is %s and left alone", e.id, e.verdict)
}

// find makes known the Service's load balancer, reading it whole; none is known
// afterwards when there is none.
func (b *Balancers) find(ctx context.Context, st *state, service *corev1.Service) error {
	if st.adopts(service) {
		return b.adopt(ctx, st, service)
	}
	if st.actual != nil && !st.ambiguous {
		return b.read(ctx, st, st.id())
	}
	lbs, err := b.listOwn(ctx, st)
	if err != nil {
		return err
	}
	if len(lbs) == 0 {
		if known := st.id(); known != "" {
			return b.read(ctx, st, known) // listings may be late
		}
		err := b.absent(ctx, st, service, patience)
		if found, ok := errors.AsType[*predecessorError](err); ok {
			return b.inherit(ctx, st, service, found)
		}
		return err
	}
	st.unproven = time.Time{}
	keep := choose(st, service, lbs)
	if err := b.read(ctx, st, keep.ID); err != nil || st.actual == nil {
		return err
	}
	st.ambiguous = false
	return b.single(ctx, st, service, lbs)
}

// choose returns the load balancer to keep of several: the one in use, as the
// Service's status shows, or the one already known, or the first by ID.
func choose(st *state, service *corev1.Service, lbs []slb.LoadBalancer) slb.LoadBalancer {
	if lb, found := shown(service, lbs); found {
		return lb
	}
	if i := slices.IndexFunc(lbs, func(lb slb.LoadBalancer) bool { return lb.ID == st.id() }); i >= 0 {
		return lbs[i]
	}
	return slices.MinFunc(lbs, func(x, y slb.LoadBalancer) int { return strings.Compare(x.ID, y.ID) })
}

// single deletes the load balancers of a Service beside the one that is kept,
// which has just been read. The listing is this pass's own, seconds old.
func (b *Balancers) single(ctx context.Context, st *state, service *corev1.Service, lbs []slb.LoadBalancer) error {
	for i := range lbs {
		lb := &lbs[i]
		if lb.ID == st.id() {
			continue
		}
		if err := b.deleteInstance(ctx, lb.ID, lb.DeleteProtection); err != nil {
			return fmt.Errorf("delete duplicate: %w", err)
		}
		st.gone[lb.ID] = lb.Address
		b.options.Events.Event(service, event.LoadBalancerDuplicateDeleted,
			"load balancer %s (%s) was a second one of this Service and has been deleted; %s (%s) is kept",
			lb.ID, lb.Address, st.id(), st.actual.Instance.Address)
	}
	return nil
}

// read reads a load balancer whole. One that does not exist is forgotten; one
// whose tags name somebody else is an error.
func (b *Balancers) read(ctx context.Context, st *state, id string) error {
	o, err := audit.Read(ctx, b.options.Cloud, id, b.options.Clock.Now)
	if err != nil {
		return err
	}
	if o.Actual == nil && b.young(st, id) {
		return fmt.Errorf("load balancer %s has just been created and cannot be read yet: %w", id, apierror.ErrUnavailable)
	}
	return b.accept(st, id, o)
}

// young reports whether a load balancer is so new that a call may not know it.
func (b *Balancers) young(st *state, id string) bool {
	return st.id() == id && !st.born.IsZero() && b.options.Clock.Since(st.born) < b.options.IndexLag
}

// accept makes an observation what is believed.
func (b *Balancers) accept(st *state, id string, o audit.Observation) error {
	if o.Actual == nil {
		if st.id() == id {
			st.forget(true)
		}
		if !st.isGone(id) {
			st.gone[id] = ""
		}
		return nil
	}
	if st.adopted {
		return b.acceptAdopted(st, o.Actual, o.Start)
	}
	owner := ownership.Decide(o.Actual.Instance.Tags, b.options.ClusterID, string(st.uid))
	if owner.Verdict.Foreign() || owner.Verdict == ownership.Unmarked && st.id() != id {
		st.forget(false)
		return &notOursError{id: id, verdict: owner.Verdict}
	}
	st.actual, st.verified, st.lacking = o.Actual, o.Start, nil
	return nil
}
