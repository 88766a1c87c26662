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
	// holder is what Get finds; written counts the updates.
	holder  string
	written int
}

func (l *fakeLock) Get(context.Context) (*resourcelock.LeaderElectionRecord, []byte, error) {
	return &resourcelock.LeaderElectionRecord{HolderIdentity: l.holder}, nil, l.err
}

func (l *fakeLock) Identity() string { return "me" }

func (l *fakeLock) Create(context.Context, resourcelock.LeaderElectionRecord) error { return l.err }

func (l *fakeLock) Update(context.Context, resourcelock.LeaderElectionRecord) error {
	l.written++
	return l.err
}

func TestFenceRefusesWritesUntilTheLeaseIsHeld(t *testing.T) {
	f := newFence(&fakeLock{}, 10*time.Second, clocktesting.NewFakeClock(time.Now()))
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
	clk := clocktesting.NewFakeClock(time.Now())
	lock := &fakeLock{}
	f := newFence(lock, 10*time.Second, clk)
	if err := f.Update(t.Context(), resourcelock.LeaderElectionRecord{HolderIdentity: "me"}); err != nil {
		t.Fatal(err)
	}
	clk.Step(10*time.Second + time.Millisecond)
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
	f := newFence(&fakeLock{}, 10*time.Second, clocktesting.NewFakeClock(time.Now()))
	for _, holder := range []string{"me", ""} {
		if err := f.Update(t.Context(), resourcelock.LeaderElectionRecord{HolderIdentity: holder}); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.check(); !errors.Is(err, errNotLeader) {
		t.Errorf("got %v", err)
	}
}

func TestFenceGivesUpOnlyItsOwnLease(t *testing.T) {
	lock := &fakeLock{holder: "me"}
	f := newFence(lock, 10*time.Second, clocktesting.NewFakeClock(time.Now()))
	if err := f.Update(t.Context(), resourcelock.LeaderElectionRecord{HolderIdentity: "me"}); err != nil {
		t.Fatal(err)
	}
	lock.holder = "another"
	if _, _, err := f.Get(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := f.Update(t.Context(), resourcelock.LeaderElectionRecord{}); !errors.Is(err, errNotHeld) || lock.written != 1 {
		t.Errorf("another's lease is given up: %v", err)
	}
}

func TestWorkEndsAsSoonAsTheLeaseHasExpired(t *testing.T) {
	clk := clocktesting.NewFakeClock(time.Now())
	f := newFence(&fakeLock{}, 10*time.Second, clk)
	renew := func() {
		t.Helper()
		if err := f.Update(t.Context(), resourcelock.LeaderElectionRecord{HolderIdentity: "me"}); err != nil {
			t.Fatal(err)
		}
	}
	renew()
	over := make(chan struct{})
	go func() {
		defer close(over)
		f.awaitExpiry(t.Context())
	}()
	for range 3 {
		clk.Step(6 * time.Second)
		renew()
	}
	select {
	case <-over:
		t.Fatal("a lease that is renewed has expired")
	case <-time.After(50 * time.Millisecond):
	}
	for {
		clk.Step(11 * time.Second)
		select {
		case <-over:
			return
		case <-time.After(time.Millisecond):
		}
	}
}
