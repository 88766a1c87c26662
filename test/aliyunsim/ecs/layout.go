package ecs

import (
	"net/netip"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/network"
)

// Layout says what of the region's network are its servers, in the order of their
// creation. Released ones are in it no more.
func (p *Product) Layout() []network.Server {
	out := make([]network.Server, 0, len(p.index.servers))
	for _, s := range p.index.servers {
		if s.Released || len(s.Interfaces) == 0 {
			continue
		}
		primary := p.Interfaces[s.Interfaces[0]]
		address, err := netip.ParseAddr(s.PrivateIP)
		if primary == nil || err != nil {
			continue
		}
		server := network.Server{
			ID: s.ID, VPC: s.VPC, VSwitch: s.VSwitch, Address: address, MAC: primary.MAC,
			Running: s.Status == statusRunning, SourceDestCheck: primary.SourceDestCheck,
		}
		server.Secondary = p.secondary(s, address)
		if len(primary.IPv6) > 0 {
			// What cannot be parsed is no address: the zero one.
			server.IPv6, _ = netip.ParseAddr(primary.IPv6[0])
		}
		out = append(out, server)
	}
	return out
}

// secondary are the addresses that a server's interfaces in its vSwitch have beside
// the first one.
func (p *Product) secondary(s *server, first netip.Addr) []netip.Addr {
	var out []netip.Addr
	for _, id := range s.Interfaces {
		nic := p.Interfaces[id]
		if nic == nil || nic.VSwitch != s.VSwitch {
			continue
		}
		for _, text := range nic.PrivateIPs {
			if address, err := netip.ParseAddr(text); err == nil && address != first {
				out = append(out, address)
			}
		}
	}
	return out
}
