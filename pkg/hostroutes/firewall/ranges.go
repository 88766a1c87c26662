package firewall

import (
	"net/netip"
	"slices"
)

// span is a range of addresses: from first up to, and without, next. next is
// invalid where the range ends with the last address of its family.
type span struct{ first, next netip.Addr }

// spans are the addresses of one family in the prefixes, in order, those that
// overlap or touch joined: the kernel refuses a set whose intervals overlap.
func spans(prefixes []netip.Prefix, six bool) []span {
	var sorted []netip.Prefix
	for _, p := range prefixes {
		if p.Addr().Is6() == six {
			sorted = append(sorted, p.Masked())
		}
	}
	slices.SortFunc(sorted, func(a, b netip.Prefix) int { return a.Addr().Compare(b.Addr()) })
	var joined []span
	for _, p := range sorted {
		s := span{p.Addr(), last(p).Next()}
		if n := len(joined); n > 0 && (!joined[n-1].next.IsValid() || joined[n-1].next.Compare(s.first) >= 0) {
			if joined[n-1].next.IsValid() && (!s.next.IsValid() || s.next.Compare(joined[n-1].next) > 0) {
				joined[n-1].next = s.next
			}
			continue
		}
		joined = append(joined, s)
	}
	return joined
}

// last is the last address of a prefix.
func last(p netip.Prefix) netip.Addr {
	b := p.Addr().AsSlice()
	for i := p.Bits(); i < len(b)*8; i++ {
		b[i/8] |= 1 << (7 - i%8)
	}
	a, _ := netip.AddrFromSlice(b)
	return a
}
