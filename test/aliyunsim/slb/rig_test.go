package slb

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/responses"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/api"
)

const (
	region  = "cn-test"
	vpcID   = "vpc-one"
	vswitch = "vsw-one"
)

// fakeServers and fakeNetwork stand for ECS and VPC.
type fakeServers struct {
	servers    map[string]api.Server
	interfaces map[string]api.Interface
}

func (f *fakeServers) Server(id string) (api.Server, bool) {
	s, ok := f.servers[id]
	return s, ok
}

func (f *fakeServers) Interface(id string) (api.Interface, bool) {
	i, ok := f.interfaces[id]
	return i, ok
}

type fakeNetwork struct {
	vSwitches map[string]api.VSwitch
	taken     map[string]string
	free      int
}

func (f *fakeNetwork) VSwitch(id string) (api.VSwitch, bool) {
	v, ok := f.vSwitches[id]
	return v, ok
}

func (f *fakeNetwork) Allocate(id, wanted, owner string) (string, error) {
	cidr := netip.MustParsePrefix(f.vSwitches[id].CIDR)
	if wanted == "" {
		if f.free == 0 {
			return "", api.ErrNoAddress
		}
		f.free--
		for a := cidr.Addr().Next(); ; a = a.Next() {
			if f.taken[a.String()] == "" {
				wanted = a.String()
				break
			}
		}
	}
	a, err := netip.ParseAddr(wanted)
	if err != nil || !cidr.Contains(a) || f.taken[wanted] != "" {
		return "", api.ErrAddress
	}
	f.taken[wanted] = owner
	return wanted, nil
}

func (f *fakeNetwork) AllocateIPv6(_, _, owner string) (string, error) {
	f.taken["2001:db8:1::10"] = owner
	return "2001:db8:1::10", nil
}

func (f *fakeNetwork) EIPOf(string) (api.EIP, bool)                      { return api.EIP{}, false }
func (f *fakeNetwork) EIPTarget(string) (string, bool)                   { return "", false }
func (f *fakeNetwork) AttachEIP(time.Time, string, string, string) error { return nil }
func (f *fakeNetwork) TargetReleased(string)                             {}
func (f *fakeNetwork) Free(_, address string)                            { delete(f.taken, address) }
func (f *fakeNetwork) RoutesTo(string) []string                          { return nil }

// rig is a product with a clock that the test moves.
type rig struct {
	t       testing.TB
	p       *Product
	knobs   api.Knobs
	servers *fakeServers
	network *fakeNetwork
	now     time.Time
	latency time.Duration
	actions map[string]api.Action
}

func newRig(t testing.TB) *rig {
	t.Helper()
	r := &rig{
		t: t, knobs: api.DefaultKnobs(), now: time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC),
		servers: &fakeServers{servers: map[string]api.Server{}, interfaces: map[string]api.Interface{}},
		network: &fakeNetwork{
			vSwitches: map[string]api.VSwitch{
				vswitch: {ID: vswitch, VPCID: vpcID, ZoneID: region + "-b", CIDR: "10.1.0.0/24", IPv6CIDR: "2001:db8:1::/64"},
			},
			taken: map[string]string{}, free: 100,
		},
	}
	for i := range 300 {
		id := serverID(i)
		r.servers.servers[id] = api.Server{
			ID: id, VPCID: vpcID, VSwitchID: vswitch, Status: "Running", PrimaryIP: fmt.Sprintf("10.2.%d.%d", i/250, i%250+1),
		}
	}
	r.p = New(Options{
		Region: region, Account: "1", Knobs: &r.knobs,
		Servers: func() api.Servers { return r.servers }, Network: func() api.Network { return r.network },
	})
	r.actions = map[string]api.Action{}
	for _, a := range r.p.Actions() {
		r.actions[a.Name] = a
	}
	return r
}

func serverID(i int) string { return "i-" + strconv.Itoa(i) }

// pass moves the clock.
func (r *rig) pass(d time.Duration) {
	r.now = r.now.Add(d)
	r.p.Advance(r.now)
}

// try makes a call with name, value, name, value, ...
func (r *rig) try(action string, pairs ...string) (api.Reply, *api.Error) {
	r.t.Helper()
	a, ok := r.actions[action]
	if !ok {
		r.t.Fatalf("no action %s", action)
	}
	params := api.Params{}
	for i := 0; i < len(pairs); i += 2 {
		params[pairs[i]] = pairs[i+1]
	}
	r.p.Advance(r.now)
	return a.Handle(&api.Call{
		Product: api.SLB, Action: action, RegionID: region, Now: r.now, Latency: r.latency, Params: params, Account: "1",
	})
}

// answer is a reply with a short way to the ids in it.
type answer api.Reply

func (a answer) id(name string) string {
	s, _ := a[name].(string)
	return s
}

// do makes a call that must succeed.
func (r *rig) do(action string, pairs ...string) answer {
	r.t.Helper()
	reply, err := r.try(action, pairs...)
	if err != nil {
		r.t.Fatalf("%s(%s): %v", action, strings.Join(pairs, " "), err)
	}
	return answer(reply)
}

// refused makes a call that must fail with a status and code, and leave no trace.
func (r *rig) refused(status int, code, action string, pairs ...string) {
	r.t.Helper()
	if err := r.refusal(status, code, action, pairs...); err.Message == "" {
		r.t.Errorf("%s was refused without a message", action)
	}
}

// refusal is refused for a test that looks at the failure.
func (r *rig) refusal(status int, code, action string, pairs ...string) *api.Error {
	r.t.Helper()
	r.p.Advance(r.now)
	before := r.dump()
	_, err := r.try(action, pairs...)
	if err == nil {
		r.t.Fatalf("%s(%s) succeeded, want %s", action, strings.Join(pairs, " "), code)
	}
	if err.Status != status || err.Code != code {
		r.t.Errorf("%s(%s): got %v, want %d %s", action, strings.Join(pairs, " "), err, status, code)
	}
	if after := r.dump(); after != before {
		r.t.Errorf("%s(%s) failed but left a trace:\nbefore %s\nafter  %s", action, strings.Join(pairs, " "), before, after)
	}
	return err
}

// dump is the state of the product and of the addresses taken.
func (r *rig) dump() string {
	r.t.Helper()
	data, err := r.p.Dump()
	if err != nil {
		r.t.Fatal(err)
	}
	return string(data) + fmt.Sprint(r.network.taken)
}

// read makes a call and decodes the reply as the SDK does.
func (r *rig) read(into responses.AcsResponse, action string, pairs ...string) {
	r.t.Helper()
	decode(r.t, r.do(action, pairs...), into)
}

func decode(t testing.TB, reply answer, into responses.AcsResponse) {
	t.Helper()
	reply["RequestId"] = "test"
	body, err := json.Marshal(reply)
	if err != nil {
		t.Fatal(err)
	}
	if err := responses.Unmarshal(into, &http.Response{
		StatusCode: http.StatusOK, Body: readCloser{strings.NewReader(string(body))}, Header: http.Header{},
	}, "JSON"); err != nil {
		t.Fatalf("the SDK cannot read %s: %v", body, err)
	}
}

type readCloser struct{ *strings.Reader }

func (readCloser) Close() error { return nil }

// create makes an internet load balancer paid by CLCU and returns its id.
func (r *rig) create(pairs ...string) string {
	r.t.Helper()
	reply := r.do("CreateLoadBalancer", append([]string{"InstanceChargeType", byCLCU}, pairs...)...)
	return reply.id("LoadBalancerId")
}

// listen makes a TCP listener on the default group.
func (r *rig) listen(lb string, port int, pairs ...string) {
	r.t.Helper()
	r.do("CreateLoadBalancerTCPListener", append([]string{
		"LoadBalancerId", lb, "ListenerPort", strconv.Itoa(port), "BackendServerPort", "30080", "Bandwidth", "-1",
	}, pairs...)...)
}

// servers is a BackendServers parameter; port 0 is left out.
func servers(port int, ids ...int) string {
	items := make([]map[string]any, 0, len(ids))
	for _, i := range ids {
		item := map[string]any{"ServerId": serverID(i)}
		if port != 0 {
			item["Port"] = port
		}
		items = append(items, item)
	}
	data, _ := json.Marshal(items)
	return string(data)
}
