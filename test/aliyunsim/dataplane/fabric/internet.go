package fabric

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"

	"github.com/vishvananda/netlink"

	"github.com/kube-aliyun/kube-aliyun/test/sandbox"
)

// ClientAddress is the address of the client on the internet.
const ClientAddress = "198.51.100.10"

const exchange = "198.51.100.1" // the client's gateway

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
	if err := setAddress(i.ns.Netlink(), link, netip.MustParsePrefix(exchange+"/24")); err != nil {
		return nil, err
	}
	if err := setAddress(i.client.Netlink(), peer, netip.MustParsePrefix(ClientAddress+"/24")); err != nil {
		return nil, err
	}
	defaults := map[netip.Prefix]hop{everywhere4: {via: netip.MustParseAddr(exchange), link: peer.Attrs().Index}}
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
		err = errors.Join(one.Netlink().LinkSetUp(link), two.Netlink().LinkSetUp(peer))
	}
	if err != nil {
		return nil, nil, fmt.Errorf("link %s: %w", name, err)
	}
	return link, peer, nil
}

// ends are the addresses of the link to a VPC: the internet's and the router's.
func ends(number int) (internet, router netip.Addr) {
	a := [4]byte{169, 254, byte(number / 64 % 256), byte(number % 64 * 4)} // #nosec G115 -- in range
	internet = netip.AddrFrom4(a).Next()
	return internet, internet.Next()
}

func linkName(number int) string { return "vpc" + strconv.Itoa(number) }

// connect makes the link between the internet and a VPC and returns the router's
// way out.
func (i *internet) connect(r *router) (hop, error) {
	link, peer, err := cable(i.ns, linkName(r.number), r.ns, uplink)
	if err != nil {
		return nowhere, err
	}
	i.links[r.number] = link.Attrs().Index
	ours, theirs := ends(r.number)
	err = errors.Join(setAddress(i.ns.Netlink(), link, netip.PrefixFrom(ours, 30)), setAddress(r.ns.Netlink(), peer, netip.PrefixFrom(theirs, 30)))
	return hop{via: ours, link: peer.Attrs().Index}, err
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

// toward leads to a VPC.
func (i *internet) toward(r *router) hop {
	_, theirs := ends(r.number)
	return hop{via: theirs, link: i.links[r.number]}
}
