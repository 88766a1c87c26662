package plan

import (
	"slices"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/slb"
	"github.com/kube-aliyun/kube-aliyun/pkg/loadbalancer/build"
)

// Pods are reached in vServer groups only: each is the address of a network
// interface, with a port of its own.

// groupOf returns the wanted group of a listener that uses one of ours.
func (p *planner) groupOf(l build.Listener, actual *slb.Listener) *group {
	inUse := ""
	if actual != nil {
		inUse = actual.GroupID
	}
	if l.PodGroup == "" {
		return p.groupFor(l.NodePort, inUse)
	}
	w := p.w.Group(l.PodGroup)
	return p.groupNamed(p.groupName(w.Target, w.Name), inUse, slices.Clone(w.Members))
}

// podGroup returns what is wanted of a living group of Pods, or nil.
func (p *planner) podGroup(name string) *build.Group {
	for i := range p.w.Groups {
		if w := &p.w.Groups[i]; name == w.Name || p.inherited && name == p.groupName(w.Target, w.Name) {
			return w
		}
	}
	return nil
}

// sendsTo returns the backends of a listener, each with its port.
func (p *planner) sendsTo(l build.Listener) []slb.Backend {
	if l.PodGroup != "" {
		return slices.Clone(p.w.Group(l.PodGroup).Members)
	}
	out := slices.Clone(p.w.Backends)
	for i := range out {
		out[i].Port = l.NodePort
	}
	return out
}

// livingPods returns those of some members that the Service still has: an address
// that a Pod gave up may be somebody else's by now.
func (p *planner) livingPods(members []slb.Backend) []slb.Backend {
	return slices.DeleteFunc(slices.Clone(members), func(b slb.Backend) bool {
		return !slices.ContainsFunc(p.w.Groups, func(g build.Group) bool {
			return slices.ContainsFunc(g.Members, func(w slb.Backend) bool { return identity(w) == identity(b) })
		})
	})
}
