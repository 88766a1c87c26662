package slb

import (
	"encoding/json"
	"math/rand/v2"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/api"
)

// restored is a rig whose product was dumped and restored.
func (r *rig) restored(t *testing.T) *rig {
	t.Helper()
	data, err := r.p.Dump()
	if err != nil {
		t.Fatal(err)
	}
	again := newRig(t)
	again.now, again.knobs, again.latency = r.now, r.knobs, r.latency
	again.servers, again.network.taken = r.servers, r.network.taken
	if err := again.p.Restore(data); err != nil {
		t.Fatal(err)
	}
	return again
}

func TestStateSurvivesDumpAndRestore(t *testing.T) {
	r := newRig(t)
	r.knobs.DeleteLag = time.Second
	token := []string{"InstanceChargeType", byCLCU, "ClientToken", "t", "LoadBalancerName", "kept"}
	lb := r.do("CreateLoadBalancer", token...).id("LoadBalancerId")
	paid := r.create("InstanceChargeType", bySpec, "LoadBalancerSpec", "slb.s1.small", "Tag.1.Key", "k", "Tag.1.Value", "v")
	gone := r.create("LoadBalancerName", "gone")
	r.listen(lb, 80)
	r.do("CreateVServerGroup", "LoadBalancerId", lb, "BackendServers", servers(80, 1, 2))
	r.do("AddBackendServers", "LoadBalancerId", lb, "BackendServers", servers(0, 1))
	r.do("ModifyLoadBalancerInstanceChargeType", "LoadBalancerId", paid, "InstanceChargeType", byCLCU)
	r.do("DeleteLoadBalancer", "LoadBalancerId", gone)
	r.do("StartLoadBalancerListener", "LoadBalancerId", lb, "ListenerPort", "80")

	again := r.restored(t)
	if got, want := again.dump(), r.dump(); got != want {
		t.Fatalf("restored:\n%s\nwant\n%s", got, want)
	}
	if !reflect.DeepEqual(again.p.public, r.p.public) || len(again.p.attached) != len(r.p.attached) || len(again.p.groups) != 1 {
		t.Errorf("indices: %v %v", again.p.public, again.p.attached)
	}
	if got := again.status(lb, 80); got != starting {
		t.Errorf("listener %s", got)
	}
	if got := again.do("CreateLoadBalancer", token...)["LoadBalancerId"]; got != lb {
		t.Errorf("the token made %v", got)
	}
	if got := again.found("Tag.1.Key", "k", "Tag.1.Value", "v"); len(got) != 1 {
		t.Errorf("by tag: %v", got)
	}
	if got := again.found("LoadBalancerId", gone); len(got) != 1 {
		t.Errorf("the deleted one is not listed any more: %v", got)
	}
	again.pass(time.Second)
	if got := again.status(lb, 80); got != running {
		t.Errorf("listener %s after the transition", got)
	}
	if got := again.found("LoadBalancerId", gone); len(got) != 0 {
		t.Errorf("the deleted one stays: %v", got)
	}
	again.pass(24 * time.Hour)
	if got := again.attribute(paid); got.InstanceChargeType != byCLCU {
		t.Errorf("the reserved change got lost: %+v", got)
	}
}

func TestRestoreRefusesNonsense(t *testing.T) {
	if err := newRig(t).p.Restore(json.RawMessage(`{"loadBalancers":3}`)); err == nil {
		t.Error("no error")
	}
}

// TestRejectedCallsLeaveNoTrace throws parameters of every kind at every
// mutation: whatever is refused must have changed nothing, whatever succeeds
// must leave indices that match the state.
func TestRejectedCallsLeaveNoTrace(t *testing.T) {
	r := newRig(t)
	r.knobs.AttachmentsPerServer, r.knobs.BackendsPerLoadBalancer, r.knobs.ListenersPerLoadBalancer = 2, 4, 3
	r.knobs.LoadBalancersPerAccount, r.knobs.GroupsPerLoadBalancer = 4, 2
	r.servers.servers["i-stopped"] = api.Server{ID: "i-stopped", VPCID: vpcID, Status: "Stopped"}
	rnd := rand.New(rand.NewPCG(7, 7))
	pick := func(values ...string) string { return values[rnd.IntN(len(values))] }
	lbOrNot := func() string { return pick(append(r.p.IDs(), "lb-none", "")...) }
	groupOrNot := func() string {
		ids := []string{"rsp-none", ""}
		for _, lb := range r.p.order {
			for _, g := range lb.Groups {
				ids = append(ids, g.ID)
			}
		}
		return pick(ids...)
	}
	var names []string
	for name, a := range r.actions {
		if a.Mutating {
			names = append(names, name)
		}
		if name == "CreateLoadBalancer" {
			names = append(names, name, name)
		}
	}
	slices.Sort(names)
	// good picks a usable value nearly always, bad ones now and then.
	good := func(bad string, values ...string) string {
		if rnd.IntN(40) == 0 {
			return bad
		}
		return pick(values...)
	}
	refusals, successes := 0, 0
	for range 3000 {
		name := pick(names...)
		params := []string{
			"LoadBalancerId", lbOrNot(), "VServerGroupId", groupOrNot(), "ListenerPort", good("0", "80", "81", "82", "83"),
			"ListenerProtocol", pick("", "tcp", "udp"), "BackendServerPort", good("", "1"), "Bandwidth", good("0", "-1", "5"),
			"VServerGroup", good("x", "on", "off", ""), "Description", pick("", "d", "e"), "StickySession", "off", "HealthCheck", "on",
			"BackendServers", good("[", servers(80, 1), servers(80, 2, 3), servers(80, 4, 5, 6), servers(80, 1), `[{"ServerId":"i-stopped","Port":1}]`),
			"OldBackendServers", servers(80, 1, 2), "NewBackendServers", good("x", servers(80, 3, 4), servers(80, 7, 8, 9)),
			"InstanceChargeType", good("x", byCLCU, bySpec), "LoadBalancerSpec", good("x", "slb.s1.small"), "InternetChargeType", good("x", byTraffic),
			"DeleteProtection", good(on, off), "LoadBalancerStatus", good("x", active, inactive), "LoadBalancerName", good("-", "web", "app"),
			"ModificationProtectionStatus", good(noProtection, consoleProtection), "ModificationProtectionReason", pick("", "r"),
			"VSwitchId", good("vsw-none", "", "", vswitch), "ClientToken", pick("", "", "", "a"), "ResourceType", good("x", "instance"),
			"ResourceId.1", lbOrNot(), "Tag.1.Key", good("acs:", "k", "l"), "Tag.1.Value", pick("1", "2"), "TagKey.1", "k",
			"Tags", `[{"TagKey":"o","TagValue":"1"}]`, "Scheduler", good("x", "", "rr"), "ConnectionDrain", good("on", ""),
		}
		r.latency = time.Duration(rnd.IntN(3)) * time.Millisecond
		r.pass(time.Duration(rnd.IntN(200)) * time.Millisecond)
		before := r.dump()
		if _, err := r.try(name, params...); err == nil {
			successes++
			continue
		}
		refusals++
		if after := r.dump(); after != before {
			t.Fatalf("%s(%v) was refused but left a trace:\n%s\n%s", name, params, before, after)
		}
	}
	if successes < 300 || refusals < 300 {
		t.Errorf("%d successes and %d refusals say little", successes, refusals)
	}
	again := r.restored(t)
	if !sameCounts(again.p, r.p) || len(again.p.groups) != len(r.p.groups) || len(again.p.tagged) != len(r.p.tagged) || !reflect.DeepEqual(again.p.public, r.p.public) {
		t.Error("the indices do not match the state")
	}
}

// sameCounts compares what two products count per server and load balancer.
func sameCounts(a, b *Product) bool {
	flat := func(p *Product) map[string]int {
		out := map[string]int{}
		for server, lbs := range p.attached {
			for lb, n := range lbs {
				out[server+lb.ID] = n
			}
		}
		for _, lb := range p.byID {
			for backend, n := range lb.servers {
				out[lb.ID+backend] = n
			}
		}
		return out
	}
	return reflect.DeepEqual(flat(a), flat(b))
}

func TestSetCallsHaveNoBackendServerPort(t *testing.T) {
	r := newRig(t)
	for _, protocol := range []string{"TCP", "UDP", "HTTP", "HTTPS"} {
		set := wireNames(r.actions["SetLoadBalancer"+protocol+"ListenerAttribute"].Request)
		create := wireNames(r.actions["CreateLoadBalancer"+protocol+"Listener"].Request)
		if set["BackendServerPort"] || !create["BackendServerPort"] {
			t.Errorf("%s: BackendServerPort in Set %t, in Create %t", protocol, set["BackendServerPort"], create["BackendServerPort"])
		}
		for _, f := range fieldsOf[strings.ToLower(protocol)] {
			if name := f.param(true); !create[name] && f.name != "ForwardCode" {
				t.Errorf("Create%sListener has no %s", protocol, name)
			}
			if name := f.param(false); name != "" && !set[name] {
				t.Errorf("Set%sListenerAttribute has no %s", protocol, name)
			}
		}
	}
	for name, a := range r.actions {
		names := wireNames(a.Request)
		for _, required := range a.Required {
			if head, _, _ := strings.Cut(required, "."); !names[required] && !names[head] {
				t.Errorf("%s requires %s, which the SDK cannot send", name, required)
			}
		}
	}
}

// wireNames are the parameter names in an SDK request struct.
func wireNames(request any) map[string]bool {
	out := map[string]bool{}
	for field := range reflect.TypeOf(request).Elem().Fields() {
		if name := field.Tag.Get("name"); name != "" {
			out[name] = true
		}
	}
	return out
}

// bigSeed is a region of load balancers that each have 50 listeners and 200 backends.
func bigSeed(loadBalancers int) Seed {
	var s Seed
	for i := range loadBalancers {
		lb := LoadBalancerSeed{
			ID: "lb-" + strconv.Itoa(i), Name: "web-" + strconv.Itoa(i),
			Tags: map[string]string{"cluster": "one", "service": strconv.Itoa(i)},
		}
		for n := range 200 {
			lb.Backends = append(lb.Backends, BackendSeed{Server: serverID(n)})
		}
		for port := range 50 {
			lb.Listeners = append(lb.Listeners, ListenerSeed{
				Port: port + 1, Protocol: "tcp", BackendPort: 30000 + port, Settings: map[string]string{"Description": "k8s/" + strconv.Itoa(port)},
			})
		}
		s.LoadBalancers = append(s.LoadBalancers, lb)
	}
	return s
}

func TestBigRegionIsSeededAndSearched(t *testing.T) {
	r := newRig(t)
	if err := r.p.Seed(bigSeed(500)); err != nil {
		t.Fatal(err)
	}
	if got := r.found("Tag.1.Key", "service", "Tag.1.Value", "77"); len(got) != 1 || got[0] != "web-77" {
		t.Errorf("by tag: %v", got)
	}
	if got := r.do("DescribeLoadBalancers", "Tag.1.Key", "cluster", "Tag.1.Value", "one", "PageNumber", "5", "PageSize", "100"); got["TotalCount"] != 500 {
		t.Errorf("total %v", got["TotalCount"])
	}
	if got := r.do("DescribeLoadBalancerListeners", "MaxResults", "100")["TotalCount"]; got != 25000 {
		t.Errorf("listeners %v", got)
	}
	if got := len(r.attribute("lb-499").BackendServers.BackendServer); got != 200 {
		t.Errorf("backends %d", got)
	}
}

func BenchmarkLists(b *testing.B) {
	r := newRig(b)
	if err := r.p.Seed(bigSeed(500)); err != nil {
		b.Fatal(err)
	}
	for _, c := range [][]string{
		{"DescribeLoadBalancers", "Tag.1.Key", "service", "Tag.1.Value", "77"},
		{"DescribeLoadBalancers", "PageNumber", "3", "PageSize", "100"},
		{"DescribeLoadBalancerAttribute", "LoadBalancerId", "lb-7"},
		{"DescribeLoadBalancerListeners", "LoadBalancerId.1", "lb-7", "LoadBalancerId.2", "lb-8", "MaxResults", "100"},
	} {
		b.Run(strings.Join(c, ","), func(b *testing.B) {
			for b.Loop() {
				if _, err := json.Marshal(r.do(c[0], c[1:]...)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
