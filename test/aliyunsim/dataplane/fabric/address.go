package fabric

import (
	"net"
	"net/netip"
	"os"
	"sync"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// ipNet is a prefix, with the host bits that it has, as netlink takes it.
func ipNet(p netip.Prefix) *net.IPNet {
	return &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())}
}

// host is the prefix of one address.
func host(a netip.Addr) netip.Prefix { return netip.PrefixFrom(a, a.BitLen()) }

// hasIPv6 tells whether the kernel speaks it.
var hasIPv6 = sync.OnceValue(func() bool {
	_, err := os.Stat("/proc/sys/net/ipv6")
	return err == nil
})

// prefixes reads constants, without those of IPv6 where the kernel does not speak
// it.
func prefixes(texts ...string) []netip.Prefix {
	out := make([]netip.Prefix, 0, len(texts))
	for _, text := range texts {
		if p := netip.MustParsePrefix(text); p.Addr().Is4() || hasIPv6() {
			out = append(out, p)
		}
	}
	return out
}

// everywhere is the range of all addresses of one's family.
func everywhere(a netip.Addr) netip.Prefix {
	if a.Is4() {
		return everywhere4
	}
	return everywhere6
}

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

// setAddress gives a link an address, which is good at once: nobody is asked
// whether somebody else has it.
func setAddress(h *netlink.Handle, link netlink.Link, p netip.Prefix) error {
	address := &netlink.Addr{IPNet: ipNet(p)}
	if p.Addr().Is6() {
		address.Flags = unix.IFA_F_NODAD
	}
	return h.AddrReplace(link, address)
}

// linkLocal is the address of every router on its bridges, as a gateway of IPv6.
var linkLocal = netip.MustParseAddr("fe80::1")

// dropAddress takes an address from a link.
func dropAddress(h *netlink.Handle, link netlink.Link, p netip.Prefix) error {
	return h.AddrDel(link, &netlink.Addr{IPNet: ipNet(p)})
}
