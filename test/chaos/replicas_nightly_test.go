//go:build nightly

package chaos

import (
	"fmt"
	"testing"
	"time"

	"github.com/kube-aliyun/kube-aliyun/test/rig"
)

func TestFrozenLeaderWritesNothingWhereverItStood(t *testing.T) {
	for n := 1; n <= 20; n++ {
		t.Run(fmt.Sprintf("at write %d", n), func(t *testing.T) {
			w := newWorld(t, rig.Options{Servers: 3})
			w.freezeAtWrite(n, 5, 5*time.Second, quickLease...)
		})
	}
}

func TestLeaderFrozenForTwentySecondsWritesNothing(t *testing.T) {
	for _, n := range []int{1, 6, 15} {
		t.Run(fmt.Sprintf("at write %d", n), func(t *testing.T) {
			w := newWorld(t, rig.Options{Servers: 3})
			w.freezeAtWrite(n, 5, 20*time.Second)
		})
	}
}

func TestTakeoverAfterKillComesWithTheEndOfTheDefaultLease(t *testing.T) {
	w := newWorld(t, rig.Options{Servers: 3})
	took := w.takeoverAfterKill()
	if limit := leaseEnd(15*time.Second, time.Second); took > limit {
		t.Errorf("the lease was taken over %s after the kill, not %s", took, limit)
	}
	t.Logf("lease of 15 s taken %s after the kill", took.Round(time.Millisecond))
}
