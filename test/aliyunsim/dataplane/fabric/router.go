package fabric

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/network"
	"github.com/kube-aliyun/kube-aliyun/test/sandbox"
)

const (
	mainTable   = unix.RT_TABLE_MAIN
	firstTable  = 1000
	uplink      = "inet"
	undoneFirst = 100  // priority of the rule for packets of translated connections
	tablesThen  = 1000 // priority of the rules of vSwitches
)

// router is the router of a VPC.
type router struct {
	ns *sandbox.Namespace
	// number makes its link to the internet.
	number  int
	bridges map[string]*bridge
	// main has the system table's routes; tables are the VPC's by their ids.
	main         kernelTable
	tables       map[string]*kernelTable
	tableNumbers numbers
	linkNumbers  numbers
	// uplink is the way to the internet.
	uplink map[netip.Prefix]hop
	lo     netlink.Link
	// addresses are those of load balancers.
	addresses map[netip.Addr]bool
	guard     string
}

// sysctls of a router. Those of bridges are missing where the kernel does not
// show bridged packets to IP's filters anyway.
var sysctls = []struct {
	name, value string
	optional    bool
}{
	{"ipv4/ip_forward", "1", false},
	{"ipv4/conf/all/rp_filter", "0", false},
	{"ipv4/conf/default/rp_filter", "0", false},
	{"ipv4/conf/all/send_redirects", "0", false},
	{"ipv4/conf/default/send_redirects", "0", false},
	{"ipv6/conf/all/forwarding", "1", true},
	{"bridge/bridge-nf-call-iptables", "0", true},
	{"bridge/bridge-nf-call-ip6tables", "0", true},
	{"bridge/bridge-nf-call-arptables", "0", true},
}

func setSysctls(n *sandbox.Namespace) error {
	for _, s := range sysctls {
		if err := n.Sysctl(s.name, s.value); err != nil && (!s.optional || !errors.Is(err, fs.ErrNotExist)) {
			return err
		}
	}
	return nil
}

// ensureRouter makes a VPC's router with its vSwitches.
func (f *Fabric) ensureRouter(ctx context.Context, v network.VPC) error {
	r := f.routers[v.ID]
	if r == nil {
		ns, err := f.box.Namespace(fileName("vpc", v.ID))
		if err != nil {
			return err
		}
		r = &router{
			ns: ns, number: f.links.take(), bridges: map[string]*bridge{}, main: kernelTable{number: mainTable},
			tables: map[string]*kernelTable{}, addresses: map[netip.Addr]bool{},
		}
		if err := f.prepare(ctx, r); err != nil {
			return errors.Join(err, f.discard(r))
		}
		f.routers[v.ID] = r
	}
	return r.ensureBridges(v)
}

// prepare makes an empty namespace a router.
func (f *Fabric) prepare(ctx context.Context, r *router) error {
	if err := setSysctls(r.ns); err != nil {
		return err
	}
	h := r.ns.Netlink()
	var err error
	if r.lo, err = h.LinkByName("lo"); err != nil {
		return fmt.Errorf("loopback: %w", err)
	}
	// Metadata, the OpenAPI and the load balancers' own addresses.
	local := &netlink.Route{
		Table: unix.RT_TABLE_LOCAL, Type: unix.RTN_LOCAL, Scope: netlink.SCOPE_HOST,
		LinkIndex: r.lo.Attrs().Index, Dst: ipNet(netip.MustParsePrefix("100.64.0.0/10")),
	}
	if err := h.RouteReplace(local); err != nil {
		return fmt.Errorf("own addresses: %w", err)
	}
	for _, family := range families() {
		rule := netlink.NewRule()
		rule.Family, rule.Priority, rule.Table = family, undoneFirst, mainTable
		mask := uint32(translated)
		rule.Mark, rule.Mask = translated, &mask
		if err := h.RuleAdd(rule); err != nil {
			return fmt.Errorf("rule for translated connections: %w", err)
		}
	}
	if err := r.markTranslated(ctx); err != nil {
		return err
	}
	r.uplink, err = f.internet.connect(r)
	return err
}

// removeRouter removes a VPC. Its servers are gone, or go with their own VPC's
// change.
func (f *Fabric) removeRouter(r *router) error {
	for id, other := range f.routers {
		if other == r {
			delete(f.routers, id)
		}
	}
	return f.discard(r)
}

func (f *Fabric) discard(r *router) error {
	err := errors.Join(f.internet.disconnect(r), r.ns.Remove())
	f.links.give(r.number)
	return err
}
