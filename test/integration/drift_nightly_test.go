//go:build nightly

package integration

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim"
	"github.com/kube-aliyun/kube-aliyun/test/rig"
)

// TestChangesByHandAreRepairedByTheAudit waits for the shortest audit there is.
func TestChangesByHandAreRepairedByTheAudit(t *testing.T) {
	r := fresh(t, rig.Options{Servers: 3})
	r.StartController("--load-balancer-audit-period=1m").WaitReady()
	awaitInitialised(r)
	r.CreateService("web", nil, rig.Port(80), rig.Port(443))
	r.AwaitAddress("web", 15*time.Second)
	whole := func(lb *rig.LoadBalancer) bool {
		return len(lb.Listeners) == 2 && len(lb.Backends) == 3 &&
			!slices.ContainsFunc(lb.Listeners, func(l rig.Listener) bool { return l.Status != "running" })
	}
	before := awaitLoadBalancer(r, "it is whole", whole)
	r.Sim.Do(func(region *aliyunsim.Region) {
		err := errors.Join(
			region.SLB.RemoveListener(before.ID, 80, "tcp"), region.SLB.StopListener(before.ID, 443, "tcp"),
			region.SLB.RemoveBackend(before.ID, rig.ServerID(2)), region.SLB.SetWeight(before.ID, rig.ServerID(3), 0))
		if err != nil {
			t.Error(err)
		}
	})
	took := r.Eventually(90*time.Second, "it is whole again", func() (bool, string) {
		lb := r.LoadBalancer()
		return whole(&lb) && !slices.ContainsFunc(lb.Backends, func(b rig.Backend) bool { return b.Weight != 100 }), lb.String()
	})
	t.Logf("repaired after %s", took.Round(time.Second))
	if after := r.LoadBalancer(); after.ID != before.ID {
		t.Errorf("%s became %s", before.ID, after.ID)
	}
	onlyOnce(r, "web", "LoadBalancerDriftRepaired", "changed by hand", "tcp/80", rig.ServerID(2), rig.ServerID(3))
}
