package region

import (
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/api"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/ecs"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/ram"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/seed"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/settings"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/simclock"
)

const text = `
region: cn-test
profile: instant
knobs: {routesPerTable: 12, routeOperation: 2s}
gateway: {rateLimits: {"Describe*": 9}}
metadata: {role: nodes, validity: 1h, rotateBefore: 10m}
keys: [{id: k, secret: s, user: bob, policies: [{Version: "1", Statement: [{Effect: Allow, Action: "ecs:*", Resource: "*"}]}]}]
roles: [{name: nodes}]
faults: [{kind: Throttle, action: StopInstance, count: 2}]
vpcs: [{id: vpc-1, cidr: 10.0.0.0/8}]
vSwitches: [{id: vsw-1, vpc: vpc-1, zone: cn-test-a, cidr: 10.1.0.0/16}]
servers: [{id: i-1, name: one, vSwitch: vsw-1, privateIP: 10.1.0.5, eip: auto}]
routes: [{destination: 172.16.0.0/24, nextHop: i-1}]
loadBalancers: [{id: lb-1, vSwitch: vsw-1, backends: [{server: i-1}], listeners: [{port: 80, protocol: tcp, backendPort: 30080}]}]
`

func planted(t *testing.T, clock *simclock.Clock) *Region {
	t.Helper()
	r := New(t.Context(), Options{Name: "cn-test", Clock: clock})
	t.Cleanup(r.Close)
	s, err := seed.Parse([]byte(text))
	if err := errors.Join(err, r.Plant(s)); err != nil {
		t.Fatal(err)
	}
	return r
}

func TestSeedFillsEveryProduct(t *testing.T) {
	r := planted(t, nil)
	if k := r.Knobs(); k.RoutesPerTable != 12 || k.RouteOperation != 2*time.Second || k.ListenerTransition != 0 {
		t.Errorf("knobs %+v", k)
	}
	if c, ok := r.Identities.Caller("k"); !ok || c.May("ecs:X") != ram.Allow || c.May("slb:X") == ram.Allow {
		t.Error("the key or its policy is missing")
	}
	if got := r.Faults.Rules(); len(got) != 1 || got[0].Count != 2 {
		t.Errorf("faults %+v", got)
	}
	if r.Gateway.Knobs().RateLimits["Describe*"] != 9 || r.Metadata.Knobs().Role != "nodes" {
		t.Error("settings of the gateway or the metadata service are missing")
	}
	r.Do(func(r *Region) {
		if routes := r.VPC.RoutesTo("i-1"); len(routes) != 1 {
			t.Errorf("routes %v", routes)
		}
		if ids := r.SLB.IDs(); len(ids) != 1 || ids[0] != "lb-1" {
			t.Errorf("load balancers %v", ids)
		}
	})
}

func TestSeedsOfOtherRegionsAndStrangeFieldsAreRefused(t *testing.T) {
	r := New(t.Context(), Options{Name: "cn-test"})
	t.Cleanup(r.Close)
	if err := r.Plant(seed.Seed{Region: "cn-other"}); err == nil {
		t.Error("another region's seed is taken")
	}
	if err := r.Plant(seed.Seed{Profile: "fast"}); err == nil {
		t.Error("an unknown profile is taken")
	}
	if err := r.Plant(seed.Seed{Knobs: json.RawMessage(`{"speed":1}`)}); !errors.Is(err, settings.ErrSetting) {
		t.Errorf("an unknown knob: %v", err)
	}
	for _, bad := range []string{"server: []", "servers: [{vSwitsch: x}]", "servers: 3"} {
		if _, err := seed.Parse([]byte(bad)); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}

func TestProfiles(t *testing.T) {
	r := planted(t, nil)
	type shape struct {
		latency, route, listener time.Duration
		balancers, attachments   int
	}
	for name, want := range map[string]shape{
		Instant:   {0, 0, 0, 60, 50},
		Standard:  {100 * time.Millisecond, time.Second, 300 * time.Millisecond, 1000, 1000},
		Published: {0, time.Second, 300 * time.Millisecond, 60, 50},
	} {
		if err := r.SetProfile(name); err != nil {
			t.Fatal(err)
		}
		k := r.Knobs()
		got := shape{r.Gateway.Knobs().Latency["*"].Min, k.RouteOperation, k.ListenerTransition, k.LoadBalancersPerAccount, k.AttachmentsPerServer}
		if got != want {
			t.Errorf("%s: %+v, want %+v", name, got, want)
		}
	}
}

func TestRestoredRegionIsTheSame(t *testing.T) {
	a := planted(t, simclock.New(0, time.Time{}))
	before, err := a.Dump()
	if err != nil {
		t.Fatal(err)
	}
	b := New(t.Context(), Options{Name: "cn-test", Clock: simclock.New(0, before.Time)})
	t.Cleanup(b.Close)
	if err := b.Restore(before); err != nil {
		t.Fatal(err)
	}
	after, err := b.Dump()
	if err != nil {
		t.Fatal(err)
	}
	before.Generation++
	before.Time = after.Time // real time went on
	if diff := cmp.Diff(before, after); diff != "" {
		t.Fatal(diff)
	}
}

func TestRestoredRegionDrawsOtherIDs(t *testing.T) {
	a := planted(t, nil)
	saved, err := a.Dump()
	if err != nil {
		t.Fatal(err)
	}
	first, err := a.CreateServer(ecs.ServerSeed{VSwitch: "vsw-1"})
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Restore(saved); err != nil {
		t.Fatal(err)
	}
	second, err := a.CreateServer(ecs.ServerSeed{VSwitch: "vsw-1"})
	if err != nil || first == second {
		t.Fatalf("ids %q and %q, %v", first, second, err)
	}
}

func TestSameSeedDrawsTheSameIDs(t *testing.T) {
	var ids [2]string
	for i := range ids {
		id, err := planted(t, nil).CreateServer(ecs.ServerSeed{VSwitch: "vsw-1"})
		if err != nil {
			t.Fatal(err)
		}
		ids[i] = id
	}
	if ids[0] != ids[1] {
		t.Fatalf("ids differ: %v", ids)
	}
}

func TestRestoreNeverTurnsTheClockBack(t *testing.T) {
	a := planted(t, simclock.New(0, time.Time{}))
	a.Clock.Step(24 * time.Hour)
	saved, err := a.Dump()
	if err != nil {
		t.Fatal(err)
	}
	b := New(t.Context(), Options{Name: "cn-test"})
	t.Cleanup(b.Close)
	if err := b.Restore(saved); err != nil {
		t.Fatal(err)
	}
	if b.Now().Before(saved.Time) {
		t.Fatalf("now %v is before the state's %v", b.Now(), saved.Time)
	}
}

func TestForeignStatesAreRefused(t *testing.T) {
	r := planted(t, nil)
	for name, s := range map[string]State{
		"version": {Version: 99, Region: r.Name, Account: r.Account},
		"region":  {Version: stateVersion, Region: "cn-other", Account: r.Account},
		"empty":   {Version: stateVersion, Region: r.Name, Account: r.Account, Products: map[api.Product]json.RawMessage{}},
	} {
		if err := r.Restore(s); !errors.Is(err, ErrState) {
			t.Errorf("%s: got %v, want ErrState", name, err)
		}
	}
}

func TestMetadataDescribesTheServer(t *testing.T) {
	r := planted(t, nil)
	i, ok := r.Instance("")
	if !ok || i.ID != "i-1" || i.Zone != "cn-test-a" || i.VPC != "vpc-1" || i.VPCCIDR != "10.0.0.0/8" ||
		i.VSwitchCIDR != "10.1.0.0/16" || i.PrivateIP != "10.1.0.5" || i.PublicIP == "" {
		t.Fatalf("instance %+v, %v", i, ok)
	}
	if len(i.Interfaces) != 1 || i.Interfaces[0].MAC == "" || len(i.Interfaces[0].PrivateIPs) != 1 {
		t.Fatalf("interfaces %+v", i.Interfaces)
	}
	if _, ok := r.Instance("i-none"); ok {
		t.Error("a server that does not exist has metadata")
	}
}

func TestRoleCredentialsRotateBeforeTheyExpire(t *testing.T) {
	r := planted(t, simclock.New(0, time.Time{}))
	key := func() string {
		document, ok := r.RoleDocument("nodes", time.Hour, 10*time.Minute)
		if !ok {
			t.Fatal("no credentials")
		}
		var d struct {
			AccessKeyId, Expiration, Code string //nolint:revive // the vendor's names
		}
		if err := json.Unmarshal([]byte(document), &d); err != nil || d.Code != "Success" {
			t.Fatalf("document %s, %v", document, err)
		}
		return d.AccessKeyId
	}
	first := key()
	r.Clock.Step(49 * time.Minute)
	if key() != first {
		t.Error("rotated too early")
	}
	r.Clock.Step(2 * time.Minute)
	second := key()
	if second == first {
		t.Error("not rotated with 9 minutes left")
	}
	if c, ok := r.Identities.Caller(first); !ok || !c.Expires.After(r.Now()) {
		t.Error("the old credentials ended before their time")
	}
	r.Identities.ExpireSessions(r.Now(), "nodes")
	if key() == second {
		t.Error("ended credentials are still handed out")
	}
	if _, ok := r.RoleDocument("none", time.Hour, 0); ok {
		t.Error("an unknown role has credentials")
	}
}
