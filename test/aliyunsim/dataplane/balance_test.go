package dataplane

import (
	"net"
	"testing"

	"k8s.io/klog/v2/ktesting"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/dataplane/balance"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/dataplane/fabric"
	"github.com/kube-aliyun/kube-aliyun/test/sandbox"
	"github.com/kube-aliyun/kube-aliyun/test/sandbox/greeter"
)

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
	greeter.Serve(t, p.Server("i-2"), "192.168.17.1:8080")
	for _, c := range []struct {
		name     string
		from     *sandbox.Namespace
		to, want string
	}{
		{"the client, over the internet", p.Client(), "203.0.113.20:80", fabric.ClientAddress},
		{"a server, within the VPC", p.Server("i-1"), "192.168.1.99:80", "192.168.1.1"},
		{"a server, to the public address", p.Server("i-1"), "203.0.113.20:80", "192.168.1.1"},
	} {
		if said, err := greeter.Ask(t.Context(), c.from, net.Dialer{Timeout: greeter.Patience}, c.to); err != nil || said != c.want {
			t.Errorf("%s: seen as %q, want %q: %v", c.name, said, c.want, err)
		}
	}
}
