package ecs

import (
	"bytes"
	"encoding/json"
	"io"
	"math/rand/v2"
	"net/http"
	"testing"
	"time"

	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/responses"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/api"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/vpc"
)

// start is when the tests' region begins.
var start = time.Date(2026, 5, 1, 12, 34, 56, 0, time.UTC)

// balancers is a fake SLB.
type balancers struct {
	busy     map[string]bool
	released []string
}

func (b *balancers) ServerReleased(id string)  { b.released = append(b.released, id) }
func (b *balancers) ServerBusy(id string) bool { return b.busy[id] }

// region is an ECS under test beside a real VPC, with a clock of its own.
type region struct {
	*Product
	t         *testing.T
	vpc       *vpc.Product
	balancers *balancers
	now       time.Time
	latency   time.Duration
	actions   map[string]api.Action
}

// newRegion has vsw-a (10.0.0.0/19, IPv6) and vsw-b (10.0.32.0/29, four
// addresses) in vpc-a, and the servers given.
func newRegion(t *testing.T, servers ...ServerSeed) *region {
	t.Helper()
	knobs := api.DefaultKnobs()
	r := &region{t: t, now: start, latency: 100 * time.Millisecond, balancers: &balancers{busy: map[string]bool{}}, actions: map[string]api.Action{}}
	r.vpc = vpc.New(vpc.Options{
		Region: "cn-test", Account: "1", Knobs: &knobs, Rand: rand.New(rand.NewPCG(1, 2)),
		Servers: func() api.Servers { return r.Product },
	})
	r.Product = New(Options{
		Region: "cn-test", Account: "1", Knobs: &knobs, Rand: rand.New(rand.NewPCG(3, 4)), Network: r.vpc,
		LoadBalancers: func() api.LoadBalancers { return r.balancers },
	})
	err := r.vpc.Seed(vpc.Seed{
		VPCs:        []vpc.NetworkSeed{{ID: "vpc-a", CIDR: "10.0.0.0/8", IPv6CIDR: "2001:db8::/56"}},
		RouteTables: []vpc.RouteTableSeed{{ID: "vtb-a", VPC: "vpc-a", Type: "System"}},
		VSwitches: []vpc.VSwitchSeed{
			{ID: "vsw-a", VPC: "vpc-a", Zone: "cn-test-a", CIDR: "10.0.0.0/19", IPv6CIDR: "2001:db8::/64"},
			{ID: "vsw-b", VPC: "vpc-a", Zone: "cn-test-b", CIDR: "10.0.32.0/29"},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	for i := range servers {
		if servers[i].VSwitch == "" {
			servers[i].VSwitch = "vsw-a"
		}
	}
	if err := r.Seed(Seed{Servers: servers}); err != nil {
		t.Fatal(err)
	}
	for _, a := range r.Actions() {
		r.actions[a.Name] = a
	}
	return r
}

// pass moves the clock.
func (r *region) pass(d time.Duration) {
	r.now = r.now.Add(d)
	r.vpc.Advance(r.now)
	r.Advance(r.now)
}

// call runs an action; parameters are name, value, name, value...
func (r *region) call(action string, params ...string) (api.Reply, *api.Error) {
	r.t.Helper()
	p := api.Params{"Action": action, "RegionId": "cn-test", "SignatureNonce": r.now.String()}
	for i := 0; i < len(params); i += 2 {
		p[params[i]] = params[i+1]
	}
	a, ok := r.actions[action]
	if !ok {
		r.t.Fatalf("no action %s", action)
	}
	for _, name := range a.Required {
		if p[name] == "" {
			return nil, api.Missing(name)
		}
	}
	r.pass(0)
	return a.Handle(&api.Call{Product: api.ECS, Action: action, RegionID: "cn-test", Now: r.now, Latency: r.latency, Account: "1", Params: p})
}

// must is call that succeeds and decodes the reply with the SDK.
func (r *region) must(into responses.AcsResponse, action string, params ...string) {
	r.t.Helper()
	reply, err := r.call(action, params...)
	if err != nil {
		r.t.Fatalf("%s %v: %v", action, params, err)
	}
	reply["RequestId"] = "R"
	raw, marshalErr := json.Marshal(reply)
	if marshalErr != nil {
		r.t.Fatal(marshalErr)
	}
	answer := &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(bytes.NewReader(raw))}
	if err := responses.Unmarshal(into, answer, "JSON"); err != nil {
		r.t.Fatalf("%v: %s", err, raw)
	}
}

// refused is call that fails with this status and code and changes nothing.
func (r *region) refused(status int, code, action string, params ...string) {
	r.t.Helper()
	r.pass(0)
	before := r.dump()
	_, err := r.call(action, params...)
	if err == nil {
		r.t.Fatalf("%s %v succeeded, want %d %s", action, params, status, code)
	}
	if err.Status != status || err.Code != code {
		r.t.Fatalf("%s %v: %v, want %d %s", action, params, err, status, code)
	}
	if after := r.dump(); before != after {
		r.t.Fatalf("%s %v was refused but changed the state\n%s\n%s", action, params, before, after)
	}
}

// dump is the state of ECS and VPC.
func (r *region) dump() string {
	r.t.Helper()
	own, err := r.Dump()
	if err != nil {
		r.t.Fatal(err)
	}
	network, err := r.vpc.Dump()
	if err != nil {
		r.t.Fatal(err)
	}
	return string(own) + string(network)
}
