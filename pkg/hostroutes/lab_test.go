package hostroutes

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
	"k8s.io/klog/v2"

	"github.com/kube-aliyun/kube-aliyun/pkg/event"
	"github.com/kube-aliyun/kube-aliyun/pkg/hostroutes/kernel"
	"github.com/kube-aliyun/kube-aliyun/pkg/hostroutes/plan"
	"github.com/kube-aliyun/kube-aliyun/test/sandbox"
)

// The marks of the tests' routes.
const (
	ourProtocol = 107
	ourMetric   = 512
)

// lab is a VPC of one vSwitch: servers that are network namespaces on a bridge.
type lab struct {
	t       testing.TB
	sandbox *sandbox.Sandbox
	vpc     *sandbox.Namespace
	bridge  netlink.Link
	// bits is the length of the vSwitch's range 10.99.0.0, and six gives IPv6 too.
	bits int
	six  bool
}

func newLab(t testing.TB) *lab {
	t.Helper()
	s, err := sandbox.Open(t.Context())
	if errors.Is(err, sandbox.ErrUnsupported) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	l := &lab{t: t, sandbox: s, bits: 24}
	l.vpc = l.namespace("vpc")
	l.bridge = l.addBridge(l.vpc, "vsw")
	return l
}

func (l *lab) ok(err error) {
	l.t.Helper()
	if err != nil {
		l.t.Fatal(err)
	}
}

func (l *lab) namespace(name string) *sandbox.Namespace {
	l.t.Helper()
	n, err := l.sandbox.Namespace(name)
	l.ok(err)
	return n
}

func (l *lab) addBridge(in *sandbox.Namespace, name string) netlink.Link {
	l.t.Helper()
	attributes := netlink.NewLinkAttrs()
	attributes.Name = name
	l.ok(in.Netlink().LinkAdd(&netlink.Bridge{LinkAttrs: attributes}))
	link, err := in.Netlink().LinkByName(name)
	l.ok(err)
	l.ok(in.Netlink().LinkSetUp(link))
	return link
}

// join puts a link into a namespace whose other end is at a bridge.
func (l *lab) join(in *sandbox.Namespace, name string, at *sandbox.Namespace, bridge netlink.Link, other string) netlink.Link {
	l.t.Helper()
	attributes := netlink.NewLinkAttrs()
	attributes.Name, attributes.MasterIndex = other, bridge.Attrs().Index
	l.ok(at.Netlink().LinkAdd(&netlink.Veth{LinkAttrs: attributes, PeerName: name, PeerNamespace: netlink.NsFd(in.FD())}))
	end, err := at.Netlink().LinkByName(other)
	l.ok(err)
	l.ok(at.Netlink().LinkSetUp(end))
	link, err := in.Netlink().LinkByName(name)
	l.ok(err)
	l.ok(in.Netlink().LinkSetUp(link))
	return link
}

func (l *lab) address(in *sandbox.Namespace, link netlink.Link, prefix string) {
	l.t.Helper()
	l.ok(in.Netlink().AddrAdd(link, addressOf(prefix)))
}

func addressOf(prefix string) *netlink.Addr {
	p := netip.MustParsePrefix(prefix)
	a := &netlink.Addr{IPNet: ipNet(p)}
	if p.Addr().Is6() {
		a.Flags = unix.IFA_F_NODAD
	}
	return a
}

func ipNet(p netip.Prefix) *net.IPNet {
	return &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())}
}

// server is a server of the lab with its Node.
type server struct {
	lab    *lab
	number int
	ns     *sandbox.Namespace
	uplink netlink.Link
	// pods is the bridge of its Pods.
	pods netlink.Link
	node plan.Node
	// pod is the namespace of a Pod, nil for a server without one.
	pod *sandbox.Namespace
}

// server makes the server with a number from 1, with the bridge of its Pods.
func (l *lab) server(number int) *server {
	l.t.Helper()
	s := &server{lab: l, number: number, ns: l.namespace("s" + strconv.Itoa(number))}
	s.uplink = l.join(s.ns, "eth0", l.vpc, l.bridge, "v"+strconv.Itoa(number))
	l.address(s.ns, s.uplink, fmt.Sprintf("%s/%d", ip(number), l.bits))
	s.node = node(number)
	s.pods = l.addBridge(s.ns, "cbr0")
	l.address(s.ns, s.pods, fmt.Sprintf("10.%d.%d.1/24", 2+number/256, number%256))
	l.ok(s.ns.Sysctl("ipv4/ip_forward", "1"))
	if l.six {
		l.ok(s.ns.Sysctl("ipv6/conf/all/forwarding", "1"))
		l.address(s.ns, s.uplink, fmt.Sprintf("fd99::%x/64", number))
		l.address(s.ns, s.pods, fmt.Sprintf("fd02:0:0:%x::1/64", number))
		s.node.InternalIPs = append(s.node.InternalIPs, fmt.Sprintf("fd99::%x", number))
		s.node.PodCIDRs = append(s.node.PodCIDRs, fmt.Sprintf("fd02:0:0:%x::/64", number))
	}
	return s
}

// ip is the address of the server with a number.
func ip(number int) string { return fmt.Sprintf("10.99.%d.%d", number/200, number%200+1) }

// node is the Node of the server with a number; higher numbers are younger.
func node(number int) plan.Node {
	return plan.Node{
		Name: "node-" + strconv.Itoa(number), Created: time.Unix(int64(number), 0),
		PodCIDRs:    []string{fmt.Sprintf("10.%d.%d.0/24", 2+number/256, number%256)},
		InternalIPs: []string{ip(number)},
	}
}

// podAddress is the address of the server's Pod.
func (s *server) podAddress() string { return fmt.Sprintf("10.%d.%d.2", 2+s.number/256, s.number%256) }

// runPod makes a Pod on the server, that answers streams at port 80 with the
// address of who asks.
func (s *server) runPod() {
	l := s.lab
	l.t.Helper()
	s.pod = l.namespace("p" + strconv.Itoa(s.number))
	link := l.join(s.pod, "eth0", s.ns, s.pods, "pod")
	l.address(s.pod, link, s.podAddress()+"/24")
	l.ok(s.pod.Netlink().RouteAdd(&netlink.Route{LinkIndex: link.Attrs().Index, Gw: net.ParseIP(fmt.Sprintf("10.%d.%d.1", 2+s.number/256, s.number%256))}))
	addresses := []string{s.podAddress() + ":80"}
	if l.six {
		l.address(s.pod, link, fmt.Sprintf("fd02:0:0:%x::2/64", s.number))
		l.ok(s.pod.Netlink().RouteAdd(&netlink.Route{LinkIndex: link.Attrs().Index, Gw: net.ParseIP(fmt.Sprintf("fd02:0:0:%x::1", s.number))}))
		addresses = append(addresses, fmt.Sprintf("[fd02:0:0:%x::2]:80", s.number))
	}
	for _, address := range addresses {
		l.answer(s.pod, address)
	}
}

// answer serves a namespace's address: the address of who asks.
func (l *lab) answer(in *sandbox.Namespace, address string) {
	l.t.Helper()
	listener, err := in.Listen(l.t.Context(), net.ListenConfig{}, "tcp", address)
	l.ok(err)
	var running sync.WaitGroup
	running.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			host, _, _ := net.SplitHostPort(conn.RemoteAddr().String())
			_, _ = conn.Write([]byte(host))
			_ = conn.Close()
		}
	})
	l.t.Cleanup(func() { _ = listener.Close(); running.Wait() })
}

// ask asks an address from a namespace, and returns what it answers.
func ask(ctx context.Context, from *sandbox.Namespace, address string) (string, error) {
	conn, err := from.Dial(ctx, net.Dialer{Timeout: time.Second}, "tcp", address)
	if err != nil {
		return "", err
	}
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(time.Second))
	buffer := make([]byte, 64)
	n, err := conn.Read(buffer)
	return string(buffer[:n]), err
}

// add adds a route to the server by hand.
func (s *server) add(destination, gateway string, metric, protocol int) {
	s.lab.t.Helper()
	s.lab.ok(s.ns.Netlink().RouteAdd(s.route(destination, gateway, metric, protocol)))
}

func (s *server) route(destination, gateway string, metric, protocol int) *netlink.Route {
	return &netlink.Route{
		Dst: ipNet(netip.MustParsePrefix(destination)), Gw: net.ParseIP(gateway), LinkIndex: s.uplink.Attrs().Index,
		Priority: metric, Protocol: netlink.RouteProtocol(protocol),
	}
}

// routes are the server's routes in all tables, a line each, ours or the others'.
func (s *server) routes(ours bool) []string {
	s.lab.t.Helper()
	var lines []string
	for _, family := range []int{netlink.FAMILY_V4, netlink.FAMILY_V6} {
		list, err := s.ns.Netlink().RouteListFiltered(family, &netlink.Route{Table: unix.RT_TABLE_UNSPEC}, netlink.RT_FILTER_TABLE)
		s.lab.ok(err)
		for _, r := range list {
			if (r.Protocol == ourProtocol) == ours {
				lines = append(lines, fmt.Sprintf("%s via %s dev %d table %d metric %d proto %d type %d", r.Dst, r.Gw, r.LinkIndex, r.Table, r.Priority, r.Protocol, r.Type))
			}
		}
	}
	slices.Sort(lines)
	return lines
}

// cluster is a Source whose Nodes the test decides.
type cluster struct {
	mu       sync.Mutex
	nodes    []plan.Node
	unsynced bool
	// fresh, when not nil, answers Fresh.
	fresh   func() ([]plan.Node, error)
	asked   int
	changed []func()
}

func newCluster(nodes ...plan.Node) *cluster { return &cluster{nodes: nodes} }

func (c *cluster) Run(ctx context.Context, changed func()) {
	c.mu.Lock()
	c.changed = append(c.changed, changed)
	c.mu.Unlock()
	changed()
	<-ctx.Done()
}

func (c *cluster) Nodes() ([]plan.Node, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.nodes), !c.unsynced
}

func (c *cluster) Fresh(context.Context) ([]plan.Node, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asked++
	if c.fresh != nil {
		return c.fresh()
	}
	return slices.Clone(c.nodes), nil
}

// set changes the Nodes.
func (c *cluster) set(nodes ...plan.Node) {
	c.mu.Lock()
	c.nodes = nodes
	all := slices.Clone(c.changed)
	c.mu.Unlock()
	for _, changed := range all {
		changed()
	}
}

// config is the tests' Config of an Agent on a server.
func (s *server) config(from *cluster) Config {
	k, err := kernel.Open(netns.NsHandle(s.ns.FD()))
	s.lab.ok(err)
	s.lab.t.Cleanup(k.Close)
	return Config{
		Settings: plan.Settings{NodeName: s.node.Name, Protocol: ourProtocol, Metric: ourMetric},
		Guard:    plan.Guard{Ratio: DefaultDeleteRatio, Free: freeDeletes}, ConfirmAfter: 500 * time.Millisecond,
		Period: time.Minute, Window: DefaultWindow, Buffer: kernel.DefaultBuffer,
		Source: from, Kernel: k, Record: func(*plan.Node, *event.Reason, string) {},
	}
}

// running is an Agent at work.
type running struct {
	*Agent
	stop func()

	mu      sync.Mutex
	reports []Report
	events  []string
}

// start runs an Agent until the test's end, or stop.
func (s *server) start(cfg Config) *running {
	r := &running{}
	cfg.Passed = func(report Report) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.reports = append(r.reports, report)
	}
	cfg.Record = func(n *plan.Node, reason *event.Reason, message string) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.events = append(r.events, n.Name+" "+reason.Name+" "+message)
	}
	r.Agent = New(cfg)
	ctx, cancel := context.WithCancel(klog.NewContext(s.lab.t.Context(), klog.Background()))
	done := make(chan struct{})
	go func() { defer close(done); r.Run(ctx) }()
	r.stop = func() { cancel(); <-done }
	s.lab.t.Cleanup(r.stop)
	return r
}

// passes are the reports so far.
func (r *running) passes() []Report {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.reports)
}

// told are the events so far.
func (r *running) told() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.events)
}

// errs are the errors of all passes.
func (r *running) errs() []error {
	var all []error
	for _, report := range r.passes() {
		if report.Err != nil {
			all = append(all, report.Err)
		}
	}
	return all
}

// within waits until a condition holds.
func within(t testing.TB, limit time.Duration, what string, holds func() bool) time.Duration {
	t.Helper()
	began := time.Now()
	for !holds() {
		if time.Since(began) > limit {
			t.Fatalf("not within %s: %s", limit, what)
		}
		<-time.After(5 * time.Millisecond)
	}
	return time.Since(began)
}
