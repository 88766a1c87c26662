package plan

import (
	"cmp"
	"net/netip"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/types"
)

// Node is what routing needs to know of a Node, as it stands in the API.
type Node struct {
	Name    string
	UID     types.UID
	Created time.Time
	// PodCIDRs and InternalIPs are texts that nobody has checked.
	PodCIDRs    []string
	InternalIPs []string
}

// addresses are the valid InternalIPs: the first of each family, IPv4 before IPv6.
func (n *Node) addresses() (four, six netip.Addr) {
	for _, text := range n.InternalIPs {
		a, err := netip.ParseAddr(text)
		if err != nil {
			continue
		}
		a = a.Unmap()
		switch {
		case a.Is4() && !four.IsValid():
			four = a
		case a.Is6() && !six.IsValid():
			six = a
		}
	}
	return four, six
}

// address is the Node's first InternalIP of a range's family.
func (n *Node) address(of netip.Prefix) netip.Addr {
	four, six := n.addresses()
	if of.Addr().Is4() {
		return four
	}
	return six
}

// byAge sorts older Nodes first; of the same second, by name, so that all hosts
// agree.
func byAge(nodes []Node) []*Node {
	sorted := make([]*Node, len(nodes))
	for i := range nodes {
		sorted[i] = &nodes[i]
	}
	slices.SortFunc(sorted, func(a, b *Node) int {
		return cmp.Or(a.Created.Compare(b.Created), cmp.Compare(a.Name, b.Name))
	})
	return sorted
}

// Host is the server that the routes are for.
type Host struct {
	// Uplink is the link to the other servers.
	Uplink Link
	// Local are all addresses of the host.
	Local map[netip.Addr]bool
}

// Link is a network interface.
type Link struct {
	Index int
	Name  string
	Up    bool
	// Prefixes are its addresses with the length of the network around each.
	Prefixes []netip.Prefix
}

// reaches tells whether an address is on the link's own network, where no
// gateway is needed.
func (l Link) reaches(a netip.Addr) bool {
	for _, p := range l.Prefixes {
		if !p.Addr().IsLinkLocalUnicast() && p.Contains(a) {
			return true
		}
	}
	return false
}

// IsOwn tells whether a Node is this host: by name, or because it has one of its
// addresses.
func (h Host) IsOwn(name string, n *Node) bool {
	if name != "" {
		return n.Name == name
	}
	four, six := n.addresses()
	return h.Local[four] || h.Local[six]
}

// HasAddressOn tells whether one of the Node's InternalIPs is an address of a link.
func (n *Node) HasAddressOn(l Link) bool {
	four, six := n.addresses()
	return slices.ContainsFunc(l.Prefixes, func(p netip.Prefix) bool { return p.Addr() == four || p.Addr() == six })
}
