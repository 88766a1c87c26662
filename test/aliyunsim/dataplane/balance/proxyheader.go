package balance

import (
	"encoding/binary"
	"net/netip"
)

// proxyHeader is the header of the PROXY protocol, version 2, that tells a backend
// who has connected to which address.
func proxyHeader(transport string, client, frontend netip.AddrPort) []byte {
	// Twelve bytes that no other protocol begins with, then version 2, command PROXY.
	header := []byte("\r\n\r\n\x00\r\nQUIT\n\x21")
	client, frontend = netip.AddrPortFrom(client.Addr().Unmap(), client.Port()), netip.AddrPortFrom(frontend.Addr().Unmap(), frontend.Port())
	kind, length := byte(0x10), uint16(2*4+2*2)
	if !frontend.Addr().Is4() {
		kind, length = 0x20, 2*16+2*2
	}
	if transport == "udp" {
		kind |= 0x2
	} else {
		kind |= 0x1
	}
	header = append(header, kind)
	header = binary.BigEndian.AppendUint16(header, length)
	header = append(header, client.Addr().AsSlice()...)
	header = append(header, frontend.Addr().AsSlice()...)
	header = binary.BigEndian.AppendUint16(header, client.Port())
	return binary.BigEndian.AppendUint16(header, frontend.Port())
}
