package balance

import (
	"bufio"
	"errors"
	"net"
	"net/netip"
	"syscall"
	"testing"
	"time"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/network"
)

const address6 = "2001:db8::5"

// dual gives the site addresses of IPv6, and the server fd00::11.
func (s *site) dual(v *server) network.Backend {
	s.t.Helper()
	must(s.t, s.router.Sysctl("ipv6/conf/all/forwarding", "1"))
	for _, at := range []struct {
		server, peer bool
		prefix       string
	}{{false, false, "2001:db8:1::1/64"}, {false, true, "2001:db8:1::10/64"}, {true, false, "fd00::1/64"}, {true, true, "fd00::11/64"}} {
		n, device := s.router, "client"
		switch {
		case at.server && at.peer:
			n, device = v.at, "eth0"
		case at.server:
			device = "vsw"
		case at.peer:
			n, device = s.client, "eth0"
		}
		must(s.t, n.Sysctl("ipv6/conf/"+device+"/accept_dad", "0"))
		s.address(n, device, at.prefix)
	}
	s.address(s.router, "lo", address6+"/128")
	s.gateway(s.client, "2001:db8:1::1")
	s.gateway(v.at, "fd00::1")
	return network.Backend{Server: "i-11", Address: netip.MustParseAddr("fd00::11"), Port: 8080, Weight: 100}
}

func TestLoadBalancerOfIPv6(t *testing.T) {
	s := newSite(t)
	one := s.server(11)
	backend := s.dual(one)
	at, err := one.at.Listen(t.Context(), net.ListenConfig{}, "tcp6", "[::]:8080")
	must(t, err)
	defer func() { _ = at.Close() }()
	go func() {
		for {
			conn, err := at.Accept()
			if err != nil {
				return
			}
			go one.converse(conn)
		}
	}()
	lb := balancer()
	lb.Address = netip.MustParseAddr(address6)
	plain := checked(listener(network.TCP, backend), network.Check{Protocol: network.TCP})
	plain.Persistence, plain.Established = time.Minute, time.Minute
	plain.Access = &network.Access{White: true, Entries: []netip.Prefix{netip.MustParsePrefix("2001:db8:1::/64")}}
	hashed, proxy, empty := plain, proxied(plain), plain
	hashed.Port, hashed.Scheduler, hashed.Persistence = 81, network.SourceHash, 0
	proxy.Port = 82
	empty.Port, empty.Backends = 83, []network.Backend{one.backend(100)} // of IPv4
	lb.Listeners = []network.Listener{plain, hashed, proxy, empty}
	// The kernel takes a moment until sockets can have a new address.
	eventually(t, "the load balancer is there", func() bool {
		return s.balancers.Apply(t.Context(), s.router, []network.LoadBalancer{lb}) == nil
	})
	connect := func(number string) (*conversation, error) {
		conn, err := s.client.Dial(t.Context(), net.Dialer{Timeout: time.Second}, "tcp", net.JoinHostPort(address6, number))
		if err != nil {
			return nil, err
		}
		t.Cleanup(func() { _ = conn.Close() })
		c := &conversation{t: t, Conn: conn, lines: bufio.NewReader(conn)}
		return c, c.greeted()
	}
	for _, number := range []string{"80", "81", "82"} {
		eventually(t, "a connection to port "+number, func() bool {
			c, err := connect(number)
			return err == nil && (c.seen == c.LocalAddr().String()) == (number != "82")
		})
	}
	if _, err := connect("83"); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("without a backend of IPv6: %v", err)
	}
	c, err := connect("80")
	must(t, err)
	lb.Listeners = []network.Listener{hashed}
	must(t, s.balancers.Apply(t.Context(), s.router, []network.LoadBalancer{lb}))
	if err := c.alive(); err == nil {
		t.Error("the connection of a deleted listener goes on")
	}
}
