package fabric

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/network"
	"github.com/kube-aliyun/kube-aliyun/test/sandbox"
)

// bridge is a vSwitch.
type bridge struct {
	network.VSwitch
	number int
	link   netlink.Link
	// table is the kernel's table that its packets follow, 0 for none yet.
	table int
}

// routerMAC is what every server sees as its gateway's, in the real VPC too.
var routerMAC = net.HardwareAddr{0xee, 0xff, 0xff, 0xff, 0xff, 0xff}

// mark notes the vSwitches that are gone or have other addresses.
func (r *router) mark(v network.VPC, leaving map[*bridge]bool) {
	wanted := make(map[string]network.VSwitch, len(v.VSwitches))
	for _, s := range v.VSwitches {
		wanted[s.ID] = s
	}
	for id, b := range r.bridges {
		if s, ok := wanted[id]; !ok || s.CIDR != b.CIDR || s.IPv6CIDR != b.IPv6CIDR {
			leaving[b] = true
		}
	}
}

func (r *router) ensureBridges(v network.VPC) error {
	var problems []error
	for _, s := range v.VSwitches {
		if r.bridges[s.ID] != nil {
			continue
		}
		b := &bridge{VSwitch: s, number: r.linkNumbers.take()}
		if err := r.makeBridge(b); err != nil {
			problems = append(problems, fmt.Errorf("vSwitch %s: %w", s.ID, errors.Join(err, r.removeBridge(b))))
			continue
		}
		r.bridges[s.ID] = b
	}
	return errors.Join(problems...)
}

func (r *router) makeBridge(b *bridge) error {
	name := "vsw" + strconv.Itoa(b.number)
	h := r.ns.Netlink()
	attributes := netlink.NewLinkAttrs()
	attributes.Name, attributes.HardwareAddr = name, routerMAC
	made := &netlink.Bridge{LinkAttrs: attributes}
	if err := h.LinkAdd(made); err != nil {
		return err
	}
	b.link = made
	link, err := h.LinkByName(name)
	if err != nil {
		return err
	}
	b.link = link
	if err := answerForOthers(r.ns, name, "proxy_arp_pvlan"); err != nil {
		return err
	}
	if err := setAddress(h, link, netip.PrefixFrom(gateway(b.CIDR), b.CIDR.Bits())); err != nil {
		return fmt.Errorf("gateway: %w", err)
	}
	if b.IPv6CIDR.IsValid() {
		if err := setAddress(h, link, netip.PrefixFrom(linkLocal, 64)); err != nil {
			return fmt.Errorf("IPv6 gateway: %w", err)
		}
	}
	if err := h.LinkSetUp(link); err != nil {
		return err
	}
	if !b.IPv6CIDR.IsValid() {
		return nil
	}
	return h.RouteReplace((&kernelTable{number: mainTable}).route(b.IPv6CIDR, hop{link: link.Attrs().Index}))
}

// answerForOthers makes a link answer ARP for what is behind its namespace: behind
// the same link (proxy_arp_pvlan) or another one (proxy_arp).
func answerForOthers(n *sandbox.Namespace, link, how string) error {
	return errors.Join(n.Sysctl("ipv4/conf/"+link+"/"+how, "1"), n.Sysctl("ipv4/neigh/"+link+"/proxy_delay", "0"))
}

func (r *router) removeBridge(b *bridge) error {
	delete(r.bridges, b.ID)
	err := r.setRule(b, 0)
	if b.link != nil {
		index := b.link.Attrs().Index
		r.main.forget(index)
		for _, t := range r.tables {
			t.forget(index)
		}
		if e := r.ns.Netlink().LinkDel(b.link); e != nil && !missing(e) {
			return errors.Join(err, e) // its name stays taken
		}
	}
	r.linkNumbers.give(b.number)
	return err
}

// setRule makes the packets of a vSwitch follow a table of the kernel.
func (r *router) setRule(b *bridge, table int) error {
	if b.table == table {
		return nil
	}
	h := r.ns.Netlink()
	rule := func(family, table int) *netlink.Rule {
		rule := netlink.NewRule()
		rule.Family, rule.Priority, rule.Table, rule.IifName = family, tablesThen, table, b.link.Attrs().Name
		return rule
	}
	for _, family := range families() {
		// The new rule comes before the old one goes: no packet may slip through.
		if table != 0 {
			if err := h.RuleAdd(rule(family, table)); err != nil && !errors.Is(err, unix.EEXIST) {
				return fmt.Errorf("rule of vSwitch %s: %w", b.ID, err)
			}
		}
		if b.table != 0 {
			if err := h.RuleDel(rule(family, b.table)); err != nil && !errors.Is(err, unix.ENOENT) {
				return fmt.Errorf("rule of vSwitch %s: %w", b.ID, err)
			}
		}
	}
	b.table = table
	return nil
}

func families() []int {
	if !hasIPv6() {
		return []int{unix.AF_INET}
	}
	return []int{unix.AF_INET, unix.AF_INET6}
}

// missing says that what was to be removed is not there.
func missing(err error) bool {
	return errors.Is(err, unix.ENODEV) || errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ESRCH) || errors.Is(err, unix.EADDRNOTAVAIL)
}
