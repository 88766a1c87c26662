package slb

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	sdk "github.com/aliyun/alibaba-cloud-sdk-go/services/slb"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/api"
)

func TestGroupCallsAnswerWithTheNewMembers(t *testing.T) {
	r := newRig(t)
	lb := r.create()
	made := sdk.CreateCreateVServerGroupResponse()
	r.read(made, "CreateVServerGroup", "LoadBalancerId", lb, "VServerGroupName", "k8s/80/web",
		"BackendServers", `[{"ServerId":"i-1","Port":"80","Weight":"50","Description":"d"},{"ServerId":"i-1","Port":80,"Weight":1},{"ServerId":"i-1","Port":81}]`)
	id := made.VServerGroupId
	if b := made.BackendServers.BackendServer; len(b) != 2 || b[0].Weight != 50 || b[0].Port != 80 || b[0].Description != "d" || b[1].Weight != 100 {
		t.Fatalf("created: %+v", b)
	}
	added := sdk.CreateAddVServerGroupBackendServersResponse()
	r.read(added, "AddVServerGroupBackendServers", "VServerGroupId", id, "BackendServers",
		`[{"ServerId":"i-1","Port":80,"Weight":7},{"ServerId":"i-2","Port":80,"Type":"ecs"}]`)
	if b := added.BackendServers.BackendServer; len(b) != 3 || b[0].Weight != 50 {
		t.Errorf("an existing member was not left alone: %+v", b)
	}
	set := sdk.CreateSetVServerGroupAttributeResponse()
	r.read(set, "SetVServerGroupAttribute", "VServerGroupId", id, "VServerGroupName", "other", "BackendServers",
		`[{"ServerId":"i-2","Port":"80","Weight":0}]`)
	if b := set.BackendServers.BackendServer; set.VServerGroupName != "other" || len(b) != 3 || b[2].Weight != 0 {
		t.Errorf("set: %+v", set)
	}
	modified := sdk.CreateModifyVServerGroupBackendServersResponse()
	r.read(modified, "ModifyVServerGroupBackendServers", "VServerGroupId", id,
		"OldBackendServers", `[{"ServerId":"i-1","Port":81}]`, "NewBackendServers", `[{"ServerId":"i-1","Port":82,"Weight":3}]`)
	if b := modified.BackendServers.BackendServer; len(b) != 3 || b[2].Port != 82 || b[2].Weight != 3 {
		t.Errorf("modified: %+v", b)
	}
	removed := sdk.CreateRemoveVServerGroupBackendServersResponse()
	r.read(removed, "RemoveVServerGroupBackendServers", "VServerGroupId", id, "BackendServers",
		`[{"ServerId":"i-1","Port":80},{"ServerId":"i-77","Port":80}]`)
	if b := removed.BackendServers.BackendServer; len(b) != 2 {
		t.Errorf("removed: %+v", b)
	}
	got := sdk.CreateDescribeVServerGroupAttributeResponse()
	r.read(got, "DescribeVServerGroupAttribute", "VServerGroupId", id)
	if got.LoadBalancerId != lb || got.VServerGroupName != "other" || len(got.BackendServers.BackendServer) != 2 || got.CreateTime == "" {
		t.Errorf("described: %+v", got)
	}
}

func TestGroupsAreListedWithTheirListeners(t *testing.T) {
	r := newRig(t)
	lb := r.create()
	used := r.do("CreateVServerGroup", "LoadBalancerId", lb, "VServerGroupName", "used", "Tag.1.Key", "k", "Tag.1.Value", "v",
		"BackendServers", servers(80, 1, 2)).id("VServerGroupId")
	r.do("CreateVServerGroup", "LoadBalancerId", lb, "VServerGroupName", "idle")
	r.do("CreateLoadBalancerTCPListener", "LoadBalancerId", lb, "ListenerPort", "80", "Bandwidth", "-1", "VServerGroupId", used)
	got := sdk.CreateDescribeVServerGroupsResponse()
	r.read(got, "DescribeVServerGroups", "LoadBalancerId", lb, "IncludeListener", "true", "IncludeRule", "true")
	groups := got.VServerGroups.VServerGroup
	if len(groups) != 2 || groups[0].VServerGroupName != "used" || groups[0].ServerCount != 2 || groups[0].Tags.Tag[0].TagKey != "k" {
		t.Fatalf("groups: %+v", groups)
	}
	if l := groups[0].AssociatedObjects.Listeners.Listener; len(l) != 1 || l[0].Port != 80 || l[0].Protocol != "tcp" || l[0].AclIds.AclId == nil {
		t.Errorf("listeners: %+v", l)
	}
	if l := groups[1].AssociatedObjects.Listeners.Listener; len(l) != 0 {
		t.Errorf("listeners of the idle group: %+v", l)
	}
	r.refused(404, "InvalidLoadBalancerId.NotFound", "DescribeVServerGroups", "LoadBalancerId", "lb-none")
}

func TestUsedGroupIsNotDeleted(t *testing.T) {
	r := newRig(t)
	lb := r.create()
	group := r.do("CreateVServerGroup", "LoadBalancerId", lb, "BackendServers", servers(80, 1)).id("VServerGroupId")
	r.do("CreateLoadBalancerTCPListener", "LoadBalancerId", lb, "ListenerPort", "80", "Bandwidth", "-1", "VServerGroupId", group)
	r.refused(400, "RspoolVipExist", "DeleteVServerGroup", "VServerGroupId", group)
	r.do("DeleteLoadBalancerListener", "LoadBalancerId", lb, "ListenerPort", "80")
	r.do("DeleteVServerGroup", "VServerGroupId", group)
	for _, a := range []string{"DeleteVServerGroup", "DescribeVServerGroupAttribute"} {
		err := r.refusal(404, "InvalidParameter", a, "VServerGroupId", group)
		if err.Message != "The specified VServerGroupId does not exist." {
			t.Errorf("%s: %q", a, err.Message)
		}
	}
	if len(r.p.attached) != 0 {
		t.Errorf("the server still counts as attached: %v", r.p.attached)
	}
}

func TestBadBackendsAreRefusedWithoutTrace(t *testing.T) {
	r := newRig(t)
	r.servers.servers["i-stopped"] = api.Server{ID: "i-stopped", VPCID: vpcID, Status: "Stopped"}
	r.servers.servers["i-far"] = api.Server{ID: "i-far", VPCID: "vpc-two", Status: "Running"}
	lb := r.create("VSwitchId", vswitch)
	group := r.do("CreateVServerGroup", "LoadBalancerId", lb, "BackendServers", servers(80, 0)).id("VServerGroupId")
	cases := []struct {
		name, code string
		status     int
		backends   string
	}{
		{"missing", "InvalidServerId.NotExist", 400, `[{"ServerId":"i-1","Port":80},{"ServerId":"i-none","Port":80}]`},
		{"stopped", "ObtainIpFail", 400, `[{"ServerId":"i-stopped","Port":80}]`},
		{"other VPC", "NetworkConflict", 400, `[{"ServerId":"i-1","Port":80},{"ServerId":"i-far","Port":80}]`},
		{"weight", "InvalidWeight.Malformed", 400, `[{"ServerId":"i-1","Port":80,"Weight":101}]`},
		{"negative weight", "InvalidWeight.Malformed", 400, `[{"ServerId":"i-1","Port":80,"Weight":"-1"}]`},
		{"type", "BackendServer.InvalidType", 400, `[{"ServerId":"i-1","Port":80,"Type":"vm"}]`},
		{"no id", "BackendServersMalformed", 400, `[{"Port":80}]`},
		{"no JSON", "BackendServersMalformed", 400, `i-1`},
		{"interface", "ResourceNotFound.vServers", 404, `[{"ServerId":"eni-none","Port":80,"Type":"eni","ServerIp":"10.2.0.1"}]`},
		{"21", "TooManyBackendServers", 400, servers(80, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21)},
		{"none", "MissingParameter", 400, ``},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			r.t = t
			r.refused(c.status, c.code, "AddVServerGroupBackendServers", "VServerGroupId", group, "BackendServers", c.backends)
			r.refused(c.status, c.code, "AddBackendServers", "LoadBalancerId", lb, "BackendServers", c.backends)
			if c.backends != "" {
				r.refused(c.status, c.code, "CreateVServerGroup", "LoadBalancerId", lb, "BackendServers", c.backends)
				r.refused(c.status, c.code, "ModifyVServerGroupBackendServers", "VServerGroupId", group,
					"OldBackendServers", servers(80, 0), "NewBackendServers", c.backends)
			}
		})
	}
	r.t = t
	r.refused(400, "InvalidParameter", "AddVServerGroupBackendServers", "VServerGroupId", group, "BackendServers", servers(0, 1))
	r.refused(400, "InvalidServerId.NotExist", "SetVServerGroupAttribute", "VServerGroupId", group, "VServerGroupName", "x", "BackendServers", servers(80, 1))
	r.knobs.StrictBackends = true
	r.refused(400, "InvalidParameter", "AddVServerGroupBackendServers", "VServerGroupId", group, "BackendServers", servers(80, 0))
	r.knobs.BackendsPerCall = 40
	r.do("AddVServerGroupBackendServers", "VServerGroupId", group, "BackendServers", cases[9].backends)
}

func TestInternetLoadBalancerTakesTheVPCOfItsFirstBackend(t *testing.T) {
	r := newRig(t)
	r.servers.servers["i-far"] = api.Server{ID: "i-far", VPCID: "vpc-two", Status: "Running"}
	lb := r.create()
	r.do("AddBackendServers", "LoadBalancerId", lb, "BackendServers", `[{"ServerId":"i-far"}]`)
	r.refused(400, "NetworkConflict", "AddBackendServers", "LoadBalancerId", lb, "BackendServers", servers(0, 1))
}

func TestDefaultGroupWritesWeightsItsOwnWay(t *testing.T) {
	r := newRig(t)
	lb := r.create()
	reply := r.do("AddBackendServers", "LoadBalancerId", lb, "BackendServers", servers(0, 1, 2))
	weight := func(reply answer) string {
		data, err := json.Marshal(reply)
		if err != nil {
			t.Fatal(err)
		}
		_, rest, _ := strings.Cut(string(data), `"Weight":`)
		value, _, _ := strings.Cut(rest, "}")
		return value
	}
	if weight(reply) != `"100"` {
		t.Errorf("Add: %v", reply)
	}
	r.refused(400, "InvalidParameter", "AddBackendServers", "LoadBalancerId", lb, "BackendServers", servers(0, 2, 3))
	if reply := r.do("SetBackendServers", "LoadBalancerId", lb, "BackendServers", `[{"ServerId":"i-1","Weight":"0"}]`); weight(reply) != `"0"` {
		t.Errorf("Set: %v", reply)
	}
	r.refused(400, "InvalidServerId.NotExist", "SetBackendServers", "LoadBalancerId", lb, "BackendServers", servers(0, 9))
	if reply := r.do("RemoveBackendServers", "LoadBalancerId", lb, "BackendServers", `["i-2","i-8"]`); weight(reply) != "0" {
		t.Errorf("Remove: %v", reply)
	}
	got := sdk.CreateRemoveBackendServersResponse()
	r.read(got, "RemoveBackendServers", "LoadBalancerId", lb, "BackendServers", `[{"ServerId":"i-1"}]`)
	if len(got.BackendServers.BackendServer) != 0 {
		t.Errorf("left: %+v", got.BackendServers)
	}
}

func TestBackendQuotaCountsServersOnceInAllGroups(t *testing.T) {
	r := newRig(t)
	r.knobs.BackendsPerLoadBalancer = 3
	lb := r.create()
	r.do("AddBackendServers", "LoadBalancerId", lb, "BackendServers", servers(0, 1, 2))
	group := r.do("CreateVServerGroup", "LoadBalancerId", lb, "BackendServers", servers(80, 1, 2, 3)).id("VServerGroupId")
	r.refused(400, "BackEndServerNumberOverLimit", "AddBackendServers", "LoadBalancerId", lb, "BackendServers", servers(0, 3, 4))
	r.refused(400, "BackEndServerNumberOverLimit", "CreateVServerGroup", "LoadBalancerId", lb, "BackendServers", servers(80, 4))
	// One in the place of another fits.
	r.do("ModifyVServerGroupBackendServers", "VServerGroupId", group, "OldBackendServers", servers(80, 3), "NewBackendServers", servers(80, 4))
	r.do("AddVServerGroupBackendServers", "VServerGroupId", group, "BackendServers", servers(81, 4))
}

func TestServerIsInALimitedNumberOfLoadBalancers(t *testing.T) {
	r := newRig(t)
	r.knobs.AttachmentsPerServer = 2
	one, two, three := r.create(), r.create(), r.create()
	r.do("AddBackendServers", "LoadBalancerId", one, "BackendServers", servers(0, 1))
	r.do("CreateVServerGroup", "LoadBalancerId", one, "BackendServers", servers(80, 1))
	r.do("CreateVServerGroup", "LoadBalancerId", two, "BackendServers", servers(80, 1))
	err := r.refusal(400, "BackendServerAttachedNumberOverLimit", "AddBackendServers", "LoadBalancerId", three, "BackendServers", servers(0, 2, 1))
	if !strings.Contains(err.Message, serverID(1)) {
		t.Errorf("the message does not name the server: %q", err.Message)
	}
	r.refused(400, "BackendServerAttachedNumberOverLimit", "CreateVServerGroup", "LoadBalancerId", three, "BackendServers", servers(80, 1))
	r.do("AddBackendServers", "LoadBalancerId", two, "BackendServers", servers(0, 1))
	r.do("DeleteLoadBalancer", "LoadBalancerId", one)
	r.do("AddBackendServers", "LoadBalancerId", three, "BackendServers", servers(0, 1))
}

func TestGroupQuota(t *testing.T) {
	r := newRig(t)
	r.knobs.GroupsPerLoadBalancer = 1
	lb := r.create()
	r.do("CreateVServerGroup", "LoadBalancerId", lb)
	r.refused(400, "VServerGroupNumberOverLimit", "CreateVServerGroup", "LoadBalancerId", lb)
}

func TestReleasedServerLeavesEveryGroup(t *testing.T) {
	r := newRig(t)
	r.servers.interfaces["eni-1"] = api.Interface{ID: "eni-1", VPCID: vpcID, InstanceID: serverID(1), PrimaryIP: "10.2.0.9", Addresses: []string{"10.2.0.9", "10.2.0.8"}}
	one, two := r.create(), r.create()
	r.do("AddBackendServers", "LoadBalancerId", one, "BackendServers", servers(0, 1, 2))
	group := r.do("CreateVServerGroup", "LoadBalancerId", two, "BackendServers",
		`[{"ServerId":"i-1","Port":80},{"ServerId":"i-2","Port":80},{"ServerId":"eni-1","Port":80,"Type":"eni","ServerIp":"10.2.0.8"}]`).id("VServerGroupId")
	r.p.ServerReleased(serverID(1))
	for _, m := range []struct {
		name string
		left []member
	}{{"default group", r.p.byID[one].Backends}, {"vServer group", r.p.groups[group].Members}} {
		if len(m.left) != 1 || m.left[0].ServerID != serverID(2) {
			t.Errorf("%s: %+v", m.name, m.left)
		}
	}
	if len(r.p.attached[serverID(1)]) != 0 {
		t.Errorf("still attached: %v", r.p.attached)
	}
}

func TestInterfaceAddressesAreMembersOfTheirOwn(t *testing.T) {
	r := newRig(t)
	r.servers.interfaces["eni-1"] = api.Interface{ID: "eni-1", VPCID: vpcID, InstanceID: serverID(1), PrimaryIP: "10.2.0.9", Addresses: []string{"10.2.0.9", "10.2.0.8"}}
	lb := r.create()
	eni := func(ips ...string) string {
		items := make([]string, 0, len(ips))
		for _, ip := range ips {
			items = append(items, fmt.Sprintf(`{"ServerId":"eni-1","Port":80,"Type":"eni","ServerIp":%q}`, ip))
		}
		return "[" + strings.Join(items, ",") + "]"
	}
	group := r.do("CreateVServerGroup", "LoadBalancerId", lb, "BackendServers", eni("10.2.0.9", "10.2.0.8")).id("VServerGroupId")
	got := sdk.CreateRemoveVServerGroupBackendServersResponse()
	r.read(got, "RemoveVServerGroupBackendServers", "VServerGroupId", group, "BackendServers", eni("10.2.0.9"))
	if b := got.BackendServers.BackendServer; len(b) != 1 || b[0].ServerIp != "10.2.0.8" || b[0].Type != "eni" {
		t.Errorf("left: %+v", b)
	}
	r.refused(400, "ObtainIpFail", "AddVServerGroupBackendServers", "VServerGroupId", group, "BackendServers", eni("10.2.0.7"))
	r.refused(400, "OperationDeny.LbNotSupportIPv6Server", "AddBackendServers", "LoadBalancerId", lb, "BackendServers",
		`[{"ServerId":"i-3","ServerIp":"2001:db8::1"}]`)
}

func TestIPv6LoadBalancerTakesServersWithIPv6Only(t *testing.T) {
	r := newRig(t)
	r.servers.servers["i-six"] = api.Server{ID: "i-six", VPCID: vpcID, Status: "Running", IPv6: []string{"2001:db8:1::5"}}
	lb := r.create("AddressIPVersion", "ipv6")
	r.refused(400, "IpVersionConflict", "AddBackendServers", "LoadBalancerId", lb, "BackendServers", servers(0, 1))
	r.do("AddBackendServers", "LoadBalancerId", lb, "BackendServers", `[{"ServerId":"i-six"}]`)
}

func TestHealthFollowsListenerSwitchServerAndLag(t *testing.T) {
	r := newRig(t)
	r.knobs.ListenerTransition = 0
	lb := r.create()
	r.listen(lb, 80)
	r.do("AddBackendServers", "LoadBalancerId", lb, "BackendServers", servers(0, 1))
	health := func() string {
		got := sdk.CreateDescribeHealthStatusResponse()
		r.read(got, "DescribeHealthStatus", "LoadBalancerId", lb, "ListenerPort", "80")
		if len(got.BackendServers.BackendServer) != 1 {
			t.Fatalf("health: %+v", got.BackendServers)
		}
		b := got.BackendServers.BackendServer[0]
		if b.ServerId != serverID(1) || b.Port != 30080 || b.ListenerPort != 80 || b.Protocol != "tcp" || b.ServerIp == "" {
			t.Errorf("health: %+v", b)
		}
		return b.ServerHealthStatus
	}
	want := func(when, status string) {
		t.Helper()
		if got := health(); got != status {
			t.Errorf("%s: %s, want %s", when, got, status)
		}
	}
	r.pass(time.Minute)
	want("stopped", healthUnavailable)
	r.do("StartLoadBalancerListener", "LoadBalancerId", lb, "ListenerPort", "80")
	want("first checks", healthUnavailable)
	r.pass(r.knobs.HealthLag)
	want("running", healthNormal)
	server := r.servers.servers[serverID(1)]
	server.Unhealthy = true
	r.servers.servers[serverID(1)] = server
	want("unhealthy server", healthAbnormal)
	server.Unhealthy, server.Status = false, "Stopped"
	r.servers.servers[serverID(1)] = server
	want("stopped server", healthAbnormal)
	server.Status = "Running"
	r.servers.servers[serverID(1)] = server
	r.do("SetLoadBalancerStatus", "LoadBalancerId", lb, "LoadBalancerStatus", "inactive")
	want("inactive", healthUnavailable)
	r.do("SetLoadBalancerStatus", "LoadBalancerId", lb, "LoadBalancerStatus", "active")
	r.do("SetLoadBalancerTCPListenerAttribute", "LoadBalancerId", lb, "ListenerPort", "80", "HealthCheckSwitch", "off")
	r.pass(time.Minute)
	want("check off", healthUnavailable)
	r.refused(400, "InvalidParameter", "DescribeHealthStatus", "LoadBalancerId", lb, "ListenerPort", "81")
}
