package balance

import (
	"errors"
	"fmt"
	"net/netip"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/kube-aliyun/kube-aliyun/test/sandbox"
)

// flows matches what connection tracking has of connections through a frontend
// to a backend.
type flows struct {
	protocol          uint8
	frontend, backend netip.AddrPort
	// halfOpen matches only those of TCP that the backend has not accepted.
	halfOpen bool
}

// synReceived is the last state of a TCP connection that is not established:
// TCP_CONNTRACK_SYN_RECV of the kernel.
const synReceived = 2

// MatchConntrackFlow is asked for every connection.
func (f flows) MatchConntrackFlow(flow *netlink.ConntrackFlow) bool {
	if f.halfOpen {
		info, ok := flow.ProtoInfo.(*netlink.ProtoInfoTCP)
		if !ok || info.State > synReceived {
			return false
		}
	}
	return flow.Forward.Protocol == f.protocol &&
		is(flow.Forward.DstIP, flow.Forward.DstPort, f.frontend) && is(flow.Reverse.SrcIP, flow.Reverse.SrcPort, f.backend)
}

func is(ip []byte, port uint16, socket netip.AddrPort) bool {
	address, ok := netip.AddrFromSlice(ip)
	return ok && port == socket.Port() && address.Unmap() == socket.Addr().Unmap()
}

// cut ends connections: their next packet finds no connection, and is refused or,
// of UDP, begins a new one.
func cut(namespace *sandbox.Namespace, transport string, frontend, backend netip.AddrPort) error {
	filter := flows{protocol: unix.IPPROTO_TCP, frontend: frontend, backend: backend}
	if transport == "udp" {
		filter.protocol = unix.IPPROTO_UDP
	}
	return forget(namespace, filter)
}

// abandon ends what clients have begun and the backend has not accepted. The kernel
// remembers it for two minutes: a client that takes the same port for another
// connection would be sent to that backend again.
func abandon(namespace *sandbox.Namespace, frontend, backend netip.AddrPort) error {
	return forget(namespace, flows{protocol: unix.IPPROTO_TCP, frontend: frontend, backend: backend, halfOpen: true})
}

func forget(namespace *sandbox.Namespace, filter flows) error {
	family := netlink.InetFamily(unix.AF_INET)
	if !filter.frontend.Addr().Is4() {
		family = unix.AF_INET6
	}
	// A dump of a table that changes meanwhile may have missed some: look again.
	var err error
	for range 5 {
		if _, err = namespace.Netlink().ConntrackDeleteFilters(netlink.ConntrackTable, family, filter); err == nil || !errors.Is(err, netlink.ErrDumpInterrupted) {
			break
		}
	}
	if err != nil {
		return fmt.Errorf("cut connections of %s to %s: %w", filter.frontend, filter.backend, err)
	}
	return nil
}
