package build

import (
	"net/netip"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	netutils "k8s.io/utils/net"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/slb"
	"github.com/kube-aliyun/kube-aliyun/pkg/ownership"
)

// OwnACL stands in listeners' attributes for the ID of the access control list of
// the Service's source ranges, which may not exist yet.
const OwnACL = "acl-of-the-service"

// Nowhere are the entries of lists that let nobody in: an empty white list would
// let everybody in (SLB API: AclType).
var nowhere = map[slb.IPVersion]netip.Prefix{
	slb.IPv4: netip.MustParsePrefix("127.0.0.1/32"),
	slb.IPv6: netip.MustParsePrefix("::1/128"),
}

// sources reads who may connect: the field, or the annotation that was before it.
func (b *builder) sources() {
	s := b.in.Service
	where, ranges := "loadBalancerSourceRanges", s.Spec.LoadBalancerSourceRanges
	if len(ranges) == 0 {
		text := strings.TrimSpace(s.Annotations[corev1.AnnotationLoadBalancerSourceRangesKey])
		if text == "" {
			return
		}
		where, ranges = "annotation "+corev1.AnnotationLoadBalancerSourceRangesKey, strings.Split(text, ",")
	}
	version := b.version()
	var entries []netip.Prefix
	all := false
	for _, text := range ranges {
		text = strings.TrimSpace(text)
		_, network, err := netutils.ParseCIDRSloppy(text)
		if err != nil {
			b.refuse("%s: %q must be an address range such as 192.0.2.0/24", where, text)
			continue
		}
		length, _ := network.Mask.Size()
		address, _ := netip.AddrFromSlice(network.IP)
		entry := netip.PrefixFrom(address.Unmap(), length)
		if entry.Addr().Is4() == (version == slb.IPv4) && !slices.Contains(entries, entry) {
			entries = append(entries, entry)
			all = all || length == 0
		}
	}
	switch {
	case all:
		return
	case len(entries) == 0:
		b.notice("%s has no %s range: nobody can reach the load balancer's %s address", where, version, version)
		entries = []netip.Prefix{nowhere[version]}
	case len(entries) > slb.MaxACLEntries:
		b.notice("%s has %d ranges, an access control list at most %d: those after the first %d are not let in; join them into wider ones",
			where, len(entries), slb.MaxACLEntries, slb.MaxACLEntries)
		entries = entries[:slb.MaxACLEntries]
	}
	b.acl = &slb.ACL{
		Name: ownership.ACLName(string(s.UID), string(version)), IPVersion: version, Entries: entries,
		Tags: ownership.ServiceTags(ownership.Service{
			ClusterID: b.cfg.ClusterID, ClusterName: b.cfg.ClusterName,
			UID: string(s.UID), Namespace: s.Namespace, Name: s.Name, Role: ownership.RoleACL,
		}),
	}
}
