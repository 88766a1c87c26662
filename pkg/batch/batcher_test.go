package batch

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// recorder is a Call that remembers its batches and doubles each item.
type recorder struct {
	mu      sync.Mutex
	batches [][]int
	delay   time.Duration
}

func (r *recorder) call(ctx context.Context, items []int) ([]Result[int], error) {
	r.mu.Lock()
	r.batches = append(r.batches, slices.Sorted(slices.Values(items)))
	r.mu.Unlock()
	if r.delay > 0 {
		select {
		case <-time.After(r.delay):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	out := make([]Result[int], len(items))
	for i, item := range items {
		out[i].Value = 2 * item
	}
	return out, nil
}

// sizes returns the lengths of the batches in their order.
func (r *recorder) sizes() []int {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := make([]int, len(r.batches))
	for i, b := range r.batches {
		out[i] = len(b)
	}
	return out
}

// start runs a batcher until the returned function is called.
func start(t *testing.T, opts Options[int, int]) (*Batcher[int, int], func()) {
	t.Helper()
	b := New(opts)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); b.Run(ctx) }()
	return b, func() { cancel(); <-done }
}

// all puts items in at once and returns their results by item.
func all(ctx context.Context, b *Batcher[int, int], items ...int) map[int]Result[int] {
	var mu sync.Mutex
	out := map[int]Result[int]{}
	var wg sync.WaitGroup
	for _, item := range items {
		wg.Go(func() {
			v, err := b.Do(ctx, item)
			mu.Lock()
			defer mu.Unlock()
			out[item] = Result[int]{v, err}
		})
	}
	wg.Wait()
	return out
}

func numbers(n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = i
	}
	return out
}

func TestCallersAtOnceShareOneCallAndGetTheirOwnResults(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rec := &recorder{}
		b, stop := start(t, Options[int, int]{Call: rec.call, Size: 100})
		defer stop()
		began := time.Now()
		for item, res := range all(t.Context(), b, numbers(50)...) {
			if res.Err != nil || res.Value != 2*item {
				t.Errorf("item %d: got %d, %v", item, res.Value, res.Err)
			}
		}
		if got := rec.sizes(); !slices.Equal(got, []int{50}) {
			t.Errorf("batches of %v, want one of 50", got)
		}
		if waited := time.Since(began); waited != DefaultIdle {
			t.Errorf("waited %v, want %v", waited, DefaultIdle)
		}
	})
}

func TestAFullBatchLeavesAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rec := &recorder{}
		b, stop := start(t, Options[int, int]{Call: rec.call, Size: 20, Idle: time.Hour, Longest: time.Hour})
		defer stop()
		began := time.Now()
		all(t.Context(), b, numbers(40)...)
		if got := rec.sizes(); !slices.Equal(got, []int{20, 20}) {
			t.Errorf("batches of %v, want two of 20", got)
		}
		if waited := time.Since(began); waited != 0 {
			t.Errorf("waited %v", waited)
		}
	})
}

func TestATrickleOfCallersDoesNotHoldTheFirstOneLongerThanLongest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rec := &recorder{}
		b, stop := start(t, Options[int, int]{Call: rec.call, Size: 1000})
		defer stop()
		began := time.Now()
		var first time.Duration
		var wg sync.WaitGroup
		for i := range 40 { // one every 4 ms: the idle time never passes
			wg.Go(func() {
				if _, err := b.Do(t.Context(), i); err != nil {
					t.Errorf("item %d: %v", i, err)
				}
				if i == 0 {
					first = time.Since(began)
				}
			})
			<-time.After(4 * time.Millisecond)
		}
		wg.Wait()
		if first != DefaultLongest {
			t.Errorf("the first caller waited %v, want %v", first, DefaultLongest)
		}
	})
}

func TestCallersWhoComeDuringACallRideTheNext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rec := &recorder{delay: time.Second}
		b, stop := start(t, Options[int, int]{Call: rec.call, Size: 100})
		defer stop()
		var wg sync.WaitGroup
		wg.Go(func() { all(t.Context(), b, 1) })
		<-time.After(100 * time.Millisecond)
		wg.Go(func() { all(t.Context(), b, 2, 3) })
		<-time.After(500 * time.Millisecond)
		wg.Go(func() { all(t.Context(), b, 4) })
		wg.Wait()
		if got := rec.sizes(); !slices.Equal(got, []int{1, 3}) {
			t.Errorf("batches of %v, want 1 and 3", got)
		}
	})
}

func TestParallelCallsRunSideBySide(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rec := &recorder{delay: time.Second}
		b, stop := start(t, Options[int, int]{Call: rec.call, Size: 1, Parallel: 3})
		defer stop()
		began := time.Now()
		all(t.Context(), b, numbers(6)...)
		if waited := time.Since(began); waited != 2*time.Second {
			t.Errorf("six calls, three at a time, took %v, want 2s", waited)
		}
	})
}

func TestACallerWhoLeavesBeforeTheCallIsWithdrawn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rec := &recorder{}
		b, stop := start(t, Options[int, int]{Call: rec.call, Size: 100, Idle: time.Second, Longest: time.Minute})
		defer stop()
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() {
			if _, err := b.Do(ctx, 1); !errors.Is(err, context.Canceled) {
				t.Errorf("got %v", err)
			}
		})
		wg.Go(func() { all(t.Context(), b, 2) })
		synctest.Wait()
		cancel()
		wg.Wait()
		if got := rec.batches; len(got) != 1 || !slices.Equal(got[0], []int{2}) {
			t.Errorf("batches %v, want [[2]]", got)
		}
	})
}

func TestACallerWhoLeavesDuringTheCallDoesNotHarmTheOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rec := &recorder{delay: time.Second}
		b, stop := start(t, Options[int, int]{Call: rec.call, Size: 2})
		defer stop()
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		var wg sync.WaitGroup
		wg.Go(func() {
			if _, err := b.Do(ctx, 1); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("the caller that left: %v", err)
			}
		})
		wg.Go(func() {
			if v, err := b.Do(t.Context(), 2); err != nil || v != 4 {
				t.Errorf("the one that stayed: %d, %v", v, err)
			}
		})
		wg.Wait()
	})
}

func TestFailureOfTheWholeCallReachesEveryCaller(t *testing.T) {
	boom := errors.New("boom")
	tests := map[string]struct {
		call func(context.Context, []int) ([]Result[int], error)
		want error
	}{
		"error":             {func(context.Context, []int) ([]Result[int], error) { return nil, boom }, boom},
		"panic":             {func(context.Context, []int) ([]Result[int], error) { panic("boom") }, ErrPanic},
		"too few results":   {func(context.Context, []int) ([]Result[int], error) { return make([]Result[int], 2), nil }, ErrResults},
		"no results at all": {func(context.Context, []int) ([]Result[int], error) { return nil, nil }, ErrResults},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b, stop := start(t, Options[int, int]{Call: tt.call, Size: 100})
				defer stop()
				for item, res := range all(t.Context(), b, 1, 2, 3) {
					if !errors.Is(res.Err, tt.want) {
						t.Errorf("item %d: got %v, want %v", item, res.Err, tt.want)
					}
				}
			})
		})
	}
}

func TestOneBadItemHarmsItselfOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bad := errors.New("bad item")
		calls := 0
		b, stop := start(t, Options[int, int]{
			Size:  100,
			Split: func(err error) bool { return errors.Is(err, bad) },
			Call: func(_ context.Context, items []int) ([]Result[int], error) {
				calls++
				if slices.Contains(items, 13) {
					return nil, bad
				}
				return make([]Result[int], len(items)), nil
			},
		})
		defer stop()
		for item, res := range all(t.Context(), b, numbers(32)...) {
			if (item == 13) != errors.Is(res.Err, bad) {
				t.Errorf("item %d: %v", item, res.Err)
			}
		}
		if want := 1 + 2*5; calls != want { // halved five times
			t.Errorf("%d calls, want %d", calls, want)
		}
	})
}

func TestTimeoutEndsACall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rec := &recorder{delay: time.Hour}
		b, stop := start(t, Options[int, int]{Call: rec.call, Size: 10, Timeout: time.Second})
		defer stop()
		for item, res := range all(t.Context(), b, 1, 2) {
			if !errors.Is(res.Err, context.DeadlineExceeded) {
				t.Errorf("item %d: %v", item, res.Err)
			}
		}
	})
}

// The bubble of synctest also fails when a goroutine is left over.
func TestTheEndOfRunAnswersWhoeverWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rec := &recorder{delay: time.Hour}
		b, stop := start(t, Options[int, int]{Call: rec.call, Size: 1})
		results := make(chan map[int]Result[int])
		go func() { results <- all(t.Context(), b, 1, 2, 3) }() // one in flight, two at the door
		synctest.Wait()
		stop()
		for item, res := range <-results {
			if res.Err == nil {
				t.Errorf("item %d: no error", item)
			}
		}
		if _, err := b.Do(t.Context(), 4); !errors.Is(err, ErrStopped) {
			t.Errorf("after the end: %v", err)
		}
	})
}
