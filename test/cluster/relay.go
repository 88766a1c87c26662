package cluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"
)

// relayDialTimeout bounds how long a client of the relay waits for the other side.
const relayDialTimeout = 5 * time.Second

// relay lets this machine's clients reach an address of a network namespace
// through a port of the machine's loopback. It knows nothing of what passes.
type relay struct {
	listener net.Listener
	dial     func(ctx context.Context) (net.Conn, error)
	cancel   context.CancelFunc
	running  sync.WaitGroup

	mu     sync.Mutex
	open   map[net.Conn]struct{}
	closed bool
}

// startRelay listens on a free port of the loopback. The relay ends with Close,
// not with the context.
func startRelay(ctx context.Context, dial func(ctx context.Context) (net.Conn, error)) (*relay, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp4", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("relay to the control plane: %w", err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	r := &relay{listener: listener, dial: dial, cancel: cancel, open: map[net.Conn]struct{}{}}
	r.running.Go(func() { r.accept(ctx) })
	return r, nil
}

// Address is the host and port that clients connect to.
func (r *relay) Address() string { return r.listener.Addr().String() }

// Close ends the relay and every connection through it.
func (r *relay) Close() error {
	r.cancel()
	err := r.listener.Close()
	r.mu.Lock()
	r.closed = true
	for conn := range r.open {
		_ = conn.Close()
	}
	r.mu.Unlock()
	r.running.Wait()
	if err != nil && !errors.Is(err, net.ErrClosed) {
		return fmt.Errorf("relay to the control plane: %w", err)
	}
	return nil
}

func (r *relay) accept(ctx context.Context) {
	for {
		client, err := r.listener.Accept()
		if err != nil {
			return // closed
		}
		r.running.Go(func() { r.pass(ctx, client) })
	}
}

// pass copies in both directions until either ends.
func (r *relay) pass(ctx context.Context, client net.Conn) {
	defer r.release(client)
	if !r.hold(client) {
		return
	}
	dialContext, cancel := context.WithTimeout(ctx, relayDialTimeout)
	server, err := r.dial(dialContext)
	cancel()
	if err != nil {
		return // the client sees its connection end, as with a server that is down
	}
	defer r.release(server)
	if !r.hold(server) {
		return
	}
	ended := make(chan struct{}, 2)
	for _, way := range [][2]net.Conn{{client, server}, {server, client}} {
		r.running.Go(func() {
			_, _ = io.Copy(way[0], way[1]) // #nosec G104 -- an end like any other
			ended <- struct{}{}
		})
	}
	<-ended
}

// hold remembers a connection for Close; false when that has begun.
func (r *relay) hold(conn net.Conn) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.closed {
		r.open[conn] = struct{}{}
	}
	return !r.closed
}

func (r *relay) release(conn net.Conn) {
	_ = conn.Close()
	r.mu.Lock()
	delete(r.open, conn)
	r.mu.Unlock()
}
