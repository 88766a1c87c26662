package build

import (
	"cmp"
	"slices"
	"strconv"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/slb"
	"github.com/kube-aliyun/kube-aliyun/pkg/loadbalancer/annotation"
	"github.com/kube-aliyun/kube-aliyun/pkg/ownership"
)

// podBackends is the value of annotation.BackendType that asks for Pods.
const podBackends = "eni"

// Pod is a Pod that traffic can be sent to directly: its address is one of a
// network interface.
type Pod struct {
	// Interface is the interface's ID.
	Interface string
	Address   string
	// Zone is its Node's.
	Zone string
	// Ports are where it listens, by the names of the Service's ports.
	Ports map[string]int
	// Ready Pods take traffic; Terminating ones still serve when none is ready.
	Ready, Terminating bool
	// Leaving: its Node is about to go.
	Leaving bool
}

func (p Pod) backend(port, weight int) slb.Backend {
	return slb.Backend{ServerID: p.Interface, ServerIP: p.Address, Type: slb.TypeInterface, Port: port, Weight: weight}
}

// Name is the backend's name (slb.Backend.Name), whatever the port.
func (p Pod) Name() string { return p.backend(0, 0).Name() }

// Group is a vServer group of Pods. All listeners with the same target port share
// one.
type Group struct {
	Name string
	// Target is the Service's target port as it is written, a number or a name.
	Target  string
	Members []slb.Backend
}

// Group returns the group of a name, or nil.
func (w Wanted) Group(name string) *Group {
	i := slices.IndexFunc(w.Groups, func(g Group) bool { return g.Name == name })
	if i < 0 {
		return nil
	}
	return &w.Groups[i]
}

// ToPods reports whether a Service has Pods as backends: because it asks for them, or
// by default.
func (c Config) ToPods(s *corev1.Service) bool {
	return asksForPods(s) || c.podsByDefault(s)
}

func asksForPods(s *corev1.Service) bool {
	return annotation.Value(s.Annotations, annotation.BackendType) == podBackends
}

// podsByDefault reports whether the cluster's setting makes Pods the backends of a
// Service that says nothing. One with IPv6 has servers: a default refuses nothing.
func (c Config) podsByDefault(s *corev1.Service) bool {
	return c.Defaults.BackendType == podBackends && annotation.Value(s.Annotations, annotation.BackendType) == "" &&
		!slices.Contains(familyRoles(s), ownership.RoleLoadBalancer6)
}

func (b *builder) toPods() bool {
	return b.settings.Or(annotation.BackendType, "") == podBackends || b.cfg.podsByDefault(b.in.Service)
}

// backendTypeKey is the full key of the annotation that asks for Pods.
func backendTypeKey() string {
	entry, _ := annotation.Lookup(annotation.BackendType)
	return entry.Keys()[0]
}

// podMode tells of what does not go together with Pods as backends.
func (b *builder) podMode() {
	if !b.toPods() {
		return
	}
	switch dual := slices.Contains(familyRoles(b.in.Service), ownership.RoleLoadBalancer6); {
	case b.ipv6(), dual && b.in.Beside:
		b.refuse("annotation %s: IPv6 load balancers with Pods as backends are not supported by this version; set the Service's ipFamilies to IPv4, or remove the annotation", backendTypeKey())
	case dual && prefersDual(b.in.Service):
		b.notice("the Service gets no IPv6 load balancer: with Pods as backends there are IPv4 ones only")
	}
	for _, key := range []annotation.Key{annotation.BackendLabel, annotation.RemoveUnscheduledBackend, annotation.WeightByPods} {
		if _, given := b.settings.Text(key); given {
			b.notice("annotation %s has no effect: the backends are Pods, not servers", key)
		}
	}
}

// podGroup returns the name of the group of a port's Pods, and the target port as
// it is written. A name of a port may stand for different numbers with TCP and UDP.
func podGroup(uid types.UID, port *corev1.ServicePort) (name, target string) {
	if port.TargetPort.Type == intstr.String {
		target, name = port.TargetPort.StrVal, port.TargetPort.StrVal
		if port.Protocol == corev1.ProtocolUDP {
			name += ".udp"
		}
	} else {
		target = strconv.Itoa(int(cmp.Or(port.TargetPort.IntVal, port.Port)))
		name = target
	}
	return mark + string(uid) + "/pods-" + name, target
}

// groups returns the groups of Pods, whether or not a listener is to use them: a
// living one may, as long as the Service cannot be meant.
func (b *builder) groups() []Group {
	if !b.in.PodsKnown && !b.toPods() {
		return nil
	}
	if !b.in.PodsKnown {
		b.notice("the Pods have not been looked at yet: they are missing here")
	}
	weights := b.podWeights()
	var out []Group
	for i := range b.in.Service.Spec.Ports {
		port := &b.in.Service.Spec.Ports[i]
		g := Group{}
		g.Name, g.Target = podGroup(b.in.Service.UID, port)
		if slices.ContainsFunc(out, func(o Group) bool { return o.Name == g.Name }) {
			continue
		}
		for _, pod := range b.in.Pods {
			weight, chosen := weights[pod.Name()]
			if number := pod.Ports[port.Name]; chosen && number != 0 {
				g.Members = append(g.Members, pod.backend(number, weight))
			}
		}
		slices.SortFunc(g.Members, func(x, y slb.Backend) int {
			return cmp.Or(cmp.Compare(x.ServerID, y.ServerID), cmp.Compare(x.ServerIP, y.ServerIP), cmp.Compare(x.Port, y.Port))
		})
		out = append(out, g)
	}
	slices.SortFunc(out, func(x, y Group) int { return cmp.Compare(x.Name, y.Name) })
	return out
}

// podWeights returns the Pods that are backends, by name, with their weights. Those
// that are about to go take no new connections, unless there are no others.
func (b *builder) podWeights() map[string]int {
	members := map[string]bool{}
	for _, m := range b.in.Members {
		members[m.Name()] = m.Type == slb.TypeInterface
	}
	var serving, leaving, terminating []Server
	for _, pod := range b.in.Pods {
		s := Server{ID: pod.Name(), Zone: pod.Zone}
		switch {
		case pod.Ready && !pod.Leaving:
			serving = append(serving, s)
		case pod.Ready:
			leaving = append(leaving, s)
		case pod.Terminating:
			terminating = append(terminating, s)
		}
	}
	draining := slices.Concat(leaving, terminating)
	switch {
	case len(serving) > 0:
	case len(leaving) > 0:
		serving, draining = leaving, terminating
	default:
		serving, draining = terminating, nil
	}
	chosen, skipped := choose(string(b.in.Service.UID), serving, MaxBackends, members, b.in.Full)
	if skipped > 0 {
		b.notice("%d Pods are not used: the API refused them lately", skipped)
	}
	if left := len(serving) - skipped - len(chosen); left > 0 {
		b.notice("%d Pods are not used: a load balancer has at most %d backends", left, MaxBackends)
	}
	weight := fullWeight
	if n, given := b.settings.Number(annotation.DefaultWeight); given {
		weight = n
	}
	out := map[string]int{}
	for _, s := range chosen {
		out[s.ID] = weight
	}
	for _, s := range draining {
		if members[s.ID] && len(out) < MaxBackends {
			out[s.ID] = noWeight
		}
	}
	return out
}
