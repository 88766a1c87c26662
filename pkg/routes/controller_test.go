package routes

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/vpc"
	"github.com/kube-aliyun/kube-aliyun/pkg/ownership"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/api"
)

func TestANodeGetsItsRouteAndIsToldToBeReachable(t *testing.T) {
	r := newRig(t, 2)
	r.addNodes(1, 2)
	r.start()
	r.ready(1, 2)
	e := r.entries()[cidr(1)]
	if e.NextHopID != "i-1" || e.Status != vpc.Available || e.Name != ownership.RouteName("c1") {
		t.Errorf("entry %+v", e)
	}
	if mark, ok := ownership.ParseRoute(e.Name, e.Description); !ok || mark.ClusterID != "c1" || !mark.IsNode("node-1") {
		t.Errorf("mark %+v", mark)
	}
	if c := r.condition("node-1"); c.Reason != "RouteCreated" {
		t.Errorf("condition %+v", c)
	}
}

func TestANodeThatJoinsLaterGetsItsRoute(t *testing.T) {
	r := newRig(t, 2)
	r.addNodes(1, 1)
	r.start()
	r.ready(1, 1)
	r.addNodes(2, 2)
	r.ready(2, 2)
	if len(r.entries()) != 2 {
		t.Errorf("entries %v", r.entries())
	}
}

func TestANodeIsUnavailableWhileItsRouteIsPending(t *testing.T) {
	r := newRig(t, 1)
	r.sim.Knobs(func(k *api.Knobs) { k.RouteOperation = time.Hour })
	r.addNodes(1, 1)
	r.start()
	r.eventually("condition is true", func() bool { return r.condition("node-1").Status == corev1.ConditionTrue })
	r.eventually("entry is pending", func() bool { return r.entries()[cidr(1)].Status == vpc.Pending })
	if c := r.condition("node-1"); c.Status != corev1.ConditionTrue || c.Reason != "NoRouteCreated" {
		t.Errorf("condition %+v", c)
	}
}

func TestADualStackNodeGetsBothRoutes(t *testing.T) {
	r := newRig(t, 1)
	n := node(1)
	n.Spec.PodCIDRs = append(n.Spec.PodCIDRs, "fd00:10:0:1::/64")
	r.add(n)
	r.start()
	r.ready(1, 1)
	if e := r.entries(); len(e) != 2 || !e["fd00:10:0:1::/64"].IPv6 {
		t.Errorf("entries %+v", e)
	}
}

func TestADeletedNodeLosesItsRouteAndItsServerCanBeReleased(t *testing.T) {
	r := newRig(t, 2)
	r.addNodes(1, 2)
	r.start()
	r.ready(1, 2)
	began := time.Now()
	r.delete("node-1")
	r.eventually("route is gone", func() bool { return len(r.entries()) == 1 })
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("took %v", took)
	}
	r.released("i-1")
}

// released releases a server through the API's rules.
func (r *rig) released(id string) {
	r.t.Helper()
	var refusal *api.Error
	r.sim.Do(func(region *aliyunsim.Region) { refusal = region.ECS.Release(r.sim.Now(), id, true) })
	if refusal != nil {
		r.t.Errorf("release of %s: %v", id, refusal)
	}
}

func TestTheLastNodeDeletedLosesItsRouteToo(t *testing.T) {
	r := newRig(t, 1)
	r.addNodes(1, 1)
	r.start()
	r.ready(1, 1)
	r.delete("node-1")
	r.eventually("route is gone", func() bool { return len(r.entries()) == 0 })
}

func TestARouteWhoseNodeWentWhileNobodyWatchedIsRemoved(t *testing.T) {
	r := newRig(t, 3)
	r.plant(marked(cidr(2), "i-2", "c1", "node-2"), marked("172.30.0.0/24", "i-3", "c1", "node-3"))
	r.addNodes(1, 1)
	r.start()
	r.ready(1, 1)
	r.eventually("orphans are gone", func() bool { return len(r.entries()) == 1 })
}

func TestNoRouteIsRemovedWhileNoNodeIsKnown(t *testing.T) {
	r := newRig(t, 3)
	r.plant(marked(cidr(2), "i-2", "c1", "node-2"))
	r.start(func(o *Options) { o.Period = 100 * time.Millisecond })
	r.eventually("three audits", func() bool { return r.sim.Counts()["DescribeRouteEntryList"] >= 6 })
	if len(r.entries()) != 1 || r.sim.Counts()["DeleteRouteEntries"] != 0 {
		t.Errorf("entries %v, calls %v", r.entries(), r.sim.Counts())
	}
}

func TestANodeMadeAnewWithAnotherCIDRLosesTheOldRoute(t *testing.T) {
	r := newRig(t, 2)
	r.addNodes(1, 2)
	r.start()
	r.ready(1, 2)
	r.delete("node-1")
	anew := node(1)
	anew.UID, anew.Spec.PodCIDR, anew.Spec.PodCIDRs = "uid-new", "10.3.0.0/24", []string{"10.3.0.0/24"}
	r.add(anew)
	r.eventually("only the new route is there", func() bool {
		e := r.entries()
		_, old := e[cidr(1)]
		return len(e) == 2 && !old && e["10.3.0.0/24"].NextHopID == "i-1"
	})
}

func TestARouteOfOursToTheWrongServerIsReplaced(t *testing.T) {
	r := newRig(t, 2)
	r.plant(marked(cidr(1), "i-2", "c1", "node-1"))
	r.addNodes(1, 1)
	r.start()
	r.ready(1, 1)
	if e := r.entries()[cidr(1)]; e.NextHopID != "i-1" {
		t.Errorf("entry %+v", e)
	}
}

func TestAForeignRouteIsReportedAndLeftAlone(t *testing.T) {
	r := newRig(t, 3)
	r.plant(vpc.NewEntry{CIDR: cidr(1), ServerID: "i-3", Name: "by-hand"})
	r.addNodes(1, 2)
	r.start()
	r.ready(2, 2)
	r.eventually("conflict is told", func() bool { return r.events.has("node-1 RouteConflict", cidr(1), "i-3", testTable) })
	r.eventually("condition is true", func() bool { return r.condition("node-1").Reason == "RouteConflict" })
	if e := r.entries()[cidr(1)]; e.NextHopID != "i-3" || e.Name != "by-hand" {
		t.Errorf("entry %+v", e)
	}
	results, err := r.vpc.DeleteRouteEntries(t.Context(), []vpc.RouteEntry{r.entries()[cidr(1)]})
	if err != nil || results[0].Err != nil {
		t.Fatal(err, results)
	}
	r.ready(1, 1)
}

func TestAForeignRouteToOneOfOurServersIsReplaced(t *testing.T) {
	r := newRig(t, 2)
	r.plant(vpc.NewEntry{CIDR: cidr(1), ServerID: "i-2", Name: "by-hand"})
	r.addNodes(1, 2)
	r.start()
	r.ready(1, 2)
	if e := r.entries()[cidr(1)]; e.NextHopID != "i-1" {
		t.Errorf("entry %+v", e)
	}
	if !r.events.has("node-1 RouteReplaced", "i-2") {
		t.Errorf("events %q", r.events.all())
	}
}

func TestAForeignRouteToAReleasedServerIsReplaced(t *testing.T) {
	seed := aliyunsim.SmallRegion(1) + "routes:\n- {table: " + testTable + ", destination: " + cidr(1) + ", nextHop: i-released, name: by-hand}\n"
	r := newRigWith(t, aliyunsim.Options{Seed: seed})
	r.addNodes(1, 1)
	r.start()
	r.ready(1, 1)
	if e := r.entries()[cidr(1)]; e.NextHopID != "i-1" {
		t.Errorf("entry %+v", e)
	}
}

func TestARightUnmarkedRouteIsTakenOver(t *testing.T) {
	r := newRig(t, 2)
	r.plant(vpc.NewEntry{CIDR: cidr(1), ServerID: "i-1", Name: "predecessor"}, vpc.NewEntry{CIDR: cidr(2), ServerID: "i-2"})
	r.addNodes(1, 2)
	r.sim.ResetCounters()
	r.start()
	r.ready(1, 2)
	r.eventually("both are marked", func() bool {
		for _, e := range r.entries() {
			if e.Name != ownership.RouteName("c1") {
				return false
			}
		}
		return true
	})
	if n := r.sim.Counts()["CreateRouteEntries"] + r.sim.Counts()["DeleteRouteEntries"]; n != 0 {
		t.Errorf("calls %v", r.sim.Counts())
	}
}

func TestAnUnmarkedRouteWithoutANodeIsRemovedOnlyOnRequest(t *testing.T) {
	r := newRig(t, 2)
	r.plant(vpc.NewEntry{CIDR: cidr(9), ServerID: "i-1", Name: "predecessor"})
	r.addNodes(1, 1)
	r.start()
	r.ready(1, 1)
	r.eventually("it is reported", func() bool { return r.events.has("node-1 RouteUnmarked", cidr(9)) || len(r.entries()) != 2 })
	if len(r.entries()) != 2 {
		t.Errorf("entries %v", r.entries())
	}
	r.stop()
	r.start(func(o *Options) { o.DeleteUnmarked = true })
	r.eventually("it is gone", func() bool { return len(r.entries()) == 1 })
}

func TestTwoClustersInOneVPCNeverTouchEachOthersRoutes(t *testing.T) {
	r := newRig(t, 4)
	others := []vpc.NewEntry{marked(cidr(3), "i-3", "c2", "node-1"), marked(cidr(1), "i-4", "c2", "node-2")}
	r.plant(others...)
	r.addNodes(1, 2)
	r.start(func(o *Options) { o.Period = 200 * time.Millisecond; o.DeleteUnmarked = true })
	r.ready(2, 2)
	r.delete("node-2")
	r.eventually("own route is gone", func() bool { return len(r.entries()) == 2 })
	for _, o := range others {
		if e := r.entries()[o.CIDR]; e.NextHopID != o.ServerID || e.Name != o.Name {
			t.Errorf("entry of the other cluster %+v", e)
		}
	}
	if !r.events.has("node-1 RouteConflict", "i-4") {
		t.Errorf("events %q", r.events.all())
	}
}

func TestTheYoungerOfTwoNodesWithOneCIDRIsRefused(t *testing.T) {
	r := newRig(t, 2)
	older, younger := node(1), node(2)
	younger.Spec.PodCIDR, younger.Spec.PodCIDRs = cidr(1), []string{cidr(1)}
	younger.CreationTimestamp.Time = time.Unix(1000, 0)
	older.CreationTimestamp.Time = time.Unix(500, 0)
	r.add(older)
	r.add(younger)
	r.start()
	r.ready(1, 1)
	r.eventually("the younger is told", func() bool { return r.events.has("node-2 PodCIDRClaimedTwice", "node-1") })
	r.eventually("and unavailable", func() bool { return r.condition("node-2").Status == corev1.ConditionTrue })
}

func TestAFullTableIsToldWithItsNameAndCount(t *testing.T) {
	r := newRig(t, 3)
	r.sim.Knobs(func(k *api.Knobs) { k.RoutesPerTable = 2 })
	r.addNodes(1, 3)
	r.start()
	r.eventually("a node is told", func() bool {
		return slices.ContainsFunc([]int{1, 2, 3}, func(i int) bool {
			return r.events.has(fmt.Sprintf("node-%d RouteQuotaReached", i), testTable, "2 custom entries", "Quota Center")
		})
	})
	if n := len(r.entries()); n != 2 {
		t.Errorf("%d entries", n)
	}
	for i := 1; i <= 3; i++ {
		if _, routed := r.entries()[cidr(i)]; routed {
			r.delete(fmt.Sprintf("node-%d", i)) // makes room for the one that waits
			break
		}
	}
	r.eventually("the waiting node is routed", func() bool {
		routed := 0
		for i := 1; i <= 3; i++ {
			if _, ok := r.entries()[cidr(i)]; ok {
				routed++
			}
		}
		return routed == 2
	})
}

func TestAPodCIDRInsideAVSwitchIsToldAndNotSent(t *testing.T) {
	r := newRig(t, 2)
	colliding := node(1)
	colliding.Spec.PodCIDR, colliding.Spec.PodCIDRs = "192.168.5.0/24", []string{"192.168.5.0/24"}
	r.add(colliding)
	r.addNodes(2, 2)
	r.start(func(o *Options) { o.ClusterCIDRs = append(o.ClusterCIDRs, prefix("192.168.4.0/22")) })
	if err := r.controller.Check(t.Context()); !errors.Is(err, ErrCollision) {
		t.Errorf("Check says %v", err)
	}
	r.ready(2, 2)
	r.eventually("the node is told", func() bool {
		return r.events.has("node-1 PodCIDRCollides", aliyunsim.SmallVSwitchH, "192.168.5.0/24")
	})
	if n := r.sim.Counts()["CreateRouteEntries"]; n != 1 {
		t.Errorf("%d creations", n)
	}
}

func TestAnUnknownRouteTableEndsRun(t *testing.T) {
	r := newRig(t, 1)
	r.addNodes(1, 1)
	r.start(func(o *Options) { o.TableIDs = []string{"vtb-none"} })
	if err := r.controller.Check(t.Context()); !errors.Is(err, ErrUnknownTable) {
		t.Errorf("Check says %v", err)
	}
	select {
	case <-r.ended:
	case <-time.After(longEnough):
		t.Fatal("Run goes on")
	}
	if !errors.Is(r.failed, ErrUnknownTable) {
		t.Errorf("Run says %v", r.failed)
	}
}

// Run trusts what Check has just learned, but not when Check found it wrong.
func TestAnUnknownRouteTableEndsRunAfterCheckFoundItToo(t *testing.T) {
	r := newRig(t, 1)
	r.addNodes(1, 1)
	r.prepare(func(ctx context.Context, c *Controller) error {
		if err := c.Check(ctx); !errors.Is(err, ErrUnknownTable) {
			t.Errorf("Check says %v", err)
		}
		return c.Run(ctx, 1)
	}, func(o *Options) { o.TableIDs = []string{"vtb-none"} })
	select {
	case <-r.ended:
	case <-time.After(longEnough):
		t.Fatal("Run goes on")
	}
	if !errors.Is(r.failed, ErrUnknownTable) {
		t.Errorf("Run says %v", r.failed)
	}
}

func TestNewRefusesMissingSettings(t *testing.T) {
	r := newRig(t, 1)
	for _, change := range []func(*Options){
		func(o *Options) { o.VPCID = "" },
		func(o *Options) { o.ClusterID = "" },
		func(o *Options) { o.ClusterCIDRs = []netip.Prefix{} },
	} {
		opts := r.opts
		change(&opts)
		if _, err := New(opts); err == nil {
			t.Errorf("%+v is accepted", opts)
		}
	}
}
