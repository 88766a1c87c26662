package vpc

import (
	"bytes"
	"encoding/json"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/responses"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/api"
)

// start is when the tests' region begins.
var start = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

// servers is a fake ECS: ids to servers.
type servers map[string]api.Server

func (s servers) Server(id string) (api.Server, bool) {
	v, ok := s[id]
	return v, ok
}

func (s servers) Interface(id string) (api.Interface, bool) {
	for _, v := range s {
		for _, eni := range v.InterfaceIDs {
			if eni == id {
				return api.Interface{ID: id, VPCID: v.VPCID, InstanceID: v.ID, PrimaryIP: v.PrimaryIP}, true
			}
		}
	}
	return api.Interface{}, false
}

// region is a VPC under test with a clock of its own.
type region struct {
	*Product
	t       *testing.T
	now     time.Time
	latency time.Duration
	servers servers
	actions map[string]api.Action
}

// newRegion has vpc-a (table vtb-a, vsw-a 10.0.0.0/24) with servers i-1 to i-3,
// and vpc-b (table vtb-b) with server i-b.
func newRegion(t *testing.T) *region {
	t.Helper()
	knobs := api.DefaultKnobs()
	r := &region{t: t, now: start, latency: 100 * time.Millisecond, servers: servers{}, actions: map[string]api.Action{}}
	for n := 1; n <= 3; n++ {
		id := "i-" + strconv.Itoa(n)
		r.servers[id] = api.Server{ID: id, VPCID: "vpc-a", VSwitchID: "vsw-a", Status: "Running", InterfaceIDs: []string{"eni-" + strconv.Itoa(n)}}
	}
	r.servers["i-b"] = api.Server{ID: "i-b", VPCID: "vpc-b", VSwitchID: "vsw-b", Status: "Running"}
	r.Product = New(Options{
		Region: "cn-test", Account: "1", Knobs: &knobs, Rand: rand.New(rand.NewPCG(1, 2)),
		Servers: func() api.Servers { return r.servers },
	})
	r.Advance(start)
	err := r.Seed(Seed{
		VPCs: []NetworkSeed{
			{ID: "vpc-a", Name: "a", CIDR: "10.0.0.0/8", IPv6CIDR: "2001:db8::/56", SecondaryCIDRs: []string{"192.168.0.0/16"}, Tags: map[string]string{"env": "test"}},
			{ID: "vpc-b", CIDR: "10.0.0.0/8"},
		},
		RouteTables: []RouteTableSeed{
			{ID: "vtb-a", VPC: "vpc-a", Type: "System"}, {ID: "vtb-custom", VPC: "vpc-a"}, {ID: "vtb-b", VPC: "vpc-b", Type: "System"},
		},
		VSwitches: []VSwitchSeed{
			{ID: "vsw-a", Name: "a", VPC: "vpc-a", Zone: "cn-test-a", CIDR: "10.0.0.0/24", IPv6CIDR: "2001:db8::/64"},
			{ID: "vsw-c", VPC: "vpc-a", Zone: "cn-test-b", CIDR: "10.0.1.0/24", RouteTable: "vtb-custom"},
			{ID: "vsw-b", VPC: "vpc-b", Zone: "cn-test-a", CIDR: "10.0.0.0/24"},
		},
	})
	if err != nil {
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
	r.Advance(r.now)
	return a.Handle(&api.Call{Product: api.VPC, Action: action, RegionID: "cn-test", Now: r.now, Latency: r.latency, Account: "1", Params: p})
}

// must is call that succeeds and decodes the reply with the SDK.
func (r *region) must(into responses.AcsResponse, action string, params ...string) {
	r.t.Helper()
	reply, err := r.call(action, params...)
	if err != nil {
		r.t.Fatalf("%s %v: %v", action, params, err)
	}
	decode(r.t, reply, into)
}

// refused is call that fails with this status and code and changes nothing.
func (r *region) refused(status int, code, action string, params ...string) {
	r.t.Helper()
	r.Advance(r.now)
	before := r.dump()
	_, err := r.call(action, params...)
	if err == nil {
		r.t.Fatalf("%s %v succeeded, want %d %s", action, params, status, code)
	}
	if err.Status != status || err.Code != code {
		r.t.Fatalf("%s %v: %v, want %d %s", action, params, err, status, code)
	}
	if after := r.dump(); !bytes.Equal(before, after) {
		r.t.Fatalf("%s %v was refused but changed the state\n%s\n%s", action, params, before, after)
	}
}

func (r *region) dump() json.RawMessage {
	r.t.Helper()
	raw, err := r.Dump()
	if err != nil {
		r.t.Fatal(err)
	}
	return raw
}

// decode sends a reply through JSON and the SDK's decoder, as a client gets it.
func decode(t *testing.T, reply api.Reply, into responses.AcsResponse) {
	t.Helper()
	reply["RequestId"] = "R"
	raw, err := json.Marshal(reply)
	if err != nil {
		t.Fatal(err)
	}
	answer := &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(bytes.NewReader(raw))}
	if err := responses.Unmarshal(into, answer, "JSON"); err != nil {
		t.Fatalf("%v: %s", err, raw)
	}
}
