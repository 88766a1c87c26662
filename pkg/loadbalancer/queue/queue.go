// Package queue is a work queue of Services: one pass at a time for each key,
// triggers that come meanwhile gathered into the next pass, failures repeated
// with growing pauses, and callers that wait for the pass that saw their wish.
package queue

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/klog/v2"
	"k8s.io/utils/clock"
)

// Reason says why a key is in the queue.
type Reason string

const (
	// Retry is the reason of a pass that follows a failed one by itself.
	Retry Reason = "retry"
	// Later is the reason of a pass that AddAfter asked for, when another pass had
	// come before it.
	Later Reason = "later"
)

// ErrStopped is the answer to whoever waits when the queue stops.
var ErrStopped = errors.New("the controller is stopping")

// Batch is what has gathered for a key since its last pass.
type Batch struct {
	Reasons map[Reason]bool
	// Wishes are what the waiting callers brought along, in order.
	Wishes []any
}

// Has reports whether a reason is among the batch's.
func (b Batch) Has(r Reason) bool { return b.Reasons[r] }

// String lists the reasons.
func (b Batch) String() string {
	return fmt.Sprint(slices.Sorted(maps.Keys(b.Reasons)))
}

// Options of New.
type Options[R any] struct {
	// Name is the queue's name in the metrics of workqueues.
	Name    string
	Workers int
	// Pass works on a key. Its result goes to all who wait.
	Pass func(ctx context.Context, key types.UID, batch Batch) (R, error)
	// Repeat reports whether a failed pass is repeated by the queue itself.
	Repeat func(batch Batch, err error) bool
	// Timeout bounds one pass.
	Timeout time.Duration
	// First and Most bound the pause before a repetition; it doubles each time,
	// give or take a fifth.
	First, Most time.Duration
	Clock       clock.WithTicker
}

// Queue is the queue. R is the result of a pass.
type Queue[R any] struct {
	options Options[R]
	backoff *backoff
	work    workqueue.TypedRateLimitingInterface[types.UID]
	done    chan struct{}

	mu      sync.Mutex
	entries map[types.UID]*entry[R]
	// passes are those in flight; due is when a pass will be asked for, by reason.
	passes map[types.UID]inFlight
	due    map[types.UID]map[Reason]time.Time
}

// entry is what has gathered for one key.
type entry[R any] struct {
	reasons map[Reason]bool
	waiters []waiter[R]
}

type waiter[R any] struct {
	wish   any
	result chan<- result[R]
}

type result[R any] struct {
	value R
	err   error
}

// New returns a queue; Run makes it work.
func New[R any](options Options[R]) *Queue[R] {
	pauses := newBackoff(options.First, options.Most)
	return &Queue[R]{
		options: options,
		backoff: pauses,
		work: workqueue.NewTypedRateLimitingQueueWithConfig(
			pauses,
			workqueue.TypedRateLimitingQueueConfig[types.UID]{Name: options.Name, Clock: options.Clock},
		),
		done:    make(chan struct{}),
		entries: map[types.UID]*entry[R]{},
		passes:  map[types.UID]inFlight{},
		due:     map[types.UID]map[Reason]time.Time{},
	}
}

// Add asks for a pass and does not wait.
func (q *Queue[R]) Add(key types.UID, reason Reason) {
	q.put(key, reason, nil)
	q.work.Add(key)
}

// AddAfter asks for a pass after a pause and does not wait. Another pass before
// that does not take its place, unless it was asked for by AddAfter for the same reason.
func (q *Queue[R]) AddAfter(key types.UID, reason Reason, pause time.Duration) {
	q.put(key, reason, nil)
	q.after(key, reason, pause)
}

// Do asks for a pass and waits for the first one that begins after it was asked
// for. It gives up when ctx ends; the pass goes on.
func (q *Queue[R]) Do(ctx context.Context, key types.UID, reason Reason, wish any) (R, error) {
	answer := make(chan result[R], 1)
	q.put(key, reason, &waiter[R]{wish: wish, result: answer})
	q.work.Add(key)
	var none R
	select {
	case r := <-answer:
		return r.value, r.err
	case <-ctx.Done():
		return none, fmt.Errorf("wait for the load balancer's turn: %w", ctx.Err())
	case <-q.done:
		return none, ErrStopped
	}
}

func (q *Queue[R]) put(key types.UID, reason Reason, w *waiter[R]) {
	q.mu.Lock()
	defer q.mu.Unlock()
	e := q.entries[key]
	if e == nil {
		e = &entry[R]{reasons: map[Reason]bool{}}
		q.entries[key] = e
	}
	e.reasons[reason] = true
	if w != nil {
		e.waiters = append(e.waiters, *w)
	}
}

// take empties the entry of a key; nil when nothing has gathered since.
func (q *Queue[R]) take(key types.UID) *entry[R] {
	q.mu.Lock()
	defer q.mu.Unlock()
	e := q.entries[key]
	delete(q.entries, key)
	return e
}

// Run works until ctx is done and the passes in flight have ended.
func (q *Queue[R]) Run(ctx context.Context) {
	var workers sync.WaitGroup
	for range q.options.Workers {
		workers.Go(func() {
			for q.next(ctx) {
			}
		})
	}
	<-ctx.Done()
	q.work.ShutDown()
	close(q.done)
	workers.Wait()
}

func (q *Queue[R]) next(ctx context.Context) bool {
	key, quit := q.work.Get()
	if quit {
		return false
	}
	defer q.work.Done(key)
	if ctx.Err() != nil {
		return false
	}
	e := q.take(key)
	if e == nil {
		e = &entry[R]{reasons: map[Reason]bool{Later: true}}
	}
	batch := Batch{Reasons: e.reasons}
	for _, w := range e.waiters {
		batch.Wishes = append(batch.Wishes, w.wish)
	}
	q.begin(key, batch)
	value, err := q.pass(ctx, key, batch)
	q.end(key)
	for _, w := range e.waiters {
		w.result <- result[R]{value: value, err: err}
	}
	switch {
	case err == nil:
		q.settled(key)
	case q.options.Repeat(batch, err):
		q.put(key, Retry, nil)
		q.after(key, Retry, q.backoff.When(key))
		klog.FromContext(ctx).V(2).Info("Will try again", "uid", key, "attempt", q.work.NumRequeues(key), "err", err)
	}
	return true
}

// pass runs one pass, bounded in time.
func (q *Queue[R]) pass(ctx context.Context, key types.UID, batch Batch) (R, error) {
	ctx, cancel := context.WithTimeout(ctx, q.options.Timeout)
	defer cancel()
	return q.options.Pass(ctx, key, batch)
}
