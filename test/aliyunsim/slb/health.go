package slb

import (
	"strings"
	"time"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/api"
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
// is checked, and during the first checks.
func (p *Product) health(now time.Time, lb *loadBalancer, l *listener, m member) string {
	checked := lb.status() == active && l.value("HealthCheck") == on && (l.Status == running || l.Status == configuring)
	first := m.Since
	if l.Since.After(first) {
		first = l.Since
	}
	if !checked || first.Add(p.knobs.HealthLag).After(now) {
		return healthUnavailable
	}
	server, ok := p.servers().Server(m.Host)
	if !ok || server.Unhealthy || server.Status != serverRunning {
		return healthAbnormal
	}
	return healthNormal
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
