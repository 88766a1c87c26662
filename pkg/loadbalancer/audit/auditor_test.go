package audit

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"k8s.io/utils/clock"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/slb"
)

const period = 10 * time.Minute

// watch is an audit of load balancers and what it has seen, in a bubble of
// synctest. The test holds the reader's lock except while it lets time pass.
type watch struct {
	reader
	known  int
	start  time.Time
	seen   map[string][]time.Duration
	listed int
}

// begin starts an audit of the first load balancers, at 0 of the watch's time.
func begin(t *testing.T, known int) *watch {
	t.Helper()
	w := &watch{known: known, start: time.Now(), seen: map[string][]time.Duration{}}
	a := New(Options{
		Cloud: &w.reader, Clock: clock.RealClock{}, ClusterID: "c", Period: period,
		Known: func() []string {
			w.mu.Lock()
			defer w.mu.Unlock()
			ids := make([]string, 0, w.known)
			for i := range w.known {
				ids = append(ids, id(i))
			}
			return ids
		},
		Observed: func(_ context.Context, o Observation) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.seen[o.ID] = append(w.seen[o.ID], time.Since(w.start))
		},
		Listed: func(context.Context, []slb.LoadBalancer) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.listed++
		},
	})
	ctx, cancel := context.WithCancel(t.Context())
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		a.Run(ctx)
	}()
	w.mu.Lock()
	t.Cleanup(func() {
		w.mu.Unlock()
		cancel()
		<-stopped
	})
	return w
}

// until lets time pass up to a moment, and what is due then.
func (w *watch) until(moment time.Duration) {
	w.mu.Unlock()
	defer w.mu.Lock()
	<-time.After(moment - time.Since(w.start))
	synctest.Wait()
}

func TestAuditTakesEachLoadBalancerOnceInAPeriod(t *testing.T) {
	for _, n := range []int{1, 10, 11, 25, 30, 101} {
		synctest.Test(t, func(t *testing.T) {
			w := begin(t, n)
			for rotation := 1; rotation <= 4; rotation++ {
				w.until(time.Duration(rotation) * period)
				if len(w.gets) != rotation*n || len(w.listenerses) != rotation*turns(n) || w.listed != rotation {
					t.Fatalf("%d load balancers, period %d: %d reads, %d calls for listeners, %d lists",
						n, rotation, len(w.gets), len(w.listenerses), w.listed)
				}
				for i := range n {
					if times := len(w.seen[id(i)]); times != rotation {
						t.Errorf("%d load balancers: %s was read %d times in %d periods", n, id(i), times, rotation)
					}
				}
			}
		})
	}
}

func TestNewLoadBalancersAreReadWithinAPeriod(t *testing.T) {
	for name, c := range map[string]struct {
		before, after int
		born          time.Duration
	}{
		"the first one":             {0, 1, time.Second},
		"one beside a few":          {3, 4, period + time.Minute},
		"one just before a turn":    {3, 4, 2*period - time.Second},
		"one beside many":           {25, 26, period + time.Minute},
		"the eleventh":              {10, 11, period + period/4},
		"fifty where there was one": {1, 51, period + time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := begin(t, c.before)
				w.until(c.born)
				w.known = c.after
				w.until(c.born + 4*period)
				limit := period + Slack(period)
				for i := range c.after {
					moments := w.seen[id(i)]
					last := time.Duration(0)
					if i >= c.before {
						last = c.born
					}
					for _, m := range append(slices.Clone(moments), c.born+4*period) {
						if m-last > limit {
							t.Errorf("%s: %s passed until it was read at %s", id(i), m-last, m)
						}
						last = m
					}
				}
			})
		})
	}
}
