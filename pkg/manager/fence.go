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
	errNotHeld   = errors.New("the lease is another's and is not given up")
)

// fence is a lease lock that remembers when it was last renewed, so that a
// process that was frozen writes nothing after it wakes: its lease may be
// another's by then, although it has not noticed yet.
type fence struct {
	resourcelock.Interface
	deadline time.Duration
	clock    clock.Clock

	mu      sync.Mutex
	renewed time.Time
	closed  bool
	// holder is who had the lease when it was read or written last.
	holder string
}

// newFence wraps a lock; deadline is the election's renew deadline.
func newFence(lock resourcelock.Interface, deadline time.Duration, clk clock.Clock) *fence {
	return &fence{Interface: lock, deadline: deadline, clock: clk}
}

// Get implements resourcelock.Interface.
func (f *fence) Get(ctx context.Context) (*resourcelock.LeaderElectionRecord, []byte, error) {
	record, raw, err := f.Interface.Get(ctx)
	if err == nil {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.holder = record.HolderIdentity
	}
	return record, raw, err
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

// Update implements resourcelock.Interface. It does not give up a lease that was
// seen in other hands: the election, which remembers what it saw before the
// process was frozen, would.
func (f *fence) Update(ctx context.Context, record resourcelock.LeaderElectionRecord) error {
	if record.HolderIdentity == "" && !f.holds() {
		return errNotHeld
	}
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
	f.holder = record.HolderIdentity
	if record.HolderIdentity == f.Identity() {
		f.renewed = start
	} else {
		f.renewed = time.Time{}
	}
}

func (f *fence) holds() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.holder == f.Identity()
}

// left is for how long the lease need not be renewed yet.
func (f *fence) left() time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.renewed.IsZero() {
		return 0
	}
	return f.deadline - f.clock.Since(f.renewed)
}

// awaitExpiry waits until the lease was not renewed within the deadline, or ctx
// ends. In a process that was frozen for longer it returns at once: the election
// notices only when its next renewal has failed for as long as the deadline.
func (f *fence) awaitExpiry(ctx context.Context) {
	for left := f.left(); left > 0; left = f.left() {
		timer := f.clock.NewTimer(left)
		select {
		case <-timer.C():
		case <-ctx.Done():
			timer.Stop()
			return
		}
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
