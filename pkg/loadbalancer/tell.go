package loadbalancer

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/kube-aliyun/kube-aliyun/pkg/event"
	"github.com/kube-aliyun/kube-aliyun/pkg/loadbalancer/build"
	"github.com/kube-aliyun/kube-aliyun/pkg/loadbalancer/plan"
	"github.com/kube-aliyun/kube-aliyun/pkg/loadbalancer/queue"
	"github.com/kube-aliyun/kube-aliyun/pkg/metric"
)

// tell records what the Service's owner should know after a pass.
func (b *Balancers) tell(st *state, w build.Wanted, p plan.Plan, r *round) {
	for _, notice := range append(slices.Clone(w.Notices), p.Notices...) {
		b.options.Events.Event(r.service, event.LoadBalancerNotAsAsked, "%s", notice)
	}
	defer func() { st.drift = nil }()
	switch {
	case len(st.drift) > 0 && r.changed:
		metric.LoadBalancerDrift.WithLabelValues().Inc()
		b.options.Events.Event(r.service, event.LoadBalancerDriftRepaired, "the load balancer was changed by hand; set right: %s", strings.Join(st.drift, "; "))
	case r.created:
		a := &st.actual.Instance
		b.options.Events.Event(r.service, event.LoadBalancerReady, "load balancer %s (%s, %s, %s) was created; it has %s and %s",
			a.ID, a.Address, a.AddressType, a.InstanceChargeType, count(len(st.actual.Listeners), "listener"), count(len(membersOf(st.actual)), "server"))
	case len(r.steps) > 0:
		b.options.Events.Event(r.service, event.LoadBalancerChanged, "load balancer %s: %s", st.id(), summary(r.steps))
	}
}

// summary tells steps in a line. Servers come and go with Nodes and Pods, for many
// Services at once: they are told without their names, so that the recorder drops
// what it told lately.
func summary(steps []plan.Step) string {
	servers := false
	var told []string
	for _, s := range steps {
		switch s.Kind {
		case plan.AddBackends, plan.SetBackends, plan.RemoveBackends, plan.AddGroupBackends, plan.SetGroupBackends, plan.RemoveGroupBackends:
			servers = true
		default:
			told = append(told, s.String())
		}
	}
	if servers {
		told = append(told, "its servers are those that should be")
	}
	return strings.Join(told, "; ")
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// waits tells of a pass that failed and that nobody waits for: what an Ensure waits
// for is told by the service controller.
func (b *Balancers) waits(service *corev1.Service, batch queue.Batch, err error) {
	if err == nil || service == nil || hopeless(err) || batch.Has(reasonEnsure) || batch.Has(reasonUpdate) {
		return
	}
	b.options.Events.Event(service, event.LoadBalancerWaiting, "the load balancer is not as it should be yet, and is tried again: %v", err)
}
