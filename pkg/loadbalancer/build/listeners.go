package build

import (
	"slices"
	"sort"
	"strconv"

	corev1 "k8s.io/api/core/v1"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/slb"
	"github.com/kube-aliyun/kube-aliyun/pkg/loadbalancer/annotation"
)

// listeners returns the listeners of the Service's ports.
func (b *builder) listeners() []Listener {
	s := b.in.Service
	protocols := b.protocols()
	out := make([]Listener, 0, len(s.Spec.Ports))
	for i := range s.Spec.Ports {
		port := &s.Spec.Ports[i]
		by, ok := carried(port)
		if !ok {
			b.refuse("port %d: load balancers have no %s listeners; use TCP or UDP", port.Port, port.Protocol)
			continue
		}
		if port.NodePort == 0 && !b.toPods() {
			b.refuse("port %d has no node port; set allocateLoadBalancerNodePorts to true, or send traffic to the Pods themselves with the annotation %s: %s",
				port.Port, backendTypeKey(), podBackends)
			continue
		}
		l := Listener{
			ListenerKey: slb.ListenerKey{Protocol: protocols[by], Port: by.Port},
			NodePort:    int(port.NodePort),
			GroupID:     b.settings.GroupOf(by.Port),
		}
		if to := b.redirect(l.ListenerKey, protocols); to != 0 {
			l.Attributes = slb.Attributes{slb.Bandwidth: unlimited, slb.Forward: "on", slb.ForwardPort: strconv.Itoa(to)}
		} else {
			l.Attributes = b.attributes(l.Protocol, l.Port)
			if b.toPods() {
				l.PodGroup, _ = podGroup(s.UID, port)
			}
		}
		b.restrict(l)
		b.certify(&l)
		l.Attributes[slb.Description] = ListenerDescription(b.cfg.ClusterID, s, int(port.Port), b.kept(l))
		if err := slb.Validate(l.Protocol, l.Attributes); err != nil {
			b.refuse("port %d: %v", port.Port, err)
		}
		l.Asked = b.asked(l)
		out = append(out, l)
	}
	b.withoutEffect(out)
	sort.Slice(out, func(i, j int) bool { return Less(out[i].ListenerKey, out[j].ListenerKey) })
	return out
}

// carried names a port of a Service by what carries it: TCP and UDP may share a
// number. It reports false for what load balancers do not have.
func carried(port *corev1.ServicePort) (slb.ListenerKey, bool) {
	switch port.Protocol {
	case corev1.ProtocolTCP, "":
		return slb.ListenerKey{Protocol: slb.TCP, Port: int(port.Port)}, true
	case corev1.ProtocolUDP:
		return slb.ListenerKey{Protocol: slb.UDP, Port: int(port.Port)}, true
	case corev1.ProtocolSCTP:
	}
	return slb.ListenerKey{}, false
}

// protocols returns the protocol of each port's listener, by the Service's own
// protocol and port: the one that an annotation names, else the port's own. Ports
// of protocols that load balancers do not have are not in it.
func (b *builder) protocols() map[slb.ListenerKey]slb.Protocol {
	out := map[slb.ListenerKey]slb.Protocol{}
	for i := range b.in.Service.Spec.Ports {
		if by, ok := carried(&b.in.Service.Spec.Ports[i]); ok {
			out[by] = by.Protocol
		}
	}
	for _, pair := range b.settings.Pairs(annotation.ProtocolPort) {
		protocol := slb.Protocol(pair[0])
		port, _ := strconv.Atoi(pair[1])
		tcp, udp := slb.ListenerKey{Protocol: slb.TCP, Port: port}, slb.ListenerKey{Protocol: slb.UDP, Port: port}
		_, hasTCP := out[tcp]
		_, hasUDP := out[udp]
		switch {
		case protocol == slb.UDP && !hasUDP && hasTCP, protocol != slb.UDP && !hasTCP && hasUDP:
			b.refuse("annotation %s%s gives port %d the protocol %s, but the Service's port is of another kind: http and https are carried by TCP, and UDP is not",
				annotation.Prefix, annotation.ProtocolPort, port, protocol)
		case !hasTCP && !hasUDP:
			b.notice("annotation %s names port %d, which the Service does not have", annotation.ProtocolPort, port)
		case protocol != slb.UDP:
			out[tcp] = protocol
		}
	}
	return out
}

// redirect returns the port that an HTTP listener redirects to, 0 when it does
// not. Both are ports of the Service.
func (b *builder) redirect(l slb.ListenerKey, protocols map[slb.ListenerKey]slb.Protocol) int {
	if l.Protocol == slb.UDP {
		return 0
	}
	for _, pair := range b.settings.Pairs(annotation.ForwardPort) {
		from, _ := strconv.Atoi(pair[0])
		to, _ := strconv.Atoi(pair[1])
		if from != l.Port {
			continue
		}
		if l.Protocol != slb.HTTP || protocols[slb.ListenerKey{Protocol: slb.TCP, Port: to}] != slb.HTTPS {
			b.refuse("annotation %s%s redirects port %d to %d, which needs an HTTP and an HTTPS listener; give the Service both ports, and set %s%s to http:%[3]d,https:%[4]d",
				annotation.Prefix, annotation.ForwardPort, from, to, annotation.Prefix, annotation.ProtocolPort)
			return 0
		}
		return to
	}
	return 0
}

// withoutEffect tells of annotations that no listener of the Service has, and of
// ports that it does not have.
func (b *builder) withoutEffect(listeners []Listener) {
	for _, e := range annotation.Registry() {
		if _, given := b.settings[e.Key]; !given || len(e.Listeners) == 0 {
			continue
		}
		if !slices.ContainsFunc(listeners, func(l Listener) bool { return e.Of(l.Protocol) }) {
			b.notice("annotation %s has no effect: the Service has no port of the protocol it is for", e.Key)
			continue
		}
		for _, port := range b.settings.Ports(e.Key) {
			if !slices.ContainsFunc(listeners, func(l Listener) bool { return l.Port == port && e.Of(l.Protocol) }) {
				b.notice("annotation %s has no effect for port %d: the Service has no such port of the protocol it is for", e.Key, port)
			}
		}
	}
	for _, pair := range b.settings.Pairs(annotation.ForwardPort) {
		if !slices.ContainsFunc(listeners, func(l Listener) bool { return strconv.Itoa(l.Port) == pair[0] }) {
			b.notice("annotation %s names port %s, which the Service does not have", annotation.ForwardPort, pair[0])
		}
	}
}
