package manager

import (
	"context"
	"errors"
	"testing"
	"time"

	"k8s.io/client-go/tools/leaderelection/resourcelock"
	clocktesting "k8s.io/utils/clock/testing"
)

// fakeLock is a lock whose writes succeed unless err is set.
type fakeLock struct {
	resourcelock.Interface
	err error
}

func (l *fakeLock) Identity() string { return "me" }

func (l *fakeLock) Create(context.Context, resourcelock.LeaderElectionRecord) error { return l.err }

func (l *fakeLock) Update(context.Context, resourcelock.LeaderElectionRecord) error { return l.err }

func TestFenceRefusesWritesUntilTheLeaseIsHeld(t *testing.T) {
	f := newFence(&fakeLock{}, 10*time.Second, clocktesting.NewFakePassiveClock(time.Now()))
	if err := f.check(); !errors.Is(err, errNotLeader) {
		t.Fatalf("before the lease: %v", err)
	}
	if err := f.Create(t.Context(), resourcelock.LeaderElectionRecord{HolderIdentity: "me"}); err != nil {
		t.Fatal(err)
	}
	if err := f.check(); err != nil {
		t.Errorf("with the lease: %v", err)
	}
}

func TestFenceRefusesWritesAfterTheRenewDeadline(t *testing.T) {
	clk := clocktesting.NewFakePassiveClock(time.Now())
	lock := &fakeLock{}
	f := newFence(lock, 10*time.Second, clk)
	if err := f.Update(t.Context(), resourcelock.LeaderElectionRecord{HolderIdentity: "me"}); err != nil {
		t.Fatal(err)
	}
	clk.SetTime(clk.Now().Add(10*time.Second + time.Millisecond))
	if err := f.check(); !errors.Is(err, errNotLeader) {
		t.Errorf("an expired lease allows writes: %v", err)
	}
	lock.err = errors.New("API server is gone")
	_ = f.Update(t.Context(), resourcelock.LeaderElectionRecord{HolderIdentity: "me"})
	if err := f.check(); !errors.Is(err, errNotLeader) {
		t.Errorf("a failed renewal allows writes: %v", err)
	}
}

func TestFenceRefusesWritesAfterTheLeaseIsReleased(t *testing.T) {
	f := newFence(&fakeLock{}, 10*time.Second, clocktesting.NewFakePassiveClock(time.Now()))
	for _, holder := range []string{"me", ""} {
		if err := f.Update(t.Context(), resourcelock.LeaderElectionRecord{HolderIdentity: holder}); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.check(); !errors.Is(err, errNotLeader) {
		t.Errorf("got %v", err)
	}
}
