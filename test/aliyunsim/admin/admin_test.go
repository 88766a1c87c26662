package admin

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/api"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/ecs"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/fault"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/network"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/ram"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/region"
)

const seeded = `
vpcs: [{id: vpc-1, cidr: 10.0.0.0/8}]
vSwitches: [{id: vsw-1, vpc: vpc-1, zone: cn-hangzhou-h, cidr: 10.1.0.0/16}]
keys: [{id: k, secret: test-secret}]
servers: [{id: i-1, name: one, vSwitch: vsw-1}]
`

func start(t *testing.T, o Options) (*region.Region, *Client) {
	t.Helper()
	r := region.New(t.Context(), region.Options{})
	if err := r.SetProfile(region.Instant); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(Handler(r, o))
	t.Cleanup(server.Close)
	c := NewClient(server.URL, server.Client())
	if err := c.Seed(t.Context(), seeded); err != nil {
		t.Fatal(err)
	}
	return r, c
}

func status(r *region.Region, id string) (s string) {
	r.Do(func(r *region.Region) {
		v, _ := r.ECS.Server(id)
		s = v.Status
	})
	return s
}

func TestServerLivesByTheAdminInterface(t *testing.T) {
	r, c := start(t, Options{})
	ctx := t.Context()
	id, err := c.CreateServer(ctx, ecs.ServerSeed{VSwitch: "vsw-1", Name: "two"})
	if err != nil || status(r, id) != "Running" {
		t.Fatalf("created %q, %v, status %q", id, err, status(r, id))
	}
	if err := c.StopServer(ctx, id); err != nil || status(r, id) != "Stopped" {
		t.Fatalf("stopped: %v, status %q", err, status(r, id))
	}
	if err := c.StartServer(ctx, id); err != nil || status(r, id) != "Running" {
		t.Fatalf("started: %v, status %q", err, status(r, id))
	}
	if err := c.ReleaseServer(ctx, id, false); err == nil {
		t.Fatal("a running server is released without force")
	}
	if err := c.ReleaseServer(ctx, id, true); err != nil || status(r, id) != "" {
		t.Fatalf("released: %v, status %q", err, status(r, id))
	}
}

func TestRefusalNamesTheCode(t *testing.T) {
	_, c := start(t, Options{})
	err := c.ReleaseServer(t.Context(), "i-none", true)
	failure, ok := errors.AsType[*RefusedError](err)
	if !ok || failure.Code != "InvalidInstanceId.NotFound" {
		t.Fatalf("got %v", err)
	}
}

func TestFaultsAreSetListedAndEnded(t *testing.T) {
	r, c := start(t, Options{})
	ctx := t.Context()
	id, err := c.Fault(ctx, fault.Rule{Kind: fault.Delay, Action: "Describe*", Count: 3, Delay: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	rules, err := c.Faults(ctx)
	if err != nil || len(rules) != 1 || rules[0].ID != id || rules[0].Delay != time.Second {
		t.Fatalf("rules %+v, %v", rules, err)
	}
	if _, err := c.Fault(ctx, fault.Rule{Kind: "Explode"}); err == nil {
		t.Error("a bad rule is taken")
	}
	if err := c.ClearFault(ctx, id); err != nil || len(r.Faults.Rules()) != 0 {
		t.Errorf("rule not ended: %v", err)
	}
	if err := c.ClearFault(ctx, id); err == nil {
		t.Error("an ended rule is ended again")
	}
}

func TestSettingsChangeTogetherOrNotAtAll(t *testing.T) {
	r, c := start(t, Options{})
	ctx := t.Context()
	bad := region.Settings{Knobs: json.RawMessage(`{"RoutesPerTable":7}`), Gateway: json.RawMessage(`{"Nothing":1}`)}
	if err := c.Configure(ctx, bad); err == nil || r.Knobs().RoutesPerTable == 7 {
		t.Fatalf("half a change was made: %v", err)
	}
	good := region.Settings{
		Knobs:    json.RawMessage(`{"routesPerTable":7,"routeOperation":"3s"}`),
		Gateway:  json.RawMessage(`{"latency":{"*":"10ms","Describe*":{"min":"1ms","max":"2ms"}},"rateLimits":{"*":5}}`),
		Metadata: json.RawMessage(`{"role":"nodes"}`),
	}
	if err := c.Configure(ctx, good); err != nil {
		t.Fatal(err)
	}
	if k := r.Knobs(); k.RoutesPerTable != 7 || k.RouteOperation != 3*time.Second {
		t.Errorf("knobs are %+v", k)
	}
	if g := r.Gateway.Knobs(); g.Latency["*"].Min != 10*time.Millisecond || g.RateLimits["*"] != 5 {
		t.Errorf("gateway is %+v", g)
	}
	if all, err := c.Settings(ctx); err != nil || !strings.Contains(string(all.Knobs), `"RouteOperation":"3s"`) {
		t.Errorf("settings %s, %v", all.Knobs, err)
	}
}

func TestStateHoldsObjectsAndNoSecret(t *testing.T) {
	_, c := start(t, Options{})
	s, err := c.State(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	raw, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(s.Products[api.ECS]), `"i-1"`) {
		t.Error("the server is missing")
	}
	if strings.Contains(string(raw), "test-secret") {
		t.Error("the secret is told")
	}
}

func TestKeysAndRolesAreManaged(t *testing.T) {
	r, c := start(t, Options{})
	ctx := t.Context()
	read := ram.Policy{Version: "1", Statement: []ram.Statement{{Effect: "Allow", Action: ram.Strings{"ecs:Describe*"}, Resource: ram.Strings{"*"}}}}
	if err := errors.Join(c.PutKey(ctx, ram.Key{ID: "limited", Secret: "x"}), c.Attach(ctx, "limited", read), c.PutRole(ctx, ram.Role{Name: "nodes"})); err != nil {
		t.Fatal(err)
	}
	caller, ok := r.Identities.Caller("limited")
	if !ok || caller.May("ecs:DescribeInstances") != ram.Allow || caller.May("ecs:DeleteInstance") == ram.Allow {
		t.Fatal("the policy does not hold")
	}
	if err := c.Attach(ctx, "none", read); err == nil {
		t.Error("a policy is attached to no key")
	}
	if _, ok := r.Identities.Role("nodes"); !ok {
		t.Error("the role is missing")
	}
}

func TestSaveNeedsAFile(t *testing.T) {
	_, c := start(t, Options{})
	if err := c.Save(t.Context()); err == nil {
		t.Error("saved to nowhere")
	}
	path := filepath.Join(t.TempDir(), "state.json")
	r := region.New(t.Context(), region.Options{})
	server := httptest.NewServer(Handler(r, Options{Save: func() error { return r.Save(path) }}))
	t.Cleanup(server.Close)
	if err := NewClient(server.URL, nil).Save(t.Context()); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("state file %v, %v", info, err)
	}
}

func TestHelpNamesEveryKindOfFault(t *testing.T) {
	_, c := start(t, Options{})
	raw, err := c.send(t.Context(), http.MethodGet, "", nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range []fault.Kind{
		fault.Throttle, fault.ServerError, fault.Deny, fault.NonJSON, fault.Empty, fault.Reset,
		fault.Late, fault.Delay, fault.DelayBody, fault.DropReply, fault.EmptyList,
	} {
		if !strings.Contains(string(raw), "  "+string(kind)+" ") {
			t.Errorf("help lacks %s", kind)
		}
	}
}

func TestPagesOfOtherSitesGiveNoOrders(t *testing.T) {
	r, c := start(t, Options{})
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, c.base+"/admin/servers/i-1/stop", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Origin", "https://example.com")
	req.Header.Set("Sec-Fetch-Site", "cross-site")
	resp, err := c.http.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	if err := resp.Body.Close(); err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != http.StatusForbidden || status(r, "i-1") != "Running" {
		t.Fatalf("answer %s, server %s", resp.Status, status(r, "i-1"))
	}
}

func TestClockIsStepped(t *testing.T) {
	r, c := start(t, Options{})
	before := r.Now()
	if err := c.Step(t.Context(), time.Hour); err != nil {
		t.Fatal(err)
	}
	if got := r.Now().Sub(before); got < time.Hour {
		t.Fatalf("moved by %v", got)
	}
}

func TestDataplaneIsToldWhereThereIsOne(t *testing.T) {
	_, without := start(t, Options{})
	_, err := without.Dataplane(t.Context())
	if refused, ok := errors.AsType[*RefusedError](err); !ok || refused.Message != NoDataplane {
		t.Errorf("without one: %v", err)
	}
	want := network.Plane{Sandbox: "ka000000", Servers: map[string]network.Place{"i-1": {Namespace: "/run/netns/x", Address: "10.1.0.1"}}}
	_, with := start(t, Options{Dataplane: func(context.Context) (network.Plane, error) { return want, nil }})
	got, err := with.Dataplane(t.Context())
	if err != nil || got.Sandbox != want.Sandbox || got.Servers["i-1"] != want.Servers["i-1"] {
		t.Errorf("got %+v, %v", got, err)
	}
}
