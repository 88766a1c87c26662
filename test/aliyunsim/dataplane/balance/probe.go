package balance

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strings"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/network"
	"github.com/kube-aliyun/kube-aliyun/test/sandbox"
)

// probe asks a backend whether it works.
type probe struct {
	namespace *sandbox.Namespace
	source    netip.Addr
	settings  network.Check
	backend   netip.AddrPort
}

var errStatus = errors.New("unexpected answer")

// run is one check. SLB API: a HealthCheckConnectTimeout below the interval counts
// as the interval.
func (p probe) run(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, max(p.settings.Timeout, p.settings.Interval))
	defer cancel()
	transport := "tcp"
	if p.settings.Protocol == network.UDP {
		transport = "udp"
	}
	to := p.backend
	if p.settings.Port != 0 {
		to = socket(to.Addr(), p.settings.Port)
	}
	conn, err := dial(ctx, p.namespace, transport, p.source, to)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	if deadline, ok := ctx.Deadline(); ok {
		if err := conn.SetDeadline(deadline); err != nil {
			return fmt.Errorf("health check: %w", err)
		}
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		// Reset, as the real thing does: closed ones would hold a port for a minute.
		_ = tcp.SetLinger(0)
	}
	switch p.settings.Protocol {
	case network.UDP:
		return silent(conn)
	case network.HTTP, network.HTTPS:
		return p.ask(conn)
	case network.TCP:
	}
	return nil
}

// silent sends a datagram. Any answer but an ICMP error is good, and so is none.
func silent(conn net.Conn) error {
	if _, err := conn.Write([]byte("health check")); err != nil {
		return fmt.Errorf("health check: %w", err)
	}
	if _, err := conn.Read(make([]byte, 1)); err != nil && !errors.Is(err, os.ErrDeadlineExceeded) && !errors.Is(err, net.ErrClosed) {
		return fmt.Errorf("health check: %w", err)
	}
	return nil
}

// ask sends a request of HTTP/1.0 and looks at the status alone.
func (p probe) ask(conn net.Conn) error {
	method := strings.ToUpper(p.settings.Method)
	if method == "" {
		method = http.MethodHead
	}
	path := p.settings.Path
	if path == "" {
		path = "/"
	}
	host := p.settings.Host
	if host == "$_ip" {
		host = p.backend.Addr().String()
	}
	request := method + " " + path + " HTTP/1.0\r\n"
	if host != "" {
		request += "Host: " + host + "\r\n"
	}
	if _, err := conn.Write([]byte(request + "\r\n")); err != nil {
		return fmt.Errorf("health check: %w", err)
	}
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return fmt.Errorf("health check: %w", err)
	}
	_ = response.Body.Close()
	codes := p.settings.Codes
	if codes == "" {
		codes = "http_2xx"
	}
	if !strings.Contains(codes, fmt.Sprintf("http_%dxx", response.StatusCode/100)) {
		return fmt.Errorf("health check: %w: %s", errStatus, response.Status)
	}
	return nil
}

// dial connects to a backend from the load balancer's own address.
func dial(ctx context.Context, namespace *sandbox.Namespace, transport string, source netip.Addr, to netip.AddrPort) (net.Conn, error) {
	var dialer net.Dialer
	if to.Addr().Is4() {
		if transport == "udp" {
			dialer.LocalAddr = net.UDPAddrFromAddrPort(netip.AddrPortFrom(source, 0))
		} else {
			dialer.LocalAddr = net.TCPAddrFromAddrPort(netip.AddrPortFrom(source, 0))
		}
	}
	return namespace.Dial(ctx, dialer, transport, to.String())
}
