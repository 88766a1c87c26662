package stage

import (
	"context"
	"net"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/dataplane"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/network"
	"github.com/kube-aliyun/kube-aliyun/test/sandbox"
)

// Place is a network namespace of the region, with the addresses of what is in it.
type Place struct {
	Namespace, Address string
	// IPv6 is empty where there is none.
	IPv6 string
	// Devices is the folder with a server's disks, empty elsewhere.
	Devices string
}

func placeOf(p network.Place) Place {
	return Place{Namespace: p.Namespace, Address: p.Address, IPv6: p.IPv6, Devices: p.Devices}
}

// Dial connects from the place to a literal address.
func (p Place) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	var conn net.Conn
	err := sandbox.Within(p.Namespace, func() (err error) {
		conn, err = (&net.Dialer{}).DialContext(ctx, network, address)
		return err
	})
	return conn, err
}

// Listen listens for streams in the place.
func (p Place) Listen(ctx context.Context, network, address string) (net.Listener, error) {
	var listener net.Listener
	err := sandbox.Within(p.Namespace, func() (err error) {
		listener, err = (&net.ListenConfig{}).Listen(ctx, network, address)
		return err
	})
	return listener, err
}

// ListenPacket listens for datagrams in the place.
func (p Place) ListenPacket(ctx context.Context, network, address string) (net.PacketConn, error) {
	var socket net.PacketConn
	err := sandbox.Within(p.Namespace, func() (err error) {
		socket, err = (&net.ListenConfig{}).ListenPacket(ctx, network, address)
		return err
	})
	return socket, err
}

// CutOff takes the OpenAPI and the metadata of the cloud from a server: nothing that
// it sends there arrives. Restore gives them back.
func (p Place) CutOff() error { return p.blackhole(netlink.RouteReplace) }

// Restore is described at CutOff.
func (p Place) Restore() error { return p.blackhole(netlink.RouteDel) }

func (p Place) blackhole(change func(*netlink.Route) error) error {
	return sandbox.Within(p.Namespace, func() error {
		for _, address := range []string{dataplane.OpenAPIAddress, dataplane.MetadataAddress} {
			host, _, err := net.SplitHostPort(address)
			if err != nil {
				return err
			}
			to := &net.IPNet{IP: net.ParseIP(host).To4(), Mask: net.CIDRMask(32, 32)}
			if err := change(&netlink.Route{Dst: to, Type: unix.RTN_BLACKHOLE}); err != nil {
				return err
			}
		}
		return nil
	})
}

// cut pulls the cable out of the server's side, as a server does whose power fails.
func (p Place) cut() error {
	return sandbox.Within(p.Namespace, func() error {
		link, err := netlink.LinkByName("eth0")
		if err != nil {
			return err
		}
		return netlink.LinkSetDown(link)
	})
}
