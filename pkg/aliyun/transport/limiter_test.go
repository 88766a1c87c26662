package transport

import (
	"context"
	"errors"
	"testing"
	"time"

	clocktesting "k8s.io/utils/clock/testing"
)

func newTestLimiter(limit Limit) (*limiter, *clocktesting.FakeClock) {
	clk := clocktesting.NewFakeClock(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
	opts := Options{Limits: map[string]Limit{"": limit}}
	return newLimiter(opts.limit(Slb, "Test"), clk), clk
}

// enqueue starts a caller and waits until it stands in its lane.
func enqueue(t *testing.T, l *limiter, p Priority, name string, admitted chan<- string) {
	t.Helper()
	l.mu.Lock()
	before := l.queued
	l.mu.Unlock()
	go func() {
		if l.acquire(t.Context(), p) == nil {
			admitted <- name
		}
	}()
	await(t, func() bool {
		l.mu.Lock()
		defer l.mu.Unlock()
		return l.queued > before
	})
}

func TestNothingWaitsUntilTheFirstThrottling(t *testing.T) {
	l, _ := newTestLimiter(Limit{InFlight: 1000})
	for range 500 {
		if err := l.acquire(t.Context(), Normal); err != nil {
			t.Fatal(err)
		}
	}
}

// stepTo moves the clock and lets the limiter look at it, as its timer would.
func stepTo(l *limiter, clk *clocktesting.FakeClock, d time.Duration) {
	clk.Step(d)
	l.onWake()
}

func TestConfiguredRateIsNeverExceeded(t *testing.T) {
	l, clk := newTestLimiter(Limit{Max: 10})
	admitted := make(chan string, 100)
	for range 60 {
		enqueue(t, l, Normal, "x", admitted)
	}
	count := func() uint64 {
		l.mu.Lock()
		defer l.mu.Unlock()
		return l.admitted
	}
	for range 20 {
		stepTo(l, clk, 100*time.Millisecond)
	}
	if n := count(); n < 18 || n > 23 {
		t.Errorf("%d calls in two seconds at 10 a second", n)
	}
}

func TestUrgentCallsGoFirstAndAuditsLast(t *testing.T) {
	l, _ := newTestLimiter(Limit{InFlight: 1})
	if err := l.acquire(t.Context(), Normal); err != nil {
		t.Fatal(err)
	}
	admitted := make(chan string, 10)
	enqueue(t, l, Audit, "audit", admitted)
	enqueue(t, l, Normal, "normal", admitted)
	enqueue(t, l, Urgent, "urgent", admitted)
	for _, want := range []string{"urgent", "normal", "audit"} {
		l.release(verdict{accepted: true})
		if got := <-admitted; got != want {
			t.Errorf("%s went, want %s", got, want)
		}
	}
}

func TestAuditIsNotStarvedByAnEndlessStreamOfUrgentCalls(t *testing.T) {
	l, _ := newTestLimiter(Limit{InFlight: 1})
	if err := l.acquire(t.Context(), Normal); err != nil {
		t.Fatal(err)
	}
	admitted := make(chan string, 10)
	enqueue(t, l, Audit, "audit", admitted)
	for range oldestEvery + 1 {
		enqueue(t, l, Urgent, "urgent", admitted)
		l.release(verdict{accepted: true})
		if <-admitted == "audit" {
			// the urgent one that still waits
			l.release(verdict{accepted: true})
			<-admitted
			return
		}
	}
	t.Error("the audit never went")
}

func TestRetryAfterHoldsEverybodyBack(t *testing.T) {
	l, clk := newTestLimiter(Limit{})
	if err := l.acquire(t.Context(), Normal); err != nil {
		t.Fatal(err)
	}
	l.release(verdict{throttled: true, retryAfter: 3 * time.Second})
	admitted := make(chan string, 1)
	enqueue(t, l, Urgent, "x", admitted)
	stepTo(l, clk, 2900*time.Millisecond)
	if len(admitted) != 0 {
		t.Error("admitted during the pause")
	}
	stepTo(l, clk, 200*time.Millisecond)
	<-admitted
}

func TestCallerWhoseContextEndsLeavesTheQueue(t *testing.T) {
	l, _ := newTestLimiter(Limit{InFlight: 1})
	if err := l.acquire(t.Context(), Normal); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if err := l.acquire(ctx, Urgent); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	l.release(verdict{accepted: true})
	if err := l.acquire(t.Context(), Audit); err != nil {
		t.Error(err)
	}
	if l.inFlight != 1 {
		t.Errorf("%d in flight", l.inFlight)
	}
}

func TestConcurrencyThrottlingShrinksTheWindow(t *testing.T) {
	l, _ := newTestLimiter(Limit{InFlight: 40})
	for range 20 {
		if err := l.acquire(t.Context(), Normal); err != nil {
			t.Fatal(err)
		}
	}
	l.release(verdict{throttled: true, concurrency: true})
	if l.window != 10 {
		t.Errorf("window %d", l.window)
	}
	for range 19 {
		l.release(verdict{accepted: true})
	}
	if l.window <= 10 || l.window > 40 {
		t.Errorf("window %d", l.window)
	}
}

// api is a limit of so many calls in each minute, as the vendor counts.
type api struct {
	budget int
	minute time.Time
	used   int
}

func (a *api) accepts(now time.Time) bool {
	if m := now.Truncate(time.Minute); m != a.minute {
		a.minute, a.used = m, 0
	}
	a.used++
	return a.used <= a.budget
}

// drive runs endless demand through a pace for d and counts what was accepted and refused.
func drive(p *pace, now time.Time, d time.Duration, accepts func(time.Time) bool) (accepted, refused int) {
	const step = 10 * time.Millisecond
	owed := 0.0
	for end := now.Add(d); now.Before(end); now = now.Add(step) {
		rate := p.rate()
		if rate == 0 {
			rate = 100 // as fast as the caller can
		}
		for owed += rate * step.Seconds(); owed >= 1; owed-- {
			if accepts(now) {
				p.accepted(now)
				accepted++
			} else {
				p.throttled(now, 0)
				refused++
			}
		}
	}
	return accepted, refused
}

func TestPaceUsesAMinuteBudgetWithoutHammering(t *testing.T) {
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	p := newPace(Options{}.limit(Slb, "Test"), start)
	limit := &api{budget: 200}
	accepted, refused := drive(&p, start, 10*time.Minute, limit.accepts)
	if accepted < 1500 {
		t.Errorf("only %d of 2000 calls of the budget were used", accepted)
	}
	if refused > 4000 {
		t.Errorf("%d refused calls in ten minutes; at 100 a second demand there would be 58000", refused)
	}
}

func TestPaceIsNotStoppedByRandomThrottling(t *testing.T) {
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	p := newPace(Options{}.limit(Slb, "Test"), start)
	n := 0
	accepted, _ := drive(&p, start, time.Minute, func(time.Time) bool { n++; return n%5 != 0 })
	if accepted < 600 {
		t.Errorf("%d calls in a minute of 20 %% throttling", accepted)
	}
}

func TestPaceNeverGoesBelowItsMinimum(t *testing.T) {
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	p := newPace(Limit{Min: 3}, start)
	accepted, refused := drive(&p, start, time.Minute, func(time.Time) bool { return false })
	if p.rate() != 3 || accepted != 0 || refused < 3*50 {
		t.Errorf("rate %v, %d refused", p.rate(), refused)
	}
}
