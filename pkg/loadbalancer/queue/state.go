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
		Due: q.due[key], Failures: q.backoff.NumRequeues(key),
	}
	if e := q.entries[key]; e != nil {
		s.Reasons, s.Waiting = slices.Sorted(maps.Keys(e.reasons)), len(e.waiters)
	}
	return s
}

func (q *Queue[R]) begin(key types.UID, batch Batch) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.passes[key] = inFlight{began: q.options.Clock.Now(), reasons: slices.Sorted(maps.Keys(batch.Reasons))}
	if due, set := q.due[key]; set && !due.After(q.options.Clock.Now()) {
		delete(q.due, key)
	}
}

func (q *Queue[R]) end(key types.UID) {
	q.mu.Lock()
	defer q.mu.Unlock()
	delete(q.passes, key)
}

// after asks for a pass after a pause.
func (q *Queue[R]) after(key types.UID, pause time.Duration) {
	q.mu.Lock()
	due := q.options.Clock.Now().Add(pause)
	if earlier, set := q.due[key]; !set || due.Before(earlier) || earlier.Before(q.options.Clock.Now()) {
		q.due[key] = due
	}
	q.mu.Unlock()
	q.work.AddAfter(key, pause)
}
