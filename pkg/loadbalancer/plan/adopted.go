package plan

import (
	"slices"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/slb"
	"github.com/kube-aliyun/kube-aliyun/pkg/loadbalancer/annotation"
	"github.com/kube-aliyun/kube-aliyun/pkg/loadbalancer/build"
)

// On a load balancer that somebody else made, the instance and its default server
// group are never ours. Ours are the listeners and vServer groups that carry the
// Service's mark, and the marked members in groups of others.

// adoptedTargets decides where the traffic of each listener goes on an adopted
// load balancer: to vServer groups only.
func (p *planner) adoptedTargets() {
	for _, l := range p.w.Listeners {
		p.target[l.ListenerKey] = p.adoptedTarget(l)
	}
}

func (p *planner) adoptedTarget(l build.Listener) target {
	actual := p.a.Listener(l.ListenerKey)
	foreign := actual != nil && !p.own(actual)
	if p.conflict(l.ListenerKey) {
		return target{skip: true}
	}
	if l.GroupID == "" || l.Redirects() {
		if foreign && !p.mayTake(actual) {
			return target{skip: true}
		}
		if l.Redirects() {
			return target{} // it has no servers
		}
		return target{group: p.groupOf(l, actual)}
	}
	g := p.sharedGroup(l)
	switch {
	case g == nil:
		return target{skip: true}
	case foreign && actual.GroupID == l.GroupID:
		return target{group: g, skip: true} // the listener is its maker's business
	case foreign && !p.mayTake(actual):
		return target{skip: true}
	}
	return target{group: g}
}

// mayTake reports whether a listener that is not ours may become ours, and says
// as a problem why not.
func (p *planner) mayTake(l *slb.Listener) bool {
	text := l.Attributes[slb.Description]
	cluster, uid := build.Holder(text)
	deserted := cluster == p.w.ClusterID && p.w.Adoption.Living != nil && !p.w.Adoption.Living[uid]
	switch {
	case build.Controlled(text) && !deserted:
		p.problem("listener %s of load balancer %s belongs to another Service (%s); use another port", l.ListenerKey, p.a.Instance.ID, text)
		return false
	case !p.w.Adoption.Override:
		p.problem("listener %s of load balancer %s was made by somebody else and is left alone; use another port, delete that listener, or set the annotation %s%s to true to take it over",
			l.ListenerKey, p.a.Instance.ID, annotation.Prefix, annotation.ForceOverrideListeners)
		return false
	}
	return true
}

// sharedGroup returns the wanted members of a vServer group that somebody else
// made, or nil and a problem.
func (p *planner) sharedGroup(l build.Listener) *group {
	if i := slices.IndexFunc(p.groups, func(g *group) bool { return g.id == l.GroupID }); i >= 0 {
		p.problem("server group %s is named for several ports; name one group for each", l.GroupID)
		return nil
	}
	living := p.a.group(l.GroupID)
	switch {
	case living == nil:
		p.problem("server group %s does not exist on load balancer %s; correct the annotation %s%s", l.GroupID, p.a.Instance.ID, annotation.Prefix, annotation.VGroupPort)
		return nil
	case build.Controlled(living.Name):
		p.problem("server group %s is made and kept by a controller (%s); name one that you made yourself", l.GroupID, living.Name)
		return nil
	}
	g := &group{name: l.GroupID, id: l.GroupID, shared: true}
	for _, b := range p.shares(p.sendsTo(l)) {
		b.Description = build.MemberDescription(p.w.UID)
		if i := slices.IndexFunc(living.Backends, func(have slb.Backend) bool { return identity(have) == identity(b) }); i >= 0 && !p.ownMember(&living.Backends[i]) {
			continue // somebody put it there by hand, and decides about it
		}
		g.members = append(g.members, b)
	}
	p.groups = append(p.groups, g)
	return g
}

// shares returns backends with their parts of the weight that they have together.
func (p *planner) shares(out []slb.Backend) []slb.Backend {
	total, serving := p.w.Adoption.Weight, 0
	for _, b := range out {
		if b.Weight > 0 {
			serving++
		}
	}
	for i := range out {
		switch {
		case total < 0 || out[i].Weight == 0:
		case total == 0:
			out[i].Weight = 0
		default:
			out[i].Weight = max(1, total/serving)
		}
	}
	return out
}

// ownMember reports whether a member of a vServer group is one that this Service
// added.
func (p *planner) ownMember(b *slb.Backend) bool {
	return b.Description == build.MemberDescription(p.w.UID)
}

// present returns the members of a living group that the plan may change.
func (p *planner) present(g *group) []slb.Backend {
	living := p.a.group(g.id).Backends
	if !g.shared {
		return living
	}
	return p.ownMembers(living)
}

func (p *planner) ownMembers(members []slb.Backend) []slb.Backend {
	return slices.DeleteFunc(slices.Clone(members), func(b slb.Backend) bool { return !p.ownMember(&b) })
}

// leaveGroups takes the Service's members out of the groups of others that it
// does not name any more.
func (p *planner) leaveGroups(used map[string]bool) {
	for i := range p.a.Groups {
		g := &p.a.Groups[i]
		if used[g.ID] || build.OwnGroup(g.Name, p.w.UID) {
			continue
		}
		p.each(Step{Kind: RemoveGroupBackends, Group: g.ID, GroupName: g.ID}, p.ownMembers(g.Backends))
	}
}

// presentShares keeps the Service's members in the groups of others where they
// are.
func (p *planner) presentShares() {
	for i := range p.a.Groups {
		g := &p.a.Groups[i]
		own := p.ownMembers(g.Backends)
		if len(own) == 0 || build.OwnGroup(g.Name, p.w.UID) {
			continue
		}
		if own[0].Type == slb.TypeInterface {
			p.groups = append(p.groups, &group{name: g.ID, id: g.ID, shared: true, members: p.livingPods(own)})
			continue
		}
		p.sharedGroup(build.Listener{GroupID: g.ID, NodePort: own[0].Port})
	}
}
