package manager

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"k8s.io/client-go/tools/leaderelection/resourcelock"
	"k8s.io/utils/clock"
)

var (
	errNotLeader = errors.New("not the leader: nothing is written")
	errStopping  = errors.New("the process is stopping: nothing more is written")
)

// fence is a lease lock that remembers when it was last renewed, so that a
// process that was frozen writes nothing after it wakes: its lease may be
// another's by then, although it has not noticed yet.
type fence struct {
	resourcelock.Interface
	deadline time.Duration
	clock    clock.PassiveClock

	mu      sync.Mutex
	renewed time.Time
	closed  bool
}

// newFence wraps a lock; deadline is the election's renew deadline.
func newFence(lock resourcelock.Interface, deadline time.Duration, clk clock.PassiveClock) *fence {
	return &fence{Interface: lock, deadline: deadline, clock: clk}
}

// Create implements resourcelock.Interface.
func (f *fence) Create(ctx context.Context, record resourcelock.LeaderElectionRecord) error {
	start := f.clock.Now()
	if err := f.Interface.Create(ctx, record); err != nil {
		return err
	}
	f.note(start, record)
	return nil
}

// Update implements resourcelock.Interface.
func (f *fence) Update(ctx context.Context, record resourcelock.LeaderElectionRecord) error {
	start := f.clock.Now()
	if err := f.Interface.Update(ctx, record); err != nil {
		return err
	}
	f.note(start, record)
	return nil
}

// note takes the time before the request was sent: others count the lease's
// duration from when they see it, which is later.
func (f *fence) note(start time.Time, record resourcelock.LeaderElectionRecord) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if record.HolderIdentity == f.Identity() {
		f.renewed = start
	} else {
		f.renewed = time.Time{}
	}
}

// check refuses writes unless the lease was renewed within the deadline.
func (f *fence) check() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case f.closed:
		return errStopping
	case f.renewed.IsZero():
		return errNotLeader
	}
	if age := f.clock.Since(f.renewed); age > f.deadline {
		return fmt.Errorf("%w: the lease was last renewed %s ago", errNotLeader, age.Round(time.Millisecond))
	}
	return nil
}

// close refuses writes from now on.
func (f *fence) close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed = true
}
