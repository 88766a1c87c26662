package hostroutes

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"k8s.io/klog/v2"

	"github.com/kube-aliyun/kube-aliyun/pkg/hostroutes/kernel"
	"github.com/kube-aliyun/kube-aliyun/pkg/hostroutes/plan"
	"github.com/kube-aliyun/kube-aliyun/pkg/metric"
)

// Report is the result of a pass.
type Report struct {
	// Waiting is why nothing could be planned, "" when it could.
	Waiting string
	// Desired and Installed count own routes, Installed before the pass.
	Desired, Installed int
	// Added, Removed and Held count what the pass did; Held routes are to be
	// removed when a second look confirms it.
	Added, Removed, Held int
	// Shadowed wanted routes have no effect; Foreign routes are others'.
	Shadowed, Foreign int
	Skipped           map[plan.Reason]int
	// Rules tells that the host's rules were written.
	Rules bool
	// Raced tells that somebody else changed the same routes meanwhile.
	Raced bool
	Err   error
}

// Writes is how many changes of the kernel the pass has made.
func (r Report) Writes() int {
	n := r.Added + r.Removed
	if r.Rules {
		n++
	}
	return n
}

// Pass compares what the host should have for the Nodes with what it has, and
// makes it so. Second is another, later reading of the Nodes, nil for none:
// without it no large part of the routes is removed.
func (a *Agent) Pass(ctx context.Context, nodes, second []plan.Node) Report {
	began := time.Now()
	report := a.pass(ctx, nodes, second)
	a.finish(ctx, report, time.Since(began))
	return report
}

func (a *Agent) pass(ctx context.Context, nodes, second []plan.Node) Report {
	v, err := a.look(nodes)
	if err != nil {
		return Report{Err: err}
	}
	if v.waiting != "" {
		return Report{Waiting: v.waiting}
	}
	a.wanted.Store(&v.want)
	p := v.plan
	report := Report{
		Desired: len(v.want.Routes), Installed: p.Installed, Shadowed: len(p.Shadowed), Foreign: p.Foreign,
		Skipped: map[plan.Reason]int{},
	}
	for _, r := range v.want.Refused {
		report.Skipped[r.Reason]++
	}
	obsolete := p.Obsolete
	if a.cfg.Guard.Holds(p) {
		obsolete = a.confirmed(p.Obsolete, second, v.host)
		report.Held = len(p.Obsolete) - len(obsolete)
	}
	a.apply(ctx, p, obsolete, &report)
	if a.cfg.Rules != nil {
		changed, err := a.cfg.Rules.Sync(v.want.OwnRanges)
		report.Rules = changed
		report.Err = errors.Join(report.Err, err)
		if changed || err != nil {
			metric.HostroutesChanges.WithLabelValues("rules", result(err)).Inc()
		}
	}
	a.tell(v.want, p, report)
	return report
}

// view is a host as it is and as it should be.
type view struct {
	waiting string
	host    plan.Host
	want    plan.Wanted
	plan    plan.Plan
}

// look reads the host and compares it with what the Nodes ask for.
func (a *Agent) look(nodes []plan.Node) (view, error) {
	var v view
	links, err := a.cfg.Kernel.Links()
	if err != nil {
		return v, err
	}
	v.host, v.waiting = host(a.cfg, links, nodes)
	if v.waiting != "" {
		return v, nil
	}
	v.want = plan.Build(nodes, v.host, a.cfg.Settings)
	actual, err := a.cfg.Kernel.Routes()
	if err != nil {
		return v, err
	}
	v.plan = plan.Compare(v.want, actual, a.cfg.Settings.Protocol)
	return v, nil
}

// host finds the host's uplink, or says why routes have to wait.
func host(cfg Config, links []plan.Link, nodes []plan.Node) (plan.Host, string) {
	h := plan.Host{Local: map[netip.Addr]bool{}}
	for _, l := range links {
		for _, p := range l.Prefixes {
			h.Local[p.Addr()] = true
		}
	}
	own := slices.IndexFunc(nodes, func(n plan.Node) bool { return h.IsOwn(cfg.Settings.NodeName, &n) })
	if own < 0 {
		if cfg.Settings.NodeName == "" {
			return h, "no Node has an address of this host; give --node-name"
		}
		return h, fmt.Sprintf("Node %s does not exist", cfg.Settings.NodeName)
	}
	for _, l := range links {
		if cfg.Uplink != "" && l.Name == cfg.Uplink || cfg.Uplink == "" && nodes[own].HasAddressOn(l) {
			h.Uplink = l
			if !l.Up {
				return h, fmt.Sprintf("the link %s is down", l.Name)
			}
			return h, ""
		}
	}
	if cfg.Uplink != "" {
		return h, fmt.Sprintf("there is no link %s (--uplink)", cfg.Uplink)
	}
	return h, fmt.Sprintf("no link has an InternalIP of Node %s (%v); give --uplink", nodes[own].Name, nodes[own].InternalIPs)
}

// confirmed are the routes that are obsolete by a second look at the Nodes too.
func (a *Agent) confirmed(obsolete []plan.Route, second []plan.Node, h plan.Host) []plan.Route {
	if second == nil {
		return nil
	}
	want := plan.Build(second, h, a.cfg.Settings)
	if want.Own == nil {
		return nil
	}
	var gone []plan.Route
	for _, r := range obsolete {
		if want.Node[r.Destination] == nil {
			gone = append(gone, r)
		}
	}
	return gone
}

// apply takes the plan's steps. One that fails harms its own destination only.
func (a *Agent) apply(ctx context.Context, p plan.Plan, obsolete []plan.Route, report *Report) {
	steps := p.Steps()
	for _, r := range obsolete {
		steps = append(steps, plan.Step{Operation: plan.Delete, Route: r})
	}
	log := klog.FromContext(ctx)
	var failures []error
	open := map[netip.Prefix]bool{}
	for _, step := range steps {
		if ctx.Err() != nil {
			report.Err = errors.Join(append(failures, ctx.Err())...)
			return
		}
		if step.Operation == plan.Delete && open[step.Route.Destination] {
			continue // better a route that is out of date than none
		}
		err := a.cfg.Kernel.Do(step)
		switch {
		case errors.Is(err, kernel.ErrTaken), errors.Is(err, kernel.ErrGone):
			report.Raced = true
			open[step.Route.Destination] = true
			continue
		case err != nil:
			open[step.Route.Destination] = true
			failures = append(failures, err)
		case step.Operation == plan.Delete:
			report.Removed++
		default:
			report.Added++
		}
		metric.HostroutesChanges.WithLabelValues(string(step.Operation), result(err)).Inc()
		log.V(2).Info("Changed a route", "operation", step.Operation, "route", step.Route, "err", err)
	}
	report.Err = few(failures)
}

// toldFailures is how many failures of one pass are told.
const toldFailures = 3

// few joins failures, the first ones word by word.
func few(failures []error) error {
	failures = slices.DeleteFunc(failures, func(err error) bool { return err == nil })
	if len(failures) <= toldFailures {
		return errors.Join(failures...)
	}
	return fmt.Errorf("%w\nand %d more", errors.Join(failures[:toldFailures]...), len(failures)-toldFailures)
}

func result(err error) string {
	if err != nil {
		return "error"
	}
	return "success"
}
