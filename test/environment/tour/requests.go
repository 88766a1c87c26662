package tour

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/kube-aliyun/kube-aliyun/test/e2e/stage"
)

// pace is the time between two requests.
const pace = 50 * time.Millisecond

// request is one that was made.
type request struct {
	at  time.Time
	err error
}

// requests are a client that goes on asking.
type requests struct {
	cancel context.CancelFunc
	work   sync.WaitGroup
	mu     sync.Mutex
	made   []request
}

// keepAsking asks at its pace, whatever becomes of earlier requests, until stop.
func keepAsking(ctx context.Context, from stage.Place, address string) *requests {
	r := &requests{}
	// A request that is under way at the end comes to its own end.
	asking := context.WithoutCancel(ctx)
	ctx, r.cancel = context.WithCancel(ctx)
	r.work.Go(func() {
		tick := time.NewTicker(pace)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			r.work.Go(func() {
				begin := time.Now()
				_, err := ask(asking, from, "http", address)
				r.mu.Lock()
				defer r.mu.Unlock()
				r.made = append(r.made, request{at: begin, err: err})
			})
		}
	})
	return r
}

// stop ends the asking and waits for the last answers.
func (r *requests) stop() {
	r.cancel()
	r.work.Wait()
}

// outcome is what became of the requests of a time.
type outcome struct {
	made, failed int
	// first and last are when the first and the last that failed were made.
	first, last time.Time
	why         error
}

// between sums up what was asked from one moment on, and before another.
func (r *requests) between(from, to time.Time) outcome {
	r.mu.Lock()
	defer r.mu.Unlock()
	var o outcome
	for _, one := range r.made {
		if one.at.Before(from) || !one.at.Before(to) {
			continue
		}
		o.made++
		if one.err == nil {
			continue
		}
		o.failed++
		if o.first.IsZero() || one.at.Before(o.first) {
			o.first, o.why = one.at, one.err
		}
		if one.at.After(o.last) {
			o.last = one.at
		}
	}
	return o
}

// String tells it as a sentence.
func (o outcome) String() string {
	if o.failed == 0 {
		return fmt.Sprintf("none of %d requests failed", o.made)
	}
	return fmt.Sprintf("%d of %d requests failed", o.failed, o.made)
}
