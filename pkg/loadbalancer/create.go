package loadbalancer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/klog/v2"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/apierror"
	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/slb"
	"github.com/kube-aliyun/kube-aliyun/pkg/loadbalancer/annotation"
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
	wish := w.Instance
	others := b.otherVSwitches(w)
	for range maxGenerations {
		in := wish
		in.ClientToken = b.token(st, wish)
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
			// The token may have given what an earlier life made, which had begun with the
			// groups of Pods.
			st.actual = &plan.Actual{Instance: lb, GroupsUnknown: len(w.Groups) > 0}
			st.born, st.verified, st.written, st.ambiguous, st.lacking = now, now, now, false, nil
			klog.FromContext(ctx).V(1).Info("Created load balancer", "service", klog.KObj(service), "loadBalancer", lb.ID, "address", lb.Address)
			return nil
		case apierror.TokenUsed(err):
			// What it made must be found before another token is tried.
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
		case apierror.CodeOf(err) == noAddress:
			st.doubt = nil
			if len(others) == 0 {
				return fmt.Errorf("vSwitch %s has no free address; name another one with the annotation %s%s, or free some: %w",
					wish.VSwitchID, annotation.Prefix, annotation.VSwitchID, err)
			}
			wish.VSwitchID, others = others[0], others[1:]
		default:
			st.doubt = nil
			return err
		}
	}
	return errTokens
}

// noAddress is the API's code for a vSwitch whose addresses are all in use.
const noAddress = "VSwitchAvailableIpNotExist"

// otherVSwitches are the vSwitches that may take the place of the wanted one when
// it has no free address: the configured ones, unless the Service names its own.
func (b *Balancers) otherVSwitches(w build.Wanted) []string {
	if w.Explicit[annotation.VSwitchID] || w.Instance.VSwitchID == "" || w.Instance.Address != "" {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(b.config.VSwitchIDs), func(id string) bool { return id == w.Instance.VSwitchID })
}

// token is the client token of a creation: whatever differs gives another one.
func (b *Balancers) token(st *state, in slb.Create) string {
	in.ClientToken = ""
	return ownership.ClientToken(b.options.ClusterID, string(st.uid), string(st.role),
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
