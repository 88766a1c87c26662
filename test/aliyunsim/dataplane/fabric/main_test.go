package fabric

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/network"
	"github.com/kube-aliyun/kube-aliyun/test/sandbox"
	"github.com/kube-aliyun/kube-aliyun/test/sandbox/greeter"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world is a fabric with the network that it was last given.
type world struct {
	*Fabric
	t    *testing.T
	want network.Network
}

func newWorld(t *testing.T, want network.Network) *world {
	t.Helper()
	box, err := sandbox.Open(t.Context())
	if errors.Is(err, sandbox.ErrUnsupported) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := box.Close(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	f, err := New(box)
	if err != nil {
		t.Fatal(err)
	}
	w := &world{Fabric: f, t: t, want: want}
	w.change(func(*network.Network) {})
	return w
}

// change changes the network.
func (w *world) change(how func(*network.Network)) {
	w.t.Helper()
	how(&w.want)
	if err := w.Apply(w.t.Context(), w.want); err != nil {
		w.t.Fatal(err)
	}
}

// twoServers are i-1 and i-2 in two vSwitches of one VPC, and i-3 beside i-1.
func twoServers() network.Network {
	return network.Network{
		VPCs: []network.VPC{{
			ID: "vpc-1", CIDR: netip.MustParsePrefix("192.168.0.0/16"),
			VSwitches: []network.VSwitch{
				{ID: "vsw-1", CIDR: netip.MustParsePrefix("192.168.0.0/20"), Table: "vtb-1"},
				{ID: "vsw-2", CIDR: netip.MustParsePrefix("192.168.16.0/20"), Table: "vtb-1"},
			},
			Tables: []network.RouteTable{{ID: "vtb-1"}},
		}},
		Servers: []network.Server{
			{ID: "i-1", VPC: "vpc-1", VSwitch: "vsw-1", Address: netip.MustParseAddr("192.168.1.1"), Running: true},
			{ID: "i-2", VPC: "vpc-1", VSwitch: "vsw-2", Address: netip.MustParseAddr("192.168.17.1"), Running: true},
			{ID: "i-3", VPC: "vpc-1", VSwitch: "vsw-1", Address: netip.MustParseAddr("192.168.1.2"), Running: true},
		},
	}
}

// patience is how long a connection may take; lost is after how long the packets
// of one are taken for lost.
const (
	patience = greeter.Patience
	lost     = 300 * time.Millisecond
)

// ask connects from a namespace and returns what it is told: the address that it
// has there.
func ask(t *testing.T, from *sandbox.Namespace, source, to string, within time.Duration) (string, error) {
	t.Helper()
	dialer := net.Dialer{Timeout: within}
	if source != "" {
		dialer.LocalAddr = &net.TCPAddr{IP: net.ParseIP(source)}
	}
	return greeter.Ask(t.Context(), from, dialer, to)
}

func reaches(t *testing.T, from *sandbox.Namespace, source, to, as string) {
	t.Helper()
	if told, err := ask(t, from, source, to, patience); err != nil || told != as {
		t.Errorf("%s from %q: seen as %q, want %q: %v", to, source, told, as, err)
	}
}

// loses checks that nothing comes back: neither an answer nor a refusal.
func loses(t *testing.T, from *sandbox.Namespace, source, to string) {
	t.Helper()
	told, err := ask(t, from, source, to, lost)
	if err == nil {
		t.Errorf("%s from %q: reached, seen as %q", to, source, told)
	} else if timeout, ok := errors.AsType[net.Error](err); !ok || !timeout.Timeout() {
		t.Errorf("%s from %q: refused, not lost: %v", to, source, err)
	}
}

// own gives a namespace an address that its server answers for, as to a Pod's.
func own(t *testing.T, n *sandbox.Namespace, address string) {
	t.Helper()
	lo, err := n.Netlink().LinkByName("lo")
	if err == nil {
		err = setAddress(n.Netlink(), lo, host(netip.MustParseAddr(address)))
	}
	if err != nil {
		t.Fatal(err)
	}
}

// ping sends one echo request and waits for its reply.
func ping(t *testing.T, from *sandbox.Namespace, to string) {
	t.Helper()
	conn, err := from.ListenPacket(t.Context(), net.ListenConfig{}, "ip4:icmp", "0.0.0.0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	request := []byte{8, 0, 0xf7, 0xff, 0, 0, 0, 0} // echo, its checksum, identifier 0, number 0
	if _, err := conn.WriteTo(request, &net.IPAddr{IP: net.ParseIP(to)}); err != nil {
		t.Fatal(err)
	}
	reply := make([]byte, 64)
	if n, sender, err := conn.ReadFrom(reply); err != nil || n < 8 || reply[0] != 0 || sender.String() != to {
		t.Errorf("ping %s: % x from %v: %v", to, reply[:n], sender, err)
	}
}
