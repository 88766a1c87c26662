package disks

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"k8s.io/utils/clock"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/apierror"
	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/ecs"
)

const (
	// describePace is the least time between two DescribeDisks of the process; it
	// grows to slowest times that while the API answers that it is throttled.
	describePace = time.Second
	slowest      = 10
	// gather is how long a call that may be made at once waits for company.
	gather = 10 * time.Millisecond
	// describeTimeout bounds one call with its repetitions.
	describeTimeout = 20 * time.Second
	// forgetAfter is how long a reading that nobody asked for is kept.
	forgetAfter = 10 * time.Minute
)

var errStopped = errors.New("the controller is stopping")

// reading is what the API said of a disk; disk is nil where there is none.
type reading struct {
	disk *ecs.Disk
	// at is when the call was sent.
	at time.Time
}

// describer reads disks for everybody: all that are waited for in one call of at
// most 100, at most one call a second, whatever the number of callers.
type describer struct {
	list  func(context.Context, ecs.DiskFilter) ([]ecs.Disk, error)
	clock clock.Clock
	pace  time.Duration

	mu      sync.Mutex
	waiting map[string][]chan answer
	// order is that in which disks came to be waited for.
	order []string
	// wanted ride as soon as there is room, and cause a call; watched ride where
	// there is room and cause none.
	wanted   map[string]bool
	watched  map[string]int
	readings map[string]reading
	wake     chan struct{}
	stopped  bool
}

type answer struct {
	reading reading
	err     error
}

func newDescriber(list func(context.Context, ecs.DiskFilter) ([]ecs.Disk, error), clk clock.Clock, pace time.Duration) *describer {
	return &describer{
		list: list, clock: clk, pace: cmp.Or(pace, describePace), waiting: map[string][]chan answer{}, wanted: map[string]bool{}, watched: map[string]int{},
		readings: map[string]reading{}, wake: make(chan struct{}, 1),
	}
}

// get returns a reading of the disk whose call was not sent before the given time.
func (d *describer) get(ctx context.Context, id string, after time.Time) (reading, error) {
	d.mu.Lock()
	if r, found := d.readings[id]; found && !r.at.Before(after) {
		d.mu.Unlock()
		return r, nil
	}
	if d.stopped {
		d.mu.Unlock()
		return reading{}, errStopped
	}
	if len(d.waiting[id]) == 0 {
		d.order = append(d.order, id)
	}
	out := make(chan answer, 1)
	d.waiting[id] = append(d.waiting[id], out)
	d.mu.Unlock()
	d.signal()
	select {
	case a := <-out:
		return a.reading, a.err
	case <-ctx.Done():
		return reading{}, fmt.Errorf("reading disk %s: %w", id, context.Cause(ctx))
	}
}

// has reports whether there is a reading of at most that age.
func (d *describer) has(id string, maxAge time.Duration) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	r, found := d.readings[id]
	return found && d.clock.Since(r.at) <= maxAge
}

// refresh has disks read soon, whose readings are older than maxAge.
func (d *describer) refresh(ids []string, maxAge time.Duration) {
	d.mu.Lock()
	for _, id := range ids {
		if r, found := d.readings[id]; !found || d.clock.Since(r.at) > maxAge {
			d.wanted[id] = true
		}
	}
	d.mu.Unlock()
	d.signal()
}

// watch lets a disk ride with the calls that others cause, until stop is called.
func (d *describer) watch(id string) (stop func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.watched[id]++
	return func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		if d.watched[id]--; d.watched[id] <= 0 {
			delete(d.watched, id)
		}
	}
}

// forget drops a reading that a write has made untrue.
func (d *describer) forget(id string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.readings, id)
}

func (d *describer) signal() {
	select {
	case d.wake <- struct{}{}:
	default:
	}
}

// run makes the calls until ctx ends.
func (d *describer) run(ctx context.Context) {
	defer d.stop()
	pace := d.pace
	for {
		select {
		case <-d.wake:
		case <-ctx.Done():
			return
		}
		if !d.pause(ctx, min(gather, d.pace)) {
			return
		}
		for {
			waiters, ids := d.next()
			if len(ids) == 0 {
				break
			}
			err := d.call(ctx, waiters, ids)
			switch {
			case errors.Is(err, apierror.ErrThrottled):
				pace = min(2*pace, slowest*d.pace)
			case err == nil:
				pace = d.pace
			}
			if !d.pause(ctx, pace) {
				return
			}
		}
	}
}

func (d *describer) pause(ctx context.Context, wait time.Duration) bool {
	timer := d.clock.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C():
		return true
	case <-ctx.Done():
		return false
	}
}

// next picks the disks of the next call: those that are waited for, then the
// wanted, then the watched as far as there is room.
func (d *describer) next() (waiters map[string][]chan answer, ids []string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.order) == 0 && len(d.wanted) == 0 {
		return nil, nil
	}
	waiters = map[string][]chan answer{}
	chosen := map[string]bool{}
	add := func(id string) bool {
		if !chosen[id] {
			if len(ids) == ecs.PerCall {
				return false
			}
			chosen[id] = true
			ids = append(ids, id)
		}
		return true
	}
	for len(d.order) > 0 && add(d.order[0]) {
		waiters[d.order[0]] = d.waiting[d.order[0]]
		delete(d.waiting, d.order[0])
		d.order = d.order[1:]
	}
	for id := range d.wanted {
		if !add(id) {
			break
		}
		delete(d.wanted, id)
	}
	for id := range d.watched {
		if !add(id) {
			break
		}
	}
	return waiters, ids
}

// call reads the disks and answers who waits for them.
func (d *describer) call(ctx context.Context, waiters map[string][]chan answer, ids []string) error {
	limited, cancel := context.WithTimeout(ctx, describeTimeout)
	defer cancel()
	at := d.clock.Now()
	found, err := d.list(limited, ecs.DiskFilter{IDs: ids})
	byID := make(map[string]*ecs.Disk, len(found))
	for i := range found {
		byID[found[i].ID] = &found[i]
	}
	d.mu.Lock()
	if err == nil {
		for _, id := range ids {
			d.readings[id] = reading{disk: byID[id], at: at}
		}
		for id, r := range d.readings {
			if at.Sub(r.at) > forgetAfter {
				delete(d.readings, id)
			}
		}
	}
	d.mu.Unlock()
	for id, outs := range waiters {
		for _, out := range outs {
			out <- answer{reading: reading{disk: byID[id], at: at}, err: err}
		}
	}
	return err
}

// stop answers whoever still waits.
func (d *describer) stop() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.stopped = true
	for _, outs := range d.waiting {
		for _, out := range outs {
			out <- answer{err: errStopped}
		}
	}
	clear(d.waiting)
	d.order = nil
}
