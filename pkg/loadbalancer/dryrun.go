package loadbalancer

import (
	"context"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/kube-aliyun/kube-aliyun/pkg/loadbalancer/audit"
	"github.com/kube-aliyun/kube-aliyun/pkg/loadbalancer/plan"
	"github.com/kube-aliyun/kube-aliyun/pkg/ownership"
)

// Plan returns as text what would be done for a Service, reading but not writing.
// It works without Run.
func (b *Balancers) Plan(ctx context.Context, service *corev1.Service) (string, error) {
	st := newOwner(service.UID).state(ownership.RoleLoadBalancer)
	lbs, err := b.listOwn(ctx, st)
	if err != nil {
		return "", err
	}
	if !wants(service) {
		return planDeletion(len(lbs), func(i int) string { return fmt.Sprintf("%s (%s)", lbs[i].ID, lbs[i].Address) }), nil
	}
	if len(lbs) > 0 {
		o, err := audit.Read(ctx, b.options.Cloud, choose(st, service, lbs).ID, b.options.Clock.Now)
		if err != nil {
			return "", err
		}
		st.actual = o.Actual
	}
	w, err := b.build(st, service)
	if err != nil {
		return "", err
	}
	p := plan.Make(w, st.actual)
	if p.NeedGroups {
		if err := audit.ReadGroups(ctx, b.options.Cloud, st.actual); err != nil {
			return "", err
		}
		p = plan.Make(w, st.actual)
	}
	p.Notices = append(p.Notices, w.Notices...)
	if text := p.String(); text != "" {
		return text, nil
	}
	return "nothing to do\n", nil
}

func planDeletion(n int, name func(int) string) string {
	if n == 0 {
		return "nothing to do\n"
	}
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "%d. delete load balancer %s\n", i+1, name(i))
	}
	return b.String()
}
