package plan

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"
)

const (
	protocol = 107
	metric   = 512
)

// host is the server of node-1.
func host() Host {
	return Host{
		Uplink: Link{Index: 2, Name: "eth0", Up: true, Prefixes: []netip.Prefix{netip.MustParsePrefix("10.99.0.1/24"), netip.MustParsePrefix("fd99::1/64")}},
		Local:  map[netip.Addr]bool{netip.MustParseAddr("10.99.0.1"): true, netip.MustParseAddr("fd99::1"): true},
	}
}

// node is the Node with a number; higher numbers are younger.
func node(number int, ranges ...string) Node {
	if ranges == nil {
		ranges = []string{fmt.Sprintf("10.2.%d.0/24", number)}
	}
	return Node{
		Name: fmt.Sprint("node-", number), Created: time.Unix(int64(number), 0), PodCIDRs: ranges,
		InternalIPs: []string{fmt.Sprintf("10.99.0.%d", number), fmt.Sprintf("fd99::%x", number)},
	}
}

func settings() Settings {
	return Settings{
		NodeName: "node-1", Protocol: protocol, Metric: metric,
		ClusterCIDRs: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd02::/16")},
		ServiceCIDRs: []netip.Prefix{netip.MustParsePrefix("10.3.0.0/16"), netip.MustParsePrefix("fd02:3::/112")},
	}
}

// text is a plan in a few words.
func text(w Wanted) string {
	var lines []string
	for _, r := range w.Routes {
		lines = append(lines, fmt.Sprintf("%s via %s", r.Destination, r.Gateway))
	}
	for _, r := range w.Refused {
		lines = append(lines, fmt.Sprintf("%s of %s: %s", r.Range, r.Node.Name, r.Reason))
	}
	return strings.Join(lines, "; ")
}

func TestR37WhichRangesAreRouted(t *testing.T) {
	cases := map[string]struct {
		other Node
		want  string
	}{
		"a range":            {node(7), "10.2.7.0/24 via 10.99.0.7"},
		"dual stack":         {node(7, "10.2.7.0/24", "fd02:0:0:7::/64"), "10.2.7.0/24 via 10.99.0.7; fd02:0:0:7::/64 via fd99::7"},
		"none yet":           {node(7, []string{}...), ""},
		"no range":           {node(7, "10.2.7.0/255.255.255.0"), "10.2.7.0/255.255.255.0 of node-7: malformed"},
		"empty":              {node(7, ""), " of node-7: malformed"},
		"bits behind":        {node(7, "10.2.7.1/24"), "10.2.7.1/24 of node-7: malformed"},
		"IPv4 in IPv6":       {node(7, "::ffff:10.2.7.0/120"), "::ffff:10.2.7.0/120 of node-7: malformed"},
		"everything":         {node(7, "0.0.0.0/0"), "0.0.0.0/0 of node-7: too_wide"},
		"everything of IPv6": {node(7, "::/0"), "::/0 of node-7: too_wide"},
		"half of everything": {node(7, "128.0.0.0/1"), "128.0.0.0/1 of node-7: too_wide"},
		"wide IPv6":          {node(7, "fd02::/31"), "fd02::/31 of node-7: too_wide"},
		"another cluster's":  {node(7, "172.16.7.0/24"), "172.16.7.0/24 of node-7: outside_cluster_cidr"},
		"Services'":          {node(7, "10.3.7.0/24"), "10.3.7.0/24 of node-7: service_range"},
		"IPv6 Services'":     {node(7, "fd02:3::/64"), "fd02:3::/64 of node-7: service_range"},
		"around Services":    {node(7, "10.2.0.0/15"), "10.2.0.0/15 of node-7: service_range"},
		"the vSwitch":        {node(7, "10.99.0.128/25"), "10.99.0.128/25 of node-7: vpc_address"},
		"around the vSwitch": {node(7, "10.96.0.0/12"), "10.96.0.0/12 of node-7: vpc_address"},
		"a server":           {Node{Name: "node-7", Created: time.Unix(7, 0), PodCIDRs: []string{"10.2.7.0/24"}, InternalIPs: []string{"10.2.7.5"}}, "10.2.7.0/24 of node-7: vpc_address"},
		"this Node's":        {node(7, "10.2.1.0/24"), "10.2.1.0/24 of node-7: overlap"},
		"part of this one's": {node(7, "10.2.1.128/25"), "10.2.1.128/25 of node-7: overlap"},
		"no address":         {Node{Name: "node-7", Created: time.Unix(7, 0), PodCIDRs: []string{"10.2.7.0/24", "fd02:0:0:7::/64"}, InternalIPs: []string{"10.99.0.7", "x"}}, "10.2.7.0/24 via 10.99.0.7; fd02:0:0:7::/64 of node-7: no_address"},
		"this host's":        {Node{Name: "node-7", Created: time.Unix(7, 0), PodCIDRs: []string{"10.2.7.0/24"}, InternalIPs: []string{"10.99.0.1"}}, "10.2.7.0/24 of node-7: local_address"},
		"first addresses":    {Node{Name: "node-7", Created: time.Unix(7, 0), PodCIDRs: []string{"10.2.7.0/24"}, InternalIPs: []string{"10.99.0.7", "10.99.0.8"}}, "10.2.7.0/24 via 10.99.0.7"},
		"another vSwitch's":  {Node{Name: "node-7", Created: time.Unix(7, 0), PodCIDRs: []string{"10.2.7.0/24"}, InternalIPs: []string{"10.98.0.7"}}, "10.2.7.0/24 of node-7: other_subnet"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			got := Build([]Node{c.other, node(1), node(2)}, host(), settings())
			want := strings.TrimSuffix("10.2.2.0/24 via 10.99.0.2; "+c.want, "; ")
			if text(got) != want {
				t.Errorf("%s\nwant %s", text(got), want)
			}
			for _, r := range got.Refused {
				if r.Message == "" {
					t.Errorf("no message about %s", r.Range)
				}
			}
		})
	}
}

func TestR37OlderNodeKeepsARangeThatTwoClaim(t *testing.T) {
	young := node(9, "10.2.2.0/24")
	for _, nodes := range [][]Node{{young, node(1), node(2)}, {node(2), young, node(1)}} {
		if got := text(Build(nodes, host(), settings())); got != "10.2.2.0/24 via 10.99.0.2; 10.2.2.0/24 of node-9: overlap" {
			t.Error(got)
		}
	}
	wide := node(9, "10.2.0.0/20")
	if got := text(Build([]Node{wide, node(1), node(2), node(3)}, host(), settings())); got != "10.2.2.0/24 via 10.99.0.2; 10.2.3.0/24 via 10.99.0.3; 10.2.0.0/20 of node-9: overlap" {
		t.Error(got)
	}
}

func TestR37OwnRangeIsNotRoutedEvenToAnOlderNode(t *testing.T) {
	own := node(1, "10.2.7.0/24")
	own.Created = time.Unix(99, 0)
	got := Build([]Node{own, node(7, "10.2.7.0/24"), node(2)}, host(), settings())
	if want := "10.2.2.0/24 via 10.99.0.2; 10.2.7.0/24 of node-7: own_range; 10.2.7.0/24 of node-1: overlap"; text(got) != want {
		t.Errorf("%s\nwant %s", text(got), want)
	}
}

func TestHostIsFoundByItsAddressWhereItsNodeHasNoName(t *testing.T) {
	s := settings()
	s.NodeName = ""
	got := Build([]Node{node(2), node(1)}, host(), s)
	if got.Own == nil || got.Own.Name != "node-1" || text(got) != "10.2.2.0/24 via 10.99.0.2" {
		t.Errorf("own %v, %s", got.Own, text(got))
	}
	if got := Build([]Node{node(2), node(3)}, host(), s); got.Own != nil || len(got.Routes) > 0 {
		t.Errorf("without a Node of its own: %s", text(got))
	}
}

func TestFiveThousandNodesAreAllRouted(t *testing.T) {
	nodes := make([]Node, 0, 5000)
	for n := range 5000 {
		nodes = append(nodes, Node{
			Name: fmt.Sprint("node-", n), Created: time.Unix(int64(n), 0), PodCIDRs: []string{fmt.Sprintf("10.%d.%d.0/24", 100+n/256, n%256)},
			InternalIPs: []string{fmt.Sprintf("10.99.%d.%d", n/250, n%250+1)},
		})
	}
	h := Host{Uplink: Link{Index: 2, Name: "eth0", Prefixes: []netip.Prefix{netip.MustParsePrefix("10.99.0.1/16")}}}
	s := settings()
	s.NodeName = "node-0"
	began := time.Now()
	want := Build(nodes, h, s)
	if len(want.Routes) != 4999 || len(want.Refused) > 0 {
		t.Errorf("%d routes, %d refused", len(want.Routes), len(want.Refused))
	}
	t.Logf("5,000 Nodes: %s", time.Since(began))
	if !slices.IsSortedFunc(want.Routes, func(a, b Route) int { return a.Destination.Addr().Compare(b.Destination.Addr()) }) {
		t.Error("the order is not that of the Nodes' age")
	}
}
