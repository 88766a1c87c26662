package echo

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"
)

const (
	headerTCP4  = "\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0c\xc6\x33\x64\x0a\x0a\x63\x00\x0b\x30\x39\x1f\x90"
	headerLocal = "\r\n\r\n\x00\r\nQUIT\n\x20\x00\x00\x00"
)

func TestHeaderNamesTheClient(t *testing.T) {
	tcp6 := "\r\n\r\n\x00\r\nQUIT\n\x21\x21\x00\x24" + strings.Repeat("\x00", 15) + "\x01" + strings.Repeat("\x00", 15) + "\x02\x30\x39\x1f\x90"
	for name, test := range map[string]struct {
		header string
		want   netip.AddrPort
	}{
		"IPv4":  {headerTCP4, netip.MustParseAddrPort("198.51.100.10:12345")},
		"IPv6":  {tcp6, netip.MustParseAddrPort("[::1]:12345")},
		"local": {headerLocal, netip.AddrPort{}},
	} {
		t.Run(name, func(t *testing.T) {
			rest := strings.NewReader(test.header + "hello")
			got, err := readProxyHeader(rest)
			if err != nil || got != test.want {
				t.Errorf("got %s, %v, want %s", got, err, test.want)
			}
			if left, err := io.ReadAll(rest); err != nil || string(left) != "hello" {
				t.Errorf("left %q, %v", left, err)
			}
		})
	}
}

func FuzzHeader(f *testing.F) {
	f.Add([]byte(headerTCP4))
	f.Add([]byte(headerLocal))
	f.Add([]byte("PROXY TCP4 198.51.100.10 10.99.0.11 12345 8080\r\n"))
	f.Fuzz(func(t *testing.T, header []byte) {
		from, err := readProxyHeader(bytes.NewReader(header))
		if err != nil && from.IsValid() {
			t.Errorf("a client %s out of a wrong header: %v", from, err)
		}
		if err == nil && !bytes.HasPrefix(header, proxySignature) {
			t.Errorf("accepted %q", header)
		}
	})
}

func TestServerTellsTheClientOfTheHeader(t *testing.T) {
	listener := listen(t)
	s := &Server{ProxiedTCP: []net.Listener{listener}, Grace: time.Second}
	serving, end := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(serving) }()
	t.Cleanup(func() {
		end()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	dial := func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
		if err == nil {
			_, err = io.WriteString(conn, headerTCP4)
		}
		return conn, err
	}
	answer, err := Ask(bounded(t), dial, "tcp4", listener.Addr().String(), "hello")
	if err != nil || answer.Client != netip.MustParseAddrPort("198.51.100.10:12345") || answer.Text != "hello" {
		t.Errorf("answered %+v, %v", answer, err)
	}
	if _, err := Ask(bounded(t), (&net.Dialer{}).DialContext, "tcp4", listener.Addr().String(), "a line without a header"); err == nil {
		t.Error("a connection without a header was answered")
	}
}
