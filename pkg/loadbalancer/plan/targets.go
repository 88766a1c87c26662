package plan

import (
	"cmp"
	"slices"
	"strconv"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/slb"
	"github.com/kube-aliyun/kube-aliyun/pkg/loadbalancer/build"
)

// needsGroups reports whether the plan depends on the vServer groups: some
// listener uses one, or has to move to one.
func (p *planner) needsGroups() bool {
	if p.w.Adoption != nil || len(p.w.Groups) > 0 {
		return true
	}
	for i := range p.a.Listeners {
		if p.a.Listeners[i].GroupID != "" {
			return true
		}
	}
	for _, l := range p.w.Listeners {
		if actual := p.a.Listener(l.ListenerKey); actual != nil && !p.fresh(l, actual) && actual.BackendPort != l.NodePort {
			return true
		}
	}
	return false
}

// targets decides for each listener where its traffic goes.
//
// A new listener uses the default group, which all listeners share whatever
// their node port. The API cannot change the node port of a living listener, so
// one whose node port changed moves to a vServer group, and stays there.
func (p *planner) targets() {
	p.target = map[slb.ListenerKey]target{}
	if p.w.BackendsOnly {
		p.presentTargets()
		return
	}
	if p.w.Adoption != nil {
		p.adoptedTargets()
		return
	}
	wanted := map[slb.ListenerKey]bool{}
	for _, l := range p.w.Listeners {
		wanted[l.ListenerKey] = true
		actual := p.a.Listener(l.ListenerKey)
		switch {
		case p.conflict(l.ListenerKey):
			p.target[l.ListenerKey] = target{skip: true}
			continue
		case l.Redirects():
			p.target[l.ListenerKey] = target{}
		case l.PodGroup != "":
			p.target[l.ListenerKey] = target{group: p.groupOf(l, actual)}
		case actual == nil, p.fresh(l, actual), actual.GroupID == "" && actual.BackendPort == l.NodePort:
			p.usesDefault = true
			p.target[l.ListenerKey] = target{}
		default:
			p.target[l.ListenerKey] = target{group: p.groupOf(l, actual)}
		}
	}
	for i := range p.a.Listeners {
		l := &p.a.Listeners[i]
		if !wanted[l.ListenerKey] && !p.own(l) && l.GroupID == "" {
			p.usesDefault = true
		}
	}
}

// fresh reports whether a living listener is redirected, or is to be: it has no
// servers, or is made anew.
func (p *planner) fresh(l build.Listener, actual *slb.Listener) bool {
	return l.Redirects() || actual.Attributes[slb.Forward] == "on"
}

// presentTargets keeps every listener where it is.
func (p *planner) presentTargets() {
	if p.w.Adoption != nil {
		p.presentShares()
	}
	for i := range p.a.Listeners {
		l := &p.a.Listeners[i]
		if l.GroupID == "" {
			p.usesDefault = true
			continue
		}
		if g := p.a.group(l.GroupID); g != nil {
			if w := p.podGroup(g.Name); w != nil {
				p.groupNamed(g.Name, g.ID, w.Members)
			} else if port, own := p.ownGroup(g.Name); own && port != 0 {
				p.groupFor(port, g.ID)
			}
		}
	}
}

// groupFor returns the wanted group of a node port.
func (p *planner) groupFor(nodePort int, inUse string) *group {
	members := make([]slb.Backend, 0, len(p.w.Backends))
	for _, b := range p.w.Backends {
		members = append(members, slb.Backend{ServerID: b.ServerID, Port: nodePort, Weight: b.Weight})
	}
	return p.groupNamed(p.groupName(strconv.Itoa(nodePort), build.GroupName(p.w.UID, nodePort)), inUse, members)
}

// groupNamed returns the wanted group of a name. Of several living ones of that
// name (two after a crash) the one in use is taken.
func (p *planner) groupNamed(name, inUse string, members []slb.Backend) *group {
	i := slices.IndexFunc(p.groups, func(g *group) bool { return g.name == name })
	if i >= 0 {
		return p.groups[i]
	}
	g := &group{name: name, members: members}
	for j := range p.a.Groups {
		if living := &p.a.Groups[j]; living.Name == name && (g.id == "" || living.ID == inUse || living.ID < g.id && g.id != inUse) {
			g.id = living.ID
		}
	}
	if g.id != "" {
		g.members = p.keptWeights(g.members, p.a.group(g.id).Backends)
	}
	p.groups = append(p.groups, g)
	return g
}

// own reports whether a living listener is one that this project made for the
// Service.
func (p *planner) own(l *slb.Listener) bool {
	text := l.Attributes[slb.Description]
	return build.OwnListener(text, p.w.ClusterID, p.w.UID) || p.inherited && build.OfficialPort(text, p.w.Service) != ""
}

// conflict reports, as a problem, a port that somebody else's listener holds
// with another protocol of the same kind: TCP, HTTP and HTTPS share port
// numbers. Our own one goes before the new one comes.
func (p *planner) conflict(key slb.ListenerKey) bool {
	for i := range p.a.Listeners {
		l := &p.a.Listeners[i]
		if l.Port == key.Port && l.Protocol != key.Protocol && l.Protocol != slb.UDP && key.Protocol != slb.UDP && !p.own(l) {
			p.problem("port %d is held by a %s listener that was made by hand; delete that listener, or use another port", key.Port, l.Protocol)
			return true
		}
	}
	return false
}

// byServer orders backends.
func byServer(a, b slb.Backend) int {
	return cmp.Or(cmp.Compare(a.ServerID, b.ServerID), cmp.Compare(a.ServerIP, b.ServerIP), cmp.Compare(a.Port, b.Port))
}
