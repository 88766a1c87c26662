package servers

import (
	"context"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/kube-aliyun/kube-aliyun/pkg/metric"
)

const (
	// flightTimeout bounds all calls of one flight.
	flightTimeout = time.Minute
	// company is how long a flight waits for those that come together: the Nodes
	// of one scaling step register within milliseconds.
	company = 50 * time.Millisecond
	// gap is the least pause between the starts of two flights, in which requests
	// gather; it doubles up to maxGap while flights fail.
	gap    = time.Second
	maxGap = 16 * time.Second
)

// want is one caller's wish.
type want struct {
	// node is the Node asked for, or nil for all.
	node   *corev1.Node
	maxAge time.Duration
	// among chooses the other Nodes that are refreshed as well.
	among func(*corev1.Node) bool
}

// flight is a shared refresh: it gathers wishes, then asks the cloud for all.
type flight struct {
	done    chan struct{}
	cancel  context.CancelFunc
	wants   []want
	waiters int
	started bool
	err     error
}

// pace spaces flights and remembers failures.
type pace struct {
	last     time.Time
	failures int
	err      error
}

// next is when the next flight may start.
func (p *pace) next() time.Time {
	if p.last.IsZero() {
		return p.last
	}
	return p.last.Add(min(gap<<min(p.failures, 10), maxGap))
}

// lookup answers from the view, after a flight when the view is too old. A
// flight that started after the call is young enough whatever the age asked for.
func lookup[T any](ctx context.Context, s *Snapshot, w want, answer func(v *view, now, since time.Time) (T, bool)) (T, error) {
	var none T
	since, result := s.clock.Now(), "known"
	var failure error
	for {
		s.mu.Lock()
		now := s.clock.Now()
		v, err := s.current(w.node, now)
		if err == nil {
			if found, ok := answer(v, now, since); ok {
				s.mu.Unlock()
				count(result)
				return found, nil
			}
			err = failure
		}
		if err == nil && s.flight == nil {
			err = s.pace.holding(now)
		}
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			s.mu.Unlock()
			return none, err
		}
		f, boarded := s.board(ctx, w)
		s.mu.Unlock()
		if err := s.wait(ctx, f); boarded {
			failure = err
		}
		result = "fetched"
	}
}

// board joins the flight that is gathering, or starts one. While a flight is
// under way the caller is not taken on: it waits and looks again. The caller
// holds the lock.
func (s *Snapshot) board(ctx context.Context, w want) (f *flight, boarded bool) {
	if s.flight == nil {
		// The flight serves all who join it, so it does not end with the one who
		// happened to start it, but with the last of them.
		shared, cancel := context.WithTimeout(context.WithoutCancel(ctx), flightTimeout+maxGap)
		s.flight = &flight{done: make(chan struct{}), cancel: cancel}
		go s.fly(shared, s.flight)
	}
	f = s.flight
	f.waiters++
	if f.started {
		return f, false
	}
	f.wants = append(f.wants, w)
	return f, true
}

// wait waits for a flight; the last one to leave early ends it.
func (s *Snapshot) wait(ctx context.Context, f *flight) error {
	select {
	case <-f.done:
		return f.err
	case <-ctx.Done():
		s.mu.Lock()
		defer s.mu.Unlock()
		f.waiters--
		if f.waiters == 0 {
			f.cancel()
			if s.flight == f && !f.started {
				s.flight = nil
			}
		}
		return ctx.Err()
	}
}

// fly gathers until the pace allows a flight, asks, and takes the answers in.
func (s *Snapshot) fly(ctx context.Context, f *flight) {
	defer f.cancel()
	err := s.gather(ctx)
	var p plan
	if err == nil {
		p, err = s.depart(f)
	}
	if err == nil {
		err = s.execute(ctx, p)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.land(f, err)
	f.err = err
	close(f.done)
}

func (s *Snapshot) gather(ctx context.Context) error {
	s.mu.Lock()
	pause := max(company, s.pace.next().Sub(s.clock.Now()))
	s.mu.Unlock()
	timer := s.clock.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C():
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// depart closes the flight to further wishes and plans its calls.
func (s *Snapshot) depart(f *flight) (plan, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f.started = true
	s.pace.last = s.clock.Now()
	return s.plan(f.wants, s.pace.last)
}

// land ends a flight; the caller holds the lock.
func (s *Snapshot) land(f *flight, err error) {
	s.view = nil
	if s.flight == f {
		s.flight = nil
	}
	switch {
	case err == nil:
		s.pace.failures, s.pace.err = 0, nil
		metric.ServerListings.WithLabelValues("success").Inc()
	case !errors.Is(err, context.Canceled):
		s.pace.failures++
		s.pace.err = err
		metric.ServerListings.WithLabelValues("error").Inc()
	}
	metric.ServersKnown.WithLabelValues().Set(float64(s.store.count()))
}

// holding is the last failure while it is too early to try again.
func (p *pace) holding(now time.Time) error {
	if p.failures == 0 || !now.Before(p.next()) {
		return nil
	}
	return fmt.Errorf("next try in %s: %w", p.next().Sub(now).Round(time.Second), p.err)
}
