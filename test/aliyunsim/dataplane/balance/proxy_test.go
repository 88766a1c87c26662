package balance

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/network"
)

// proxied is a listener that tells of clients by the PROXY protocol.
func proxied(l network.Listener) network.Listener {
	l.ProxyProtocol = true
	return l
}

// announced reads a header of the PROXY protocol for IPv4: who has connected to what.
func announced(t *testing.T, header []byte, kind byte) (client, frontend netip.AddrPort) {
	t.Helper()
	if want := append([]byte("\r\n\r\n\x00\r\nQUIT\n"), 0x21, kind, 0, 12); !bytes.HasPrefix(header, want) || len(header) < 28 {
		t.Fatalf("header %q", header)
	}
	client = netip.AddrPortFrom(netip.AddrFrom4([4]byte(header[16:20])), binary.BigEndian.Uint16(header[24:26]))
	return client, netip.AddrPortFrom(netip.AddrFrom4([4]byte(header[20:24])), binary.BigEndian.Uint16(header[26:28]))
}

func TestProxyProtocolTellsOfTheClient(t *testing.T) {
	s := newSite(t)
	one := s.server(11)
	at, err := one.at.Listen(t.Context(), net.ListenConfig{}, "tcp4", "10.0.0.11:8080")
	must(t, err)
	defer func() { _ = at.Close() }()
	s.apply(proxied(listener(network.TCP, one.backend(100))))
	client, err := s.client.Dial(t.Context(), net.Dialer{Timeout: time.Second}, "tcp", address+":80")
	must(t, err)
	defer func() { _ = client.Close() }()
	_, err = client.Write([]byte("hello"))
	must(t, err)
	server, err := at.Accept()
	must(t, err)
	defer func() { _ = server.Close() }()
	must(t, server.SetDeadline(time.Now().Add(patience)))
	header := make([]byte, 28+5)
	_, err = io.ReadFull(server, header)
	must(t, err)
	from, to := announced(t, header, 0x11)
	if from.String() != client.LocalAddr().String() || to.String() != address+":80" || string(header[28:]) != "hello" {
		t.Errorf("from %s to %s: %q", from, to, header[28:])
	}
	if source := server.RemoteAddr().String(); source[:7] != "100.64." {
		t.Errorf("connected from %s", source)
	}
	// Each direction ends by itself.
	half, ok := client.(*net.TCPConn)
	if !ok {
		t.Fatalf("a %T", client)
	}
	must(t, half.CloseWrite())
	if n, err := server.Read(header); n != 0 || !errors.Is(err, io.EOF) {
		t.Errorf("after the client's end: %d, %v", n, err)
	}
	_, err = server.Write([]byte("bye"))
	must(t, err)
	must(t, server.Close())
	if answer, err := io.ReadAll(client); err != nil || string(answer) != "bye" {
		t.Errorf("answer %q, %v", answer, err)
	}
}

func TestProxyProtocolOfDatagramsTellsOfTheClient(t *testing.T) {
	s := newSite(t)
	one := s.server(11)
	at, err := one.at.ListenPacket(t.Context(), net.ListenConfig{}, "udp4", "10.0.0.11:8080")
	must(t, err)
	defer func() { _ = at.Close() }()
	s.apply(proxied(listener(network.UDP, one.backend(100))))
	client, err := s.client.Dial(t.Context(), net.Dialer{}, "udp", address+":80")
	must(t, err)
	defer func() { _ = client.Close() }()
	must(t, client.SetDeadline(time.Now().Add(patience)))
	must(t, at.SetDeadline(time.Now().Add(patience)))
	for range 2 {
		_, err = client.Write([]byte("hello"))
		must(t, err)
		buffer := make([]byte, 64)
		n, relay, err := at.ReadFrom(buffer)
		must(t, err)
		from, to := announced(t, buffer[:n], 0x12)
		if from.String() != client.LocalAddr().String() || to.String() != address+":80" || string(buffer[28:n]) != "hello" {
			t.Errorf("from %s to %s: %q", from, to, buffer[28:n])
		}
		_, err = at.WriteTo([]byte("bye"), relay)
		must(t, err)
		if n, err := client.Read(buffer); err != nil || string(buffer[:n]) != "bye" {
			t.Errorf("answer %q, %v", buffer[:n], err)
		}
	}
}

func TestProxiedConnectionsFollowTheListener(t *testing.T) {
	s := newSite(t)
	one, two := s.server(11), s.server(12)
	one.tcp()
	two.tcp()
	l := proxied(listener(network.TCP, one.backend(100), two.backend(100)))
	s.apply(l)
	if got := s.tally(first, "tcp", 6); got["server-11"] != 3 || got["server-12"] != 3 {
		t.Errorf("two backends: %v", got)
	}
	gone, stays := s.tcp(first), s.tcp(first)
	if gone.server != "server-11" {
		gone, stays = stays, gone
	}
	l.Backends = l.Backends[1:]
	s.apply(l)
	if err := stays.alive(); err != nil {
		t.Errorf("the other backend's connection: %v", err)
	}
	if err := ended(gone); err != nil {
		t.Error(err)
	}
	l.Backends = []network.Backend{two.backend(0)}
	s.apply(l)
	if _, err := s.from(first, "tcp", 80); err == nil {
		t.Error("a new connection with weight 0 alone")
	}
	if err := stays.alive(); err != nil {
		t.Errorf("established, weight 0: %v", err)
	}
	s.apply()
	if err := ended(stays); err != nil {
		t.Error(err)
	}
}

// ended is an error where the connection goes on.
func ended(c *conversation) error {
	if err := c.SetReadDeadline(time.Now().Add(time.Second)); err != nil {
		return err
	}
	for {
		if _, err := c.lines.ReadString('\n'); err != nil {
			var timeout net.Error
			if errors.As(err, &timeout) && timeout.Timeout() {
				return err
			}
			return nil
		}
	}
}

func TestListenerBecomesAProxyAndAgainTheKernels(t *testing.T) {
	s := newSite(t)
	one := s.server(11)
	one.tcp()
	l := listener(network.TCP, one.backend(100))
	s.apply(l)
	before := s.tcp(first)
	s.apply(proxied(l))
	if c := s.tcp(first); c.seen[:7] != "100.64." {
		t.Errorf("the proxy connects from %s", c.seen)
	}
	s.apply(l)
	if c := s.tcp(first); c.seen != c.LocalAddr().String() {
		t.Errorf("the kernel's comes from %s", c.seen)
	}
	if err := before.alive(); err != nil {
		t.Errorf("the connection of before: %v", err)
	}
}

func TestSilentProxiedConnectionsEnd(t *testing.T) {
	s := newSite(t)
	one := s.server(11)
	one.tcp()
	l := proxied(listener(network.TCP, one.backend(100)))
	l.Established = 500 * time.Millisecond
	s.apply(l)
	c := s.tcp(first)
	for end := time.Now().Add(2 * l.Established); time.Now().Before(end); <-time.NewTimer(l.Established / 5).C {
		must(t, c.alive())
	}
	silent := time.Now()
	if err := ended(c); err != nil || time.Since(silent) < l.Established/2 {
		t.Errorf("after %s: %v", time.Since(silent), err)
	}
}
