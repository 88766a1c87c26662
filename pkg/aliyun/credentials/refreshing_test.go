package credentials

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	clocktesting "k8s.io/utils/clock/testing"
)

// issuer yields a new token on each Get, valid for life, unless it is down.
type issuer struct {
	clock *clocktesting.FakePassiveClock
	life  time.Duration

	mu    sync.Mutex
	down  error
	gets  int
	slow  chan struct{} // when set, Get waits for it
	fixed *Credentials  // when set, always yields this
}

func (i *issuer) String() string { return "the test issuer" }

func (i *issuer) Get(ctx context.Context) (Credentials, error) {
	i.mu.Lock()
	i.gets++
	n, down, slow, fixed := i.gets, i.down, i.slow, i.fixed
	i.mu.Unlock()
	if slow != nil {
		select {
		case <-slow:
		case <-ctx.Done():
			return Credentials{}, ctx.Err()
		}
	}
	if down != nil {
		return Credentials{}, down
	}
	if fixed != nil {
		return *fixed, nil
	}
	return Credentials{AccessKeyID: fmt.Sprintf("test-%d", n), SecurityToken: "t", Expires: i.clock.Now().Add(i.life)}, nil
}

func (i *issuer) set(down error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.down = down
}

func (i *issuer) count() int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.gets
}

func newRefreshing(life time.Duration) (*Refreshing, *issuer, *clocktesting.FakePassiveClock) {
	clk := clocktesting.NewFakePassiveClock(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
	i := &issuer{clock: clk, life: life}
	return NewRefreshing(i, clk), i, clk
}

func (r *Refreshing) id(t *testing.T) string {
	t.Helper()
	c, err := r.Get(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return c.AccessKeyID
}

func advance(clk *clocktesting.FakePassiveClock, d time.Duration) { clk.SetTime(clk.Now().Add(d)) }

func TestTokenIsReusedUntilShortlyBeforeItExpires(t *testing.T) {
	r, i, clk := newRefreshing(time.Hour)
	for range 3 {
		if got := r.id(t); got != "test-1" {
			t.Fatal(got)
		}
		advance(clk, 13*time.Minute)
	}
	advance(clk, 10*time.Minute) // 11 minutes are left
	if got := r.id(t); got != "test-2" || i.count() != 2 {
		t.Errorf("%s after %d refreshes", got, i.count())
	}
}

func TestOldTokenServesWhileTheSourceIsDownAndThenTheErrorIsClear(t *testing.T) {
	r, i, clk := newRefreshing(time.Hour)
	r.id(t)
	down := errors.New("metadata service: connection refused")
	i.set(down)
	for range 59 {
		advance(clk, time.Minute)
		if got := r.id(t); got != "test-1" {
			t.Fatal(got)
		}
	}
	advance(clk, 2*time.Minute)
	_, _ = r.Get(t.Context())
	_, err := r.Get(t.Context())
	if !errors.Is(err, ErrUnavailable) || !errors.Is(err, down) {
		t.Fatalf("got %v", err)
	}
	for _, word := range []string{"the test issuer", "connection refused", "expired at 2026-01-01T01:00:00Z"} {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("%q is not in: %v", word, err)
		}
	}
	i.set(nil)
	advance(clk, time.Minute)
	if got := r.id(t); got == "test-1" {
		t.Error("did not recover")
	}
}

func TestFailingSourceIsNotAskedHot(t *testing.T) {
	r, i, clk := newRefreshing(time.Hour)
	i.set(errors.New("down"))
	for range 600 { // ten minutes of a caller a second
		for range 10 {
			if _, err := r.Get(t.Context()); err == nil {
				t.Fatal("succeeded")
			}
		}
		advance(clk, time.Second)
	}
	if n := i.count(); n < 10 || n > 25 {
		t.Errorf("asked %d times in ten minutes", n)
	}
}

func TestSourceThatRepeatsItselfIsNotAskedHot(t *testing.T) {
	r, i, clk := newRefreshing(0)
	i.fixed = &Credentials{AccessKeyID: "test-same", Expires: clk.Now().Add(20 * time.Minute)}
	for range 60 * 19 {
		r.id(t)
		advance(clk, time.Second)
	}
	if n := i.count(); n > 25 {
		t.Errorf("asked %d times in 19 minutes", n)
	}
}

func TestExpiredTokenOfTheSourceIsNotUsed(t *testing.T) {
	r, i, clk := newRefreshing(0)
	i.fixed = &Credentials{AccessKeyID: "test-old", Expires: clk.Now().Add(-time.Minute)}
	if _, err := r.Get(t.Context()); err == nil || !strings.Contains(err.Error(), "expired") {
		t.Errorf("got %v", err)
	}
}

func TestCallersShareOneRefresh(t *testing.T) {
	r, i, _ := newRefreshing(time.Hour)
	i.slow = make(chan struct{})
	var wg sync.WaitGroup
	var failed atomic.Int32
	for range 50 {
		wg.Go(func() {
			if _, err := r.Get(t.Context()); err != nil {
				failed.Add(1)
			}
		})
	}
	await(t, func() bool { return i.count() > 0 })
	close(i.slow)
	wg.Wait()
	if failed.Load() != 0 || i.count() != 1 {
		t.Errorf("%d failed, %d refreshes", failed.Load(), i.count())
	}
}

func TestCallerThatGoesAwayDoesNotSpoilTheRefreshForOthers(t *testing.T) {
	r, i, _ := newRefreshing(time.Hour)
	i.slow = make(chan struct{})
	ctx, cancel := context.WithCancel(t.Context())
	first := make(chan error, 1)
	go func() { _, err := r.Get(ctx); first <- err }()
	await(t, func() bool { return i.count() > 0 })
	second := make(chan error, 1)
	go func() { _, err := r.Get(t.Context()); second <- err }()
	cancel()
	if err := <-first; !errors.Is(err, context.Canceled) {
		t.Errorf("first: %v", err)
	}
	close(i.slow)
	if err := <-second; err != nil {
		t.Errorf("second: %v", err)
	}
}

func TestNobodyWaitsForARefreshWhileTheOldTokenServes(t *testing.T) {
	r, i, clk := newRefreshing(time.Hour)
	r.id(t)
	advance(clk, 50*time.Minute)
	i.mu.Lock()
	i.slow = make(chan struct{})
	i.mu.Unlock()
	refreshed := make(chan string, 1)
	go func() { c, _ := r.Get(context.WithoutCancel(t.Context())); refreshed <- c.AccessKeyID }()
	await(t, func() bool { return i.count() >= 2 })
	if got := r.id(t); got != "test-1" {
		t.Error(got)
	}
	close(i.slow)
	if got := <-refreshed; got != "test-2" {
		t.Error(got)
	}
}

func TestRefusedCredentialsAreReplacedButNotHot(t *testing.T) {
	r, i, clk := newRefreshing(time.Hour)
	refused, _ := r.Get(t.Context())
	r.Invalidate(refused)
	r.id(t)
	if i.count() != 1 {
		t.Error("fresh credentials were replaced at once")
	}
	advance(clk, time.Minute)
	if got := r.id(t); got != "test-2" {
		t.Errorf("got %s", got)
	}
	r.Invalidate(refused) // not those in use
	advance(clk, time.Minute)
	if got := r.id(t); got != "test-2" {
		t.Errorf("got %s", got)
	}
}

func TestCancelledCallerGetsAnAnswer(t *testing.T) {
	r, _, _ := newRefreshing(time.Hour)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := r.Get(ctx); err == nil {
		return // the issuer did not look at the context: fine as well
	} else if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// await returns when ok holds.
func await(t *testing.T, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(10 * time.Second); !ok(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatal("waited in vain")
		}
	}
}
