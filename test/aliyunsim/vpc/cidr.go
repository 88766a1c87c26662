package vpc

import (
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/api"
)

// serviceRange is Alibaba Cloud's own; no custom entry may point into it.
var serviceRange = netip.MustParsePrefix("100.64.0.0/10")

// parseDestination reads the destination of a route entry. An address without a
// mask stands for itself alone; host bits must be zero.
func parseDestination(s string) (netip.Prefix, *api.Error) {
	if !strings.Contains(s, "/") {
		if addr, err := netip.ParseAddr(s); err == nil {
			return netip.PrefixFrom(addr, addr.BitLen()), nil
		}
	}
	prefix, err := netip.ParsePrefix(s)
	if err != nil || prefix != prefix.Masked() || prefix.Addr().Is4In6() {
		return netip.Prefix{}, api.Errorf(http.StatusBadRequest, "InvalidCidrBlock.Malformed",
			"The specified destination CIDR block %q is not valid.", s)
	}
	return prefix, nil
}

// checkDestination applies the rules of CreateRouteEntry: not equal to or inside a
// vSwitch of the VPC, nor in the service range. The batch calls also refuse what
// merely overlaps a vSwitch.
func (p *Product) checkDestination(vpc string, dst netip.Prefix, batch bool) *api.Error {
	if serviceRange.Overlaps(dst) && dst.Bits() >= serviceRange.Bits() {
		return api.Errorf(http.StatusBadRequest, "InvalidCidrBlock",
			"The specified destination CIDR block %s is in the range %s of cloud services.", dst, serviceRange)
	}
	for _, v := range p.VSwitches {
		if v.VPC != vpc {
			continue
		}
		for _, cidr := range []string{v.CIDR, v.IPv6CIDR} {
			own, err := netip.ParsePrefix(cidr)
			if err != nil || !own.Overlaps(dst) || !batch && dst.Bits() < own.Bits() {
				continue
			}
			return api.Errorf(http.StatusBadRequest, "InvalidCidrBlock",
				"The specified destination CIDR block %s collides with the vSwitch %s (%s).", dst, v.ID, cidr)
		}
	}
	return nil
}

// ipVersion names the family of a destination as route entries do.
func ipVersion(destination string) string {
	if strings.Contains(destination, ":") {
		return "IPv6"
	}
	return "IPv4"
}

// sameVersion compares an IpVersion parameter (IPv4, ipv4 or 4) with a family.
func sameVersion(param, version string) bool {
	return strings.EqualFold(param, version) || "IPv"+param == version
}

// commaList splits a comma list parameter; nil when it was not sent.
func commaList(p api.Params, name string, limit int) ([]string, *api.Error) {
	if p[name] == "" {
		return nil, nil
	}
	list := strings.Split(p[name], ",")
	if len(list) > limit {
		return nil, api.Invalid(name, p[name])
	}
	return list, nil
}

// match says whether a filter that may be absent admits a value.
func match(filter, value string) bool {
	return filter == "" || filter == value
}

// matchBool is match for true and false.
func matchBool(filter string, value bool) bool {
	return filter == "" || strings.EqualFold(filter, strconv.FormatBool(value))
}

// in is match for a list.
func in(filter []string, value string) bool {
	return filter == nil || slices.Contains(filter, value)
}
