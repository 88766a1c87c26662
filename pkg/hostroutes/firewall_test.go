package hostroutes

import (
	"context"
	"net/netip"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/google/nftables"
	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"

	"github.com/kube-aliyun/kube-aliyun/pkg/hostroutes/firewall"
)

// The internet and the instance metadata of the tests.
const (
	outside  = "203.0.113.9"
	metadata = "100.100.100.200"
)

// reachable puts addresses into the VPC's namespace that answer, with the servers'
// default routes to them.
func (l *lab) reachable(servers []*server, addresses ...string) {
	l.t.Helper()
	l.address(l.vpc, l.bridge, "10.99.0.253/24")
	for _, a := range addresses {
		l.address(l.vpc, l.bridge, a+"/32")
		l.answer(l.vpc, a+":80")
	}
	for _, s := range servers {
		l.ok(s.ns.Netlink().RouteAdd(&netlink.Route{LinkIndex: s.uplink.Attrs().Index, Gw: addressOf("10.99.0.253/24").IP}))
		// The way back for packets with Pods' addresses.
		l.ok(l.vpc.Netlink().RouteAdd(&netlink.Route{Dst: ipNet(netip.MustParsePrefix(s.node.PodCIDRs[0])), LinkIndex: l.bridge.Attrs().Index, Gw: addressOf(ip(s.number) + "/24").IP}))
	}
}

func TestR40MasqueradeAndGuardOfMetadata(t *testing.T) {
	l := newLab(t)
	servers, c := l.servers(2)
	l.reachable(servers, outside, metadata)
	one := servers[0]
	answers := func(address, as string) func() bool {
		return func() bool {
			got, err := ask(t.Context(), one.pod, address+":80")
			return as == "" && err != nil || err == nil && got == as
		}
	}
	within(t, 5*time.Second, "a Pod is seen with its address", answers(outside, one.podAddress()))
	within(t, 5*time.Second, "a Pod reads the metadata", answers(metadata, one.podAddress()))

	o := NewOptions()
	o.Masquerade, o.MetadataGuard = true, true
	o.ClusterCIDRs, o.ServiceCIDRs, o.MasqueradeExclude = []string{"10.2.0.0/16", "fd02::/48"}, []string{"10.3.0.0/24"}, []string{"10.99.0.0/16"}
	l.ok(o.Validate())
	rules := o.firewall(netns.NsHandle(one.ns.FD()))
	servers[1].start(servers[1].config(c))
	cfg := one.config(c)
	cfg.Rules = rules
	agent := one.start(cfg)
	within(t, 5*time.Second, "the outside sees the server's address", answers(outside, ip(1)))
	within(t, 5*time.Second, "the metadata is closed to Pods", answers(metadata, ""))
	within(t, 5*time.Second, "other Pods see the Pod's address", answers(servers[1].podAddress(), one.podAddress()))
	l.answer(servers[1].ns, ip(2)+":80")
	within(t, 5*time.Second, "other servers see the Pod's address", answers(ip(2), one.podAddress()))
	if _, err := ask(t.Context(), one.ns, metadata+":80"); err != nil {
		t.Errorf("the server itself reads the metadata: %v", err)
	}

	agent.stop() // which mends too
	own := []netip.Prefix{netip.MustParsePrefix("10.2.1.0/24")}
	if changed, err := rules.Sync(own); changed || err != nil {
		t.Errorf("a second Sync writes: %v, %v", changed, err)
	}
	for what, harm := range harms {
		conn, err := nftables.New(nftables.WithNetNSFd(one.ns.FD()))
		l.ok(err)
		harm(t, conn)
		l.ok(conn.Flush())
		if changed, err := rules.Sync(own); !changed || err != nil {
			t.Errorf("%s is not mended: %v, %v", what, changed, err)
		}
		if changed, err := rules.Sync(own); changed || err != nil {
			t.Errorf("%s: a second Sync writes: %v, %v", what, changed, err)
		}
	}
	if gone, err := firewall.New(netns.NsHandle(one.ns.FD()), firewall.Settings{}).Remove(); !gone || err != nil {
		t.Errorf("removed: %v, %v", gone, err)
	}
	if gone, err := rules.Remove(); gone || err != nil {
		t.Errorf("removed again: %v, %v", gone, err)
	}
}

// harms are what others may do to the table.
var harms = map[string]func(*testing.T, *nftables.Conn){
	"a flush of everything": func(_ *testing.T, c *nftables.Conn) { c.FlushRuleset() },
	"a lost rule": func(_ *testing.T, c *nftables.Conn) {
		t := &nftables.Table{Name: firewall.Table, Family: nftables.TableFamilyINet}
		c.FlushChain(&nftables.Chain{Name: "postrouting", Table: t})
	},
	"a range too many": func(t *testing.T, c *nftables.Conn) {
		set, err := c.GetSetByName(&nftables.Table{Name: firewall.Table, Family: nftables.TableFamilyINet}, "direct4")
		if err != nil {
			t.Fatal(err)
		}
		if err := c.SetAddElements(set, []nftables.SetElement{{Key: []byte{9, 0, 0, 0}}, {Key: []byte{10, 0, 0, 0}, IntervalEnd: true}}); err != nil {
			t.Fatal(err)
		}
	},
}

func TestRulesReadAsTheyAreMeant(t *testing.T) {
	if _, err := exec.LookPath("nft"); err != nil {
		t.Skip("nft is not installed (make setup)")
	}
	l := newLab(t)
	one := l.server(1)
	f := firewall.New(netns.NsHandle(one.ns.FD()), firewall.Settings{
		Masquerade: true, GuardMetadata: true, Direct: []netip.Prefix{netip.MustParsePrefix("10.2.0.0/16"), netip.MustParsePrefix("fd02::/48")},
	})
	if _, err := f.Sync([]netip.Prefix{netip.MustParsePrefix("10.2.1.0/24"), netip.MustParsePrefix("fd02:0:0:1::/64")}); err != nil {
		t.Fatal(err)
	}
	var out []byte
	l.ok(one.ns.Do(func() error {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		var err error
		out, err = exec.CommandContext(ctx, "nft", "list", "table", "inet", firewall.Table).CombinedOutput()
		return err
	}))
	for _, want := range []string{
		"elements = { 10.2.0.0/16 }", "elements = { fd02::/48 }", "type nat hook postrouting priority srcnat; policy accept;",
		"ip saddr 10.2.1.0/24 ip daddr != @direct4 masquerade", "ip6 saddr fd02:0:0:1::/64 ip6 daddr != @direct6 masquerade",
		"ip saddr 10.2.1.0/24 ip daddr 100.100.100.200 drop",
	} {
		if !strings.Contains(string(out), want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
}
