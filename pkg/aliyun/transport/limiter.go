package transport

import (
	"context"
	"sync"
	"time"

	"k8s.io/utils/clock"
)

// limiter admits the calls of one (product, action). It holds nobody back until
// the API throttles; from then on it keeps a rate that follows what the API
// accepts. Calls that wait are admitted by priority.
type limiter struct {
	clock clock.WithDelayedExecution
	limit Limit

	mu       sync.Mutex
	pace     pace
	tokens   float64
	filled   time.Time
	paused   time.Time // nothing is admitted before
	inFlight int
	window   int // how many may be in flight
	lanes    [laneCount][]*waiter
	admitted uint64
	queued   uint64
	wake     clock.Timer
}

// waiter is one call in a lane.
type waiter struct {
	seq      uint64
	ready    chan struct{}
	admitted bool
}

// The lanes in the order in which they are served.
const (
	urgentLane = iota
	normalLane
	auditLane
	laneCount
)

// Every so many admissions the call that has waited longest is served,
// whatever its lane: an endless stream of urgent calls starves nobody.
const oldestEvery = 8

// maxPause bounds what a reply can make us wait by x-acs-retry-after.
const maxPause = time.Minute

func newLimiter(limit Limit, clk clock.WithDelayedExecution) *limiter {
	return &limiter{
		clock: clk, limit: limit, window: limit.InFlight, filled: clk.Now(),
		pace: newPace(limit, clk.Now()),
	}
}

// acquire waits for admission, at most as long as ctx. Whoever was admitted
// calls release.
func (l *limiter) acquire(ctx context.Context, p Priority) error {
	if ctx.Err() != nil {
		return ended(ctx)
	}
	l.mu.Lock()
	l.queued++
	w := &waiter{seq: l.queued, ready: make(chan struct{})}
	lane := laneOf(p)
	l.lanes[lane] = append(l.lanes[lane], w)
	l.admit()
	l.mu.Unlock()

	select {
	case <-w.ready:
		return nil
	case <-ctx.Done():
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if w.admitted { // at the same moment: give it back
		l.inFlight--
		l.tokens++
	} else {
		l.remove(lane, w)
	}
	l.admit()
	return ended(ctx)
}

// verdict is what an attempt tells the limiter.
type verdict struct {
	throttled   bool
	accepted    bool // the API worked on it, whatever the result
	concurrency bool // throttled for the number of calls in flight
	retryAfter  time.Duration
}

// release ends one admitted attempt.
func (l *limiter) release(v verdict) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.clock.Now()
	switch {
	case v.throttled:
		l.pace.throttled(now, l.inFlight-1)
		if v.retryAfter > 0 {
			if until := now.Add(min(v.retryAfter, maxPause)); until.After(l.paused) {
				l.paused = until
			}
		}
		if v.concurrency {
			l.window = max(1, min(l.window, l.inFlight)/2)
		}
	case v.accepted:
		l.pace.accepted(now)
		if l.window < l.limit.InFlight {
			l.window++
		}
	}
	l.inFlight--
	l.admit()
}

// admit serves waiters while it may; the mutex is held.
func (l *limiter) admit() {
	for {
		lane := l.next()
		if lane < 0 {
			l.stopWake()
			return
		}
		ok, wait := l.mayAdmit()
		if !ok {
			l.stopWake()
			if wait > 0 {
				// On a goroutine of its own: test clocks call back under their lock.
				l.wake = l.clock.AfterFunc(wait, func() { go l.onWake() })
			}
			return
		}
		w := l.lanes[lane][0]
		l.lanes[lane] = l.lanes[lane][1:]
		l.admitted++
		l.inFlight++
		w.admitted = true
		close(w.ready)
	}
}

// mayAdmit takes a token, or tells when to look again; 0: when a call ends.
func (l *limiter) mayAdmit() (ok bool, wait time.Duration) {
	if l.inFlight >= l.window {
		return false, 0
	}
	now := l.clock.Now()
	if now.Before(l.paused) {
		return false, l.paused.Sub(now)
	}
	rate := l.pace.rate()
	elapsed := now.Sub(l.filled)
	l.filled = now
	if rate == 0 {
		l.tokens = 1
		return true, 0
	}
	l.tokens = min(l.tokens+rate*elapsed.Seconds(), max(1, rate*burst.Seconds()))
	if l.tokens < 1 {
		return false, max(time.Millisecond, time.Duration((1-l.tokens)/rate*float64(time.Second)))
	}
	l.tokens--
	return true, 0
}

// burst is how much unused rate may be made up for at once.
const burst = 250 * time.Millisecond

// next returns the lane to serve, or -1 when nobody waits.
func (l *limiter) next() int {
	first, oldest := -1, -1
	for lane := range l.lanes {
		if len(l.lanes[lane]) == 0 {
			continue
		}
		if first < 0 {
			first = lane
		}
		if oldest < 0 || l.lanes[lane][0].seq < l.lanes[oldest][0].seq {
			oldest = lane
		}
	}
	if (l.admitted+1)%oldestEvery == 0 {
		return oldest
	}
	return first
}

func (l *limiter) remove(lane int, w *waiter) {
	for i, other := range l.lanes[lane] {
		if other == w {
			l.lanes[lane] = append(l.lanes[lane][:i:i], l.lanes[lane][i+1:]...)
			return
		}
	}
}

func (l *limiter) onWake() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.wake = nil
	l.admit()
}

func (l *limiter) stopWake() {
	if l.wake != nil {
		l.wake.Stop()
		l.wake = nil
	}
}

func laneOf(p Priority) int {
	switch p {
	case Urgent:
		return urgentLane
	case Audit:
		return auditLane
	case Normal:
		return normalLane
	}
	return normalLane
}

// limiters holds one limiter for each (product, action) that was ever called.
type limiters struct {
	opts Options
	mu   sync.Mutex
	all  map[string]*limiter
}

func (ls *limiters) of(product Product, action string) *limiter {
	key := string(product) + "." + action
	ls.mu.Lock()
	defer ls.mu.Unlock()
	l, ok := ls.all[key]
	if !ok {
		l = newLimiter(ls.opts.limit(product, action), ls.opts.Clock)
		ls.all[key] = l
	}
	return l
}
