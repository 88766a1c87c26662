package plan

import (
	"fmt"
	"net/netip"
	"slices"
)

// Settings are what the operator decided about routes.
type Settings struct {
	// NodeName is this host's Node; "" finds it by its address.
	NodeName string
	// Protocol and Metric mark our routes. The metric is never 0: such a route
	// would win over the host's own.
	Protocol, Metric int
	// ClusterCIDRs, when there are any, hold all ranges of Pods.
	ClusterCIDRs []netip.Prefix
	// ServiceCIDRs hold no range of Pods.
	ServiceCIDRs []netip.Prefix
}

// The widest ranges of a Node that are believed.
const (
	widest4 = 8
	widest6 = 32
)

// Wanted is what a host should have.
type Wanted struct {
	// Own is the host's Node, nil when it is not among the Nodes. Then there is
	// nothing to be done: what is the host's own is not known.
	Own *Node
	// OwnRanges are the ranges of the host's own Pods.
	OwnRanges []netip.Prefix
	Routes    []Route
	// Node tells whose range a destination is.
	Node    map[netip.Prefix]*Node
	Refused []Refusal
	// Oldest is the oldest of the Nodes.
	Oldest *Node
}

// Build computes what the host should have. Nodes keep their order.
func Build(nodes []Node, host Host, s Settings) Wanted {
	b := &builder{host: host, settings: s, want: Wanted{Node: map[netip.Prefix]*Node{}}}
	sorted := byAge(nodes)
	for _, n := range sorted {
		if b.want.Own == nil && host.IsOwn(s.NodeName, n) {
			b.want.Own = n
		}
		four, six := n.addresses()
		b.servers = append(b.servers, four, six)
	}
	if b.want.Own == nil {
		return b.want
	}
	b.want.Oldest = sorted[0]
	slices.SortFunc(b.servers, netip.Addr.Compare)
	for _, text := range b.want.Own.PodCIDRs {
		if p, reason, _ := b.check(text); reason == "" {
			b.want.OwnRanges = append(b.want.OwnRanges, p)
		}
	}
	for _, n := range sorted {
		for _, text := range n.PodCIDRs {
			b.add(n, text)
		}
	}
	return b.want
}

type builder struct {
	host     Host
	settings Settings
	servers  []netip.Addr
	taken    taken
	want     Wanted
}

// add adds the route to a range, or the reason why there is none.
func (b *builder) add(n *Node, text string) {
	refuse := func(reason Reason, format string, args ...any) {
		b.want.Refused = append(b.want.Refused, Refusal{Node: n, Range: text, Reason: reason, Message: fmt.Sprintf(format, args...)})
	}
	p, reason, message := b.check(text)
	if reason != "" {
		refuse(reason, "%s", message)
		return
	}
	if other := b.taken.take(p, n); other != nil {
		refuse(Overlap, "it overlaps a range of the older Node %s", other.Name)
		return
	}
	if n == b.want.Own {
		return
	}
	if i := slices.IndexFunc(b.want.OwnRanges, p.Overlaps); i >= 0 {
		refuse(OwnRange, "it overlaps %s, the range of Node %s", b.want.OwnRanges[i], b.want.Own.Name)
		return
	}
	gateway := n.address(p)
	switch {
	case !gateway.IsValid() || gateway.IsUnspecified() || gateway.IsLoopback() || gateway.IsMulticast():
		refuse(NoAddress, "the Node has no InternalIP of the range's address family")
	case b.host.Local[gateway]:
		refuse(LocalAddress, "its Node has the address %s, which Node %s has too", gateway, b.want.Own.Name)
	case !b.host.Uplink.reaches(gateway):
		refuse(OtherSubnet, "%s is not on the network of %s", gateway, b.host.Uplink.Name)
	default:
		b.want.Routes = append(b.want.Routes, Route{
			Destination: p, Gateway: gateway, Link: b.host.Uplink.Index, Metric: b.settings.Metric, Protocol: b.settings.Protocol,
		})
		b.want.Node[p] = n
	}
}

// check reads a range and tells what is wrong with it for every host; the reason
// is "" when nothing is.
func (b *builder) check(text string) (netip.Prefix, Reason, string) {
	p, err := netip.ParsePrefix(text)
	switch {
	case err != nil || p.Addr().Is4In6():
		return p, Malformed, "it is not a range such as 10.2.1.0/24"
	case p != p.Masked():
		return p, Malformed, fmt.Sprintf("it has bits behind its length; the range is %s", p.Masked())
	case p.Addr().Is4() && p.Bits() < widest4, p.Addr().Is6() && p.Bits() < widest6:
		return p, TooWide, "it is too wide for the Pods of one Node"
	}
	if c := b.settings.ClusterCIDRs; len(c) > 0 && !slices.ContainsFunc(c, func(c netip.Prefix) bool {
		return c.Bits() <= p.Bits() && c.Overlaps(p)
	}) {
		return p, OutsideCluster, fmt.Sprintf("it is not inside the cluster CIDR %v", c)
	}
	if i := slices.IndexFunc(b.settings.ServiceCIDRs, p.Overlaps); i >= 0 {
		return p, ServiceRange, fmt.Sprintf("it overlaps the range of Services %s", b.settings.ServiceCIDRs[i])
	}
	if i := slices.IndexFunc(b.host.Uplink.Prefixes, func(u netip.Prefix) bool { return u.Overlaps(p) }); i >= 0 {
		return p, VPCAddress, fmt.Sprintf("it overlaps %s, the network of the servers", b.host.Uplink.Prefixes[i].Masked())
	}
	if i, _ := slices.BinarySearchFunc(b.servers, p.Addr(), netip.Addr.Compare); i < len(b.servers) && p.Contains(b.servers[i]) {
		return p, VPCAddress, fmt.Sprintf("it holds the address %s of a server", b.servers[i])
	}
	return p, "", ""
}
