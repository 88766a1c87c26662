// Package simclock is the simulator's time: real, accelerated, or moved by hand.
package simclock

import (
	"context"
	"errors"
	"sync"
	"time"
)

// Clock is simulated time. It starts at some instant, runs Scale times as fast
// as real time (0: it stands still), and can be stepped forward.
type Clock struct {
	scale float64
	real  func() time.Time

	mu       sync.Mutex
	realBase time.Time
	simBase  time.Time
	stepped  chan struct{}
}

// New makes a clock that runs scale times as fast as real time, starting at
// start, or now when start is zero or past. Scale 0 makes a clock that moves by
// Step alone.
func New(scale float64, start time.Time) *Clock {
	now := time.Now()
	if start.Before(now) {
		start = now
	}
	return &Clock{scale: scale, real: time.Now, realBase: now, simBase: start, stepped: make(chan struct{})}
}

// Now is the simulated time.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now()
}

func (c *Clock) now() time.Time {
	return c.simBase.Add(scaled(c.real().Sub(c.realBase), c.scale)).UTC()
}

func scaled(d time.Duration, by float64) time.Duration {
	if by == 1 {
		return d
	}
	return time.Duration(float64(d) * by)
}

// Step moves the clock forward and wakes everybody who waits for a time that
// has come.
func (c *Clock) Step(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.simBase = c.simBase.Add(d)
	close(c.stepped)
	c.stepped = make(chan struct{})
}

// Wall converts a simulated time into the real time at which it will come, as a
// client needs it (expiry of credentials). A clock that stands still converts
// as if it ran at the speed of real time.
func (c *Clock) Wall(t time.Time) time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	left := t.Sub(c.now())
	if c.scale > 0 {
		left = scaled(left, 1/c.scale)
	}
	return c.real().Add(left).UTC()
}

// ErrStopped ends a wait whose stop channel was closed.
var ErrStopped = errors.New("stopped")

// WaitUntil returns nil at the simulated time t, the context's error when that
// ends first, or ErrStopped when stop, which may be nil, is closed.
func (c *Clock) WaitUntil(ctx context.Context, stop <-chan struct{}, t time.Time) error {
	for {
		c.mu.Lock()
		left, stepped := t.Sub(c.now()), c.stepped
		c.mu.Unlock()
		if left <= 0 {
			return ctx.Err()
		}
		if err := c.pause(ctx, stop, left, stepped); err != nil {
			return err
		}
	}
}

func (c *Clock) pause(ctx context.Context, stop <-chan struct{}, left time.Duration, stepped <-chan struct{}) error {
	var due <-chan time.Time
	if c.scale > 0 {
		timer := time.NewTimer(max(scaled(left, 1/c.scale), time.Microsecond))
		defer timer.Stop()
		due = timer.C
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-stop:
		return ErrStopped
	case <-due:
	case <-stepped:
	}
	return nil
}
