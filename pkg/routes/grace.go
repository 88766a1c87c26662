package routes

import (
	"context"
	"time"
)

// grace is how long a write that is under way may go on after its context ended:
// the outcome of one that is cut off is unknown.
const grace = 5 * time.Second

// graceful returns a context for one write. It keeps ctx's values and ends grace
// after ctx does. A context that has ended already starts no write.
func graceful(ctx context.Context) (context.Context, context.CancelFunc) {
	if ctx.Err() != nil {
		return ctx, func() {}
	}
	inner, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(grace, cancel) })
	return inner, func() { stop(); cancel() }
}
