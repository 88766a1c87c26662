package plan

import (
	"slices"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/slb"
	"github.com/kube-aliyun/kube-aliyun/pkg/loadbalancer/build"
	"github.com/kube-aliyun/kube-aliyun/pkg/ownership"
)

// markExtensions sets the mark of domain extensions before the first one is made,
// so that they are found again whatever happens.
func (p *planner) markExtensions() {
	_, wanted := p.w.Instance.Tags[ownership.TagExtensions]
	if wanted && p.w.Adoption == nil && p.a.Instance.ID != "" && p.a.Instance.Tags[ownership.TagExtensions] == "" {
		p.extended = true
		p.step(Step{Kind: TagInstance, Instance: slb.Create{Tags: map[string]string{ownership.TagExtensions: ownership.MarkOn}}})
	}
}

// extensions makes the domain extensions of a listener what they should be. A
// certificate that changes is set: the domain is never without one.
func (p *planner) extensions(l build.Listener, have []slb.Extension) {
	change := func(kind Kind, e slb.Extension) {
		p.step(Step{Kind: kind, Listener: slb.Listener{ListenerKey: l.ListenerKey}, Extension: e})
	}
	of := func(all []slb.Extension, domain string) int {
		return slices.IndexFunc(all, func(e slb.Extension) bool { return e.Domain == domain })
	}
	for _, e := range have {
		if of(l.Extensions, e.Domain) < 0 {
			change(DeleteExtension, e) // first: the API has a quota of them
		}
	}
	for _, e := range l.Extensions {
		i := of(have, e.Domain)
		switch {
		case i < 0:
			change(CreateExtension, e)
		case have[i].Certificate != e.Certificate:
			change(SetExtension, slb.Extension{ID: have[i].ID, Domain: e.Domain, Certificate: e.Certificate})
		}
	}
}

// applyExtension changes the domain extensions of a listener.
func (s Step) applyExtension(a *Actual, id string) {
	port := s.Listener.Port
	have := slices.DeleteFunc(slices.Clone(a.Extensions[port]), func(e slb.Extension) bool { return e.Domain == s.Extension.Domain })
	if s.Kind != DeleteExtension {
		made := s.Extension
		if s.Kind == CreateExtension {
			made.ID = id
		}
		have = append(have, made)
	}
	if a.Extensions == nil {
		a.Extensions = map[int][]slb.Extension{}
	}
	a.Extensions[port] = have
}
