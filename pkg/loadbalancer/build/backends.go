package build

import (
	"cmp"
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/slb"
	"github.com/kube-aliyun/kube-aliyun/pkg/loadbalancer/annotation"
)

// The weights of backends.
const (
	fullWeight = 100
	noWeight   = 0
)

// MaxBackends is how many servers an instance can have (the API's quota).
const MaxBackends = 200

// backends returns the servers of the load balancer with their weights.
func (b *builder) backends() []slb.Backend {
	limit := min(cmp.Or(b.cfg.Defaults.BackendsPerLoadBalancer, MaxBackends), MaxBackends)
	members := map[string]bool{}
	living := slices.DeleteFunc(slices.Clone(b.in.Members), func(m slb.Backend) bool { return m.Type == slb.TypeInterface })
	for _, m := range living {
		members[m.ServerID] = true
	}
	candidates := b.selected()
	exact := b.exact(limit)
	if exact {
		candidates = b.withEndpoints(candidates)
	}
	if len(candidates) == 0 && !exact {
		if len(b.servers()) > 0 {
			b.notice("annotation %s%s names labels that no Node has; the servers stay as they are", annotation.Prefix, annotation.BackendLabel)
		}
		// No server is known at all: taking the last ones out helps nobody.
		return sorted(living)
	}
	var serving, draining []Server
	for _, s := range candidates {
		switch {
		case !s.Draining:
			serving = append(serving, s)
		case members[s.ID]:
			draining = append(draining, s)
		}
	}
	chosen, skipped := choose(string(b.in.Service.UID), serving, limit, members, b.in.Full)
	if skipped > 0 {
		b.notice("%d servers are not used: they are in as many load balancers as a server can be (--attachments-per-server), or the API refused them lately", skipped)
	}
	last := len(chosen) == 0
	if last {
		// The last ones serve until there are others.
		if len(draining) == 0 {
			draining, _ = choose(string(b.in.Service.UID), candidates, limit, members, b.in.Full)
		}
	}
	out := make([]slb.Backend, 0, len(chosen)+len(draining))
	for _, s := range chosen {
		out = append(out, slb.Backend{ServerID: s.ID, Weight: b.weight(s)})
	}
	for _, s := range draining {
		if len(out) < MaxBackends {
			weight := noWeight
			if last {
				weight = b.weight(s)
			}
			out = append(out, slb.Backend{ServerID: s.ID, Weight: weight})
		}
	}
	return sorted(out)
}

// exact reports whether the load balancer holds exactly the servers with ready
// endpoints: with the Local policy where no health check finds them (UDP), or
// where a subset could miss them all.
func (b *builder) exact(limit int) bool {
	if !b.local() {
		return false
	}
	if _, named := b.settings.Text(annotation.VGroupPort); named || b.in.TakenOver || b.byPods() || len(b.selected()) > limit {
		return true // the health checks of somebody else's listener do not know the Pods
	}
	return slices.ContainsFunc(b.in.Service.Spec.Ports, func(p corev1.ServicePort) bool { return p.Protocol == corev1.ProtocolUDP })
}

// withEndpoints returns the servers that have ready endpoints, or terminating
// ones when no endpoint is ready (as kube-proxy does).
func (b *builder) withEndpoints(servers []Server) []Server {
	ready, terminating := map[string]bool{}, map[string]bool{}
	for _, e := range b.in.Endpoints {
		if e.Ready {
			ready[e.Node] = true
		} else if e.Terminating {
			terminating[e.Node] = true
		}
	}
	nodes := ready
	if len(ready) == 0 {
		nodes = terminating
	}
	var out []Server
	for _, s := range servers {
		if nodes[s.Node] {
			out = append(out, s)
		}
	}
	return out
}

// sorted returns backends by server ID, with nothing but ID and weight.
func sorted(backends []slb.Backend) []slb.Backend {
	out := make([]slb.Backend, 0, len(backends))
	for _, m := range backends {
		out = append(out, slb.Backend{ServerID: m.ServerID, Weight: m.Weight})
	}
	slices.SortFunc(out, func(x, y slb.Backend) int { return cmp.Compare(x.ServerID, y.ServerID) })
	return out
}
