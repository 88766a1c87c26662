package disks

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"k8s.io/utils/clock"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/apierror"
	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/ecs"
)

// calls remembers what was asked, and when.
type calls struct {
	mu   sync.Mutex
	at   []time.Time
	ids  [][]string
	fail error
}

func (c *calls) list(_ context.Context, f ecs.DiskFilter) ([]ecs.Disk, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = append(c.at, time.Now())
	c.ids = append(c.ids, f.IDs)
	if c.fail != nil {
		return nil, c.fail
	}
	var found []ecs.Disk
	for _, id := range f.IDs {
		if id != "d-none" {
			found = append(found, ecs.Disk{ID: id})
		}
	}
	return found, nil
}

// describing runs a describer in a bubble of pretended time.
func describing(t *testing.T, test func(t *testing.T, d *describer, c *calls)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		c := &calls{}
		d := newDescriber(c.list, clock.RealClock{}, 0)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { defer close(ended); d.run(ctx) }()
		test(t, d, c)
		cancel()
		<-ended
	})
}

func TestCase14FiftyWaitingVolumesCauseOneDescribeDisksASecond(t *testing.T) {
	describing(t, func(t *testing.T, d *describer, c *calls) {
		start := time.Now()
		var wg sync.WaitGroup
		for i := range 50 {
			wg.Go(func() {
				for range 10 { // polls, as fast as it is answered
					if _, err := d.get(t.Context(), fmt.Sprintf("d-%d", i), time.Now()); err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		seconds := time.Since(start).Seconds()
		if got := len(c.at); got > int(seconds)+1 {
			t.Errorf("%d calls in %.1f s", got, seconds)
		}
		for i := 1; i < len(c.at); i++ {
			if gap := c.at[i].Sub(c.at[i-1]); gap < describePace {
				t.Errorf("%s between two calls", gap)
			}
		}
	})
}

func TestMoreThanOneCallTakesIsReadInTurns(t *testing.T) {
	describing(t, func(t *testing.T, d *describer, c *calls) {
		var wg sync.WaitGroup
		for i := range 230 {
			wg.Go(func() {
				r, err := d.get(t.Context(), fmt.Sprintf("d-%d", i), time.Now())
				if err != nil || r.disk == nil {
					t.Errorf("%+v, %v", r, err)
				}
			})
		}
		wg.Wait()
		if len(c.ids) != 3 || len(c.ids[0]) != 100 || len(c.ids[1]) != 100 || len(c.ids[2]) != 30 {
			t.Errorf("%d calls", len(c.ids))
		}
	})
}

func TestAReadingIsUsedAgainWhileItIsYoung(t *testing.T) {
	describing(t, func(t *testing.T, d *describer, c *calls) {
		first, err := d.get(t.Context(), "d-1", time.Now())
		if err != nil {
			t.Fatal(err)
		}
		again, err := d.get(t.Context(), "d-1", time.Now().Add(-time.Minute))
		if err != nil || again.at != first.at || len(c.at) != 1 {
			t.Errorf("%v, %d calls", err, len(c.at))
		}
		d.forget("d-1")
		if _, err := d.get(t.Context(), "d-1", time.Now().Add(-time.Minute)); err != nil || len(c.at) != 2 {
			t.Errorf("%v, %d calls", err, len(c.at))
		}
	})
}

func TestADiskThatDoesNotExistIsAnAnswer(t *testing.T) {
	describing(t, func(t *testing.T, d *describer, _ *calls) {
		r, err := d.get(t.Context(), "d-none", time.Now())
		if err != nil || r.disk != nil || r.at.IsZero() {
			t.Errorf("%+v, %v", r, err)
		}
	})
}

func TestWatchedDisksRideAlongAndCauseNoCall(t *testing.T) {
	describing(t, func(t *testing.T, d *describer, c *calls) {
		stop := d.watch("d-2")
		synctest.Wait()
		if len(c.at) != 0 {
			t.Fatal("watching alone made a call")
		}
		if _, err := d.get(t.Context(), "d-1", time.Now()); err != nil {
			t.Fatal(err)
		}
		if _, err := d.get(t.Context(), "d-2", time.Now().Add(-time.Second)); err != nil || len(c.at) != 1 {
			t.Errorf("%v, %d calls", err, len(c.at))
		}
		stop()
	})
}

func TestThrottlingSlowsTheReadsDown(t *testing.T) {
	describing(t, func(t *testing.T, d *describer, c *calls) {
		c.fail = apierror.New("Ecs", "DescribeDisks", "Throttling.User", "", "r", 400)
		for range 6 {
			if _, err := d.get(t.Context(), "d-1", time.Now()); !errors.Is(err, apierror.ErrThrottled) {
				t.Fatal(err)
			}
		}
		if gap := c.at[5].Sub(c.at[4]); gap < slowest*describePace {
			t.Errorf("still %s between two calls", gap)
		}
	})
}

func TestACallerThatGivesUpAndTheEndAreAnswered(t *testing.T) {
	describing(t, func(t *testing.T, d *describer, _ *calls) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := d.get(ctx, "d-1", time.Now()); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		d.stop()
		if _, err := d.get(t.Context(), "d-1", time.Now()); !errors.Is(err, errStopped) {
			t.Error(err)
		}
	})
}
