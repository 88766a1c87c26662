package echo

import (
	"bufio"
	"context"
	"errors"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"
)

// Server answers on the listeners that are set.
type Server struct {
	// Host and Node are in every answer.
	Host, Node string
	HTTP       []net.Listener
	TCP        []net.Listener
	// ProxiedTCP are TCP behind load balancers that speak the PROXY protocol.
	ProxiedTCP []net.Listener
	UDP        []net.PacketConn
	// Grace is how long requests and connections may go on after the end.
	Grace time.Duration

	mu    sync.Mutex
	conns map[net.Conn]struct{}
}

// Serve answers until the context ends: new connections are refused from then on,
// open ones have the grace to end.
func (s *Server) Serve(ctx context.Context) error {
	s.conns = map[net.Conn]struct{}{}
	web := &http.Server{Handler: s.handler(), ReadHeaderTimeout: 10 * time.Second}
	var running sync.WaitGroup
	for _, listener := range s.HTTP {
		running.Go(func() { _ = web.Serve(listener) })
	}
	for _, listener := range s.TCP {
		running.Go(func() { s.accept(&running, listener, false) })
	}
	for _, listener := range s.ProxiedTCP {
		running.Go(func() { s.accept(&running, listener, true) })
	}
	for _, conn := range s.UDP {
		running.Go(func() { s.datagrams(conn) })
	}
	<-ctx.Done()
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.Grace)
	defer cancel()
	for _, listener := range slices.Concat(s.TCP, s.ProxiedTCP) {
		_ = listener.Close()
	}
	err := web.Shutdown(grace)
	if errors.Is(err, context.DeadlineExceeded) {
		err = web.Close()
	}
	for _, conn := range s.UDP {
		_ = conn.Close()
	}
	ended := make(chan struct{})
	go func() { running.Wait(); close(ended) }()
	select {
	case <-ended:
	case <-grace.Done():
		s.closeAll()
		<-ended
	}
	return err
}

func (s *Server) accept(running *sync.WaitGroup, listener net.Listener, headers bool) {
	for {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		s.mu.Lock()
		s.conns[conn] = struct{}{}
		s.mu.Unlock()
		running.Go(func() { s.lines(conn, headers) })
	}
}

// lines answers every line of a connection, which may begin with a header.
func (s *Server) lines(conn net.Conn, header bool) {
	defer func() {
		_ = conn.Close()
		s.mu.Lock()
		delete(s.conns, conn)
		s.mu.Unlock()
	}()
	scanner, from := bufio.NewScanner(conn), client(conn.RemoteAddr())
	if header {
		var err error
		if scanner, from, err = proxied(conn); err != nil {
			return // the peer sees its connection end
		}
	}
	for scanner.Scan() {
		answer := Answer{Host: s.Host, Node: s.Node, Client: from, Text: scanner.Text()}
		if _, err := conn.Write(answer.encode()); err != nil {
			return
		}
	}
}

func (s *Server) datagrams(conn net.PacketConn) {
	buffer := make([]byte, 64<<10)
	for {
		n, from, err := conn.ReadFrom(buffer)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue // such as an ICMP answer to an earlier datagram
		}
		answer := Answer{Host: s.Host, Node: s.Node, Client: client(from), Text: string(buffer[:n])}
		_, _ = conn.WriteTo(answer.encode(), from)
	}
}

func (s *Server) closeAll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for conn := range s.conns {
		_ = conn.Close()
	}
}
