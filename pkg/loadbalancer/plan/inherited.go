package plan

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/slb"
	"github.com/kube-aliyun/kube-aliyun/pkg/loadbalancer/annotation"
	"github.com/kube-aliyun/kube-aliyun/pkg/loadbalancer/build"
	"github.com/kube-aliyun/kube-aliyun/pkg/ownership"
)

// A load balancer that was taken over from another controller goes on as it is:
// its health checks, groups and weights stay until the Service asks for others,
// because to set them anew could interrupt traffic that has done well with them.

// inherited reports whether a load balancer was taken over.
func inherited(a *Actual) bool { return a.Instance.Tags[ownership.TagTakenOver] != "" }

// asked returns the attributes that a living listener should have.
func (p *planner) asked(l build.Listener, actual *slb.Listener) slb.Attributes {
	if !p.inherited {
		return l.Attributes
	}
	out := maps.Clone(actual.Attributes)
	maps.Copy(out, l.Asked)
	return out
}

// asksForBilling reports whether the Service names anything that is paid for.
func (p *planner) asksForBilling() bool {
	return slices.ContainsFunc([]annotation.Key{annotation.InstanceChargeType, annotation.InternetChargeType, annotation.Bandwidth, annotation.Spec},
		func(key annotation.Key) bool { return p.w.Explicit[key] })
}

// groupName is the name of the vServer group of a port, as text: the one that the
// other controller gave it, where there is one, else ours.
func (p *planner) groupName(port, ours string) string {
	for i := range p.a.Groups {
		if name := p.a.Groups[i].Name; p.inherited && build.OfficialPort(name, p.w.Service) == port {
			return name
		}
	}
	return ours
}

// ownGroup reports whether a vServer group of a name is the Service's, and for
// which node port; 0 when the name does not say.
func (p *planner) ownGroup(name string) (nodePort int, own bool) {
	var text string
	switch official := build.OfficialPort(name, p.w.Service); {
	case build.OwnGroup(name, p.w.UID):
		text = name[strings.LastIndexByte(name, '/')+1:]
	case p.inherited && official != "":
		text = official
	default:
		return 0, false
	}
	nodePort, _ = strconv.Atoi(text)
	return nodePort, true
}

// keptWeights returns wanted members with the weights that living ones have, where
// both take traffic.
func (p *planner) keptWeights(wanted, living []slb.Backend) []slb.Backend {
	if !p.inherited || p.w.Explicit[annotation.DefaultWeight] {
		return wanted
	}
	weights := map[member]int{}
	for _, b := range living {
		weights[identity(b)] = b.Weight
	}
	out := slices.Clone(wanted)
	for i := range out {
		if weight := weights[identity(out[i])]; weight > 0 && out[i].Weight > 0 {
			out[i].Weight = weight
		}
	}
	return out
}
