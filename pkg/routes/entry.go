package routes

import (
	"net/netip"
	"strings"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/vpc"
	"github.com/kube-aliyun/kube-aliyun/pkg/ownership"
)

// Entry is a route entry with its destination and its mark read.
type Entry struct {
	vpc.RouteEntry
	Prefix netip.Prefix
	Mark   ownership.Mark
	Marked bool
}

// newEntry reads an entry; ok is false where the destination is no CIDR (a
// prefix list, for example), which concerns no Node.
func newEntry(e vpc.RouteEntry) (Entry, bool) {
	prefix, ok := parseCIDR(e.CIDR)
	if !ok {
		return Entry{}, false
	}
	out := Entry{RouteEntry: e, Prefix: prefix}
	out.Mark, out.Marked = ownership.ParseRoute(e.Name, e.Description)
	return out, true
}

// parseCIDR reads a destination; the API takes an address without mask as a host.
func parseCIDR(s string) (netip.Prefix, bool) {
	if !strings.Contains(s, "/") {
		addr, err := netip.ParseAddr(s)
		if err != nil {
			return netip.Prefix{}, false
		}
		return netip.PrefixFrom(addr, addr.BitLen()), true
	}
	prefix, err := netip.ParsePrefix(s)
	if err != nil {
		return netip.Prefix{}, false
	}
	return prefix.Masked(), true
}

// ours reports whether the entry bears the cluster's mark.
func (e *Entry) ours(clusterID string) bool { return e.Marked && e.Mark.ClusterID == clusterID }

// leadsTo reports whether the entry's only next hop is the server.
func (e *Entry) leadsTo(server string) bool {
	return server != "" && e.NextHopType == vpc.NextHopInstance && e.NextHopID == server
}

// moving reports whether an operation on the entry is running.
func (e *Entry) moving() bool { return e.Status != vpc.Available }
