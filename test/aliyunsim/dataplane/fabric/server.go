package fabric

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"

	"github.com/vishvananda/netlink"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/network"
	"github.com/kube-aliyun/kube-aliyun/test/sandbox"
)

// server is a server's namespace and its port in the vSwitch.
type server struct {
	network.Server
	ns     *sandbox.Namespace
	router *router
	bridge *bridge
	number int
	// port and eth are the two ends of the cable, mac is eth's address.
	port, eth netlink.Link
	mac       net.HardwareAddr
}

// identity is what a server cannot change in its life.
func identity(s network.Server) network.Server {
	s.Running, s.SourceDestCheck, s.Secondary = false, false, nil
	return s
}

func (s *server) portName() string { return "port" + strconv.Itoa(s.number) }

// ensureServer makes a server's namespace, or follows its state.
func (f *Fabric) ensureServer(want network.Server) error {
	s := f.servers[want.ID]
	if s == nil {
		r := f.routers[want.VPC]
		if r == nil || r.bridges[want.VSwitch] == nil {
			return fmt.Errorf("vSwitch %s is missing", want.VSwitch)
		}
		ns, err := f.box.Namespace(fileName("srv", want.ID))
		if err != nil {
			return err
		}
		s = &server{Server: identity(want), ns: ns, router: r, bridge: r.bridges[want.VSwitch], number: r.linkNumbers.take()}
		if err := s.plug(); err != nil {
			return errors.Join(err, f.removeServer(s))
		}
		f.servers[want.ID] = s
	}
	s.SourceDestCheck = want.SourceDestCheck
	return errors.Join(s.setSecondary(want.Secondary), s.setRunning(want.Running))
}

// setSecondary makes the router find the addresses that the server's interfaces have
// beside the first ones.
func (s *server) setSecondary(want []netip.Addr) error {
	for _, address := range s.Secondary {
		if !slices.Contains(want, address) {
			if err := s.router.ns.Netlink().NeighDel(s.neighbour(address)); err != nil && !missing(err) {
				return fmt.Errorf("neighbour %s: %w", address, err)
			}
		}
	}
	for _, address := range want {
		if err := s.router.ns.Netlink().NeighSet(s.neighbour(address)); err != nil {
			return fmt.Errorf("neighbour %s: %w", address, err)
		}
	}
	s.Secondary = want
	return nil
}

// neighbour says in the router where an address is. Known for good: packets to a
// server that is off are lost, nobody is told.
func (s *server) neighbour(address netip.Addr) *netlink.Neigh {
	return &netlink.Neigh{
		LinkIndex: s.bridge.link.Attrs().Index, State: netlink.NUD_PERMANENT, IP: address.AsSlice(), HardwareAddr: s.mac, Family: family(address),
	}
}

// plug connects a new namespace to its vSwitch. The port is down: the server is
// off.
func (s *server) plug() error {
	var err error
	if s.mac, err = hardware(s.Server); err != nil {
		return err
	}
	h := s.router.ns.Netlink()
	attributes := netlink.NewLinkAttrs()
	attributes.Name, attributes.MTU, attributes.MasterIndex = s.portName(), 1500, s.bridge.link.Attrs().Index
	veth := &netlink.Veth{
		LinkAttrs: attributes, PeerName: "eth0", PeerHardwareAddr: s.mac, PeerMTU: 1500, PeerNamespace: netlink.NsFd(s.ns.FD()),
	}
	if err := h.LinkAdd(veth); err != nil {
		return fmt.Errorf("link: %w", err)
	}
	s.port = veth
	if s.port, err = h.LinkByName(s.portName()); err != nil {
		return fmt.Errorf("link: %w", err)
	}
	if err := h.LinkSetIsolated(s.port, true); err != nil {
		return fmt.Errorf("isolate port: %w", err)
	}
	for _, address := range s.addresses() {
		if err := h.NeighSet(s.neighbour(address)); err != nil {
			return fmt.Errorf("neighbour %s: %w", address, err)
		}
	}
	return s.configure()
}

// configure sets up the server's side.
func (s *server) configure() error {
	for _, sysctl := range []string{"ipv4/conf/all/rp_filter", "ipv4/conf/default/rp_filter", "ipv4/conf/eth0/rp_filter"} {
		if err := s.ns.Sysctl(sysctl, "0"); err != nil {
			return err
		}
	}
	h := s.ns.Netlink()
	eth, err := h.LinkByName("eth0")
	if err != nil {
		return fmt.Errorf("eth0: %w", err)
	}
	s.eth = eth
	if err := setAddress(h, eth, netip.PrefixFrom(s.Address, s.bridge.CIDR.Bits())); err != nil {
		return fmt.Errorf("address: %w", err)
	}
	if s.IPv6.IsValid() {
		if err := setAddress(h, eth, host(s.IPv6)); err != nil {
			return fmt.Errorf("IPv6 address: %w", err)
		}
	}
	if err := h.LinkSetUp(eth); err != nil {
		return fmt.Errorf("eth0: %w", err)
	}
	defaults := map[netip.Prefix]hop{everywhere4: {via: gateway(s.bridge.CIDR), link: eth.Attrs().Index}}
	if s.IPv6.IsValid() {
		defaults[everywhere6] = hop{via: linkLocal, link: eth.Attrs().Index}
	}
	if err := (&kernelTable{number: mainTable}).sync(h, defaults); err != nil {
		return fmt.Errorf("default route: %w", err)
	}
	return nil
}

// setRunning plugs the cable in or pulls it: the server's own side stays as it is.
func (s *server) setRunning(running bool) error {
	if s.Running == running {
		return nil
	}
	set := s.router.ns.Netlink().LinkSetDown
	if running {
		set = s.router.ns.Netlink().LinkSetUp
	}
	if err := set(s.port); err != nil {
		return fmt.Errorf("link: %w", err)
	}
	if running {
		if err := errors.Join(ready(s.ns, s.eth), ready(s.router.ns, s.port), ready(s.router.ns, s.bridge.link)); err != nil {
			return err
		}
	}
	s.Running = running
	return nil
}

// removeServer unplugs a server and forgets its namespace, which lives on as long
// as there are processes in it.
func (f *Fabric) removeServer(s *server) error {
	if f.servers[s.ID] == s {
		delete(f.servers, s.ID)
	}
	var problems []error
	h := s.router.ns.Netlink()
	var err error
	if s.port != nil {
		err = h.LinkDel(s.port)
	}
	if err == nil || missing(err) {
		s.router.linkNumbers.give(s.number)
	} else {
		problems = append(problems, fmt.Errorf("unplug: %w", err))
	}
	for _, address := range s.addresses() {
		neighbour := &netlink.Neigh{LinkIndex: s.bridge.link.Attrs().Index, IP: address.AsSlice(), Family: family(address)}
		if err := h.NeighDel(neighbour); err != nil && !missing(err) {
			problems = append(problems, fmt.Errorf("neighbour %s: %w", address, err))
		}
	}
	return errors.Join(append(problems, s.ns.Remove())...)
}

func (s *server) addresses() []netip.Addr {
	all := append([]netip.Addr{s.Address}, s.Secondary...)
	if s.IPv6.IsValid() {
		all = append(all, s.IPv6)
	}
	return all
}

// hardware is the interface's address, made of its IP address where it has none.
func hardware(s network.Server) (net.HardwareAddr, error) {
	if s.MAC != "" {
		mac, err := net.ParseMAC(s.MAC)
		if err != nil {
			return nil, fmt.Errorf("hardware address: %w", err)
		}
		return mac, nil
	}
	if !s.Address.Is4() {
		return nil, fmt.Errorf("address %s is not of IPv4", s.Address)
	}
	raw := s.Address.As4()
	mac := net.HardwareAddr{0x02, 0, 0, 0, 0, 0}
	binary.BigEndian.PutUint32(mac[2:], binary.BigEndian.Uint32(raw[:]))
	return mac, nil
}
