package hostroutes

import (
	"context"
	"fmt"
	"strings"
	"time"

	"k8s.io/klog/v2"

	"github.com/kube-aliyun/kube-aliyun/pkg/event"
	"github.com/kube-aliyun/kube-aliyun/pkg/hostroutes/plan"
	"github.com/kube-aliyun/kube-aliyun/pkg/metric"
)

// finish tells metrics, health, log and observer of a pass.
func (a *Agent) finish(ctx context.Context, r Report, took time.Duration) {
	log := klog.FromContext(ctx)
	outcome := "noop"
	switch {
	case r.Err != nil:
		outcome = "error"
		if ctx.Err() == nil {
			log.Error(r.Err, "Routes are not all as they should be; tried again soon")
		}
	case r.Waiting != "":
		outcome = "waiting"
		log.V(1).Info("Nothing can be done yet", "reason", r.Waiting)
	case r.Writes() > 0:
		outcome = "changed"
		log.Info("Routes changed", "added", r.Added, "removed", r.Removed, "rules", r.Rules, "wanted", r.Desired, "took", took)
	}
	metric.HostroutesPasses.WithLabelValues(outcome).Observe(took.Seconds())
	if r.Waiting == "" && r.Skipped != nil {
		for state, n := range map[string]int{
			"desired": r.Desired, "installed": r.Installed + r.Added - r.Removed, "held": r.Held, "shadowed": r.Shadowed, "foreign": r.Foreign,
		} {
			metric.HostroutesRoutes.WithLabelValues(state).Set(float64(n))
		}
		for _, reason := range plan.Reasons() {
			metric.HostroutesSkipped.WithLabelValues(string(reason)).Set(float64(r.Skipped[reason]))
		}
	}
	a.health.passed(r)
	if a.cfg.Passed != nil {
		a.cfg.Passed(r)
	}
}

// tell records events about what a pass cannot put right.
func (a *Agent) tell(want plan.Wanted, p plan.Plan, r Report) {
	for _, refusal := range want.Refused {
		if !refusal.Reason.Wrong() {
			continue
		}
		// All hosts see what is wrong for all of them: two tell it, the Node's own
		// and, should that one not run hostroutes, the oldest Node's.
		if refusal.Reason.Everywhere() && want.Own != refusal.Node && want.Own != want.Oldest {
			continue
		}
		on := refusal.Node
		if !refusal.Reason.Everywhere() {
			on = want.Own
		}
		a.cfg.Record(on, event.PodRangeRefused, fmt.Sprintf("There is no route to the Pod CIDR %s of Node %s: %s. Delete the Node and let it register anew, or correct the ranges of the cluster.",
			refusal.Range, refusal.Node.Name, refusal.Message))
	}
	if len(p.Shadowed) > 0 {
		a.cfg.Record(want.Own, event.PodRouteShadowed, shadows(p.Shadowed))
	}
	if r.Held > 0 {
		a.cfg.Record(want.Own, event.PodRouteDeletesHeld, fmt.Sprintf("The Nodes of %d of %d routes are gone at once. The routes are kept until the Nodes have been listed a second time, in %s.",
			r.Held, r.Installed, a.cfg.ConfirmAfter))
	}
}

// toldShadows is how many shadowed routes an event names.
const toldShadows = 3

func shadows(all []plan.Shadow) string {
	lines := make([]string, 0, toldShadows)
	for _, s := range all[:min(len(all), toldShadows)] {
		lines = append(lines, fmt.Sprintf("%s stands before %s", s.Other, s.Wanted))
	}
	more := ""
	if n := len(all) - toldShadows; n > 0 {
		more = fmt.Sprintf(" and %d more", n)
	}
	return fmt.Sprintf("Routes of somebody else on this server decide where packets to Pods go: %s%s. Remove them with `ip route del` if that is not wanted.",
		strings.Join(lines, "; "), more)
}
