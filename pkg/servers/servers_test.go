package servers

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/ecs"
	"github.com/kube-aliyun/kube-aliyun/pkg/event"
)

func TestOneMissRefreshesAllNodesHundredACall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig()
		nodes := r.fleet(t, 250)
		for i, n := range nodes {
			r.expect(t, n, 4*time.Minute, server(n.Spec.ProviderID[12:]).ID, nil)
			if i == 0 {
				if calls := r.cloud.made(); len(calls) != 3 {
					t.Fatalf("calls = %v", calls)
				}
			}
		}
		if calls := r.cloud.made(); len(calls) != 0 {
			t.Fatalf("calls = %v", calls)
		}
	})
}

func TestPeriodicRefreshCostsOneCallPerHundredNodes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig()
		nodes := r.fleet(t, 250)
		for period := range 3 {
			for _, n := range nodes {
				r.expect(t, n, 4*time.Minute, "", nil)
			}
			if calls := r.cloud.made(); len(calls) != 3 {
				t.Fatalf("period %d: calls = %v", period, calls)
			}
			pass(5 * time.Minute)
		}
	})
}

func TestConcurrentCallersShareTheCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig()
		var group sync.WaitGroup
		for _, n := range r.fleet(t, 150) {
			group.Go(func() { r.expect(t, n, time.Minute, "", nil) })
		}
		group.Wait()
		if calls := r.cloud.made(); len(calls) != 2 {
			t.Errorf("calls = %v", calls)
		}
	})
}

func TestJoinsWithinASecondShareACall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig()
		r.fleet(t, 1)
		var group sync.WaitGroup
		for i := range 50 {
			n := node("new", internal(ip(100+i)), tainted)
			n.Name += ip(i)
			r.cloud.add(server("i-new"+ip(i), ip(100+i)))
			r.join(t, n)
			group.Go(func() { r.expect(t, n, 30*time.Second, "i-new"+ip(i), nil) })
			pass(20 * time.Millisecond)
		}
		group.Wait()
		if calls := r.cloud.made(); len(calls) > 4 {
			t.Errorf("calls = %v", calls)
		}
	})
}

func TestServerIsFoundByEachClue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(func(o *Options) { o.HostNames = true })
		hosted := server("i-host", "10.0.9.4")
		hosted.HostName = "Web-4"
		r.cloud.add(server("i-one", "10.0.9.1"), server("i-bp1named01", "10.0.9.2"), server("i-three", "10.0.9.3"), hosted)
		for want, n := range map[string]*corev1.Node{
			"i-one":        node("a", providerID("alicloud://cn-hangzhou.i-one")),
			"i-bp1named01": node("i-bp1named01", internal("10.0.9.2")),
			"i-three":      node("c", internal("10.0.9.3", "10.0.9.3")),
			"i-host":       node("web-4"),
		} {
			r.join(t, n)
			r.expect(t, n, time.Minute, want, nil)
		}
	})
}

func TestNameThatOnlyLooksLikeAnInstanceIDIsNoClue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig()
		r.fleet(t, 1)
		r.cloud.add(server("i-real", "10.0.9.1"))
		n := node("i-looksreal", internal("10.0.9.1"))
		r.join(t, n)
		r.expect(t, n, time.Minute, "i-real", nil)
	})
}

func TestDisagreeingCluesAreRefused(t *testing.T) {
	for name, test := range map[string]struct {
		node   *corev1.Node
		reason *event.Reason
	}{
		"provider ID and name":          {node("i-bp1other001", providerID("cn-hangzhou.i-one")), event.ServerCluesDisagree},
		"provider ID and address":       {node("a", providerID("cn-hangzhou.i-one"), internal("10.0.9.2"), tainted), event.ServerCluesDisagree},
		"name and address":              {node("i-bp1named01", internal("10.0.9.1")), event.ServerCluesDisagree},
		"two addresses of two servers":  {node("a", internal("10.0.9.1", "10.0.9.2")), event.ServerCluesDisagree},
		"an address of no server":       {node("a", internal("10.0.9.1", "10.0.9.77")), event.ServerCluesDisagree},
		"annotation and InternalIP":     {node("a", internal("10.0.9.1"), provided("10.0.9.2")), event.ServerCluesDisagree},
		"a server of another VPC by ID": {node("a", providerID("cn-hangzhou.i-away")), event.ServerInOtherVPC},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig()
				away := server("i-away", "10.0.9.3")
				away.VPCID = "vpc-2"
				r.cloud.add(server("i-one", "10.0.9.1"), server("i-bp1named01", "10.0.9.2"), away)
				r.join(t, test.node)
				r.expect(t, test.node, time.Minute, "", ErrRefused)
				if !r.events.has(test.node.Name, test.reason) {
					t.Errorf("events = %v", r.events.got)
				}
			})
		})
	}
}

func TestInitialisedNodeMayLagBehindItsServersAddresses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig()
		r.cloud.add(server("i-one", "10.0.9.1"))
		n := node("a", providerID("cn-hangzhou.i-one"), internal("10.0.9.99"))
		r.join(t, n)
		r.expect(t, n, time.Minute, "i-one", nil)
	})
}

func TestTwoNodesThatClaimOneServerAreBothRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig()
		r.cloud.add(server("i-one", "10.0.9.1"))
		first := node("a", providerID("cn-hangzhou.i-one"))
		r.join(t, first)
		r.expect(t, first, time.Minute, "i-one", nil)

		second := node("b", internal("10.0.9.1"), tainted)
		r.join(t, second)
		r.expect(t, second, time.Minute, "", ErrRefused)
		r.expect(t, first, time.Minute, "", ErrRefused)
		for _, name := range []string{"a", "b"} {
			if !r.events.has(name, event.ServerClaimedTwice) {
				t.Errorf("no event on %s: %v", name, r.events.got)
			}
		}

		if err := r.nodes.Delete(second); err != nil {
			t.Fatal(err)
		}
		pass(viewAge)
		r.expect(t, first, time.Minute, "i-one", nil)
	})
}

func TestNodeBeingDeletedClaimsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig()
		r.cloud.add(server("i-one", "10.0.9.1"))
		leaving := node("a", providerID("cn-hangzhou.i-one"))
		now := metav1.Now()
		leaving.DeletionTimestamp = &now
		staying := node("b", providerID("cn-hangzhou.i-one"))
		r.join(t, leaving, staying)
		r.expect(t, staying, time.Minute, "i-one", nil)
	})
}

func TestForeignNodesCostNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig()
		n := node("a", providerID("aws:///eu-west-1a/i-1"))
		r.join(t, n)
		r.expect(t, n, 0, "", ErrForeign)
		if calls := r.cloud.made(); len(calls) != 0 {
			t.Errorf("calls = %v", calls)
		}
	})
}

func TestNodeWithoutClueCostsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig()
		n := node("a", tainted)
		r.join(t, n)
		r.expect(t, n, 0, "", ErrAbsent)
		if calls := r.cloud.made(); len(calls) != 0 {
			t.Errorf("calls = %v", calls)
		}
	})
}

func TestAbsenceCarriesItsEvidence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig()
		nodes := r.fleet(t, 2)
		r.expect(t, nodes[0], 0, "i-fleet0000", nil)
		r.cloud.release("i-fleet0000")
		pass(10 * time.Second)
		start := time.Now()
		r.expect(t, nodes[0], 0, "", ErrAbsent)
		pass(time.Minute)
		_, err := r.Get(t.Context(), nodes[0], 0)
		var absent *AbsentError
		if !errors.As(err, &absent) || absent.Server != "i-fleet0000" || !absent.First.Equal(start.Add(company)) || absent.Last.Sub(absent.First) < time.Minute {
			t.Fatalf("error %v with %+v", err, absent)
		}
		r.cloud.add(server("i-fleet0000", ip(0)))
		pass(10 * time.Second)
		r.expect(t, nodes[0], 0, "i-fleet0000", nil)
		r.cloud.release("i-fleet0000")
		pass(10 * time.Second)
		if _, err = r.Get(t.Context(), nodes[0], 0); !errors.As(err, &absent) || absent.First != absent.Last {
			t.Errorf("the row of listings was not broken by the return: %+v", absent)
		}
	})
}

func TestListingThatLacksAllProvesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig()
		nodes := r.fleet(t, 150)
		r.expect(t, nodes[0], 0, "i-fleet0000", nil)
		r.cloud.set(nil, true)
		for range 30 {
			pass(10 * time.Second)
			r.expect(t, nodes[0], 0, "", ErrUnproven)
		}
		r.expect(t, nodes[0], time.Hour, "i-fleet0000", nil)
	})
}

func TestHundredReleasedServersAreProvenByWitnesses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig()
		nodes := r.fleet(t, 110)
		r.expect(t, nodes[0], 0, "i-fleet0000", nil)
		for _, n := range nodes[:100] {
			r.cloud.release(n.Spec.ProviderID[12:])
		}
		gone := func(n *corev1.Node) bool { return slices.Contains(nodes[:100], n) }
		var err error
		for range 3 {
			pass(30 * time.Second)
			_, err = r.GetAmong(t.Context(), nodes[0], 0, gone)
		}
		if !errors.Is(err, ErrAbsent) {
			t.Errorf("error = %v", err)
		}
	})
}

func TestOnlyChosenNodesAreRefreshed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig()
		nodes := r.fleet(t, 300)
		r.expect(t, nodes[0], 0, "", nil)
		r.cloud.made()
		pass(10 * time.Second)
		notReady := func(n *corev1.Node) bool { return slices.Contains(nodes[:60], n) }
		for _, n := range nodes[:60] {
			if _, err := r.GetAmong(t.Context(), n, 9*time.Second, notReady); err != nil {
				t.Fatal(err)
			}
		}
		if calls := r.cloud.made(); len(calls) != 1 || calls[0] != "ids=70 ips=0" {
			t.Errorf("calls = %v", calls)
		}
	})
}

func TestFlightFillsItsPagesWithNodesThatWereNeverAskedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig()
		nodes := r.fleet(t, 300)
		none := func(*corev1.Node) bool { return false }
		for _, n := range nodes {
			if _, err := r.GetAmong(t.Context(), n, time.Minute, none); err != nil {
				t.Fatal(err)
			}
		}
		if calls := r.cloud.made(); len(calls) != 3 {
			t.Errorf("calls = %v", calls)
		}
	})
}

func TestNodesOfSeveralAgesComeOfAgeTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig()
		nodes := r.fleet(t, 40)
		look := func() {
			for _, n := range nodes {
				r.expect(t, n, 54*time.Second, "", nil)
			}
			pass(30 * time.Second)
		}
		look()
		nodes = r.fleet(t, 80)
		look()
		r.cloud.made()
		for range 12 {
			look()
		}
		if calls := r.cloud.made(); len(calls) != 6 {
			t.Errorf("calls = %v, want one a minute", calls)
		}
	})
}

func TestFailureIsReturnedAndNotRetriedHot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig()
		n := r.fleet(t, 1)[0]
		r.cloud.set(errCloud, false)
		end := time.Now().Add(time.Minute)
		for time.Now().Before(end) {
			r.expect(t, n, time.Minute, "", errCloud)
			pass(50 * time.Millisecond)
		}
		if calls := r.cloud.made(); len(calls) < 3 || len(calls) > 8 {
			t.Errorf("%d calls in a minute of failures", len(calls))
		}
		r.cloud.set(nil, false)
		pass(maxGap)
		r.expect(t, n, time.Minute, "i-fleet0000", nil)
	})
}

func TestKnownServerIsServedWhileTheCloudFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig()
		n := r.fleet(t, 1)[0]
		r.expect(t, n, time.Minute, "i-fleet0000", nil)
		r.cloud.set(errCloud, false)
		pass(2 * time.Minute)
		r.expect(t, n, time.Minute, "", errCloud)
		r.expect(t, n, DefaultMaxAge, "i-fleet0000", nil)
	})
}

func TestCallerIsReleasedByItsContextAndTheOthersAreServed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig()
		nodes := r.fleet(t, 2)
		hasty, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		defer cancel()
		var group sync.WaitGroup
		group.Go(func() {
			if _, err := r.Get(hasty, nodes[0], time.Minute); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("error = %v", err)
			}
		})
		synctest.Wait()
		group.Go(func() { r.expect(t, nodes[1], time.Minute, "i-fleet0001", nil) })
		group.Wait()
		if calls := r.cloud.made(); len(calls) != 1 {
			t.Errorf("calls = %v", calls)
		}
	})
}

func TestAbandonedFlightIsNoFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig()
		n := r.fleet(t, 1)[0]
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		defer cancel()
		if _, err := r.Get(ctx, n, time.Minute); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error = %v", err)
		}
		synctest.Wait()
		r.expect(t, n, time.Minute, "i-fleet0000", nil)
	})
}

func TestAllTellsEveryNode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig()
		r.fleet(t, 3)
		r.join(t, node("away", providerID("aws://x")), node("lost", providerID("cn-hangzhou.i-lost")))
		all, err := r.All(t.Context(), time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		if len(all) != 5 || all["n2"].Server.ID != "i-fleet0002" || !errors.Is(all["away"].Err, ErrForeign) || !errors.Is(all["lost"].Err, ErrAbsent) {
			t.Errorf("All = %v", all)
		}
		if calls := r.cloud.made(); len(calls) != 1 {
			t.Errorf("calls = %v", calls)
		}
	})
}

func TestReusedAddressDoesNotKeepAReleasedServersNode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig()
		r.fleet(t, 1)
		r.cloud.add(server("i-new", "10.0.9.1"))
		old := node("old", providerID("cn-hangzhou.i-gone"), internal("10.0.9.1"))
		fresh := node("fresh", internal("10.0.9.1"), tainted)
		r.join(t, old, fresh)
		r.expect(t, fresh, time.Minute, "i-new", nil)
		r.expect(t, old, time.Minute, "", ErrAbsent)
	})
}

func TestHostNameIsAskedForOnlyWhenNothingElseLeads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(func(o *Options) { o.HostNames = true })
		first, second := server("i-one", "10.0.9.1"), server("i-two", "10.0.9.2")
		first.HostName, second.HostName = "web", "web"
		r.cloud.add(first, second)
		byAddress := node("db", internal("10.0.9.1"))
		r.join(t, byAddress)
		r.expect(t, byAddress, time.Minute, "i-one", nil)
		if calls := r.cloud.made(); slices.Contains(calls, "ids=0 ips=0") {
			t.Errorf("calls = %v", calls)
		}
		ambiguous := node("web")
		r.join(t, ambiguous)
		r.expect(t, ambiguous, time.Minute, "", ErrRefused)
		pass(2 * time.Minute)
		r.expect(t, ambiguous, time.Minute, "", ErrRefused)
	})
}

var _ Cloud = (*ecs.Client)(nil)

func TestWhatNobodyAsksForIsForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig()
		nodes := r.fleet(t, 2)
		r.join(t, node("byip", internal("10.0.9.1")))
		r.cloud.add(server("i-byip", "10.0.9.1"))
		r.expect(t, nodes[0], time.Minute, "", nil)
		for _, n := range r.nodes.List() {
			if err := r.nodes.Delete(n); err != nil {
				t.Fatal(err)
			}
		}
		r.join(t, nodes[0])
		for range 3 {
			pass(40 * time.Minute)
			r.expect(t, nodes[0], time.Minute, "i-fleet0000", nil)
		}
		if r.store.count() != 1 || len(r.store.asked) != 0 || len(r.store.byAddress) != 1 {
			t.Errorf("%d servers, %d addresses asked, %d known", r.store.count(), len(r.store.asked), len(r.store.byAddress))
		}
	})
}

func TestAddressThatMovedLeadsToItsNewServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig()
		r.cloud.add(server("i-one", "10.0.9.1"), server("i-two", "10.0.9.2"))
		n := node("a", internal("10.0.9.1"))
		r.join(t, n)
		r.expect(t, n, time.Minute, "i-one", nil)
		r.cloud.add(server("i-one", "10.0.9.9"), server("i-two", "10.0.9.1"))
		pass(2 * time.Minute)
		r.expect(t, n, time.Minute, "i-two", nil)
		r.cloud.add(server("i-two", "10.0.9.8"))
		pass(2 * time.Minute)
		r.expect(t, n, time.Minute, "", ErrAbsent)
	})
}
