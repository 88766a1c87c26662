// Package nodewatch turns the stream of Node events into few: it tells its
// consumers once per burst that "the nodes have changed", and keeps the upstream
// service controller from walking all Services for each Node.
package nodewatch

import (
	"context"
	"sync"
	"time"

	"k8s.io/utils/clock"
)

// Window says how long events are gathered.
type Window struct {
	// Quiet is the pause after the last event; Max the longest wait after the
	// first one, so that a steady stream is served too.
	Quiet, Max time.Duration
}

// DefaultWindow gathers the Nodes of one scaling step and keeps a single Node's
// wait short.
var DefaultWindow = Window{Quiet: time.Second, Max: 5 * time.Second}

// Debouncer calls a function once for a burst of triggers. Calls never overlap;
// a trigger during a call leads to another call.
type Debouncer struct {
	ctx    context.Context //nolint:containedctx // ends what the timer would start
	clock  clock.WithDelayedExecution
	window Window
	call   func()

	mu      sync.Mutex
	timer   clock.Timer
	first   time.Time
	last    time.Time
	pending bool
	running bool
}

// NewDebouncer returns a Debouncer of call. Once ctx is done nothing is called.
func NewDebouncer(ctx context.Context, c clock.WithDelayedExecution, window Window, call func()) *Debouncer {
	d := &Debouncer{ctx: ctx, clock: c, window: window, call: call}
	context.AfterFunc(ctx, d.stop)
	return d
}

// Trigger asks for a call. It does not block.
func (d *Debouncer) Trigger() {
	now := d.clock.Now()
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.ctx.Err() != nil {
		return
	}
	d.last = now
	if d.pending {
		return
	}
	d.pending, d.first = true, now
	if !d.running {
		d.timer = d.clock.AfterFunc(d.window.Quiet, d.fire)
	}
}

// fire runs when the pause may be over.
func (d *Debouncer) fire() {
	d.mu.Lock()
	if d.ctx.Err() != nil || !d.pending || d.running {
		d.mu.Unlock()
		return
	}
	if wait := d.remaining(); wait > 0 {
		d.timer = d.clock.AfterFunc(wait, d.fire)
		d.mu.Unlock()
		return
	}
	d.pending, d.running = false, true
	d.mu.Unlock()

	d.call()

	d.mu.Lock()
	defer d.mu.Unlock()
	d.running = false
	if d.pending && d.ctx.Err() == nil {
		d.timer = d.clock.AfterFunc(max(d.remaining(), 0), d.fire)
	}
}

// remaining is how long the burst is still gathered.
func (d *Debouncer) remaining() time.Duration {
	due := d.last.Add(d.window.Quiet)
	if latest := d.first.Add(d.window.Max); latest.Before(due) {
		due = latest
	}
	return due.Sub(d.clock.Now())
}

func (d *Debouncer) stop() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.timer != nil {
		d.timer.Stop()
	}
}
