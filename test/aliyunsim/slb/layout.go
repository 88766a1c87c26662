package slb

import (
	"net/netip"
	"strings"
	"time"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/network"
)

// Layout says what of the region's network are its load balancers, oldest first,
// with the listeners that run, in the order of their ports.
func (p *Product) Layout() []network.LoadBalancer {
	out := make([]network.LoadBalancer, 0, len(p.byID))
	for _, lb := range p.order {
		address, err := netip.ParseAddr(lb.Address)
		if p.byID[lb.ID] != lb || err != nil {
			continue
		}
		made := network.LoadBalancer{ID: lb.ID, Address: address, Active: lb.status() == active}
		if lb.AddressType != internet {
			made.VPC, made.VSwitch = lb.VPCID, lb.VSwitchID
		}
		for _, l := range lb.Listeners {
			if l.forwards() {
				made.Listeners = append(made.Listeners, p.listenerLayout(lb, l))
			}
		}
		out = append(out, made)
	}
	return out
}

// forwards says whether a listener takes connections: it goes on while it is
// being changed.
func (l *listener) forwards() bool { return l.Status == running || l.Status == configuring }

func (p *Product) listenerLayout(lb *loadBalancer, l *listener) network.Listener {
	out := network.Listener{
		Port: l.Port, Protocol: network.Protocol(l.Protocol), Scheduler: scheduler(l.value("Scheduler")),
		Check: l.check(), Access: p.access(l),
	}
	ofIPv6 := lb.AddressIPVersion == ipv6
	for _, m := range p.backendsOf(lb, l) {
		if address, ok := p.addressOf(m, ofIPv6); ok {
			out.Backends = append(out.Backends, network.Backend{Server: m.Host, Address: address, Port: m.Port, Weight: m.Weight})
		}
	}
	if protocolNames[l.Protocol]&layer7 != 0 {
		out.HTTP = p.httpSettings(l)
		return out
	}
	out.Persistence = l.seconds("PersistenceTimeout")
	out.Established = l.seconds("EstablishedTimeout")
	out.ProxyProtocol = l.value("ProxyProtocolV2Enabled") == "true"
	if l.value("ConnectionDrain") == on {
		out.Drain = l.seconds("ConnectionDrainTimeout")
	}
	return out
}

// scheduler is how backends are chosen. Hashes of more than the source address
// (tch, qch) are hashes of the source here.
func scheduler(name string) network.Scheduler {
	switch name {
	case "rr":
		return network.RoundRobin
	case "sch", "tch", "qch":
		return network.SourceHash
	default:
		return network.WeightedRoundRobin
	}
}

func (l *listener) seconds(name string) time.Duration {
	return time.Duration(l.whole(name)) * time.Second
}

// addressOf is where a backend is reached: the address of its interface, else its
// server's of the load balancer's family.
func (p *Product) addressOf(m member, ofIPv6 bool) (netip.Addr, bool) {
	text := m.IP
	if text == "" {
		server, ok := p.servers().Server(m.Host)
		switch {
		case !ok:
			return netip.Addr{}, false
		case !ofIPv6:
			text = server.PrimaryIP
		case len(server.IPv6) > 0:
			text = server.IPv6[0]
		}
	}
	address, err := netip.ParseAddr(text)
	return address, err == nil
}

func (l *listener) check() network.Check {
	c := network.Check{
		On: l.value("HealthCheck") == on, Protocol: network.TCP, Port: max(0, l.whole("HealthCheckConnectPort")), Interval: l.seconds("HealthCheckInterval"),
		Timeout: l.seconds("HealthCheckConnectTimeout"), Healthy: l.whole("HealthyThreshold"), Unhealthy: l.whole("UnhealthyThreshold"),
	}
	switch {
	case l.Protocol == "udp":
		c.Protocol, c.Request, c.Expect = network.UDP, l.value("HealthCheckReq"), l.value("HealthCheckExp")
		return c
	case l.Protocol != "tcp":
		c.Timeout = l.seconds("HealthCheckTimeout")
	}
	if l.value("HealthCheckType") != "http" {
		return c
	}
	c.Protocol, c.Path, c.Codes = network.HTTP, l.value("HealthCheckURI"), l.value("HealthCheckHttpCode")
	c.Method = strings.ToUpper(l.value("HealthCheckMethod"))
	if host := l.value("HealthCheckDomain"); host != "$_ip" {
		c.Host = host
	}
	return c
}

// access is what the lists of a listener let in or keep out; nil for everybody.
func (p *Product) access(l *listener) *network.Access {
	if l.value("AclStatus") != on {
		return nil
	}
	a := &network.Access{White: l.value("AclType") == "white"}
	for _, id := range l.aclIDs() {
		if list := p.acls[id]; list != nil {
			a.Entries = append(a.Entries, list.Entries...)
		}
	}
	return a
}

func (p *Product) httpSettings(l *listener) *network.HTTPSettings {
	out := &network.HTTPSettings{
		ForwardedFor: l.value("XForwardedFor") == on, ForwardedProto: l.value("XForwardedFor_proto") == on,
		IdleTimeout: l.seconds("IdleTimeout"), RequestTimeout: l.seconds("RequestTimeout"),
		HTTP2: l.Protocol == "https" && l.value("EnableHttp2") == on,
	}
	if l.value("ListenerForward") == on {
		out.RedirectTo = l.whole("ForwardPort")
	}
	if l.value("StickySession") == on {
		out.Cookie, out.CookieName, out.CookieTimeout = l.value("StickySessionType"), l.value("Cookie"), l.seconds("CookieTimeout")
	}
	if c := p.certificates[l.value("ServerCertificateId")]; c != nil {
		out.Certificate, out.Key = c.pair()
		out.Domains = p.domains(l)
	}
	return out
}
