//go:build nightly

package integration

import (
	"fmt"
	"testing"
	"time"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/metadata"
	"github.com/kube-aliyun/kube-aliyun/test/rig"
)

// TestRoleServesToItsEndWithoutMetadata has credentials of 14 s, of which the
// last 5 s are not used, and a metadata service that is gone by then.
func TestRoleServesToItsEndWithoutMetadata(t *testing.T) {
	r := withRole(t, 1, func(k *metadata.Knobs) { k.Validity, k.RotateBefore = 14*time.Second, 2*time.Second })
	c := onServer(r, "--credentials=ram-role")
	c.WaitReady()
	awaitInitialised(r)
	r.Sim.Metadata(func(k *metadata.Knobs) { k.Disabled = true })
	r.CreateService("early", nil, rig.Port(80))
	r.AwaitAddress("early", 5*time.Second)

	awaitUnready(r, c, 20*time.Second, "[-]credentials", "the server's RAM role", "expired at", "metadata service")
	r.CreateService("late", nil, rig.Port(80))
	awaitWarning(r, "late", "SyncLoadBalancerFailed", "RAM role", "expired at")
	r.Sim.ResetCounters()
	if calls := callsDuring(r, 2*time.Second); total(calls) > 0 || c.Ended() != "" {
		t.Errorf("calls without credentials: %v; ended %q", calls, c.Ended())
	}

	r.Sim.Metadata(func(k *metadata.Knobs) { k.Disabled, k.Validity = false, time.Hour })
	r.AwaitAddress("late", 20*time.Second)
	c.WaitReady()
}

// TestRoleIsRenewedBeforeItEnds sees two generations of credentials and no call
// that was refused between them.
func TestRoleIsRenewedBeforeItEnds(t *testing.T) {
	r := withRole(t, 1, func(k *metadata.Knobs) {
		k.TokenRequired, k.Validity, k.RotateBefore = true, 20*time.Second, 10*time.Second
	})
	c := onServer(r, "--credentials=ram-role")
	c.WaitReady()
	awaitInitialised(r)
	awaitRouted(r)
	n := 0
	r.Eventually(20*time.Second, "a second generation signs", func() (bool, string) {
		n++
		r.CreateService(fmt.Sprint("web-", n), nil, rig.Port(80))
		r.AwaitAddress(fmt.Sprint("web-", n), 5*time.Second)
		return len(keysUsed(r)) > 1, fmt.Sprint(keysUsed(r))
	})
	for action, codes := range r.Sim.CountsByCode() {
		if len(codes) != 1 || codes["OK"] == 0 {
			t.Errorf("%s was refused: %v", action, codes)
		}
	}
}
