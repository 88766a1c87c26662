package dataplane

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/api"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/network"
	"github.com/kube-aliyun/kube-aliyun/test/sandbox"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// start makes the network of a small region real.
func start(t *testing.T, balancers Balancers) (*aliyunsim.Sim, *Plane) {
	t.Helper()
	sim := aliyunsim.Start(t, aliyunsim.Options{})
	p, err := Start(t.Context(), Options{
		Source: sim.Region, Balancers: balancers, Metadata: sim.Region.Metadata, OpenAPI: sim.Region.Gateway,
	})
	must(t, err)
	t.Cleanup(func() {
		if err := p.Close(t.Context()); err != nil {
			t.Error(err)
		}
	})
	return sim, p
}

// must ends the test, without failing where there can be no data plane.
func must(t *testing.T, err error) {
	t.Helper()
	if errors.Is(err, sandbox.ErrUnsupported) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// get asks for a page from a namespace.
func get(t *testing.T, from *sandbox.Namespace, url string) (int, string, error) {
	t.Helper()
	transport := &http.Transport{DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		return from.Dial(ctx, net.Dialer{}, network, address)
	}}
	defer transport.CloseIdleConnections()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := (&http.Client{Transport: transport}).Do(req)
	if err != nil {
		return 0, "", err
	}
	body, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(body), errors.Join(err, resp.Body.Close())
}

func TestServerFindsItsOwnMetadataAndTheOpenAPI(t *testing.T) {
	_, p := start(t, nil)
	for _, id := range []string{"i-1", "i-2", "i-3"} {
		if _, body, err := get(t, p.Server(id), "http://"+MetadataAddress+"/latest/meta-data/instance-id"); err != nil || body != id {
			t.Errorf("%s is told that it is %q: %v", id, body, err)
		}
	}
	status, _, err := get(t, p.Server("i-1"), "http://"+MetadataAddress+"/metadata/i-2/latest/meta-data/instance-id")
	if err != nil || status != http.StatusNotFound {
		t.Errorf("another server's metadata: status %d, %v", status, err)
	}
	if _, body, err := get(t, p.Server("i-1"), "http://"+OpenAPIAddress+"/?Action=DescribeVpcs&Version=2016-04-28"); err != nil || !strings.Contains(body, "IncompleteSignature") {
		t.Errorf("the OpenAPI says %q, %v", body, err)
	}
	if _, body, err := get(t, p.Server("i-1"), "http://"+OpenAPIAddress+"/admin/healthz"); err == nil && body == "ok\n" {
		t.Error("servers can give the simulator orders")
	}
}

func TestPodIsToldOfItsServer(t *testing.T) {
	_, p := start(t, nil)
	n := *p.now.Load()
	n.VPCs = slices.Clone(n.VPCs)
	n.VPCs[0].Tables = []network.RouteTable{{ID: "vtb", Routes: []network.Route{
		{Destination: prefix(t, "0.0.0.0/0"), Server: "i-3"}, {Destination: prefix(t, "172.20.0.0/16"), Server: "i-1"}, {Destination: prefix(t, "172.20.2.0/24"), Server: "i-2"},
	}}}
	p.now.Store(&n)
	for caller, want := range map[string]string{"172.20.2.9": "i-2", "172.20.3.9": "i-1", "192.168.17.1": "i-2", "8.8.8.8": ""} {
		if got, _ := p.asks(aliyunsim.SmallVPC, address(t, caller)); got != want {
			t.Errorf("%s is of %q, want %q", caller, got, want)
		}
	}
	if id, known := p.asks("vpc-other", address(t, "192.168.17.1")); known {
		t.Errorf("an address of another VPC is %s's", id)
	}
}

func TestKernelFollowsTheRegion(t *testing.T) {
	sim, p := start(t, nil)
	metadata := "http://" + MetadataAddress + "/latest/meta-data/instance-id"
	if err := sim.Region.StopServer("i-2"); err != nil {
		t.Fatal(err)
	}
	plane, err := p.Describe(t.Context())
	if err != nil || len(plane.Servers) != 3 || plane.Client.Address == "" || plane.VPCs[aliyunsim.SmallVPC].Namespace == "" {
		t.Fatalf("plane %+v, %v", plane, err)
	}
	if conn, err := p.Server("i-2").Dial(t.Context(), net.Dialer{Timeout: 300 * time.Millisecond}, "tcp", MetadataAddress); err == nil {
		t.Error("a stopped server has a connection", conn.Close())
	}
	if err := sim.Region.StartServer("i-2"); err != nil {
		t.Fatal(err)
	}
	// Nobody settles: the loop has to see it, within the time of one retry of TCP.
	if _, body, err := get(t, p.Server("i-2"), metadata); err != nil || body != "i-2" {
		t.Errorf("started again it is told that it is %q: %v", body, err)
	}
	if err := sim.Region.ReleaseServer("i-2", true); err != nil {
		t.Fatal(err)
	}
	if plane, err = p.Describe(t.Context()); err != nil || len(plane.Servers) != 2 {
		t.Errorf("after its release: %+v, %v", plane, err)
	}
}

func TestCloseLeavesNothing(t *testing.T) {
	_, p := start(t, nil)
	plane, err := p.Describe(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := p.Settle(t.Context()); !errors.Is(err, errEnded) {
		t.Errorf("settled after its end: %v", err)
	}
	entries, err := os.ReadDir("/run/netns")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), plane.Sandbox) {
			t.Errorf("left behind: %s", e.Name())
		}
	}
}

// recorder stands in for load balancers.
type recorder struct {
	mu       sync.Mutex
	applied  map[string][]string
	failures int
	findings []network.Health
	closed   bool
}

func (r *recorder) Apply(_ context.Context, router *sandbox.Namespace, lbs []network.LoadBalancer) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.failures > 0 {
		r.failures--
		return errors.New("not yet")
	}
	ids := []string{}
	for _, lb := range lbs {
		ids = append(ids, lb.ID)
	}
	r.applied[router.Name()] = ids
	return nil
}

func (r *recorder) Health() []network.Health {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.findings
}

func (r *recorder) Close() { r.closed = true }

func TestLoadBalancersGetTheirRouterAndTheRegionTheirHealth(t *testing.T) {
	r := &recorder{applied: map[string][]string{}}
	sim, p := start(t, r)
	r.mu.Lock()
	r.failures = 1
	r.mu.Unlock()
	const seed = `{loadBalancers: [{id: lb-1, backends: [{server: i-1}], listeners: [{port: 80, protocol: tcp, backendPort: 8080}]}]}`
	plant(t, sim, seed)
	// The failure is of this call or of the loop's own; a further one succeeds.
	if err := errors.Join(p.Settle(t.Context()), p.Settle(t.Context())); err != nil && err.Error() != "VPC vpc-small: not yet" {
		t.Fatal(err)
	}
	r.mu.Lock()
	got := r.applied[p.fabric.Router(aliyunsim.SmallVPC).Name()]
	l := sim.Region.Network().LoadBalancers[0].Listeners[0]
	r.findings = []network.Health{{LoadBalancer: "lb-1", Port: 80, Protocol: network.TCP, Backend: l.Backends[0], Known: true}}
	r.mu.Unlock()
	if !slices.Equal(got, []string{"lb-1"}) {
		t.Errorf("its router has %q", got)
	}
	if err := p.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	if reply := describeHealth(t, sim); !strings.Contains(reply, `"abnormal"`) {
		t.Errorf("the region says %s", reply)
	}
	if err := p.Close(t.Context()); err != nil || !r.closed {
		t.Errorf("closed %v, %v", r.closed, err)
	}
}

func describeHealth(t *testing.T, sim *aliyunsim.Sim) (reply string) {
	t.Helper()
	sim.Do(func(r *aliyunsim.Region) {
		for _, a := range r.SLB.Actions() {
			if a.Name == "DescribeHealthStatus" {
				got, err := a.Handle(&api.Call{Product: api.SLB, Action: a.Name, RegionID: r.Name, Now: r.Now(), Params: api.Params{"LoadBalancerId": "lb-1"}})
				if err != nil {
					t.Error(err)
				}
				reply = text(t, got)
			}
		}
	})
	return reply
}
