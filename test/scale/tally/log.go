package tally

import (
	"sync"
	"time"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/journal"
)

// Log keeps all calls of a region. It is safe for concurrent use.
type Log struct {
	mu      sync.Mutex
	entries []journal.Entry
	// finished is the real time at which each entry came.
	finished []time.Time
}

// Observe takes a finished call; it suits aliyunsim.Options.Observe.
func (l *Log) Observe(e journal.Entry) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.entries = append(l.entries, e)
	l.finished = append(l.finished, time.Now())
}

// Mark is a moment in the log.
type Mark int

// Mark returns the present moment.
func (l *Log) Mark() Mark {
	l.mu.Lock()
	defer l.mu.Unlock()
	return Mark(len(l.entries))
}

// Idle is how long no call has finished; zero before the first.
func (l *Log) Idle() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.finished) == 0 {
		return 0
	}
	return time.Since(l.finished[len(l.finished)-1])
}

// Last is when the latest call after a mark finished that matches; the zero time
// when none does.
func (l *Log) Last(from Mark, matches func(*journal.Entry) bool) time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := len(l.entries) - 1; i >= int(from); i-- {
		if matches(&l.entries[i]) {
			return l.finished[i]
		}
	}
	return time.Time{}
}

// Since counts the calls that finished after a mark and match; nil matches all.
func (l *Log) Since(from Mark, times Times, matches func(*journal.Entry) bool) Tally {
	l.mu.Lock()
	defer l.mu.Unlock()
	chosen := make([]journal.Entry, 0, len(l.entries)-int(from))
	for i := range l.entries[from:] {
		if e := &l.entries[int(from)+i]; matches == nil || matches(e) {
			chosen = append(chosen, *e)
		}
	}
	return count(chosen, times)
}
