package dataplane

import (
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"k8s.io/klog/v2/ktesting"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/dataplane/balance"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/dataplane/fabric"
	"github.com/kube-aliyun/kube-aliyun/test/sandbox"
	"github.com/kube-aliyun/kube-aliyun/test/sandbox/greeter"
)

func TestAddressesOfInterfacesCarryTraffic(t *testing.T) {
	logger, _ := ktesting.NewTestContext(t)
	sim, p := start(t, balance.New(logger))
	plant(t, sim, `
servers:
- {id: i-pods, vSwitch: vsw-small-h, privateIP: 192.168.1.40, sourceDestCheck: true, interfaces: [{id: eni-pods, privateIPs: [192.168.1.50, 192.168.1.51]}]}
loadBalancers:
- id: lb-1
  address: 203.0.113.20
  groups:
  - {name: pods, backends: [{server: eni-pods, ip: 192.168.1.50, port: 8080}, {server: eni-pods, ip: 192.168.1.51, port: 8080}]}
  listeners: [{port: 80, protocol: tcp, group: pods, settings: {HealthCheckInterval: "1", HealthyThreshold: "2"}}]
`)
	if err := p.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	// Of two Pods one listens.
	pod(t, p.Server("i-pods"), "192.168.1.50")
	greeter.Serve(t, p.Server("i-pods"), "192.168.1.50:8080")

	look := time.NewTicker(50 * time.Millisecond)
	defer look.Stop()
	limit := time.After(time.Minute)
	for reply := ""; !strings.Contains(reply, `"normal"`) || !strings.Contains(reply, `"abnormal"`); reply = describeHealth(t, sim) {
		select {
		case <-look.C:
		case <-limit:
			t.Fatalf("the health is %s", reply)
		}
	}
	for range 4 {
		said, err := greeter.Ask(t.Context(), p.Client(), net.Dialer{Timeout: greeter.Patience}, "203.0.113.20:80")
		if err != nil || said != fabric.ClientAddress {
			t.Errorf("the client is seen as %q, want %q: %v", said, fabric.ClientAddress, err)
		}
	}
	if said, err := greeter.Ask(t.Context(), p.Server("i-1"), net.Dialer{Timeout: greeter.Patience}, "192.168.1.50:8080"); err != nil || said != "192.168.1.1" {
		t.Errorf("another server is seen as %q: %v", said, err)
	}
}

// pod gives a server an address of its interface, as a Pod on it has one.
func pod(t *testing.T, server *sandbox.Namespace, address string) {
	t.Helper()
	h := server.Netlink()
	lo, err := h.LinkByName("lo")
	if err != nil {
		t.Fatal(err)
	}
	a := netip.MustParseAddr(address)
	if err := h.AddrAdd(lo, &netlink.Addr{IPNet: &net.IPNet{IP: a.AsSlice(), Mask: net.CIDRMask(32, 32)}}); err != nil {
		t.Fatal(err)
	}
}
