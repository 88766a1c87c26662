package fabric

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"

	"github.com/vishvananda/netlink"

	"github.com/kube-aliyun/kube-aliyun/test/sandbox"
)

// Addresses of the client on the internet.
const (
	ClientAddress = "198.51.100.10"
	ClientIPv6    = "2001:db8:c::10"
)

// exchange is the client's gateway: the address and its range.
var exchange = prefixes("198.51.100.1/24", "2001:db8:c::1/64")

// internet is a router between the client and the VPCs. It knows load balancers'
// addresses alone: nothing private can be reached.
type internet struct {
	ns, client *sandbox.Namespace
	routes     kernelTable
	links      map[int]int // of routers, by their numbers
}

func newInternet(box *sandbox.Sandbox) (*internet, error) {
	i := &internet{routes: kernelTable{number: mainTable}, links: map[int]int{}}
	var err error
	if i.ns, err = box.Namespace("inet"); err != nil {
		return nil, err
	}
	if i.client, err = box.Namespace("client"); err != nil {
		return nil, err
	}
	if err := setSysctls(i.ns); err != nil {
		return nil, err
	}
	link, peer, err := cable(i.ns, "client", i.client, "eth0")
	if err != nil {
		return nil, err
	}
	// The load balancers' addresses may be in the client's range.
	if err := answerForOthers(i.ns, "client", "proxy_arp"); err != nil {
		return nil, err
	}
	defaults := map[netip.Prefix]hop{}
	for at, address := range prefixes(ClientAddress+"/24", ClientIPv6+"/64") {
		if err := setAddress(i.ns.Netlink(), link, exchange[at]); err != nil {
			return nil, err
		}
		if err := setAddress(i.client.Netlink(), peer, address); err != nil {
			return nil, err
		}
		defaults[everywhere(address.Addr())] = hop{via: exchange[at].Addr(), link: peer.Attrs().Index}
	}
	return i, (&kernelTable{number: mainTable}).sync(i.client.Netlink(), defaults)
}

// cable connects two namespaces; both ends are up.
func cable(one *sandbox.Namespace, name string, two *sandbox.Namespace, peerName string) (link, peer netlink.Link, err error) {
	attributes := netlink.NewLinkAttrs()
	attributes.Name, attributes.MTU = name, 1500
	veth := &netlink.Veth{LinkAttrs: attributes, PeerName: peerName, PeerMTU: 1500, PeerNamespace: netlink.NsFd(two.FD())}
	if err := one.Netlink().LinkAdd(veth); err != nil {
		return nil, nil, fmt.Errorf("link %s: %w", name, err)
	}
	if link, err = one.Netlink().LinkByName(name); err == nil {
		peer, err = two.Netlink().LinkByName(peerName)
	}
	if err == nil {
		err = errors.Join(one.Netlink().LinkSetUp(link), two.Netlink().LinkSetUp(peer), ready(one, link), ready(two, peer))
	}
	if err != nil {
		return nil, nil, fmt.Errorf("link %s: %w", name, err)
	}
	return link, peer, nil
}

// ready returns when a link that has come up carries packets: the kernel, which
// does its part of that later, does it at once where it is asked about the link.
func ready(n *sandbox.Namespace, link netlink.Link) error {
	_, err := n.Netlink().LinkByIndex(link.Attrs().Index)
	if err != nil {
		return fmt.Errorf("link %s: %w", link.Attrs().Name, err)
	}
	return nil
}

// end is the two sides' addresses of the link to a VPC.
type end struct{ internet, router netip.Prefix }

// ends are the addresses of the link to a VPC, one for each family.
func ends(number int) []end {
	high, low := byte(number/64%256), byte(number%64*4) // #nosec G115 -- in range
	out := []end{pair(netip.AddrFrom4([4]byte{169, 254, high, low}), 30)}
	if hasIPv6() {
		out = append(out, pair(netip.AddrFrom16([16]byte{0: 0xfd, 14: high, 15: low}), 126))
	}
	return out
}

func pair(first netip.Addr, bits int) end {
	one := first.Next()
	return end{netip.PrefixFrom(one, bits), netip.PrefixFrom(one.Next(), bits)}
}

func linkName(number int) string { return "vpc" + strconv.Itoa(number) }

// connect makes the link between the internet and a VPC and returns the router's
// ways out.
func (i *internet) connect(r *router) (map[netip.Prefix]hop, error) {
	link, peer, err := cable(i.ns, linkName(r.number), r.ns, uplink)
	if err != nil {
		return nil, err
	}
	i.links[r.number] = link.Attrs().Index
	out := map[netip.Prefix]hop{}
	for _, e := range ends(r.number) {
		if err := errors.Join(setAddress(i.ns.Netlink(), link, e.internet), setAddress(r.ns.Netlink(), peer, e.router)); err != nil {
			return nil, fmt.Errorf("link %s: %w", linkName(r.number), err)
		}
		out[everywhere(e.internet.Addr())] = hop{via: e.internet.Addr(), link: peer.Attrs().Index}
	}
	return out, nil
}

func (i *internet) disconnect(r *router) error {
	index, connected := i.links[r.number]
	if !connected {
		return nil
	}
	i.routes.forget(index)
	delete(i.links, r.number)
	link, err := i.ns.Netlink().LinkByIndex(index)
	if err == nil {
		err = i.ns.Netlink().LinkDel(link)
	}
	if err != nil && !missing(err) {
		return fmt.Errorf("link %s: %w", linkName(r.number), err)
	}
	return nil
}

// toward leads to a load balancer's address in a VPC.
func (i *internet) toward(r *router, address netip.Addr) hop {
	for _, e := range ends(r.number) {
		if family(e.router.Addr()) == family(address) {
			return hop{via: e.router.Addr(), link: i.links[r.number]}
		}
	}
	return nowhere
}
