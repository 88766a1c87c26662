package loadbalancer

import (
	"context"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/slb"
	"github.com/kube-aliyun/kube-aliyun/pkg/loadbalancer/audit"
	"github.com/kube-aliyun/kube-aliyun/pkg/loadbalancer/build"
	"github.com/kube-aliyun/kube-aliyun/pkg/loadbalancer/plan"
)

// Plan returns as text what would be done for a Service, reading but not writing.
// It works without Run.
func (b *Balancers) Plan(ctx context.Context, service *corev1.Service) (string, error) {
	o := newOwner(service.UID)
	if !wants(service) {
		return b.planDeletion(ctx, o, service)
	}
	var out strings.Builder
	for _, role := range build.Roles(service) {
		v, err := b.inspect(ctx, o.state(role), service)
		if err != nil {
			return "", err
		}
		out.WriteString(v.steps())
	}
	text, err := b.planGivenUp(ctx, o, service)
	return out.String() + text, err
}

// Preview is what would be done for a Service, and from what that follows.
type Preview struct {
	// Text shows, for each load balancer, what is wanted, what there is, and the plan.
	Text string
	// Refused says why the Service cannot be meant; nil when it can.
	Refused error
}

// Preview looks at a Service as Plan does. One that is not living, because it has
// not been created yet, has no load balancer: none is looked for.
func (b *Balancers) Preview(ctx context.Context, service *corev1.Service, living bool) (Preview, error) {
	o := newOwner(service.UID)
	if !wants(service) {
		text, err := b.planDeletion(ctx, o, service)
		return Preview{Text: "no load balancer of this controller is wanted\n\nplan:\n" + indent(text)}, err
	}
	var out strings.Builder
	var p Preview
	for _, role := range build.Roles(service) {
		v, err := b.look(ctx, o.state(role), service, living)
		if err != nil {
			return Preview{}, err
		}
		fmt.Fprintf(&out, "== %s\n", role)
		if err := v.write(&out); err != nil {
			return Preview{}, err
		}
		if p.Refused == nil {
			p.Refused = v.refused
		}
	}
	text, err := b.planGivenUp(ctx, o, service)
	if text != "" {
		fmt.Fprintf(&out, "== of a family that the Service has no more\nplan:\n%s\n", indent(text))
	}
	p.Text = out.String()
	return p, err
}

// look is inspect for a Service that may not exist yet.
func (b *Balancers) look(ctx context.Context, st *state, service *corev1.Service, living bool) (view, error) {
	if living || names(service) != "" {
		return b.inspect(ctx, st, service)
	}
	return b.compared(ctx, st, service)
}

// inspect reads the load balancer of a role and plans.
func (b *Balancers) inspect(ctx context.Context, st *state, service *corev1.Service) (view, error) {
	lbs, err := b.listOwn(ctx, st)
	if err != nil {
		return view{}, err
	}
	if len(lbs) == 0 && names(service) != "" {
		if err := b.adopt(ctx, st, service); refused(err) {
			return view{role: st.role, refused: err}, nil
		} else if err != nil {
			return view{}, err
		}
	}
	if len(lbs) > 0 {
		o, err := audit.Read(ctx, b.options.Cloud, choose(st, service, lbs).ID, b.options.Clock.Now)
		if err != nil {
			return view{}, err
		}
		st.actual = o.Actual
	} else if st.actual == nil && hasAddress(service, st.role) {
		return b.inspectPredecessor(ctx, st, service)
	}
	return b.compared(ctx, st, service)
}

// compared plans with what st holds.
func (b *Balancers) compared(ctx context.Context, st *state, service *corev1.Service) (view, error) {
	if err := b.lookAtPods(ctx, st.owner, service); err != nil {
		return view{}, err
	}
	v := view{role: st.role, actual: st.actual}
	if v.wanted, v.refused = b.build(st, service); v.refused == nil {
		v.refused = b.mayName(ctx, v.wanted)
	}
	if v.refused != nil && !refused(v.refused) {
		return view{}, v.refused
	}
	if v.actual == nil && v.wanted.Pointless != "" {
		v.plan.Notices = []string{"no load balancer is made: " + v.wanted.Pointless}
		return v, nil
	}
	v.plan = plan.Make(v.wanted, v.actual)
	if v.plan.NeedGroups {
		if err := audit.ReadGroups(ctx, b.options.Cloud, v.actual); err != nil {
			return view{}, err
		}
		v.plan = plan.Make(v.wanted, v.actual)
	}
	return v, nil
}

// planDeletion tells what is deleted of a Service that wants no load balancer.
func (b *Balancers) planDeletion(ctx context.Context, o *owner, service *corev1.Service) (string, error) {
	lbs, err := b.listAll(ctx, o)
	if err != nil {
		return "", err
	}
	held, err := b.held(ctx, o, service)
	if err != nil {
		return "", err
	}
	if len(lbs)+len(held) == 0 {
		return "nothing to do\n", nil
	}
	var out strings.Builder
	if preserves(service) {
		for i := range lbs {
			fmt.Fprintf(&out, "keep load balancer %s (%s) without our marks\n", lbs[i].ID, lbs[i].Address)
		}
		lbs, held = nil, nil
	}
	out.WriteString(deletions(lbs))
	for _, a := range held {
		fmt.Fprintf(&out, "leave load balancer %s (%s):\n%s", a.Instance.ID, a.Instance.Address, plan.Make(build.Released(b.config, service, a.Instance.ID), a))
	}
	return out.String(), nil
}

// planGivenUp tells which load balancers of families that the Service has no more
// are deleted, if listings have shown any.
func (b *Balancers) planGivenUp(ctx context.Context, o *owner, service *corev1.Service) (string, error) {
	var out strings.Builder
	for _, role := range roles {
		st := o.state(role)
		if !st.ambiguous || slices.Contains(o.wanted(service), role) {
			continue
		}
		lbs, err := b.listOwn(ctx, st)
		if err != nil {
			return "", err
		}
		out.WriteString(deletions(lbs))
	}
	return out.String(), nil
}

func deletions(lbs []slb.LoadBalancer) string {
	var out strings.Builder
	for i := range lbs {
		fmt.Fprintf(&out, "%d. delete load balancer %s (%s)\n", i+1, lbs[i].ID, lbs[i].Address)
	}
	return out.String()
}
