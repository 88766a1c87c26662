package loadbalancer

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/klog/v2"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/apierror"
	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/slb"
	"github.com/kube-aliyun/kube-aliyun/pkg/loadbalancer/build"
	"github.com/kube-aliyun/kube-aliyun/pkg/loadbalancer/plan"
	"github.com/kube-aliyun/kube-aliyun/pkg/ownership"
)

// maxGenerations is how many tokens one pass tries.
const maxGenerations = 10

var errTokens = errors.New("every client token gives a load balancer that does not exist any more")

// create makes the Service's load balancer, after a listing has shown none. The
// client token is made of what is asked for, so a creation whose answer was lost,
// in this life or another, gives the same load balancer again.
func (b *Balancers) create(ctx context.Context, st *state, service *corev1.Service, w build.Wanted) error {
	for range maxGenerations {
		in := w.Instance
		in.ClientToken = b.token(st, w.Instance)
		if st.doubt != nil && st.doubt.token != in.ClientToken {
			// Something else was asked for before, and may have been made.
			if err := b.settled(ctx, st.doubt.at); err != nil {
				return err
			}
			st.doubt = nil
			if err := b.find(ctx, st, service); err != nil || st.actual != nil {
				return err
			}
		}
		st.doubt = &doubt{token: in.ClientToken, at: b.options.Clock.Now()}
		lb, err := b.options.Cloud.Create(ctx, in)
		switch {
		case err == nil:
			st.doubt = nil
			if st.isGone(lb.ID) {
				st.generation++
				continue
			}
			now := b.options.Clock.Now()
			st.actual = &plan.Actual{Instance: lb}
			st.born, st.verified, st.written, st.ambiguous = now, now, now, false
			klog.FromContext(ctx).V(1).Info("Created load balancer", "service", klog.KObj(service), "loadBalancer", lb.ID, "address", lb.Address)
			return nil
		case errors.Is(err, apierror.ErrConflict):
			// The token was used for something else: what it made must be found
			// before another token is tried.
			if err := b.settled(ctx, st.doubt.at); err != nil {
				return err
			}
			st.doubt = nil
			if err := b.find(ctx, st, service); err != nil || st.actual != nil {
				return err
			}
			st.generation++
		case apierror.MaybeExecuted(err), ctx.Err() != nil, errors.Is(err, apierror.ErrBusy):
			return err // the doubt stays
		default:
			st.doubt = nil
			return err
		}
	}
	return errTokens
}

// token is the client token of a creation: whatever differs gives another one.
func (b *Balancers) token(st *state, in slb.Create) string {
	in.ClientToken = ""
	return ownership.ClientToken(b.options.ClusterID, string(st.uid), string(ownership.RoleLoadBalancer),
		fmt.Sprintf("%+v", in), strconv.Itoa(st.generation))
}

// settled waits until what happened at a moment is in the listings.
func (b *Balancers) settled(ctx context.Context, moment time.Time) error {
	wait := b.options.IndexLag - b.options.Clock.Since(moment)
	if wait <= 0 {
		return nil
	}
	timer := b.options.Clock.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C():
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait for listings: %w", ctx.Err())
	}
}
