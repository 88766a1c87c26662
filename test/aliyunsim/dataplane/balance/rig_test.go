package balance

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"go.uber.org/goleak"
	"k8s.io/klog/v2/ktesting"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/network"
	"github.com/kube-aliyun/kube-aliyun/test/sandbox"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	// address is the load balancer's.
	address = "203.0.113.5"
	// patience bounds what has to happen.
	patience = 5 * time.Second
)

// site is a client, a VPC's router with load balancers, and servers.
type site struct {
	t         *testing.T
	sandbox   *sandbox.Sandbox
	client    *sandbox.Namespace
	router    *sandbox.Namespace
	balancers *Balancers
}

func newSite(t *testing.T) *site {
	t.Helper()
	logger, ctx := ktesting.NewTestContext(t)
	box, err := sandbox.Open(ctx)
	if errors.Is(err, sandbox.ErrUnsupported) {
		t.Skip(err)
	}
	must(t, err)
	t.Cleanup(func() { must(t, box.Close(context.WithoutCancel(ctx))) })
	s := &site{t: t, sandbox: box, balancers: New(logger)}
	t.Cleanup(s.balancers.Close)
	s.client, s.router = s.namespace("client"), s.namespace("router")
	must(t, s.router.Sysctl("ipv4/ip_forward", "1"))
	must(t, s.router.Netlink().LinkAdd(&netlink.Bridge{LinkAttrs: named("vsw")}))
	s.address(s.router, "vsw", "10.0.0.1/24")
	s.address(s.router, "lo", address+"/32")
	s.join(s.client, "client")
	must(s.t, s.router.Sysctl("ipv4/neigh/vsw/retrans_time_ms", "50"))
	must(s.t, s.client.Sysctl("ipv4/neigh/eth0/retrans_time_ms", "50"))
	s.address(s.router, "client", "198.51.100.1/24")
	for _, last := range []string{"10", "11", "12", "13", "14", "15", "16", "17"} {
		s.address(s.client, "eth0", "198.51.100."+last+"/24")
	}
	s.gateway(s.client, "198.51.100.1")
	s.reachable(s.client, "198.51.100.1:9")
	return s
}

func (s *site) namespace(name string) *sandbox.Namespace {
	s.t.Helper()
	n, err := s.sandbox.Namespace(name)
	must(s.t, err)
	return n
}

// join connects a namespace with the router; the router's end has a name.
func (s *site) join(n *sandbox.Namespace, end string) netlink.Link {
	s.t.Helper()
	pair := &netlink.Veth{LinkAttrs: named(end), PeerName: "eth0", PeerNamespace: netlink.NsFd(n.FD())}
	must(s.t, s.router.Netlink().LinkAdd(pair))
	link, err := s.router.Netlink().LinkByName(end)
	must(s.t, err)
	must(s.t, s.router.Netlink().LinkSetUp(link))
	return link
}

func (s *site) up(n *sandbox.Namespace, device string) bool {
	link, err := n.Netlink().LinkByName(device)
	return err == nil && link.Attrs().OperState == netlink.OperUp
}

// reachable waits until a port where nobody listens refuses: the first packets of
// a new link may be lost.
func (s *site) reachable(from *sandbox.Namespace, address string) {
	s.t.Helper()
	eventually(s.t, address+" is reachable", func() bool {
		conn, err := from.Dial(s.t.Context(), net.Dialer{Timeout: patience / 20}, "tcp", address)
		if err == nil {
			_ = conn.Close()
		}
		return errors.Is(err, syscall.ECONNREFUSED)
	})
}

func (s *site) address(n *sandbox.Namespace, device, prefix string) {
	s.t.Helper()
	link, err := n.Netlink().LinkByName(device)
	must(s.t, err)
	parsed, err := netlink.ParseAddr(prefix)
	must(s.t, err)
	must(s.t, n.Netlink().AddrAdd(link, parsed))
	must(s.t, n.Netlink().LinkSetUp(link))
}

func (s *site) gateway(n *sandbox.Namespace, address string) {
	s.t.Helper()
	must(s.t, n.Netlink().RouteAdd(&netlink.Route{Gw: net.ParseIP(address)}))
}

func named(name string) netlink.LinkAttrs {
	attributes := netlink.NewLinkAttrs()
	attributes.Name = name
	return attributes
}

// server is a backend: 10.0.0.<number>, which answers with "server-<number>" and
// the client's address, then with every line that it gets.
type server struct {
	*site
	number int
	at     *sandbox.Namespace
	// release ends what waits.
	release chan struct{}
}

func (s *site) server(number int) *server {
	s.t.Helper()
	name := fmt.Sprintf("server-%d", number)
	v := &server{site: s, number: number, at: s.namespace(name), release: make(chan struct{})}
	link := s.join(v.at, name)
	bridge, err := s.router.Netlink().LinkByName("vsw")
	must(s.t, err)
	must(s.t, s.router.Netlink().LinkSetMaster(link, bridge))
	s.address(v.at, "eth0", fmt.Sprintf("10.0.0.%d/24", number))
	s.gateway(v.at, "10.0.0.1")
	eventually(s.t, name+" is connected", func() bool { return s.up(s.router, name) && s.up(s.router, "vsw") && s.up(v.at, "eth0") })
	s.reachable(s.router, fmt.Sprintf("10.0.0.%d:9", number))
	return v
}

// backend is the server in a listener.
func (v *server) backend(weight int) network.Backend {
	return network.Backend{Server: fmt.Sprintf("i-%d", v.number), Address: netip.AddrFrom4([4]byte{10, 0, 0, byte(v.number)}), Port: 8080, Weight: weight}
}

// tcp serves streams until the test ends, or stop is called.
func (v *server) tcp() (stop func()) {
	v.t.Helper()
	listener, err := v.at.Listen(v.t.Context(), net.ListenConfig{}, "tcp4", fmt.Sprintf("10.0.0.%d:8080", v.number))
	must(v.t, err)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go v.converse(conn)
		}
	}()
	stop = func() {
		_ = listener.Close()
		<-done
	}
	v.t.Cleanup(stop)
	return stop
}

func (v *server) converse(conn net.Conn) {
	defer func() { _ = conn.Close() }()
	v.t.Cleanup(func() { _ = conn.Close() })
	_, _ = fmt.Fprintf(conn, "server-%d %s\n", v.number, conn.RemoteAddr())
	lines := bufio.NewReader(conn)
	if start, err := lines.Peek(1); err == nil && start[0] == '\r' {
		_, _ = lines.Discard(28) // a header of the PROXY protocol
	}
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			return
		}
		_, _ = conn.Write([]byte(line))
	}
}

// udp answers datagrams.
func (v *server) udp() (stop func()) {
	v.t.Helper()
	conn, err := v.at.ListenPacket(v.t.Context(), net.ListenConfig{}, "udp4", fmt.Sprintf("10.0.0.%d:8080", v.number))
	must(v.t, err)
	done := make(chan struct{})
	go func() {
		defer close(done)
		buffer := make([]byte, 2048)
		for {
			_, from, err := conn.ReadFrom(buffer)
			if err != nil {
				return
			}
			_, _ = conn.WriteTo(fmt.Appendf(nil, "server-%d %s\n", v.number, from), from)
		}
	}()
	stop = func() {
		_ = conn.Close()
		<-done
	}
	v.t.Cleanup(stop)
	return stop
}

// conversation is a connection of a client.
type conversation struct {
	t *testing.T
	net.Conn
	lines  *bufio.Reader
	server string
	// seen is the client's address as the server has it.
	seen string
}

// from connects to the load balancer from one of the client's addresses.
func (s *site) from(source, network string, port int) (*conversation, error) {
	s.t.Helper()
	dialer := net.Dialer{Timeout: time.Second, LocalAddr: &net.TCPAddr{IP: net.ParseIP(source)}}
	if network == "udp" {
		dialer.LocalAddr = &net.UDPAddr{IP: net.ParseIP(source)}
	}
	conn, err := s.client.Dial(s.t.Context(), dialer, network, fmt.Sprintf("%s:%d", address, port))
	if err != nil {
		return nil, err
	}
	s.t.Cleanup(func() { _ = conn.Close() })
	c := &conversation{t: s.t, Conn: conn, lines: bufio.NewReader(conn)}
	if network == "udp" {
		if _, err := conn.Write([]byte("hello")); err != nil {
			return nil, err
		}
	}
	return c, c.greeted()
}

// greeted reads who serves.
func (c *conversation) greeted() error {
	if err := c.SetReadDeadline(time.Now().Add(time.Second)); err != nil {
		return err
	}
	line, err := c.lines.ReadString('\n')
	if err != nil {
		return err
	}
	c.server, c.seen, _ = strings.Cut(strings.TrimSpace(line), " ")
	return nil
}

// alive says whether the connection carries a line there and back.
func (c *conversation) alive() error {
	if err := c.SetDeadline(time.Now().Add(time.Second)); err != nil {
		return err
	}
	if _, err := c.Write([]byte("ping\n")); err != nil {
		return err
	}
	line, err := c.lines.ReadString('\n')
	if err == nil && line != "ping\n" {
		err = fmt.Errorf("answer %q", line)
	}
	return err
}

// tcp connects, and must get through.
func (s *site) tcp(source string) *conversation {
	s.t.Helper()
	c, err := s.from(source, "tcp", 80)
	must(s.t, err)
	return c
}

// tally counts who serves a number of new connections. They stay open: another
// from the same port would be the same UDP conversation.
func (s *site) tally(source, network string, number int) map[string]int {
	s.t.Helper()
	counts := map[string]int{}
	for range number {
		c, err := s.from(source, network, 80)
		must(s.t, err)
		counts[c.server]++
	}
	return counts
}

// apply puts the listeners on the load balancer.
func (s *site) apply(listeners ...network.Listener) {
	s.t.Helper()
	must(s.t, s.balancers.Apply(s.t.Context(), s.router, []network.LoadBalancer{balancer(listeners...)}))
}

func balancer(listeners ...network.Listener) network.LoadBalancer {
	return network.LoadBalancer{ID: "lb-1", Address: netip.MustParseAddr(address), Active: true, Listeners: listeners}
}

func listener(protocol network.Protocol, backends ...network.Backend) network.Listener {
	return network.Listener{Port: 80, Protocol: protocol, Scheduler: network.WeightedRoundRobin, Backends: backends}
}

// eventually waits for a condition.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for end := time.Now().Add(patience); time.Now().Before(end); <-ticker.C {
		if holds() {
			return
		}
	}
	t.Fatalf("not within %s: %s", patience, what)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
