package fabric

import (
	"net"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/network"
	"github.com/kube-aliyun/kube-aliyun/test/sandbox/greeter"
)

func TestServersOfTwoVSwitchesAndOfOneReachEachOther(t *testing.T) {
	w := newWorld(t, twoServers())
	greeter.Serve(t, w.Server("i-2"), "192.168.17.1:80")
	greeter.Serve(t, w.Server("i-3"), "192.168.1.2:80")
	ping(t, w.Server("i-1"), "192.168.17.1")
	reaches(t, w.Server("i-1"), "", "192.168.17.1:80", "192.168.1.1")
	ping(t, w.Server("i-1"), "192.168.1.2")
	reaches(t, w.Server("i-1"), "", "192.168.1.2:80", "192.168.1.1")
}

// routed is twoServers with a route to Pods on i-2, and checks there as given.
func routed(check bool) network.Network {
	n := twoServers()
	n.VPCs[0].Tables[0].Routes = []network.Route{{Destination: netip.MustParsePrefix("172.20.2.0/24"), Server: "i-2"}}
	n.Servers[1].SourceDestCheck = check
	return n
}

func TestPodIsReachedByItsRouteAlone(t *testing.T) {
	w := newWorld(t, routed(false))
	own(t, w.Server("i-2"), "172.20.2.5")
	greeter.Serve(t, w.Server("i-2"), "172.20.2.5:80")
	for _, from := range []string{"i-1", "i-3"} {
		loses(t, w.Server(from), "", "172.20.3.5:80")
		reaches(t, w.Server(from), "", "172.20.2.5:80", w.want.Servers[strings.Index("123", from[2:])].Address.String())
	}
	w.change(func(n *network.Network) { n.VPCs[0].Tables = []network.RouteTable{{ID: "vtb-1"}} })
	loses(t, w.Server("i-1"), "", "172.20.2.5:80")
}

func TestRouteLeadsToAnotherServerAfterItsChange(t *testing.T) {
	w := newWorld(t, routed(false))
	own(t, w.Server("i-3"), "172.20.2.5")
	greeter.Serve(t, w.Server("i-3"), "172.20.2.5:80")
	if _, err := ask(t, w.Server("i-1"), "", "172.20.2.5:80", lost); err == nil {
		t.Error("i-3 is reached, though the route is to i-2")
	}
	w.change(func(n *network.Network) {
		n.VPCs[0].Tables = []network.RouteTable{{ID: "vtb-1", Routes: []network.Route{{Destination: netip.MustParsePrefix("172.20.2.0/24"), Server: "i-3"}}}}
	})
	reaches(t, w.Server("i-1"), "", "172.20.2.5:80", "192.168.1.1")
}

func TestSourceDestCheckDropsForeignAddresses(t *testing.T) {
	w := newWorld(t, routed(true))
	own(t, w.Server("i-2"), "172.20.2.5")
	greeter.Serve(t, w.Server("i-2"), "172.20.2.5:80")
	greeter.Serve(t, w.Server("i-2"), "192.168.17.1:80")
	greeter.Serve(t, w.Server("i-1"), "192.168.1.1:80")
	loses(t, w.Server("i-1"), "", "172.20.2.5:80")
	loses(t, w.Server("i-2"), "172.20.2.5", "192.168.1.1:80")
	reaches(t, w.Server("i-1"), "", "192.168.17.1:80", "192.168.1.1")
	reaches(t, w.Server("i-2"), "", "192.168.1.1:80", "192.168.17.1")
	w.change(func(n *network.Network) { n.Servers[1].SourceDestCheck = false })
	reaches(t, w.Server("i-1"), "", "172.20.2.5:80", "192.168.1.1")
	reaches(t, w.Server("i-2"), "172.20.2.5", "192.168.1.1:80", "172.20.2.5")
}

func TestVSwitchFollowsItsOwnTable(t *testing.T) {
	n := routed(false)
	n.VPCs[0].Tables = append(n.VPCs[0].Tables, network.RouteTable{ID: "vtb-2"})
	n.VPCs[0].VSwitches[0].Table = "vtb-2"
	w := newWorld(t, n)
	own(t, w.Server("i-2"), "172.20.2.5")
	greeter.Serve(t, w.Server("i-2"), "172.20.2.5:80")
	greeter.Serve(t, w.Server("i-2"), "192.168.17.1:80")
	loses(t, w.Server("i-1"), "", "172.20.2.5:80")
	reaches(t, w.Server("i-1"), "", "192.168.17.1:80", "192.168.1.1")
	w.change(func(n *network.Network) {
		n.VPCs[0].VSwitches = []network.VSwitch{n.VPCs[0].VSwitches[0], n.VPCs[0].VSwitches[1]}
		n.VPCs[0].VSwitches[0].Table = "vtb-1"
		n.VPCs[0].Tables = n.VPCs[0].Tables[:1]
	})
	reaches(t, w.Server("i-1"), "", "172.20.2.5:80", "192.168.1.1")
}

func TestStoppedServerIsLostUntilItStarts(t *testing.T) {
	w := newWorld(t, routed(false))
	own(t, w.Server("i-2"), "172.20.2.5")
	greeter.Serve(t, w.Server("i-2"), "172.20.2.5:80")
	greeter.Serve(t, w.Server("i-2"), "192.168.17.1:80")
	greeter.Serve(t, w.Server("i-3"), "192.168.1.2:80")
	w.change(func(n *network.Network) { n.Servers[1].Running, n.Servers[2].Running = false, false })
	for _, to := range []string{"192.168.17.1:80", "172.20.2.5:80", "192.168.1.2:80"} {
		loses(t, w.Server("i-1"), "", to)
	}
	w.change(func(n *network.Network) { n.Servers[1].Running, n.Servers[2].Running = true, true })
	for _, to := range []string{"192.168.17.1:80", "172.20.2.5:80", "192.168.1.2:80"} {
		reaches(t, w.Server("i-1"), "", to, "192.168.1.1")
	}
}

func TestRoutesOutliveThatAllServersAreOff(t *testing.T) {
	n := routed(false)
	n.VPCs[0].Tables[0].Routes = append(n.VPCs[0].Tables[0].Routes, network.Route{Destination: netip.MustParsePrefix("172.20.3.0/24"), Server: "i-3"})
	w := newWorld(t, n)
	own(t, w.Server("i-2"), "172.20.2.5")
	own(t, w.Server("i-3"), "172.20.3.5")
	for _, on := range []bool{false, true} {
		w.change(func(n *network.Network) {
			for i := range n.Servers {
				n.Servers[i].Running = on
			}
		})
	}
	greeter.Serve(t, w.Server("i-2"), "172.20.2.5:80")
	greeter.Serve(t, w.Server("i-3"), "172.20.3.5:80")
	reaches(t, w.Server("i-1"), "", "172.20.2.5:80", "192.168.1.1")
	reaches(t, w.Server("i-1"), "", "172.20.3.5:80", "192.168.1.1")
}

func TestReleasedServerIsGoneAndItsAddressServesAgain(t *testing.T) {
	w := newWorld(t, routed(false))
	path := w.Server("i-2").Path()
	var released network.Server
	w.change(func(n *network.Network) {
		released = n.Servers[1]
		n.Servers = []network.Server{n.Servers[0], n.Servers[2]}
	})
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		t.Errorf("its namespace is left: %v", err)
	}
	if w.Server("i-2") != nil {
		t.Error("it is told of")
	}
	loses(t, w.Server("i-1"), "", "172.20.2.5:80")
	w.change(func(n *network.Network) {
		released.ID = "i-4"
		n.Servers = append(n.Servers, released)
	})
	greeter.Serve(t, w.Server("i-4"), "192.168.17.1:80")
	reaches(t, w.Server("i-1"), "", "192.168.17.1:80", "192.168.1.1")
}

func TestVPCsDoNotMeetAndGo(t *testing.T) {
	n := twoServers()
	other := twoServers()
	other.VPCs[0].ID, other.Servers[1].ID = "vpc-2", "i-9"
	other.Servers[1].VPC = "vpc-2"
	n.VPCs = append(n.VPCs, other.VPCs[0])
	n.Servers = append(n.Servers, other.Servers[1])
	w := newWorld(t, n)
	greeter.Serve(t, w.Server("i-9"), "192.168.17.1:80")
	if told, err := ask(t, w.Server("i-1"), "", "192.168.17.1:80", patience); err == nil {
		t.Errorf("the other VPC's server is reached, as %s", told)
	}
	path := w.Router("vpc-2").Path()
	w.change(func(n *network.Network) { n.VPCs, n.Servers = n.VPCs[:1], n.Servers[:3] })
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		t.Errorf("the router's namespace is left: %v", err)
	}
}

func TestVSwitchesComeAndGo(t *testing.T) {
	w := newWorld(t, twoServers())
	before := w.want
	w.change(func(n *network.Network) {
		v := n.VPCs[0]
		v.VSwitches = v.VSwitches[:1]
		n.VPCs, n.Servers = []network.VPC{v}, []network.Server{n.Servers[0], n.Servers[2]}
	})
	loses(t, w.Server("i-1"), "", "192.168.17.1:80")
	w.change(func(n *network.Network) { *n = before })
	greeter.Serve(t, w.Server("i-2"), "192.168.17.1:80")
	reaches(t, w.Server("i-1"), "", "192.168.17.1:80", "192.168.1.1")
}

func TestIPv6GoesThroughTheRouterAndItsRoutes(t *testing.T) {
	if !hasIPv6() {
		t.Skip("this kernel has no IPv6")
	}
	n := routed(true)
	n.VPCs[0].VSwitches[0].IPv6CIDR = netip.MustParsePrefix("2001:db8:1::/64")
	n.VPCs[0].VSwitches[1].IPv6CIDR = netip.MustParsePrefix("2001:db8:2::/64")
	n.Servers[0].IPv6 = netip.MustParseAddr("2001:db8:1::1")
	n.Servers[1].IPv6 = netip.MustParseAddr("2001:db8:2::1")
	n.VPCs[0].Tables[0].Routes = append(n.VPCs[0].Tables[0].Routes, network.Route{Destination: netip.MustParsePrefix("fd00:2::/64"), Server: "i-2"})
	w := newWorld(t, n)
	own(t, w.Server("i-2"), "fd00:2::5")
	greeter.Serve(t, w.Server("i-2"), "[2001:db8:2::1]:80")
	greeter.Serve(t, w.Server("i-2"), "[fd00:2::5]:80")
	reaches(t, w.Server("i-1"), "", "[2001:db8:2::1]:80", "2001:db8:1::1")
	loses(t, w.Server("i-1"), "", "[fd00:2::5]:80")
	w.change(func(n *network.Network) { n.Servers[1].SourceDestCheck = false })
	reaches(t, w.Server("i-1"), "", "[fd00:2::5]:80", "2001:db8:1::1")
}

func TestNoPacketIsLostAfterAChange(t *testing.T) {
	w := newWorld(t, twoServers())
	before := w.want
	for range 5 {
		w.change(func(n *network.Network) {
			v := n.VPCs[0]
			v.VSwitches = v.VSwitches[:1]
			n.VPCs, n.Servers = []network.VPC{v}, []network.Server{n.Servers[0], n.Servers[2]}
		})
		w.change(func(n *network.Network) { *n = before })
		l, err := w.Server("i-2").Listen(t.Context(), net.ListenConfig{}, "tcp", "192.168.17.1:80")
		if err != nil {
			t.Fatal(err)
		}
		// A lost packet would be sent again after a second.
		conn, err := w.Server("i-1").Dial(t.Context(), net.Dialer{Timeout: 900 * time.Millisecond}, "tcp", "192.168.17.1:80")
		if err != nil {
			t.Error(err)
		} else {
			_ = conn.Close()
		}
		_ = l.Close()
	}
}

func TestFiveServersAreUpWithinASecondAndNoChangeCostsNothing(t *testing.T) {
	n := twoServers()
	for i := range 2 {
		s := n.Servers[0]
		s.ID, s.Address = s.ID+string(rune('a'+i)), netip.AddrFrom4([4]byte{192, 168, 2, byte(i + 1)})
		n.Servers = append(n.Servers, s)
	}
	start := time.Now()
	w := newWorld(t, n)
	took := time.Since(start)
	t.Logf("up in %v", took)
	if took > time.Second {
		t.Errorf("up in %v", took)
	}
	start = time.Now()
	const times = 100
	for range times {
		w.change(func(*network.Network) {})
	}
	took = time.Since(start) / times
	t.Logf("no change takes %v", took)
	if took > time.Millisecond {
		t.Errorf("no change takes %v", took)
	}
}
