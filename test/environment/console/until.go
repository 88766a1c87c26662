package console

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// look is how often a wait looks.
const look = 200 * time.Millisecond

// ErrNotSo says that something did not become as told in time.
var ErrNotSo = errors.New("is not so")

// HopelessError wraps a failure of a check that no waiting mends.
type HopelessError struct{ Err error }

// Error implements error.
func (h *HopelessError) Error() string { return h.Err.Error() }

// Unwrap gives the failure.
func (h *HopelessError) Unwrap() error { return h.Err }

// Until waits until the check finds nothing missing, and returns how long that
// took. what is a sentence that is then true. A check's missing part, or its
// error, is told every few seconds, and in the end when time is over.
func (c *Console) Until(ctx context.Context, limit time.Duration, what string, check func(context.Context) (missing string, err error)) (time.Duration, error) {
	start := time.Now()
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	tick, tell := time.NewTicker(look), time.NewTicker(c.every)
	defer tick.Stop()
	defer tell.Stop()
	missing := "nothing was seen yet"
	for {
		now, err := check(ctx)
		var hopeless *HopelessError
		switch {
		case errors.As(err, &hopeless):
			return time.Since(start), fmt.Errorf("waiting until %s: %w", what, hopeless.Err)
		case err != nil && ctx.Err() == nil:
			missing = err.Error()
		case err == nil && now == "":
			took := time.Since(start)
			c.Step("%s (after %s)", what, seconds(took))
			return took, nil
		case err == nil:
			missing = now
		}
		select {
		case <-tick.C:
		case <-tell.C:
			c.Step("  waiting: %s", missing)
		case <-ctx.Done():
			if errors.Is(ctx.Err(), context.Canceled) {
				return time.Since(start), fmt.Errorf("waiting until %s: %w", what, ctx.Err())
			}
			return time.Since(start), fmt.Errorf("after %s: that %s %w: %s", limit, what, ErrNotSo, missing)
		}
	}
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.1f s", d.Seconds()) }
