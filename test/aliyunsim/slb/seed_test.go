package slb

import (
	"slices"
	"strings"
	"testing"

	sdk "github.com/aliyun/alibaba-cloud-sdk-go/services/slb"
	"sigs.k8s.io/yaml"
)

const exampleSeed = `
zones: [{id: cn-test-x, slaves: [cn-test-y]}]
certificates: [{id: cert-1, name: wild, tags: {a: b}}]
acls: [{id: acl-1}, {id: acl-6, ipVersion: ipv6}]
loadBalancers:
- id: lb-web
  name: web
  address: 203.0.113.9
  deleteProtection: true
  tags: {k: v}
  backends: [{server: i-1}, {server: i-none, weight: 0}]
  groups: [{name: pods, backends: [{server: i-2, port: 8080}]}]
  listeners:
  - {port: 80, protocol: tcp, backendPort: 30080, settings: {Scheduler: rr}, tags: {x: y}}
  - {port: 443, protocol: https, group: pods, stopped: true, settings: {ServerCertificateId: cert-1, HealthCheck: "on", StickySession: "off"}}
- {name: inside, vSwitch: vsw-one, address: 10.1.0.5, spec: slb.s1.small, inactive: true}
`

func TestSeedMakesWhatItSays(t *testing.T) {
	r := newRig(t)
	var s Seed
	if err := yaml.UnmarshalStrict([]byte(exampleSeed), &s); err != nil {
		t.Fatal(err)
	}
	if err := r.p.Seed(s); err != nil {
		t.Fatal(err)
	}
	web := r.attribute("lb-web")
	if web.LoadBalancerName != "web" || web.Address != "203.0.113.9" || web.DeleteProtection != on || web.MasterZoneId != "cn-test-x" ||
		web.SlaveZoneId != "cn-test-y" || len(web.BackendServers.BackendServer) != 2 || web.BackendServers.BackendServer[1].Weight != 0 {
		t.Errorf("web: %+v", web)
	}
	if got := r.status("lb-web", 80); got != running {
		t.Errorf("seeded listener is %s", got)
	}
	https := sdk.CreateDescribeLoadBalancerHTTPSListenerAttributeResponse()
	r.read(https, "DescribeLoadBalancerHTTPSListenerAttribute", "LoadBalancerId", "lb-web", "ListenerPort", "443")
	if https.Status != stopped || https.ServerCertificateId != "cert-1" || r.p.groups[https.VServerGroupId] == nil {
		t.Errorf("HTTPS: %+v", https)
	}
	inside := r.attribute(r.p.IDs()[1])
	if inside.Address != "10.1.0.5" || inside.VpcId != vpcID || inside.LoadBalancerStatus != inactive || inside.InstanceChargeType != bySpec {
		t.Errorf("inside: %+v", inside)
	}
	if got := r.do("CreateLoadBalancer", "InstanceChargeType", byCLCU)["Address"]; got == "203.0.113.9" {
		t.Error("a seeded address was given away")
	}
	if got := r.found("ServerId", serverID(1)); !slices.Equal(got, []string{"web"}) {
		t.Errorf("by server: %v", got)
	}
}

func TestBadSeedIsRefused(t *testing.T) {
	for problem, s := range map[string]LoadBalancerSeed{
		"vSwitch vsw-none":     {ID: "lb-1", VSwitch: "vsw-none"},
		"address 203.0.113.1 ": {ID: "lb-1", Address: "203.0.113.1"},
		"id lb-0 is taken":     {ID: "lb-0"},
		"no listener can be":   {ID: "lb-1", Listeners: []ListenerSeed{{Port: 80, Protocol: "TCP"}}},
		"there twice":          {ID: "lb-1", Listeners: []ListenerSeed{{Port: 80, Protocol: "tcp"}, {Port: 80, Protocol: "tcp"}}},
		"unknown group":        {ID: "lb-1", Listeners: []ListenerSeed{{Port: 80, Protocol: "tcp", Group: "x"}}},
		"no setting Speed":     {ID: "lb-1", Listeners: []ListenerSeed{{Port: 80, Protocol: "tcp", Settings: map[string]string{"Speed": "1"}}}},
		"Scheduler is not":     {ID: "lb-1", Listeners: []ListenerSeed{{Port: 80, Protocol: "tcp", Settings: map[string]string{"Scheduler": "x"}}}},
	} {
		r := newRig(t)
		err := r.p.Seed(Seed{LoadBalancers: []LoadBalancerSeed{{ID: "lb-0", Address: "203.0.113.1"}, s}})
		if err == nil || !strings.Contains(err.Error(), strings.TrimSpace(problem)) {
			t.Errorf("%s: %v", problem, err)
		}
	}
}

func TestDriftMadeByHand(t *testing.T) {
	r := newRig(t)
	lb := r.create("DeleteProtection", "on", "Tag.1.Key", "k", "Tag.1.Value", "v")
	r.listen(lb, 80)
	r.listen(lb, 81)
	r.do("AddBackendServers", "LoadBalancerId", lb, "BackendServers", servers(0, 1, 2))
	group := r.do("CreateVServerGroup", "LoadBalancerId", lb, "BackendServers", servers(80, 1)).id("VServerGroupId")
	r.do("SetLoadBalancerTCPListenerAttribute", "LoadBalancerId", lb, "ListenerPort", "81", "VServerGroup", "on", "VServerGroupId", group)
	for _, change := range []struct {
		what string
		err  error
	}{
		{"StartListener", r.p.StartListener(lb, 80, "tcp")},
		{"SetListener", r.p.SetListener(lb, 80, "tcp", map[string]string{"Scheduler": "rr", "Description": ""})},
		{"RemoveBackend", r.p.RemoveBackend(lb, serverID(2))},
		{"AddBackends", r.p.AddBackends(lb, BackendSeed{Server: serverID(3)})},
		{"SetWeight", r.p.SetWeight(lb, serverID(3), 0)},
		{"SetTag", r.p.SetTag(lb, "k", "w")},
		{"AddListener", r.p.AddListener(lb, ListenerSeed{Port: 82, Protocol: "udp", BackendPort: 1})},
		{"RemoveListener", r.p.RemoveListener(lb, 82, "udp")},
	} {
		if change.err != nil {
			t.Errorf("%s: %v", change.what, change.err)
		}
	}
	if b := r.attribute(lb).BackendServers.BackendServer; len(b) != 2 || b[1].ServerId != serverID(3) || b[1].Weight != 0 {
		t.Errorf("backends: %+v", b)
	}
	if r.status(lb, 80) != running || r.p.byID[lb].findListener(80, "tcp").value("Scheduler") != "rr" || len(r.p.byID[lb].Listeners) != 2 {
		t.Errorf("listeners: %+v", r.p.byID[lb].Listeners)
	}
	if got := r.found("Tag.1.Key", "k", "Tag.1.Value", "w"); len(got) != 1 {
		t.Errorf("by the new tag: %v", got)
	}
	if err := r.p.RemoveTag(lb, "k"); err != nil || len(r.found("Tag.1.Key", "k")) != 0 {
		t.Errorf("the removed tag is found: %v", err)
	}
	if err := r.p.RemoveGroup(group); err != nil {
		t.Fatal(err)
	}
	got := sdk.CreateDescribeLoadBalancerTCPListenerAttributeResponse()
	r.read(got, "DescribeLoadBalancerTCPListenerAttribute", "LoadBalancerId", lb, "ListenerPort", "81")
	if got.VServerGroupId != "" || got.BackendServerPort != 30080 {
		t.Errorf("the listener of the removed group: %+v", got)
	}
	if err := r.p.RemoveLoadBalancer(lb); err != nil {
		t.Fatal(err)
	}
	if len(r.p.IDs()) != 0 || len(r.p.attached) != 0 {
		t.Errorf("left over: %v", r.p.attached)
	}
	for what, err := range map[string]error{
		"Lock": r.p.Lock(lb), "StopListener": r.p.StopListener(lb, 80, "tcp"), "RemoveBackend": r.p.RemoveBackend(lb, "i-1"),
		"RemoveGroup": r.p.RemoveGroup(group), "SetTag": r.p.SetTag(lb, "a", "b"),
	} {
		if err == nil {
			t.Errorf("%s of a missing object is no error", what)
		}
	}
}
