package queue

import (
	"maps"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/types"
)

// State is where a key is in the queue.
type State struct {
	// Running is when the pass in flight began, zero when there is none, and
	// RunningFor its reasons.
	Running    time.Time
	RunningFor []Reason
	// Reasons are those of the next pass, none when no pass is asked for, and Due
	// is when it begins if nothing else asks for one; zero: as soon as possible.
	Reasons []Reason
	Due     time.Time
	// Waiting is how many callers wait for the next pass.
	Waiting int
	// Failures is how many passes in a row have failed and are repeated.
	Failures int
}

// inFlight is a pass on its way.
type inFlight struct {
	began   time.Time
	reasons []Reason
}

// State tells where a key is.
func (q *Queue[R]) State(key types.UID) State {
	q.mu.Lock()
	defer q.mu.Unlock()
	s := State{
		Running: q.passes[key].began, RunningFor: q.passes[key].reasons,
		Due: earliest(q.due[key]), Failures: q.backoff.NumRequeues(key),
	}
	if e := q.entries[key]; e != nil {
		s.Reasons, s.Waiting = slices.Sorted(maps.Keys(e.reasons)), len(e.waiters)
	}
	return s
}

func (q *Queue[R]) begin(key types.UID, batch Batch) {
	q.mu.Lock()
	now := q.options.Clock.Now()
	q.passes[key] = inFlight{began: now, reasons: slices.Sorted(maps.Keys(batch.Reasons))}
	maps.DeleteFunc(q.due[key], func(_ Reason, due time.Time) bool { return !due.After(now) })
	next := earliest(q.due[key])
	if next.IsZero() {
		delete(q.due, key)
	}
	q.mu.Unlock()
	if !next.IsZero() {
		// The work queue keeps one time of a key, the earliest.
		q.work.AddAfter(key, next.Sub(now))
	}
}

func (q *Queue[R]) end(key types.UID) {
	q.mu.Lock()
	defer q.mu.Unlock()
	delete(q.passes, key)
}

// settled notes a pass that succeeded: there is nothing to be repeated.
func (q *Queue[R]) settled(key types.UID) {
	q.work.Forget(key)
	q.mu.Lock()
	defer q.mu.Unlock()
	delete(q.due[key], Retry)
	if len(q.due[key]) == 0 {
		delete(q.due, key)
	}
}

// after asks for a pass after a pause. Of one reason the earliest time counts.
func (q *Queue[R]) after(key types.UID, reason Reason, pause time.Duration) {
	q.mu.Lock()
	now := q.options.Clock.Now()
	if q.due[key] == nil {
		q.due[key] = map[Reason]time.Time{}
	}
	if earlier, set := q.due[key][reason]; !set || now.Add(pause).Before(earlier) || !earlier.After(now) {
		q.due[key][reason] = now.Add(pause)
	}
	q.mu.Unlock()
	q.work.AddAfter(key, pause)
}

// earliest is the first of some times, zero when there is none.
func earliest(due map[Reason]time.Time) (first time.Time) {
	for _, at := range due {
		if first.IsZero() || at.Before(first) {
			first = at
		}
	}
	return first
}
