package balance

import (
	"context"
	"net"
	"net/netip"
	"sync"
	"time"
)

// conversationTimeout ends a UDP conversation without datagrams.
const conversationTimeout = 90 * time.Second

// datagram is a proxy of UDP that puts a header of the PROXY protocol before each
// datagram to a backend: it has no order to rely on.
type datagram struct {
	proxy
	conn   net.PacketConn
	cancel context.CancelFunc

	mu      sync.Mutex
	closed  bool
	clients map[netip.AddrPort]*talk
}

// talk is a client's conversation with a backend.
type talk struct {
	backend netip.AddrPort
	server  net.Conn
}

// relay serves clients until the proxy is closed.
func relay(ctx context.Context, base proxy, conn net.PacketConn) *datagram {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	p := &datagram{proxy: base, conn: conn, cancel: cancel, clients: map[netip.AddrPort]*talk{}}
	p.running.Go(func() {
		buffer := make([]byte, 1<<16)
		for ctx.Err() == nil {
			n, from, err := conn.ReadFrom(buffer)
			if err != nil {
				continue
			}
			if from, ok := from.(*net.UDPAddr); ok {
				p.send(ctx, from.AddrPort(), buffer[:n])
			}
		}
	})
	return p
}

// send carries a client's datagram. One that cannot be sent is lost.
func (p *datagram) send(ctx context.Context, from netip.AddrPort, content []byte) {
	p.mu.Lock()
	t := p.clients[from]
	p.mu.Unlock()
	if t == nil {
		if t = p.begin(ctx, from); t == nil {
			return
		}
	}
	_ = t.server.SetReadDeadline(time.Now().Add(conversationTimeout))
	_, _ = t.server.Write(append(proxyHeader("udp", from, p.frontend), content...))
}

func (p *datagram) begin(ctx context.Context, from netip.AddrPort) *talk {
	backend, found := p.pool.pick(from.Addr().Unmap())
	if !found {
		return nil
	}
	at := socket(backend.Address, backend.Port)
	server, err := dial(ctx, p.namespace, "udp", p.source, at)
	if err != nil {
		p.log.V(2).Info("no conversation", "backend", at, "result", err)
		return nil
	}
	t := &talk{backend: at, server: server}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		_ = server.Close()
		return nil
	}
	p.clients[from] = t
	p.running.Go(func() { p.answer(from, t) })
	return t
}

// answer carries the backend's datagrams until there are none for long.
func (p *datagram) answer(from netip.AddrPort, t *talk) {
	buffer := make([]byte, 1<<16)
	for {
		n, err := t.server.Read(buffer)
		if err != nil {
			break
		}
		_, _ = p.conn.WriteTo(buffer[:n], net.UDPAddrFromAddrPort(from))
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.clients, from)
	_ = t.server.Close()
}

func (p *datagram) end(backend netip.AddrPort) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, t := range p.clients {
		if t.backend == backend {
			_ = t.server.Close()
		}
	}
}

func (p *datagram) close() {
	p.cancel()
	_ = p.conn.Close()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	for _, t := range p.clients {
		_ = t.server.Close()
	}
}
