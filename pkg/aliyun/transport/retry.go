package transport

import (
	"math/rand/v2"
	"time"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/apierror"
)

const (
	firstBackoff = 200 * time.Millisecond
	maxBackoff   = 5 * time.Second
	firstBusy    = 50 * time.Millisecond
	maxBusy      = 2 * time.Second
)

// pause decides whether the call is sent again after failure, and when. It
// repeats only what cannot be executed twice by it: refusals that changed
// nothing, and lost replies of calls that may be repeated.
func (t *Transport) pause(op *operation, failure *apierror.Error) (time.Duration, bool) {
	switch failure.Kind {
	case apierror.Throttled:
		if op.attempt >= t.opts.MaxAttempts {
			return 0, false
		}
		return max(min(failure.RetryAfter, maxPause), backoff(firstBackoff, maxBackoff, op.attempt)), true
	case apierror.Busy:
		now := t.opts.Clock.Now()
		if op.busySince.IsZero() {
			op.busySince = now
		}
		op.busyTries++
		wait := max(min(failure.RetryAfter, maxPause), backoff(firstBusy, maxBusy, op.busyTries))
		return wait, now.Add(wait).Sub(op.busySince) <= t.opts.BusyBudget
	case apierror.Unavailable:
		if op.attempt >= t.opts.MaxAttempts || (failure.Sent && !op.call.Repeatable) {
			return 0, false
		}
		return max(min(failure.RetryAfter, maxPause), backoff(firstBackoff, maxBackoff, op.attempt)), true
	case apierror.Unknown, apierror.NotFound, apierror.Conflict, apierror.Denied, apierror.Quota, apierror.Invalid:
		return 0, false
	}
	return 0, false
}

// backoff doubles from first to at most most, and takes a random half off:
// callers that failed together do not come back together.
func backoff(first, most time.Duration, n int) time.Duration {
	d := first
	for i := 1; i < n && d < most; i++ {
		d *= 2
	}
	d = min(d, most)
	return d/2 + rand.N(d/2+1) //nolint:gosec // jitter needs no secrecy
}
