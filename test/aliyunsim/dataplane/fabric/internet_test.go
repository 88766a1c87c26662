package fabric

import (
	"net/netip"
	"testing"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/network"
	"github.com/kube-aliyun/kube-aliyun/test/sandbox/greeter"
)

// balanced is twoServers with one load balancer on the internet and one in vsw-1.
func balanced() network.Network {
	n := twoServers()
	n.LoadBalancers = []network.LoadBalancer{
		{ID: "lb-1", Address: netip.MustParseAddr("203.0.113.7"), Active: true},
		{ID: "lb-2", Address: netip.MustParseAddr("192.168.1.200"), VPC: "vpc-1", VSwitch: "vsw-1", Active: true},
	}
	return n
}

// forward makes a router send what comes to one address and port to another, as
// layer-4 listeners do.
func forward(t *testing.T, w *world, from, to string) {
	t.Helper()
	script := `table ip test {
	chain prerouting {
		type nat hook prerouting priority -100;
		ip daddr ` + from + ` tcp dport 80 dnat to ` + to + `
	}
}
`
	if err := nft(t.Context(), w.Router("vpc-1"), script); err != nil {
		t.Fatal(err)
	}
}

func TestClientReachesABackendThroughAnInternetAddressAsItself(t *testing.T) {
	w := newWorld(t, balanced())
	greeter.Serve(t, w.Server("i-2"), "192.168.17.1:8080")
	forward(t, w, "203.0.113.7", "192.168.17.1:8080")
	reaches(t, w.Client(), "", "203.0.113.7:80", ClientAddress)
}

func TestServerReachesABackendThroughAnIntranetAddressAsItself(t *testing.T) {
	w := newWorld(t, balanced())
	greeter.Serve(t, w.Server("i-2"), "192.168.17.1:8080")
	forward(t, w, "192.168.1.200", "192.168.17.1:8080")
	reaches(t, w.Server("i-1"), "", "192.168.1.200:80", "192.168.1.1")
	reaches(t, w.Server("i-3"), "", "192.168.1.200:80", "192.168.1.2")
}

func TestServerReachesABackendBesideItThroughALoadBalancer(t *testing.T) {
	w := newWorld(t, balanced())
	greeter.Serve(t, w.Server("i-3"), "192.168.1.2:8080")
	forward(t, w, "192.168.1.200", "192.168.1.2:8080")
	reaches(t, w.Server("i-1"), "", "192.168.1.200:80", "192.168.1.1")
}

func TestRepliesOfALoadBalancerDoNotFollowTheRouteTable(t *testing.T) {
	n := balanced()
	n.VPCs[0].Tables[0].Routes = []network.Route{{Destination: everywhere4, Server: "i-3"}}
	w := newWorld(t, n)
	greeter.Serve(t, w.Server("i-2"), "192.168.17.1:8080")
	forward(t, w, "203.0.113.7", "192.168.17.1:8080")
	reaches(t, w.Client(), "", "203.0.113.7:80", ClientAddress)
}

func TestProxyInTheRouterServesBothSides(t *testing.T) {
	w := newWorld(t, balanced())
	greeter.Serve(t, w.Router("vpc-1"), "203.0.113.7:80")
	greeter.Serve(t, w.Router("vpc-1"), "192.168.1.200:80")
	greeter.Serve(t, w.Server("i-2"), "192.168.17.1:8080")
	reaches(t, w.Client(), "", "203.0.113.7:80", ClientAddress)
	reaches(t, w.Server("i-1"), "", "192.168.1.200:80", "192.168.1.1")
	reaches(t, w.Router("vpc-1"), "100.64.7.9", "192.168.17.1:8080", "100.64.7.9")
}

func TestInternetReachesNothingButLoadBalancers(t *testing.T) {
	w := newWorld(t, balanced())
	greeter.Serve(t, w.Server("i-2"), "192.168.17.1:8080")
	greeter.Serve(t, w.Router("vpc-1"), "192.168.1.200:80")
	for _, to := range []string{"192.168.17.1:8080", "192.168.1.200:80"} {
		if told, err := ask(t, w.Client(), "", to, lost); err == nil {
			t.Errorf("%s is reached, as %s", to, told)
		}
	}
}

func TestAddressGoesWithItsLoadBalancer(t *testing.T) {
	w := newWorld(t, balanced())
	greeter.Serve(t, w.Router("vpc-1"), "203.0.113.7:80")
	reaches(t, w.Client(), "", "203.0.113.7:80", ClientAddress)
	before := w.want.LoadBalancers
	w.change(func(n *network.Network) { n.LoadBalancers = before[1:] })
	if _, err := ask(t, w.Client(), "", "203.0.113.7:80", lost); err == nil {
		t.Error("reached after its deletion")
	}
	w.change(func(n *network.Network) { n.LoadBalancers = before })
	reaches(t, w.Client(), "", "203.0.113.7:80", ClientAddress)
}

func TestIPv6ClientReachesALoadBalancerOfTheInternet(t *testing.T) {
	if !hasIPv6() {
		t.Skip("this kernel has no IPv6")
	}
	n := balanced()
	n.LoadBalancers[0].Address = netip.MustParseAddr("2001:db8:47::7")
	w := newWorld(t, n)
	greeter.Serve(t, w.Router("vpc-1"), "[2001:db8:47::7]:80")
	reaches(t, w.Client(), "", "[2001:db8:47::7]:80", ClientIPv6)
}

func TestLoadBalancerLivesWhereItsBackendsAre(t *testing.T) {
	n := balanced()
	n.VPCs = append([]network.VPC{{ID: "vpc-0"}}, n.VPCs...)
	n.LoadBalancers[0].Listeners = []network.Listener{{Port: 80, Backends: []network.Backend{{Server: "i-2"}}}}
	if home := Home(n.LoadBalancers[0], n); home != "vpc-1" {
		t.Errorf("it is in %q", home)
	}
	n.LoadBalancers[0].Listeners = nil
	if home := Home(n.LoadBalancers[0], n); home != "vpc-0" {
		t.Errorf("without backends it is in %q, not the first VPC", home)
	}
}
