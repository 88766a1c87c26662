package cloud

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/admin"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/journal"
)

const seed = `
region: cn-hangzhou
vpcs: [{id: vpc-1, cidr: 192.168.0.0/16}]
vSwitches: [{id: vsw-1, vpc: vpc-1, zone: cn-hangzhou-h, cidr: 192.168.0.0/20}]
servers:
- {id: i-2, vSwitch: vsw-1, privateIP: 192.168.0.10, status: Stopped, sourceDestCheck: false}
- {id: i-1, vSwitch: vsw-1, privateIP: 192.168.0.9, type: ecs.g7.large}
routes: [{destination: 10.244.1.0/24, nextHop: i-1}]
loadBalancers:
- id: lb-1
  name: one
  address: 203.0.113.7
  addressType: internet
  tags: {who: me}
  backends: [{server: i-1, weight: 100}]
  groups: [{id: rsp-1, name: g, backends: [{server: i-2, port: 31000, weight: 100}]}]
  listeners:
  - {port: 80, protocol: tcp, backendPort: 30080}
  - {port: 443, protocol: tcp, group: rsp-1}
`

func TestStateOfTheSimulatorIsRead(t *testing.T) {
	sim := aliyunsim.Start(t, aliyunsim.Options{Seed: seed})
	c, err := Read(t.Context(), admin.NewClient(sim.URL(), nil))
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Servers) != 2 || c.Servers[0].ID != "i-1" || c.Servers[1].Status != "Stopped" {
		t.Errorf("servers: %+v", c.Servers)
	}
	if !c.Servers[0].SourceDestCheck || c.Servers[1].SourceDestCheck {
		t.Errorf("source/destination check: %+v", c.Servers)
	}
	if routes := c.RoutesTo("i-1"); len(c.Routes) != 1 || len(routes) != 1 || routes[0].Status != "Available" {
		t.Errorf("routes: %+v", c.Routes)
	}
	if len(c.LoadBalancers) != 1 {
		t.Fatalf("load balancers: %+v", c.LoadBalancers)
	}
	lb := c.LoadBalancers[0]
	if lb.Address != "203.0.113.7" || lb.Tag("who") != "me" || len(lb.Listeners) != 2 {
		t.Errorf("load balancer: %+v", lb)
	}
	if diff := cmp.Diff([]string{"i-1", "i-2"}, lb.Attached()); diff != "" {
		t.Error(diff)
	}
	for i, want := range []struct {
		name, server string
		port         int
	}{{"tcp/80", "i-1", 30080}, {"tcp/443", "i-2", 31000}} {
		l := lb.Listeners[i]
		if servers := lb.Servers(l); l.String() != want.name || len(servers) != 1 || servers[0] != want.server || lb.TargetPort(l) != want.port {
			t.Errorf("listener %s: %v, port %d", l, servers, lb.TargetPort(l))
		}
	}
}

func TestCallsAreCountedByAction(t *testing.T) {
	calls, last := count([]journal.Entry{
		{Seq: 4, Action: "CreateX", Mutating: true, Code: journal.OK},
		{Seq: 5, Action: "DescribeX", Code: journal.OK},
		{Seq: 6, Action: "DescribeX", Code: "Throttling"},
	}, 3)
	want := []Calls{{Action: "DescribeX", Count: 2, Failed: 1}, {Action: "CreateX", Writes: true, Count: 1}}
	if diff := cmp.Diff(want, calls); diff != "" || last != 6 {
		t.Errorf("last %d, %s", last, diff)
	}
	if all, writes, failed := Sum(calls); all != 3 || writes != 1 || failed != 1 {
		t.Errorf("sum: %d, %d, %d", all, writes, failed)
	}
}

func TestAddressesAreOrderedByNumber(t *testing.T) {
	if compareAddresses("10.244.2.0/24", "10.244.10.0/24") >= 0 || compareNames("i-demo10", "i-demo9") <= 0 {
		t.Error("ordered by text")
	}
}
