package plan

import (
	"maps"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/slb"
	"github.com/kube-aliyun/kube-aliyun/pkg/loadbalancer/build"
)

// listeners creates, changes, starts and deletes listeners.
func (p *planner) listeners() {
	p.markExtensions()
	stale := p.stale()
	missing := 0
	for _, l := range p.w.Listeners {
		if p.a.Listener(l.ListenerKey) == nil && !p.target[l.ListenerKey].skip {
			missing++
		}
	}
	early := p.deleteFirst(stale, missing)
	for _, key := range early {
		p.step(Step{Kind: DeleteListener, Listener: slb.Listener{ListenerKey: key}})
	}
	// A redirect needs the listener that it leads to.
	for _, redirects := range []bool{false, true} {
		for _, l := range p.w.Listeners {
			if l.Redirects() == redirects {
				p.listener(l)
			}
		}
	}
	for _, key := range stale[len(early):] {
		p.step(Step{Kind: DeleteListener, Listener: slb.Listener{ListenerKey: key}})
	}
}

// listener makes one listener what it should be.
func (p *planner) listener(l build.Listener) {
	to := p.target[l.ListenerKey]
	if to.skip {
		if to.group == nil {
			p.plan.Blocked = append(p.plan.Blocked, l.ListenerKey)
		}
		return
	}
	key := slb.Listener{ListenerKey: l.ListenerKey}
	actual := p.a.Listener(l.ListenerKey)
	l.Attributes = p.restricted(l.Attributes, actual)
	if l.Asked != nil {
		l.Asked = p.restricted(l.Asked, actual)
	}
	if actual == nil {
		p.create(l)
		return
	}
	set := Step{Kind: SetListener, Listener: key, Changed: slb.Diff(l.Protocol, p.asked(l, actual), actual.Attributes), Takeover: !p.own(actual)}
	if slb.NeedsRecreation(l.Protocol, set.Changed) {
		p.step(Step{
			Kind: DeleteListener, Listener: key, Takeover: set.Takeover,
			Reason: "it is made anew, because the API cannot change the redirect of a living listener",
		})
		p.create(l)
		return
	}
	if to.group != nil && (to.group.id == "" || to.group.id != actual.GroupID) {
		set.Bind, set.Group, set.GroupName = true, to.group.id, to.group.name
	}
	// A mark on the listener is there before the first domain extension, and goes
	// after the last.
	last := len(l.Extensions) == 0
	if last && l.Protocol == slb.HTTPS {
		p.extensions(l, p.a.Extensions[l.Port])
	}
	if set.Bind || len(set.Changed) > 0 {
		p.step(set)
	}
	if !last && l.Protocol == slb.HTTPS {
		p.extensions(l, p.a.Extensions[l.Port])
	}
	if actual.Status == slb.ListenerStopped || actual.Status == slb.ListenerStopping {
		p.step(Step{Kind: StartListener, Listener: key, WasStopped: true})
	}
}

// create makes a listener and starts it. One that redirects has no servers.
func (p *planner) create(l build.Listener) {
	made := slb.Listener{ListenerKey: l.ListenerKey, BackendPort: l.NodePort, Attributes: maps.Clone(l.Attributes)}
	if l.Redirects() {
		made.BackendPort = 0
	}
	create := Step{Kind: CreateListener, Listener: made}
	if to := p.target[l.ListenerKey]; to.group != nil {
		create.Listener.BackendPort, create.Group, create.GroupName = 0, to.group.id, to.group.name
	}
	p.step(create)
	p.extensions(l, nil)
	p.step(Step{Kind: StartListener, Listener: slb.Listener{ListenerKey: l.ListenerKey}})
}

// stale returns our listeners that are not wanted any more, those first that
// hold a port which a wanted one needs, or that redirect to another one that may
// be going too; it tells of the others' ones.
func (p *planner) stale() []slb.ListenerKey {
	wanted := map[slb.ListenerKey]bool{}
	ports := map[int]bool{}
	for _, l := range p.w.Listeners {
		wanted[l.ListenerKey] = true
		ports[l.Port] = true
	}
	var first, rest []slb.ListenerKey
	for i := range p.a.Listeners {
		l := &p.a.Listeners[i]
		switch {
		case wanted[l.ListenerKey]:
		case !p.own(l):
			if p.w.Adoption != nil {
				continue // of course
			}
			p.notice("listener %s was made by hand; it is left alone, and goes when the load balancer goes", l.ListenerKey)
		case ports[l.Port], l.Attributes[slb.Forward] == "on":
			first = append(first, l.ListenerKey)
		default:
			rest = append(rest, l.ListenerKey)
		}
	}
	return append(first, rest...)
}

// deleteFirst returns how many of the stale listeners go before the new ones
// come: those whose port is needed by a protocol that cannot share it, and as
// many as the instance has no room for.
func (p *planner) deleteFirst(stale []slb.ListenerKey, missing int) []slb.ListenerKey {
	n := max(0, len(p.a.Listeners)+missing-build.MaxListeners)
	for i, key := range stale {
		for _, l := range p.w.Listeners {
			if l.Port == key.Port && l.Protocol != slb.UDP && key.Protocol != slb.UDP {
				n = max(n, i+1)
			}
		}
	}
	return stale[:min(n, len(stale))]
}
