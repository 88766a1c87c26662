package hostroutes

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/vishvananda/netns"

	"github.com/kube-aliyun/kube-aliyun/pkg/hostroutes/firewall"
	"github.com/kube-aliyun/kube-aliyun/pkg/hostroutes/kernel"
	"github.com/kube-aliyun/kube-aliyun/pkg/hostroutes/plan"
)

// dryRun prints what a pass would do. It ends with ErrChanges when that is
// something.
func (a *Agent) dryRun(ctx context.Context, out io.Writer) error {
	nodes, err := a.cfg.Source.Fresh(ctx)
	if err != nil {
		return err
	}
	v, err := a.look(nodes)
	if err != nil {
		return err
	}
	if v.waiting != "" {
		return fmt.Errorf("%w: %s", errWaiting, v.waiting)
	}
	for _, r := range v.want.Refused {
		_, _ = fmt.Fprintf(out, "no route to %s of Node %s (%s): %s\n", r.Range, r.Node.Name, r.Reason, r.Message)
	}
	for _, s := range v.plan.Shadowed {
		_, _ = fmt.Fprintf(out, "without effect: %s, because of %s\n", s.Wanted, s.Other)
	}
	steps := v.plan.Steps()
	for _, r := range v.plan.Obsolete {
		steps = append(steps, plan.Step{Operation: plan.Delete, Route: r})
	}
	for _, s := range steps {
		_, _ = fmt.Fprintf(out, "would %s %s\n", s.Operation, s.Route)
	}
	if a.cfg.Guard.Holds(v.plan) {
		_, _ = fmt.Fprintf(out, "%d of %d routes would go only after a second list of the Nodes\n", len(v.plan.Obsolete), v.plan.Installed)
	}
	_, _ = fmt.Fprintf(out, "%d routes wanted, %d there, %d changes\n", len(v.want.Routes), v.plan.Installed, len(steps))
	if len(steps) > 0 {
		return ErrChanges
	}
	return nil
}

// cleanup removes every route that is ours, and what else is; with DryRun it
// prints them.
func cleanup(o *Options, k *kernel.Kernel, out io.Writer) error {
	routes, err := k.Routes()
	if err != nil {
		return err
	}
	var failures []error
	removed := 0
	for _, r := range routes {
		if r.Protocol != o.Protocol {
			continue
		}
		if o.DryRun {
			_, _ = fmt.Fprintf(out, "would %s %s\n", plan.Delete, r)
			removed++
			continue
		}
		err := k.Do(plan.Step{Operation: plan.Delete, Route: r})
		switch {
		case errors.Is(err, kernel.ErrGone):
		case err != nil:
			failures = append(failures, err)
		default:
			removed++
		}
	}
	rules := firewall.New(netns.None(), firewall.Settings{})
	if o.DryRun {
		exists, err := rules.Exists()
		if err != nil {
			return err
		}
		if exists {
			_, _ = fmt.Fprintf(out, "would delete nftables table %s\n", firewall.Table)
		}
		if exists || removed > 0 {
			return ErrChanges
		}
		return nil
	}
	gone, err := rules.Remove()
	failures = append(failures, err)
	_, _ = fmt.Fprintf(out, "%d routes removed; nftables table %s removed: %t\n", removed, firewall.Table, gone)
	return few(failures)
}
