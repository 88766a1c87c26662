package dataplane

import (
	"net"
	"testing"
	"time"

	"k8s.io/klog/v2/ktesting"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/dataplane/balance"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/dataplane/fabric"
	"github.com/kube-aliyun/kube-aliyun/test/sandbox"
)

// greet answers every connection with who calls.
func greet(t *testing.T, n *sandbox.Namespace, address string) {
	t.Helper()
	l, err := n.Listen(t.Context(), net.ListenConfig{}, "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			caller, _, _ := net.SplitHostPort(conn.RemoteAddr().String())
			_, _ = conn.Write([]byte(caller))
			_ = conn.Close()
		}
	}()
	t.Cleanup(func() {
		_ = l.Close()
		<-done
	})
}

// call returns what a greeter says.
func call(t *testing.T, from *sandbox.Namespace, address string) (string, error) {
	t.Helper()
	conn, err := from.Dial(t.Context(), net.Dialer{Timeout: 5 * time.Second}, "tcp", address)
	if err != nil {
		return "", err
	}
	defer func() { _ = conn.Close() }()
	if err := conn.SetDeadline(time.Now().Add(5 * time.Second)); err != nil {
		return "", err
	}
	said := make([]byte, 64)
	n, err := conn.Read(said)
	return string(said[:n]), err
}

func TestLoadBalancersOfTheRegionCarryTraffic(t *testing.T) {
	logger, _ := ktesting.NewTestContext(t)
	sim, p := start(t, balance.New(logger))
	plant(t, sim, `
loadBalancers:
- id: lb-public
  address: 203.0.113.20
  backends: [{server: i-2}]
  listeners: [{port: 80, protocol: tcp, backendPort: 8080, settings: {HealthCheck: "off"}}]
- id: lb-private
  address: 192.168.1.99
  vSwitch: vsw-small-h
  backends: [{server: i-2}]
  listeners: [{port: 80, protocol: tcp, backendPort: 8080, settings: {HealthCheck: "off"}}]
`)
	if err := p.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	greet(t, p.Server("i-2"), "192.168.17.1:8080")
	for _, c := range []struct {
		name     string
		from     *sandbox.Namespace
		to, want string
	}{
		{"the client, over the internet", p.Client(), "203.0.113.20:80", fabric.ClientAddress},
		{"a server, within the VPC", p.Server("i-1"), "192.168.1.99:80", "192.168.1.1"},
		{"a server, to the public address", p.Server("i-1"), "203.0.113.20:80", "192.168.1.1"},
	} {
		if said, err := call(t, c.from, c.to); err != nil || said != c.want {
			t.Errorf("%s: seen as %q, want %q: %v", c.name, said, c.want, err)
		}
	}
}
