package chaos

import (
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/fault"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/journal"
	"github.com/kube-aliyun/kube-aliyun/test/rig"
)

func TestTakeoverAfterSIGTERMTakesLessThanThreeSeconds(t *testing.T) {
	w := newWorld(t, rig.Options{Servers: 3})
	leader, _ := w.pair()
	before, start, last := holder(w.lease()), time.Now(), w.lastCall()
	ended := leader.Terminate()
	took := w.awaitTakeover(before, start, 20*time.Second)
	if took >= 3*time.Second {
		t.Errorf("the lease was taken over %s after SIGTERM", took)
	}
	w.living("web", 3, rig.Port(80))
	if writes := w.writesOf(keyA, last); len(writes) > 0 {
		t.Errorf("writes of the one that was told to stop: %v", writes)
	}
	t.Logf("ended after %s (%s), lease taken after %s, first call of the successor after %s", ended.Round(time.Millisecond), leader.Ended(),
		took.Round(time.Millisecond), w.callsOf(keyB, last)[0].Time.Sub(start).Round(time.Millisecond))
}

// takeoverAfterKill kills the leader, and returns how long its lease outlived it.
func (w *world) takeoverAfterKill(flags ...string) time.Duration {
	w.T.Helper()
	leader, _ := w.pair(flags...)
	before, start := holder(w.lease()), time.Now()
	leader.Kill()
	took := w.awaitTakeover(before, start, 60*time.Second)
	w.living("web", 3, rig.Port(80))
	return took
}

// leaseEnd is when a lease is taken over at the latest. The waiting replica may
// see the last renewal one look later, and the end of the lease another; a look
// comes 1 to 2.2 retry periods after the one before.
func leaseEnd(lease, retry time.Duration) time.Duration {
	return lease + 2*retry*22/10
}

func TestTakeoverAfterKillComesWithTheEndOfTheLease(t *testing.T) {
	w := newWorld(t, rig.Options{Servers: 3})
	took := w.takeoverAfterKill(quickLease...)
	if limit := leaseEnd(3*time.Second, 500*time.Millisecond); took > limit {
		t.Errorf("the lease was taken over %s after the kill, not %s", took, limit)
	}
	t.Logf("lease of 3 s taken %s after the kill", took.Round(time.Millisecond))
}

// freezeAtWrite freezes the leader at its n-th changing call from now on, while it
// creates Services, thaws it when its successor has finished them, and looks for
// writes of two. It returns how long the thawed one went on.
func (w *world) freezeAtWrite(n, services int, frozen time.Duration, flags ...string) (woken time.Duration) {
	w.T.Helper()
	leader, _ := w.pair(flags...)
	before := holder(w.lease())
	struck := make(chan fault.Event, 1)
	changing := true
	w.Sim.Fault(fault.Rule{Mutating: &changing, Skip: n - 1, Count: 1, Kind: fault.Hook, Before: func(e fault.Event) {
		leader.Freeze()
		struck <- e
	}})
	for i := 1; i <= services; i++ {
		w.CreateService(serviceName(i), nil, rig.Port(80))
	}
	var event fault.Event
	select {
	case event = <-struck:
	case <-time.After(longEnough):
		w.T.Fatalf("the leader made no %d changing calls", n)
	}
	start := time.Now()
	took := w.awaitTakeover(before, start, frozen+longEnough)
	for i := 1; i <= services; i++ {
		w.await(longEnough, "the successor finishes the Services", func() string { return w.serviceWhole(serviceName(i), servers(1, 3)...) })
	}
	if rest := frozen - time.Since(start); rest > 0 {
		<-time.After(rest)
	}
	last := w.lastCall()
	leader.Thaw()
	thawed := time.Now()
	leader.Wait(10 * time.Second)
	woken = time.Since(thawed)
	if ended := leader.Ended(); ended != "exit status 1" {
		w.T.Errorf("the thawed replica ended with %s:\n%s", ended, leader.Tail(20))
	}
	if writes := w.writesOf(keyA, last); len(writes) > 0 {
		w.T.Errorf("frozen at %s, the old leader wrote after it woke: %v", event.Action, writes)
	}
	w.settle()
	for i := 1; i <= services; i++ {
		if problem := w.serviceWhole(serviceName(i), servers(1, 3)...); problem != "" {
			w.T.Errorf("after the thaw: %s", problem)
		}
	}
	if all := w.LoadBalancers(); len(all) != services {
		w.T.Errorf("%d load balancers for %d Services: %s", len(all), services, describe(all))
	}
	w.T.Logf("frozen at write %d (%s), lease taken after %s, thawed after %s, ended %s later", n, event.Action,
		took.Round(time.Millisecond), thawed.Sub(start).Round(time.Millisecond), woken.Round(time.Millisecond))
	return woken
}

func TestFrozenLeaderWritesNothingAfterItWakes(t *testing.T) {
	w := newWorld(t, rig.Options{Servers: 3})
	w.freezeAtWrite(8, 5, 5*time.Second, quickLease...)
}

// lazyLease is a lease that a thawed leader takes seconds to miss by itself.
var lazyLease = []string{"--leader-elect-lease-duration=5s", "--leader-elect-renew-deadline=4s", "--leader-elect-retry-period=500ms"}

func TestThawedLeaderStopsWorkAtOnce(t *testing.T) {
	w := newWorld(t, rig.Options{Servers: 3, Profile: "std"})
	woken := w.freezeAtWrite(8, 5, 6*time.Second, lazyLease...)
	// The race detector takes a second to end a process.
	if woken > 2500*time.Millisecond {
		t.Errorf("the thawed replica ended after %s", woken)
	}
	for i := 1; i <= 5; i++ {
		if events := w.Events(serviceName(i)); strings.Contains(events, "may not write") {
			t.Errorf("the thawed replica has written events:\n%s", events)
		}
	}
}

func TestLeaderStoppedWhileFrozenLeavesItsSuccessorTheLease(t *testing.T) {
	w := newWorld(t, rig.Options{Servers: 3})
	leader, _ := w.pair(quickLease...)
	before, start := holder(w.lease()), time.Now()
	leader.Freeze()
	w.awaitTakeover(before, start, longEnough)
	taken := w.lease()
	if err := syscall.Kill(leader.PID(), syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	leader.Thaw()
	leader.Wait(10 * time.Second)
	w.Never(2*time.Second, "the lease has left the successor's hands", func() (bool, string) {
		now := w.lease()
		return holder(now) != holder(taken) || *now.Spec.LeaseTransitions != *taken.Spec.LeaseTransitions,
			fmt.Sprintf("taken: %v\nnow: %v\n%s", taken.Spec, now.Spec, leader.Tail(5))
	})
}

func TestSIGTERMAmongManyCreationsLeavesNothingHalfBuilt(t *testing.T) {
	const services = 10
	w := newWorld(t, rig.Options{Servers: 3, Profile: "std"})
	leader, _ := w.pair()
	last := w.lastCall()
	for i := 1; i <= services; i++ {
		w.CreateService(serviceName(i), nil, rig.Port(80))
	}
	w.await(longEnough, "the leader is in the middle of it", func() string {
		if writes := w.writesOf(keyA, last); len(writes) < 2*services {
			return fmt.Sprint(writes)
		}
		return ""
	})
	ended := leader.Terminate()
	if ended > 6*time.Second || leader.Ended() != "exit status 0" {
		t.Errorf("ended after %s with %s", ended, leader.Ended())
	}
	for _, e := range w.callsOf(keyA, last) {
		if e.Mutating && (e.Code == journal.Gone || e.Code == journal.Pending) {
			t.Errorf("a call in flight was not finished: %s %s", e.Action, e.Params)
		}
	}
	made := len(w.LoadBalancers())
	for i := 1; i <= services; i++ {
		w.await(longEnough, "the successor finishes the Services", func() string { return w.serviceWhole(serviceName(i), servers(1, 3)...) })
	}
	w.settle()
	if all := w.LoadBalancers(); len(all) != services {
		t.Errorf("%d load balancers for %d Services: %s", len(all), services, describe(all))
	}
	t.Logf("ended after %s with %d load balancers begun", ended.Round(time.Millisecond), made)
}
