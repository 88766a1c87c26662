package build

import (
	"slices"

	"k8s.io/apimachinery/pkg/labels"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/slb"
	"github.com/kube-aliyun/kube-aliyun/pkg/loadbalancer/annotation"
)

// selected returns the servers that the Service's annotations leave: those whose
// Nodes have the wanted labels, cordoned ones as if they were about to go where
// that is asked for.
func (b *builder) selected() []Server {
	wanted := labels.SelectorFromSet(b.settings.Tags(annotation.BackendLabel))
	cordoned := b.settings.On(annotation.RemoveUnscheduledBackend)
	if wanted.Empty() && !cordoned && !b.labelUnknown() {
		return b.servers()
	}
	var out []Server
	for _, s := range b.servers() {
		switch {
		case b.labelUnknown() && !b.member(s.ID), !wanted.Matches(labels.Set(s.Labels)):
			continue
		case cordoned && s.Cordoned:
			s.Draining = true
		}
		out = append(out, s)
	}
	return out
}

// labelUnknown reports whether the Service names labels that cannot be meant: no
// server can be said to have them, so none joins until somebody corrects it.
func (b *builder) labelUnknown() bool {
	_, valid := b.settings.Text(annotation.BackendLabel)
	return !valid && annotation.Given(b.in.Service.Annotations, annotation.BackendLabel)
}

func (b *builder) member(server string) bool {
	return slices.ContainsFunc(b.in.Members, func(m slb.Backend) bool { return m.ServerID == server })
}

// weight returns the weight of a server that takes traffic.
func (b *builder) weight(s Server) int {
	if b.byPods() {
		pods := 0
		for _, e := range b.in.Endpoints {
			if e.Node == s.Node && e.Ready {
				pods++
			}
		}
		return min(max(pods, 1), fullWeight)
	}
	if weight, given := b.settings.Number(annotation.DefaultWeight); given {
		return weight
	}
	return fullWeight
}

// byPods reports whether servers weigh as much as they have Pods.
func (b *builder) byPods() bool { return b.local() && b.settings.On(annotation.WeightByPods) }
