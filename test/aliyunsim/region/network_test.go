package region

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/api"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/network"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/seed"
)

const wholeNetwork = `
region: cn-test
profile: instant
vpcs: [{id: vpc-1, cidr: 10.0.0.0/8}]
routeTables: [{id: vtb-2, vpc: vpc-1}, {id: vtb-1, vpc: vpc-1, type: System}]
vSwitches:
- {id: vsw-1, vpc: vpc-1, zone: cn-test-a, cidr: 10.1.0.0/16}
- {id: vsw-2, vpc: vpc-1, zone: cn-test-b, cidr: 10.2.0.0/16, ipv6CIDR: "2001:db8::/64", routeTable: vtb-2}
servers:
- {id: i-1, vSwitch: vsw-1, privateIP: 10.1.0.5, sourceDestCheck: false}
- {id: i-2, vSwitch: vsw-2, privateIP: 10.2.0.5, ipv6: "2001:db8::5", status: Stopped}
routes:
- {table: vtb-1, destination: 172.16.1.0/24, nextHop: i-1}
- {table: vtb-2, destination: 172.16.2.0/24, nextHop: i-2}
acls: [{id: acl-1, entries: [192.0.2.0/24]}]
certificates: [{id: cert-1, certificate: CERTIFICATE, key: KEY}]
loadBalancers:
- id: lb-1
  address: 203.0.113.9
  groups: [{id: rsp-1, backends: [{server: i-1, port: 30080, weight: 40}, {server: i-2, port: 30080, weight: 0}]}]
  listeners:
  - port: 80
    protocol: tcp
    group: rsp-1
    settings: {Scheduler: rr, AclStatus: "on", AclType: white, AclId: acl-1, PersistenceTimeout: "60",
      ConnectionDrain: "on", ConnectionDrainTimeout: "30", ProxyProtocolV2Enabled: "true", HealthCheckConnectPort: "10256",
      HealthCheckType: http, HealthCheckURI: /healthz, HealthCheckDomain: $_ip, HealthCheckMethod: get}
  - {port: 81, protocol: tcp, group: rsp-1, stopped: true}
  - {port: 53, protocol: udp, group: rsp-1, settings: {HealthCheckReq: ping, HealthCheckExp: pong, Scheduler: qch}}
- id: lb-2
  vSwitch: vsw-1
  address: 10.1.0.99
  inactive: true
  backends: [{server: i-1}]
  listeners:
  - port: 443
    protocol: https
    backendPort: 8443
    settings: {HealthCheck: "off", StickySession: "on", StickySessionType: insert, CookieTimeout: "500", ServerCertificateId: cert-1, XForwardedFor_proto: "on"}
`

func regionOf(t *testing.T, text string) *Region {
	t.Helper()
	r := New(t.Context(), Options{Name: "cn-test"})
	t.Cleanup(r.Close)
	s, err := seed.Parse([]byte(text))
	if err := errors.Join(err, r.Plant(s)); err != nil {
		t.Fatal(err)
	}
	return r
}

func TestNetworkSaysWhatTheProductsHold(t *testing.T) {
	n := regionOf(t, wholeNetwork).Network()
	at, in := netip.MustParseAddr, netip.MustParsePrefix
	one := network.Backend{Server: "i-1", Address: at("10.1.0.5"), Port: 30080, Weight: 40}
	two := network.Backend{Server: "i-2", Address: at("10.2.0.5"), Port: 30080, Weight: 0}
	want := network.Network{
		VPCs: []network.VPC{{
			ID: "vpc-1", CIDR: in("10.0.0.0/8"),
			VSwitches: []network.VSwitch{
				{ID: "vsw-1", CIDR: in("10.1.0.0/16"), Table: "vtb-1"},
				{ID: "vsw-2", CIDR: in("10.2.0.0/16"), IPv6CIDR: in("2001:db8::/64"), Table: "vtb-2"},
			},
			Tables: []network.RouteTable{
				{ID: "vtb-1", Routes: []network.Route{{Destination: in("172.16.1.0/24"), Server: "i-1"}}},
				{ID: "vtb-2", Routes: []network.Route{{Destination: in("172.16.2.0/24"), Server: "i-2"}}},
			},
		}},
		Servers: []network.Server{
			{ID: "i-1", VPC: "vpc-1", VSwitch: "vsw-1", Address: at("10.1.0.5"), Running: true},
			{ID: "i-2", VPC: "vpc-1", VSwitch: "vsw-2", Address: at("10.2.0.5"), IPv6: at("2001:db8::5"), SourceDestCheck: true},
		},
		LoadBalancers: []network.LoadBalancer{
			{ID: "lb-1", Address: at("203.0.113.9"), Active: true, Listeners: []network.Listener{
				{
					Port: 53, Protocol: network.UDP, Scheduler: network.SourceHash, Backends: []network.Backend{one, two},
					Check: network.Check{On: true, Protocol: network.UDP, Interval: 5 * time.Second, Timeout: 10 * time.Second, Healthy: 3, Unhealthy: 3, Request: "ping", Expect: "pong"},
				},
				{
					Port: 80, Protocol: network.TCP, Scheduler: network.RoundRobin, Backends: []network.Backend{one, two},
					Check: network.Check{
						On: true, Protocol: network.HTTP, Port: 10256, Interval: 2 * time.Second, Timeout: 5 * time.Second, Healthy: 3, Unhealthy: 3,
						Method: "GET", Path: "/healthz", Codes: "http_2xx",
					},
					Persistence: time.Minute, Drain: 30 * time.Second, Established: 900 * time.Second, ProxyProtocol: true,
					Access: &network.Access{White: true, Entries: []netip.Prefix{in("192.0.2.0/24")}},
				},
			}},
			{ID: "lb-2", Address: at("10.1.0.99"), VPC: "vpc-1", VSwitch: "vsw-1", Listeners: []network.Listener{{
				Port: 443, Protocol: network.HTTPS, Scheduler: network.WeightedRoundRobin,
				Backends: []network.Backend{{Server: "i-1", Address: at("10.1.0.5"), Port: 8443, Weight: 100}},
				Check:    network.Check{Protocol: network.HTTP, Interval: 2 * time.Second, Timeout: 5 * time.Second, Healthy: 3, Unhealthy: 3, Method: "HEAD", Codes: "http_2xx"},
				HTTP: &network.HTTPSettings{
					Certificate: []byte("CERTIFICATE"), Key: []byte("KEY"), ForwardedFor: true, ForwardedProto: true, Cookie: "insert",
					CookieTimeout: 500 * time.Second, IdleTimeout: 15 * time.Second, RequestTimeout: time.Minute, HTTP2: true,
				},
			}}},
		},
	}
	ignore := cmpopts.IgnoreFields(network.Server{}, "MAC")
	equal := cmp.Options{ignore, cmp.Comparer(func(a, b netip.Addr) bool { return a == b }), cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })}
	if diff := cmp.Diff(want, n, equal); diff != "" {
		t.Error(diff)
	}
}

func TestNetworkFollowsWhatHappens(t *testing.T) {
	r := regionOf(t, strings.Replace(wholeNetwork, "- {table: vtb-1, destination: 172.16.1.0/24, nextHop: i-1}\n", "", 1))
	r.SetKnobs(func(k *api.Knobs) { k.ServerTransition = 0 })
	if err := errors.Join(r.StartServer("i-2"), r.ReleaseServer("i-1", true)); err != nil {
		t.Fatal(err)
	}
	n := r.Network()
	if len(n.Servers) != 1 || n.Servers[0].ID != "i-2" || !n.Servers[0].Running {
		t.Errorf("servers %+v", n.Servers)
	}
	for _, l := range n.LoadBalancers[0].Listeners {
		for _, b := range l.Backends {
			if b.Server == "i-1" {
				t.Errorf("the released server is behind port %d", l.Port)
			}
		}
	}
	if err := r.LockLoadBalancer("lb-1", true); err != nil {
		t.Fatal(err)
	}
	if r.Network().LoadBalancers[0].Active {
		t.Error("a locked load balancer is active")
	}
}

func TestUnseededCertificateIsMadeOnce(t *testing.T) {
	r := regionOf(t, strings.Replace(wholeNetwork, ", certificate: CERTIFICATE, key: KEY", "", 1))
	first, second := r.Network().LoadBalancers[1].Listeners[0].HTTP, r.Network().LoadBalancers[1].Listeners[0].HTTP
	if len(first.Certificate) == 0 || string(first.Certificate) != string(second.Certificate) {
		t.Error("there is none, or it changes")
	}
}

// health asks DescribeHealthStatus of lb-1's port 80, by server.
func health(t *testing.T, r *Region) map[string]string {
	t.Helper()
	out := map[string]string{}
	r.Do(func(r *Region) {
		var found struct {
			BackendServers struct {
				BackendServer []struct {
					ServerID           string `json:"ServerId"`
					ServerHealthStatus string
				}
			}
		}
		if err := r.ask(r.Now(), api.SLB, "DescribeHealthStatus", api.Params{"LoadBalancerId": "lb-1", "ListenerPort": "80"}, &found); err != nil {
			t.Error(err)
		}
		for _, s := range found.BackendServers.BackendServer {
			out[s.ServerID] = s.ServerHealthStatus
		}
	})
	return out
}

func TestHealthIsWhatChecksHaveFound(t *testing.T) {
	r := regionOf(t, wholeNetwork)
	l := r.Network().LoadBalancers[0].Listeners[1]
	finding := func(backend int, known, normal bool) network.Health {
		return network.Health{LoadBalancer: "lb-1", Port: 80, Protocol: network.TCP, Backend: l.Backends[backend], Known: known, Normal: normal}
	}
	for _, c := range []struct {
		name     string
		findings []network.Health
		one, two string
	}{
		{"nothing is known", nil, "unavailable", "unavailable"},
		{"one is well", []network.Health{finding(0, true, true), finding(1, false, false)}, "normal", "unavailable"},
		{"one is not", []network.Health{finding(0, true, false), finding(1, true, true)}, "abnormal", "normal"},
	} {
		r.Observe(c.findings)
		if got := health(t, r); got["i-1"] != c.one || got["i-2"] != c.two {
			t.Errorf("%s: %v", c.name, got)
		}
	}
	if err := r.SetUnhealthy("i-1", true); err != nil {
		t.Fatal(err)
	}
	r.Observe([]network.Health{finding(0, true, true)})
	if got := health(t, r)["i-1"]; got != "abnormal" {
		t.Errorf("a server that is said to be sick is %s", got)
	}
}
