package transport

import (
	"context"
	"errors"
	"time"
)

// linger returns a context that outlives the cancellation of ctx by grace, so
// that a changing call that is in flight still learns its outcome. A deadline of
// ctx is kept, and so is the rule that nothing is begun after ctx has ended.
func linger(ctx context.Context, grace time.Duration) (context.Context, context.CancelFunc) {
	if grace <= 0 || ctx.Err() != nil {
		return ctx, func() {}
	}
	longer, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		if !errors.Is(ctx.Err(), context.Canceled) {
			cancel(ctx.Err())
			return
		}
		timer := time.NewTimer(grace)
		defer timer.Stop()
		select {
		case <-timer.C:
			cancel(ended(ctx))
		case <-longer.Done():
		}
	})
	return longer, func() { stop(); cancel(nil) }
}
