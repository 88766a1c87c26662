package plan

import (
	"slices"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/slb"
	"github.com/kube-aliyun/kube-aliyun/pkg/loadbalancer/build"
)

// member identifies a backend within a group.
type member struct {
	server string
	port   int
	ip     string
}

func identity(b slb.Backend) member { return member{server: b.ServerID, port: b.Port, ip: b.ServerIP} }

// difference says how one set of members becomes another.
func difference(wanted, actual []slb.Backend) (add, set, remove []slb.Backend) {
	have := map[member]slb.Backend{}
	for _, b := range actual {
		have[identity(b)] = b
	}
	want := map[member]bool{}
	for _, b := range wanted {
		want[identity(b)] = true
		if living, found := have[identity(b)]; !found {
			add = append(add, b)
		} else if living.Weight != b.Weight {
			set = append(set, b)
		}
	}
	for _, b := range actual {
		if !want[identity(b)] {
			remove = append(remove, slb.Backend{ServerID: b.ServerID, Port: b.Port, Type: b.Type, ServerIP: b.ServerIP, Weight: b.Weight})
		}
	}
	for _, list := range [][]slb.Backend{add, remove} {
		slices.SortFunc(list, byServer)
	}
	// Weights go up before they go down, so that there is always one above 0.
	slices.SortFunc(set, func(a, b slb.Backend) int {
		if a.Weight != b.Weight {
			return b.Weight - a.Weight
		}
		return byServer(a, b)
	})
	return add, set, remove
}

// each appends a step for each batch of backends that one call takes.
func (p *planner) each(s Step, backends []slb.Backend) {
	for batch := range slices.Chunk(backends, slb.MaxBackends) {
		s.Backends = batch
		p.step(s)
	}
}

// defaultMembers are the wanted members of the default group: none when no
// listener uses it.
func (p *planner) defaultMembers() []slb.Backend {
	if !p.usesDefault {
		return nil
	}
	return p.keptWeights(p.w.Backends, p.a.Backends)
}

// crowded takes servers out of the default group early when the new ones would
// not fit in beside them; as many as must go, never all.
func (p *planner) crowded() {
	add, _, remove := difference(p.defaultMembers(), p.a.Backends)
	p.removed = map[string]bool{}
	excess := min(len(p.a.Backends)+len(add)-build.MaxBackends, len(remove), len(p.a.Backends)-1)
	if excess <= 0 {
		return
	}
	// Those without traffic go first.
	slices.SortStableFunc(remove, func(a, b slb.Backend) int { return a.Weight - b.Weight })
	for _, b := range remove[:excess] {
		p.removed[b.ServerID] = true
	}
	p.each(Step{Kind: RemoveBackends}, remove[:excess])
}

// fillDefault adds servers to the default group and sets weights.
func (p *planner) fillDefault() {
	add, set, _ := difference(p.defaultMembers(), p.a.Backends)
	p.each(Step{Kind: AddBackends}, add)
	if !p.w.KeepWeights {
		p.each(Step{Kind: SetBackends}, set)
	}
}

// drainDefault removes servers from the default group.
func (p *planner) drainDefault() {
	_, _, remove := difference(p.defaultMembers(), p.a.Backends)
	remove = slices.DeleteFunc(remove, func(b slb.Backend) bool { return p.removed[b.ServerID] })
	p.each(Step{Kind: RemoveBackends}, remove)
}

// fillGroups creates vServer groups, adds servers to them and sets weights.
func (p *planner) fillGroups() {
	for _, g := range p.groups {
		if g.id == "" {
			first := g.members[:min(len(g.members), slb.MaxBackends)]
			p.step(Step{Kind: CreateGroup, GroupName: g.name, Backends: first})
			p.each(Step{Kind: AddGroupBackends, GroupName: g.name}, g.members[len(first):])
			continue
		}
		add, set, _ := difference(g.members, p.present(g))
		p.each(Step{Kind: AddGroupBackends, Group: g.id, GroupName: g.name}, add)
		if !p.w.KeepWeights {
			p.each(Step{Kind: SetGroupBackends, Group: g.id, GroupName: g.name}, set)
		}
	}
}

// drainGroups removes servers from vServer groups, and our groups that no
// listener uses.
func (p *planner) drainGroups() {
	used := map[string]bool{}
	for _, g := range p.groups {
		if g.id == "" {
			continue
		}
		used[g.id] = true
		_, _, remove := difference(g.members, p.present(g))
		p.each(Step{Kind: RemoveGroupBackends, Group: g.id, GroupName: g.name}, remove)
	}
	if p.w.BackendsOnly {
		return
	}
	if p.w.Adoption != nil {
		p.leaveGroups(used)
	}
	for i := range p.a.Groups {
		g := &p.a.Groups[i]
		if _, own := p.ownGroup(g.Name); own && !used[g.ID] && !p.usedByOthers(g.ID) {
			p.step(Step{Kind: DeleteGroup, Group: g.ID, GroupName: g.Name})
		}
	}
}

// usedByOthers reports whether a listener that is left as it is uses a group.
func (p *planner) usedByOthers(id string) bool {
	for i := range p.a.Listeners {
		l := &p.a.Listeners[i]
		if to, wanted := p.target[l.ListenerKey]; l.GroupID == id && (to.skip || !wanted && !p.own(l)) {
			return true
		}
	}
	return false
}
