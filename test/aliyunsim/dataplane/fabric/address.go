package fabric

import (
	"net"
	"net/netip"

	"github.com/vishvananda/netlink"
)

// ipNet is a prefix, with the host bits that it has, as netlink takes it.
func ipNet(p netip.Prefix) *net.IPNet {
	return &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())}
}

// host is the prefix of one address.
func host(a netip.Addr) netip.Prefix { return netip.PrefixFrom(a, a.BitLen()) }

// gateway is the address of a vSwitch's router: the third from the end, as the
// metadata service tells it.
func gateway(cidr netip.Prefix) netip.Addr {
	a := last(cidr)
	return a.Prev().Prev()
}

// last is the last address of a range.
func last(p netip.Prefix) netip.Addr {
	b := p.Masked().Addr().AsSlice()
	for i := p.Bits(); i < len(b)*8; i++ {
		b[i/8] |= 1 << (7 - i%8)
	}
	a, _ := netip.AddrFromSlice(b)
	return a
}

// setAddress gives a link an address.
func setAddress(h *netlink.Handle, link netlink.Link, p netip.Prefix) error {
	return h.AddrReplace(link, &netlink.Addr{IPNet: ipNet(p)})
}

// linkLocal is the address of every router on its bridges, as a gateway of IPv6.
var linkLocal = netip.MustParseAddr("fe80::1")

// dropAddress takes an address from a link.
func dropAddress(h *netlink.Handle, link netlink.Link, p netip.Prefix) error {
	return h.AddrDel(link, &netlink.Addr{IPNet: ipNet(p)})
}
