package echo

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/netip"
)

// proxySignature begins every header of the PROXY protocol, version 2.
var proxySignature = []byte("\r\n\r\n\x00\r\nQUIT\n")

var errProxy = errors.New("no header of the PROXY protocol, version 2, for TCP")

// readProxyHeader reads the header that a load balancer puts before a connection's
// own bytes, and returns the client that it names. The header that load balancers
// send for themselves (LOCAL), such as in health checks, names none.
func readProxyHeader(r io.Reader) (netip.AddrPort, error) {
	fixed := make([]byte, 16)
	if _, err := io.ReadFull(r, fixed); err != nil {
		return netip.AddrPort{}, fmt.Errorf("reading a header of the PROXY protocol: %w", err)
	}
	rest := make([]byte, binary.BigEndian.Uint16(fixed[14:]))
	if _, err := io.ReadFull(r, rest); err != nil {
		return netip.AddrPort{}, fmt.Errorf("reading a header of the PROXY protocol: %w", err)
	}
	const local, proxied, tcp4, tcp6 = 0x20, 0x21, 0x11, 0x21
	command, family := fixed[12], fixed[13]
	switch {
	case !bytes.Equal(fixed[:12], proxySignature):
		return netip.AddrPort{}, fmt.Errorf("%w: %q", errProxy, fixed)
	case command == local:
		return netip.AddrPort{}, nil
	case command == proxied && family == tcp4 && len(rest) >= 12:
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte(rest)), binary.BigEndian.Uint16(rest[8:])), nil
	case command == proxied && family == tcp6 && len(rest) >= 36:
		return netip.AddrPortFrom(netip.AddrFrom16([16]byte(rest)), binary.BigEndian.Uint16(rest[32:])), nil
	default:
		return netip.AddrPort{}, fmt.Errorf("%w: command %#x, family %#x, %d bytes", errProxy, command, family, len(rest))
	}
}

// proxied are the bytes and the client of a connection that begins with a header.
func proxied(r io.Reader) (*bufio.Scanner, netip.AddrPort, error) {
	buffered := bufio.NewReader(r)
	from, err := readProxyHeader(buffered)
	return bufio.NewScanner(buffered), from, err
}
