package transport

import (
	"context"
	"net"
	"net/http/httptrace"
	"sync/atomic"
	"time"
)

// gatedConn is a connection that asks before it sends. A process may be frozen
// between the decision to write and the writing, so the fence is asked again by
// the last code before the system call.
type gatedConn struct {
	net.Conn
	gate atomic.Pointer[func() error]
}

// Write implements net.Conn.
func (c *gatedConn) Write(p []byte) (int, error) {
	if gate := c.gate.Load(); gate != nil {
		if err := (*gate)(); err != nil {
			return 0, err
		}
	}
	return c.Conn.Write(p) //nolint:wrapcheck // net/http knows the kinds of these errors
}

// dial connects to where net/http says.
func dial(ctx context.Context, network, address string) (net.Conn, error) {
	dialer := net.Dialer{Timeout: dialTimeout, KeepAlive: 30 * time.Second}
	conn, err := dialer.DialContext(ctx, network, address)
	if err != nil {
		return nil, err //nolint:wrapcheck // net/http knows the kinds of these errors
	}
	return &gatedConn{Conn: conn}, nil
}

// guard sets the gate of the connection that a request has got; nil for none. The
// connection is that request's alone, as long as it is HTTP/1.
func guard(info httptrace.GotConnInfo, gate func() error) {
	conn := info.Conn
	if encrypted, ok := conn.(interface{ NetConn() net.Conn }); ok {
		conn = encrypted.NetConn()
	}
	gated, ok := conn.(*gatedConn)
	switch {
	case !ok:
	case gate == nil:
		gated.gate.Store(nil)
	default:
		gated.gate.Store(&gate)
	}
}
