package queue

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var errTest = errors.New("test failure")

type pass func(ctx context.Context, key types.UID, batch Batch) (int, error)

// start runs a queue until the test ends.
func start(t *testing.T, workers int, p pass) *Queue[int] {
	t.Helper()
	q := New(Options[int]{
		Name: t.Name(), Workers: workers, Pass: p, Timeout: time.Minute, First: time.Millisecond, Most: 4 * time.Millisecond,
		Repeat: func(_ Batch, err error) bool { return !errors.Is(err, context.Canceled) }, Clock: clock.RealClock{},
	})
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { q.Run(ctx) })
	t.Cleanup(func() {
		cancel()
		running.Wait()
	})
	return q
}

func TestPassesOfOneKeyNeverOverlap(t *testing.T) {
	var inside, most, passes atomic.Int32
	q := start(t, 8, func(context.Context, types.UID, Batch) (int, error) {
		most.Store(max(most.Load(), inside.Add(1)))
		defer inside.Add(-1)
		return int(passes.Add(1)), nil
	})
	var callers sync.WaitGroup
	for range 50 {
		callers.Go(func() {
			if _, err := q.Do(t.Context(), "a", "ensure", nil); err != nil {
				t.Error(err)
			}
		})
	}
	callers.Wait()
	if most.Load() != 1 {
		t.Errorf("%d passes of one key at once", most.Load())
	}
}

func TestCallerGetsThePassThatBeganAfterIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release, entered := make(chan struct{}), make(chan Batch, 10)
		q := start(t, 2, func(_ context.Context, _ types.UID, batch Batch) (int, error) {
			entered <- batch
			<-release
			return len(batch.Wishes), nil
		})
		q.Add("a", "nodes")
		<-entered // the first pass is under way
		type answer struct {
			n   int
			err error
		}
		answers := make(chan answer, 2)
		for _, wish := range []string{"x", "y"} {
			go func() {
				n, err := q.Do(t.Context(), "a", "ensure", wish)
				answers <- answer{n, err}
			}()
		}
		// Do has put its wish in the queue when its goroutine waits for the answer.
		synctest.Wait()
		release <- struct{}{}
		second := <-entered
		release <- struct{}{}
		for range 2 {
			if a := <-answers; a.err != nil || a.n != 2 {
				t.Errorf("answer %+v, want the second pass with both wishes", a)
			}
		}
		if second.String() != "[ensure]" {
			t.Errorf("reasons of the second pass: %s", second)
		}
	})
}

func TestFailedPassIsRepeatedUntilItSucceeds(t *testing.T) {
	attempts := make(chan Batch, 10)
	var n atomic.Int32
	q := start(t, 1, func(_ context.Context, _ types.UID, batch Batch) (int, error) {
		attempts <- batch
		if n.Add(1) < 3 {
			return 0, errTest
		}
		return 0, nil
	})
	if _, err := q.Do(t.Context(), "a", "ensure", nil); !errors.Is(err, errTest) {
		t.Fatalf("error = %v, want the pass's", err)
	}
	<-attempts
	for range 2 {
		if batch := <-attempts; !batch.Has(Retry) {
			t.Errorf("reasons of the repetition: %s", batch)
		}
	}
}

func TestCallerLeavesWhenItsContextEnds(t *testing.T) {
	release := make(chan struct{})
	q := start(t, 1, func(context.Context, types.UID, Batch) (int, error) {
		<-release
		return 0, nil
	})
	defer close(release)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := q.Do(ctx, "a", "ensure", nil); !errors.Is(err, context.Canceled) {
		t.Errorf("error = %v", err)
	}
}

func TestCallersAreReleasedWhenTheQueueStops(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	q := New(Options[int]{Name: t.Name(), Clock: clock.RealClock{}, First: time.Second, Most: time.Second})
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		q.Run(ctx)
	}()
	answer := make(chan error, 1)
	go func() {
		_, err := q.Do(t.Context(), "a", "ensure", nil)
		answer <- err
	}()
	cancel()
	if err := <-answer; !errors.Is(err, ErrStopped) {
		t.Errorf("error = %v", err)
	}
	<-stopped
}

func TestLaterPassIsNotLostToAnEarlierOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begun := time.Now()
		var passes []time.Duration
		q := start(t, 1, func(context.Context, types.UID, Batch) (int, error) {
			passes = append(passes, time.Since(begun))
			return 0, nil
		})
		q.AddAfter("a", "rejected", time.Hour)
		q.AddAfter("a", "gates", time.Minute)
		q.AddAfter("a", "gates", 2*time.Minute)
		time.Sleep(2 * time.Hour) //nolint:forbidigo // the bubble's clock
		synctest.Wait()
		if want := []time.Duration{time.Minute, time.Hour}; !slices.Equal(passes, want) {
			t.Errorf("passes after %v, want %v", passes, want)
		}
	})
}

func TestPausesGrowToTheirBound(t *testing.T) {
	b := newBackoff(time.Second, 5*time.Minute)
	for n, want := range []time.Duration{time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second} {
		if got := b.When("a"); got < want*8/10 || got > want*12/10 {
			t.Errorf("pause %d = %s, want about %s", n, got, want)
		}
	}
	for range 100 {
		b.When("a")
	}
	if got := b.When("a"); got < 4*time.Minute || got > 6*time.Minute {
		t.Errorf("longest pause = %s", got)
	}
	b.Forget("a")
	if got := b.When("a"); got > 2*time.Second {
		t.Errorf("pause after success = %s", got)
	}
}
