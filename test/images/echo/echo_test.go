package echo

import (
	"context"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func listen(t *testing.T) net.Listener {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return listener
}

// serve starts a server and returns where it answers and how to end it.
func serve(t *testing.T, grace time.Duration) (web, tcp, udp string, stop func() error) {
	t.Helper()
	packets, err := (&net.ListenConfig{}).ListenPacket(t.Context(), "udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	one, two := listen(t), listen(t)
	s := &Server{Host: "pod-1", Node: "node-1", HTTP: []net.Listener{one}, TCP: []net.Listener{two}, UDP: []net.PacketConn{packets}, Grace: grace}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx) }()
	var stopped bool
	stop = func() error {
		if stopped {
			return nil
		}
		stopped = true
		cancel()
		return <-ended
	}
	t.Cleanup(func() { _ = stop() })
	return one.Addr().String(), two.Addr().String(), packets.LocalAddr().String(), stop
}

func bounded(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func TestEveryProtocolTellsWhoAskedAndWhoAnswers(t *testing.T) {
	web, tcp, udp, _ := serve(t, time.Second)
	ctx := bounded(t)
	dial := (&net.Dialer{}).DialContext
	for name, ask := range map[string]func() (Answer, error){
		"http": func() (Answer, error) { return Get(ctx, dial, "http://"+web+"/hello") },
		"tcp":  func() (Answer, error) { return Ask(ctx, dial, "tcp4", tcp, "/hello") },
		"udp":  func() (Answer, error) { return Ask(ctx, dial, "udp4", udp, "/hello") },
	} {
		t.Run(name, func(t *testing.T) {
			answer, err := ask()
			if err != nil {
				t.Fatal(err)
			}
			if answer.Host != "pod-1" || answer.Node != "node-1" || answer.Text != "/hello" || answer.Client.Addr() != netip.MustParseAddr("127.0.0.1") {
				t.Errorf("got %+v", answer)
			}
		})
	}
}

func TestStatusIsAsAskedFor(t *testing.T) {
	web, _, _, _ := serve(t, time.Second)
	_, err := Get(bounded(t), (&net.Dialer{}).DialContext, "http://"+web+"/status/503")
	if err == nil || !strings.Contains(err.Error(), "503") {
		t.Errorf("got %v", err)
	}
}

func TestRequestInFlightIsAnsweredAfterTheEndHasBegun(t *testing.T) {
	reading := make(chan struct{})
	listener := &tellingListener{Listener: listen(t), reading: reading}
	s := &Server{HTTP: []net.Listener{listener}, Grace: 10 * time.Second}
	serving, end := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(serving) }()
	ctx := bounded(t)
	result := make(chan error, 1)
	go func() {
		_, err := Get(ctx, (&net.Dialer{}).DialContext, "http://"+listener.Addr().String()+"/delay/300ms")
		result <- err
	}()
	<-reading
	end()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if err := <-result; err != nil {
		t.Error(err)
	}
}

// tellingListener tells when the server has read from its first connection.
type tellingListener struct {
	net.Listener
	reading chan struct{}
}

func (l *tellingListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	return &telling{Conn: conn, reading: l.reading}, err
}

type telling struct {
	net.Conn
	once    sync.Once
	reading chan struct{}
}

func (c *telling) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.once.Do(func() { close(c.reading) })
	return n, err
}

func TestConnectionOutlivesTheGraceOfNoServer(t *testing.T) {
	_, tcp, _, stop := serve(t, 50*time.Millisecond)
	conn, err := (&net.Dialer{}).DialContext(bounded(t), "tcp4", tcp)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	if err := conn.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Read(make([]byte, 1)); err == nil {
		t.Error("the connection is still open")
	}
}
