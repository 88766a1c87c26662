package network

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/credentials"
	aliecs "github.com/kube-aliyun/kube-aliyun/pkg/aliyun/ecs"
	alislb "github.com/kube-aliyun/kube-aliyun/pkg/aliyun/slb"
	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/transport"
	alivpc "github.com/kube-aliyun/kube-aliyun/pkg/aliyun/vpc"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/ecs"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/vpc"
)

// region is a region with other people's network, and a cloud to make ours in.
type region struct {
	*aliyunsim.Sim
	cloud Cloud
	// dying, when set, decides before and after each write whether the process
	// dies there.
	dying func(after bool) bool
}

var errDied = errors.New("the process died")

// pass sends a call, unless the process dies before; it may die after as well.
func (r *region) pass(ctx context.Context, call transport.Call, send func(context.Context, transport.Call) error) error {
	if !call.Mutating {
		return send(ctx, call)
	}
	if r.dying != nil && r.dying(false) {
		return errDied
	}
	err := send(ctx, call)
	if r.dying != nil && r.dying(true) {
		return errDied
	}
	return err
}

// doer has a region's calls go through pass.
type doer struct {
	region *region
	next   transport.Doer
}

func (d doer) Do(ctx context.Context, call transport.Call) error {
	return d.region.pass(ctx, call, d.next.Do)
}

func newRegion(t *testing.T) *region {
	t.Helper()
	r := &region{Sim: aliyunsim.Start(t, aliyunsim.Options{})}
	next, err := transport.New(transport.Options{
		Region: "cn-hangzhou", Credentials: credentials.Static(aliyunsim.TestKey, aliyunsim.TestSecret, ""),
		Endpoints: map[transport.Product]string{transport.Ecs: r.URL(), transport.Vpc: r.URL(), transport.Slb: r.URL()},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(next.Close)
	d := doer{region: r, next: next}
	r.cloud = Cloud{ECS: aliecs.New(d), VPC: alivpc.New(d), SLB: alislb.New(d)}
	return r
}

func prod() *Spec {
	return &Spec{
		Cluster: "prod", CIDR: netip.MustParsePrefix("10.99.0.0/16"),
		VSwitches: []VSwitch{
			{Zone: "cn-hangzhou-h", CIDR: netip.MustParsePrefix("10.99.0.0/24")},
			{Zone: "cn-hangzhou-i", CIDR: netip.MustParsePrefix("10.99.1.0/24")},
		},
		PodCIDR: netip.MustParsePrefix("10.2.0.0/16"),
		Address: netip.MustParseAddr("10.99.0.100"), Port: 6443, APIPort: 6443, ReadyPort: 10262,
		Masters: []netip.Addr{netip.MustParseAddr("10.99.0.21"), netip.MustParseAddr("10.99.0.22")},
	}
}

// make makes what is left and returns what was done and noted.
func (r *region) make(t *testing.T, spec *Spec) (actual *Actual, steps, notes []string) {
	t.Helper()
	actual, notes, err := Make(t.Context(), r.cloud, spec, func(s Step) { steps = append(steps, s.String()) })
	if err != nil {
		t.Fatal(err)
	}
	return actual, steps, notes
}

// startMasters starts the servers of a spec in the vSwitches that are there.
func (r *region) startMasters(t *testing.T, spec *Spec, actual *Actual) {
	t.Helper()
	r.Do(func(region *aliyunsim.Region) {
		for i, address := range spec.Masters {
			home := find(actual.VSwitches, spec.VSwitches[0].CIDR)
			if _, err := region.ECS.Create(time.Now(), ecs.ServerSeed{
				ID: "i-master-" + string(rune('1'+i)), VSwitch: home.ID, PrivateIP: address.String(),
			}); err != nil {
				t.Error(err)
			}
		}
	})
}

func (r *region) writes() (n int) {
	for _, e := range r.Journal() {
		if !strings.HasPrefix(e.Action, "Describe") {
			n++
		}
	}
	return n
}

func TestNetworkIsMadeBeforeTheFirstServer(t *testing.T) {
	r, spec := newRegion(t), prod()
	actual, err := Look(t.Context(), r.cloud, spec)
	if err != nil {
		t.Fatal(err)
	}
	planned, _, err := Plan(spec, actual)
	if err != nil || r.writes() != 0 {
		t.Fatalf("a plan with %d writes: %v", r.writes(), err)
	}
	actual, done, notes := r.make(t, spec)
	if len(done) != len(planned) {
		t.Errorf("planned %v\ndone    %v", planned, done)
	}
	if len(notes) != 2 || !strings.Contains(notes[0], "there is no server 10.99.0.21 yet") {
		t.Errorf("notes %q", notes)
	}
	if a := actual; a.VPC == nil || len(a.VSwitches) != 2 || len(a.Groups) != 3 || a.LoadBalancer.Address != "10.99.0.100" ||
		!a.LoadBalancer.DeleteProtection || a.Listener.Status != alislb.ListenerRunning || a.Listener.Attributes[alislb.HealthCheckURI] != "/readyz" {
		t.Errorf("%+v", a)
	}
	if clients := actual.Rules[Etcd]; !slices.ContainsFunc(clients, func(rule aliecs.Rule) bool {
		return rule.PortRange == "2379/2379" && rule.SourceGroup == actual.Groups[Master].ID && rule.SourceCIDR == ""
	}) {
		t.Errorf("etcd admits %+v", clients)
	}
}

func TestSecondRunWritesNothing(t *testing.T) {
	r, spec := newRegion(t), prod()
	r.make(t, spec)
	before := r.writes()
	if _, done, _ := r.make(t, spec); len(done) != 0 || r.writes() != before {
		t.Errorf("done again: %v", done)
	}
}

func TestMastersJoinTheLoadBalancerWhenTheyExist(t *testing.T) {
	r, spec := newRegion(t), prod()
	actual, _, _ := r.make(t, spec)
	r.startMasters(t, spec, actual)
	actual, done, notes := r.make(t, spec)
	if len(done) != 1 || len(notes) != 0 || len(actual.LoadBalancer.Backends) != 2 {
		t.Fatalf("done %v, notes %v, backends %+v", done, notes, actual.LoadBalancer.Backends)
	}
	spec.Masters = spec.Masters[:1]
	actual, done, _ = r.make(t, spec)
	if len(done) != 1 || len(actual.LoadBalancer.Backends) != 1 || actual.LoadBalancer.Backends[0].ServerID != "i-master-1" {
		t.Errorf("a master left the file: done %v, backends %+v", done, actual.LoadBalancer.Backends)
	}
}

func TestNoServerLeavesWhileAMasterIsMissing(t *testing.T) {
	r, spec := newRegion(t), prod()
	actual, _, _ := r.make(t, spec)
	r.startMasters(t, spec, actual)
	r.make(t, spec)
	spec.Masters = []netip.Addr{netip.MustParseAddr("10.99.0.23")}
	actual, done, notes := r.make(t, spec)
	if len(done) != 0 || len(notes) != 1 || len(actual.LoadBalancer.Backends) != 2 {
		t.Errorf("done %v, notes %v, backends %+v", done, notes, actual.LoadBalancer.Backends)
	}
}

func TestVPCThatIsThereIsUsedAndNotChanged(t *testing.T) {
	r, spec := newRegion(t), prod()
	spec.VPCID, spec.CIDR = aliyunsim.SmallVPC, netip.MustParsePrefix("192.168.0.0/16")
	own, err := r.cloud.VPC.VSwitches(t.Context(), spec.VPCID)
	if err != nil {
		t.Fatal(err)
	}
	spec.VSwitches = []VSwitch{{Zone: own[0].Zone, CIDR: netip.MustParsePrefix(own[0].CIDR)}}
	spec.Address = spec.VSwitches[0].CIDR.Addr().Next().Next().Next().Next().Next()
	spec.Masters = nil
	actual, done, _ := r.make(t, spec)
	for _, step := range done {
		if strings.HasPrefix(step, string(MakeVPC)) || strings.HasPrefix(step, string(MakeVSwitch)) {
			t.Errorf("made again: %s", step)
		}
	}
	after, err := r.cloud.VPC.VSwitches(t.Context(), spec.VPCID)
	if err != nil || len(after) != len(own) || len(actual.VPC.Tags) != 0 || actual.LoadBalancer.VSwitchID != own[0].ID {
		t.Errorf("%+v, load balancer %+v, %v", after, actual.LoadBalancer, err)
	}
}

func TestWhatStandsAgainstTheFileIsToldAtOnceAndNothingIsDone(t *testing.T) {
	r, spec := newRegion(t), prod()
	r.make(t, spec)
	spec.CIDR = netip.MustParsePrefix("10.98.0.0/16")
	spec.VSwitches[0].Zone = "cn-hangzhou-k"
	spec.VSwitches[1].CIDR = netip.MustParsePrefix("10.99.1.0/25")
	spec.Address = netip.MustParseAddr("10.99.0.101")
	before := r.writes()
	_, _, err := Make(t.Context(), r.cloud, spec, func(s Step) { t.Errorf("done: %s", s) })
	if err == nil || r.writes() != before {
		t.Fatalf("%d writes, %v", r.writes()-before, err)
	}
	for _, part := range []string{"has the range 10.99.0.0/16", "is in zone cn-hangzhou-h", "overlaps with 10.99.1.0/25", "has the address 10.99.0.100"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q is not in: %v", part, err)
		}
	}
}

func TestTwoVPCsWithTheTagAreAProblemOfTheUser(t *testing.T) {
	r, spec := newRegion(t), prod()
	r.Do(func(region *aliyunsim.Region) {
		for range 2 {
			if err := region.VPC.Seed(vpc.Seed{VPCs: []vpc.NetworkSeed{{CIDR: "10.99.0.0/16", Tags: spec.tags()}}}); err != nil {
				t.Error(err)
			}
		}
	})
	if _, err := Look(t.Context(), r.cloud, spec); err == nil || !strings.Contains(err.Error(), "name the one in the cluster file") {
		t.Error(err)
	}
}

func TestRunThatDiedAtAnyWriteIsGoneOnWith(t *testing.T) {
	clean, spec := newRegion(t), prod()
	_, steps, _ := clean.make(t, spec)
	total := clean.writes()
	for n := range total {
		for _, after := range []bool{false, true} {
			r := newRegion(t)
			left := n
			r.dying = func(there bool) bool {
				if there != after {
					return false
				}
				left--
				return left < 0
			}
			if _, _, err := Make(t.Context(), r.cloud, spec, func(Step) {}); !errors.Is(err, errDied) {
				t.Fatalf("write %d: %v", n, err)
			}
			r.dying = nil
			actual, _, _ := r.make(t, spec)
			if rest, _, err := Plan(spec, actual); err != nil || len(rest) != 0 {
				t.Errorf("died at write %d of %v: left %v, %v", n, steps, rest, err)
			}
			if got := r.Counts(); got["DescribeVpcs"] == 0 || r.writes() > total+1 {
				t.Errorf("died at write %d: %d writes in both runs, a whole one has %d", n, r.writes(), total)
			}
		}
	}
}
