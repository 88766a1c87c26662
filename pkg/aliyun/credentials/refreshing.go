package credentials

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"k8s.io/klog/v2"
	"k8s.io/utils/clock"
)

const (
	// earliest is how long before the end a refresh is begun at most: the
	// metadata service has fresh credentials half an hour before the old end.
	earliest = 20 * time.Minute
	// refreshTimeout bounds a refresh that somebody cannot do without;
	// earlyTimeout one that is made while the old credentials still serve.
	refreshTimeout = 15 * time.Second
	earlyTimeout   = 4 * time.Second
	firstRetry     = time.Second
	lastRetry      = time.Minute
	// settle is the least time between two refreshes that succeed: a source may
	// yield the same credentials again, and the API may refuse fresh ones.
	settle = 30 * time.Second
	// margin is how long before their end credentials are no longer used, so
	// that a request is not refused on its way.
	margin = 5 * time.Second
)

// Refreshing is a Source that remembers what another yields until shortly
// before it expires. While the other fails, the old credentials serve to their
// end; then Get fails with the last cause, and recovers by itself.
//
// It needs no goroutine: the first caller that finds a refresh due makes it,
// and only callers without valid credentials wait for it.
type Refreshing struct {
	source Source
	name   string
	clock  clock.PassiveClock

	mu       sync.Mutex
	current  Credentials
	due      time.Time // refresh from here on; zero: never
	notUntil time.Time // no refresh before
	failures int
	last     error
	running  chan struct{} // closed when the refresh that runs has ended
}

// NewRefreshing remembers what source yields. A source that is a fmt.Stringer
// names itself in messages.
func NewRefreshing(source Source, clk clock.PassiveClock) *Refreshing {
	name := "their source"
	if named, ok := source.(fmt.Stringer); ok {
		name = named.String()
	}
	return &Refreshing{source: source, name: name, clock: clk}
}

// Get implements Source.
func (r *Refreshing) Get(ctx context.Context) (Credentials, error) {
	for {
		r.mu.Lock()
		now := r.clock.Now()
		valid := r.validAt(now)
		mayRefresh := r.running == nil && !now.Before(r.notUntil)
		wanted := !valid || (r.dueAt(now) && mayRefresh)
		switch {
		case !wanted:
			current := r.current
			r.mu.Unlock()
			return current, nil
		case mayRefresh:
			r.running = make(chan struct{})
			r.mu.Unlock()
			r.refresh(ctx, valid)
			if err := ctx.Err(); err != nil {
				return Credentials{}, fmt.Errorf("getting credentials from %s: %w", r.name, err)
			}
		case r.running == nil:
			err := r.failure(now)
			r.mu.Unlock()
			return Credentials{}, err
		default:
			running := r.running
			r.mu.Unlock()
			select {
			case <-running:
			case <-ctx.Done():
				return Credentials{}, fmt.Errorf("waiting for credentials from %s: %w", r.name, ctx.Err())
			}
		}
	}
}

// Invalidate implements Invalidator: the API refused these credentials. They
// stay in use if the source has no others.
func (r *Refreshing) Invalidate(refused Credentials) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.current.AccessKeyID == refused.AccessKeyID && r.current.SecurityToken == refused.SecurityToken {
		r.due = r.clock.Now()
	}
}

// refresh asks the source once and records what came of it.
func (r *Refreshing) refresh(ctx context.Context, early bool) {
	timeout := refreshTimeout
	if early {
		timeout = earlyTimeout
	}
	bounded, cancel := context.WithTimeout(ctx, timeout)
	fresh, err := r.source.Get(bounded)
	cancel()

	r.mu.Lock()
	defer r.mu.Unlock()
	close(r.running)
	r.running = nil
	now := r.clock.Now()
	if err == nil && !fresh.Expires.IsZero() && !now.Before(fresh.Expires.Add(-margin)) {
		err = fmt.Errorf("the credentials it yields expired at %s", fresh.Expires.UTC().Format(time.RFC3339))
	}
	switch {
	case err == nil:
		r.keep(fresh, now)
	case ctx.Err() != nil && errors.Is(err, ctx.Err()):
		// The caller went away; that says nothing about the source. The next one asks again.
	default:
		r.last = err
		r.notUntil = now.Add(retryAfter(r.failures))
		r.failures++
		if early {
			klog.FromContext(ctx).Info("Refreshing credentials failed; the old ones serve until they expire",
				"source", r.name, "expires", r.current.Expires, "nextTry", r.notUntil, "reason", err.Error())
		}
	}
}

func (r *Refreshing) keep(fresh Credentials, now time.Time) {
	r.current, r.failures, r.last = fresh, 0, nil
	r.notUntil = now.Add(settle)
	r.due = time.Time{}
	if fresh.Expires.IsZero() {
		return
	}
	left := fresh.Expires.Sub(now)
	window := min(left/3, earliest)
	// Replicas that got their credentials together do not refresh together.
	window -= time.Duration(rand.Int64N(int64(window)/4 + 1)) //nolint:gosec // jitter needs no secrecy
	r.due = fresh.Expires.Add(-window)
	r.notUntil = now.Add(min(settle, left/4))
}

func (r *Refreshing) validAt(now time.Time) bool {
	c := r.current
	return c.AccessKeyID != "" && (c.Expires.IsZero() || now.Before(c.Expires.Add(-margin)))
}

func (r *Refreshing) dueAt(now time.Time) bool {
	return !r.due.IsZero() && !now.Before(r.due)
}

// failure is what callers get between two tries.
func (r *Refreshing) failure(now time.Time) error {
	state := ""
	if e := r.current.Expires; !e.IsZero() {
		state = fmt.Sprintf(" (the last ones expired at %s)", e.UTC().Format(time.RFC3339))
	}
	cause := r.last
	if cause == nil {
		cause = errNotYet
	}
	return fmt.Errorf("%w from %s%s, next try in %s: %w",
		ErrUnavailable, r.name, state, r.notUntil.Sub(now).Round(100*time.Millisecond), cause)
}

var errNotYet = errors.New("not refreshed yet")

// retryAfter doubles from firstRetry to lastRetry, a random quarter off.
func retryAfter(failures int) time.Duration {
	d := firstRetry
	for i := 0; i < failures && d < lastRetry; i++ {
		d *= 2
	}
	d = min(d, lastRetry)
	return d - rand.N(d/4+1) //nolint:gosec // jitter needs no secrecy
}
