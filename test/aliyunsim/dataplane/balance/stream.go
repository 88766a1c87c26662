package balance

import (
	"context"
	"io"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/network"
)

// stream is a proxy of TCP that tells backends about clients by the PROXY
// protocol.
type stream struct {
	proxy
	listener net.Listener
	cancel   context.CancelFunc

	mu     sync.Mutex
	closed bool
	open   map[*connection]bool
}

// connection is a client's, with the backend's.
type connection struct {
	backend        netip.AddrPort
	client, server *net.TCPConn
}

// splice serves clients until the proxy is closed.
func splice(ctx context.Context, base proxy, listener net.Listener) *stream {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	p := &stream{proxy: base, listener: listener, cancel: cancel, open: map[*connection]bool{}}
	p.running.Go(func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			if client, ok := client.(*net.TCPConn); ok {
				p.running.Go(func() { p.serve(ctx, client) })
			}
		}
	})
	return p
}

// serve connects a client with a backend. Where that fails the client is reset.
func (p *stream) serve(ctx context.Context, client *net.TCPConn) {
	from := client.RemoteAddr().(*net.TCPAddr).AddrPort() //nolint:errcheck // a TCP connection's
	backend, found := p.pool.pick(from.Addr().Unmap())
	if !found {
		reset(client)
		return
	}
	server, err := p.connect(ctx, backend, from)
	if err != nil {
		p.log.V(2).Info("no connection", "backend", backend.Address, "result", err)
		reset(client)
		return
	}
	c := &connection{backend: socket(backend.Address, backend.Port), client: client, server: server}
	if !p.add(c) {
		reset(client, server)
		return
	}
	heard := c.heard(p.pool.silence())
	var back sync.WaitGroup
	back.Go(func() { pump(client, server, heard) })
	pump(server, client, heard)
	back.Wait()
	p.mu.Lock()
	delete(p.open, c)
	p.mu.Unlock()
	_, _ = client.Close(), server.Close()
}

// connect reaches a backend and says who has connected.
func (p *stream) connect(ctx context.Context, backend network.Backend, client netip.AddrPort) (*net.TCPConn, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	conn, err := dial(ctx, p.namespace, "tcp", p.source, socket(backend.Address, backend.Port))
	if err != nil {
		return nil, err
	}
	if _, err := conn.Write(proxyHeader("tcp", client, p.frontend)); err != nil {
		_ = conn.Close()
		return nil, err
	}
	return conn.(*net.TCPConn), nil //nolint:errcheck // a TCP connection
}

// add remembers a connection, if the proxy has not been closed.
func (p *stream) add(c *connection) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return false
	}
	p.open[c] = true
	return true
}

// heard makes what is called for all that comes from either side: both then have
// the time of silence before them. It begins now.
func (c *connection) heard(silence time.Duration) func() {
	extend := func() {
		if silence > 0 {
			end := time.Now().Add(silence)
			_, _ = c.client.SetReadDeadline(end), c.server.SetReadDeadline(end)
		}
	}
	extend()
	return extend
}

// listened is a connection that tells when something is read.
type listened struct {
	io.Reader
	heard func()
}

func (l listened) Read(to []byte) (int, error) {
	n, err := l.Reader.Read(to)
	if n > 0 {
		l.heard()
	}
	return n, err
}

// pump carries one direction to its end. A failure ends both.
func pump(to, from *net.TCPConn, heard func()) {
	if _, err := io.Copy(to, listened{from, heard}); err != nil {
		reset(to, from)
		return
	}
	_ = to.CloseWrite()
}

// reset ends connections without their ends' consent.
func reset(conns ...*net.TCPConn) {
	for _, conn := range conns {
		_ = conn.SetLinger(0)
		_ = conn.Close()
	}
}

func (p *stream) end(backend netip.AddrPort) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.open {
		if c.backend == backend {
			reset(c.client, c.server)
		}
	}
}

func (p *stream) close() {
	p.cancel()
	_ = p.listener.Close()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	for c := range p.open {
		reset(c.client, c.server)
	}
}
