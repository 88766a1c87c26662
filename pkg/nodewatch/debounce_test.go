package nodewatch

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"k8s.io/utils/clock"
)

var window = Window{Quiet: time.Second, Max: 5 * time.Second}

func TestBurstIsOneCallAfterThePause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls []time.Duration
		start := time.Now()
		d := NewDebouncer(t.Context(), clock.RealClock{}, window, func() { calls = append(calls, time.Since(start)) })
		for range 10 {
			d.Trigger()
			pass(100 * time.Millisecond)
		}
		pass(time.Minute)
		synctest.Wait()
		if len(calls) != 1 || calls[0] != 1900*time.Millisecond {
			t.Errorf("calls at %v", calls)
		}
	})
}

func TestSteadyStreamIsServedAtMax(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls atomic.Int32
		d := NewDebouncer(t.Context(), clock.RealClock{}, window, func() { calls.Add(1) })
		for range 200 {
			d.Trigger()
			pass(100 * time.Millisecond)
		}
		if got := calls.Load(); got < 3 || got > 4 {
			t.Errorf("%d calls in 20 s", got)
		}
	})
}

func TestCallsDoNotOverlapAndNoneIsLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var running, calls atomic.Int32
		d := NewDebouncer(t.Context(), clock.RealClock{}, window, func() {
			if running.Add(1) != 1 {
				t.Error("two calls at once")
			}
			pass(10 * time.Second)
			running.Add(-1)
			calls.Add(1)
		})
		d.Trigger()
		pass(2 * time.Second)
		d.Trigger()
		pass(time.Minute)
		if calls.Load() != 2 {
			t.Errorf("%d calls", calls.Load())
		}
	})
}

func TestNothingIsCalledAfterTheContextEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		d := NewDebouncer(ctx, clock.RealClock{}, window, func() { t.Error("called") })
		d.Trigger()
		cancel()
		synctest.Wait()
		d.Trigger()
		pass(time.Minute)
	})
}
