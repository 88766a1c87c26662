package disks

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestQueueLetsDetachesGoFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue(1)
		release, err := q.acquire(t.Context(), "i-1", false)
		if err != nil {
			t.Fatal(err)
		}
		var mu sync.Mutex
		var order []string
		var wg sync.WaitGroup
		for _, w := range []struct {
			name   string
			urgent bool
		}{{"attach-1", false}, {"attach-2", false}, {"detach-1", true}, {"detach-2", true}} {
			wg.Go(func() {
				release, err := q.acquire(t.Context(), "i-1", w.urgent)
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				order = append(order, w.name)
				mu.Unlock()
				release()
			})
			synctest.Wait()
		}
		release()
		wg.Wait()
		want := []string{"detach-1", "detach-2", "attach-1", "attach-2"}
		for i := range want {
			if order[i] != want[i] {
				t.Fatalf("order %v, want %v", order, want)
			}
		}
		if len(q.lines) != 0 {
			t.Errorf("lines are left: %v", q.lines)
		}
	})
}

func TestQueueDoesNotDelayOtherServers(t *testing.T) {
	q := newQueue(1)
	if _, err := q.acquire(t.Context(), "i-1", false); err != nil {
		t.Fatal(err)
	}
	if _, err := q.acquire(t.Context(), "i-2", false); err != nil {
		t.Fatal(err)
	}
}

func TestQueueNeverExceedsItsLimit(t *testing.T) {
	q := newQueue(2)
	var busy, most atomic.Int32
	var wg sync.WaitGroup
	for i := range 50 {
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), time.Duration(i)*100*time.Microsecond)
			defer cancel()
			release, err := q.acquire(ctx, "i-1", i%3 == 0)
			if err != nil {
				return
			}
			most.Store(max(most.Load(), busy.Add(1)))
			time.AfterFunc(time.Millisecond, func() { busy.Add(-1); release() })
		})
	}
	wg.Wait()
	if most.Load() > 2 {
		t.Errorf("%d at a time", most.Load())
	}
	// Nothing is lost by those who gave up: two places are to be had.
	for range 2 {
		if _, err := q.acquire(t.Context(), "i-1", true); err != nil {
			t.Fatal(err)
		}
	}
}

func TestQueueGivesUpWithItsCaller(t *testing.T) {
	q := newQueue(1)
	if _, err := q.acquire(t.Context(), "i-1", false); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if _, err := q.acquire(ctx, "i-1", false); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}
