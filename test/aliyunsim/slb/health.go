package slb

import (
	"strings"
	"time"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/api"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/network"
)

// Health states of a backend behind a listener.
const (
	healthNormal      = "normal"
	healthAbnormal    = "abnormal"
	healthUnavailable = "unavailable"
)

// backendsOf returns the members behind a listener, with the port that each is
// reached at.
func (p *Product) backendsOf(lb *loadBalancer, l *listener) []member {
	if g := p.groups[l.GroupID]; g != nil {
		return g.Members
	}
	out := make([]member, 0, len(lb.Backends))
	for _, m := range lb.Backends {
		m.Port = l.BackendPort
		out = append(out, m)
	}
	return out
}

// health is the state of a member behind a listener: unavailable while nothing
// is checked, and during the first checks. Where something really checks, it is
// what that has found.
func (p *Product) health(now time.Time, lb *loadBalancer, l *listener, m member) string {
	checked := lb.status() == active && l.value("HealthCheck") == on && (l.Status == running || l.Status == configuring)
	if !checked {
		return healthUnavailable
	}
	server, ok := p.servers().Server(m.Host)
	if p.observed != nil && ok && !server.Unhealthy {
		return p.found(lb, l, m)
	}
	first := m.Since
	if l.Since.After(first) {
		first = l.Since
	}
	if first.Add(p.knobs.HealthLag).After(now) {
		return healthUnavailable
	}
	if !ok || server.Unhealthy || server.Status != serverRunning {
		return healthAbnormal
	}
	return healthNormal
}

// verdict is what a health check says of a backend.
type verdict struct{ known, normal bool }

// Observe replaces what DescribeHealthStatus tells of backends, which is else
// that those on running servers are well, by what real checks have found.
func (p *Product) Observe(findings []network.Health) {
	p.observed = make(map[network.Health]verdict, len(findings))
	for _, f := range findings {
		p.observed[observation(f)] = verdict{f.Known, f.Normal}
	}
}

// observation is what a finding is about.
func observation(f network.Health) network.Health {
	f.Normal, f.Known, f.Backend.Weight = false, false, 0
	return f
}

func (p *Product) found(lb *loadBalancer, l *listener, m member) string {
	address, _ := p.addressOf(m, lb.AddressIPVersion == ipv6)
	v := p.observed[network.Health{
		LoadBalancer: lb.ID, Port: l.Port, Protocol: network.Protocol(l.Protocol),
		Backend: network.Backend{Server: m.Host, Address: address, Port: m.Port},
	}]
	switch {
	case !v.known:
		return healthUnavailable
	case v.normal:
		return healthNormal
	default:
		return healthAbnormal
	}
}

func (p *Product) describeHealth(c *api.Call) (api.Reply, *api.Error) {
	lb, err := p.find(c)
	if err != nil {
		return nil, err
	}
	port, err := number(c.Params, "ListenerPort", 0, 65535)
	if err != nil {
		return nil, err
	}
	protocol := strings.ToLower(c.Params["ListenerProtocol"])
	if port != 0 && len(lb.onPort(port)) == 0 {
		return nil, noListener()
	}
	items := []any{}
	for _, l := range lb.Listeners {
		if port != 0 && l.Port != port || protocol != "" && l.Protocol != protocol {
			continue
		}
		for _, m := range p.backendsOf(lb, l) {
			item := api.Reply{
				"ServerId": m.ServerID, "Port": m.Port, "ListenerPort": l.Port, "Protocol": l.Protocol, "Type": m.Type,
				"ServerHealthStatus": p.health(c.Now, lb, l, m),
			}
			if m.IP != "" {
				item["ServerIp"], item["EniHost"] = m.IP, m.Host
			} else if server, ok := p.servers().Server(m.Host); ok {
				item["ServerIp"] = server.PrimaryIP
			}
			items = append(items, item)
		}
	}
	return api.Reply{"BackendServers": api.Reply{"BackendServer": items}}, nil
}
