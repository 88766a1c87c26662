package stage

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// hopelessError ends a wait at once.
type hopelessError struct{ error }

func (e *hopelessError) Unwrap() error { return e.error }

// poll waits until a check finds nothing missing; what is missing last is in the
// error.
func poll(ctx context.Context, check func(ctx context.Context) error) error {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		err := check(ctx)
		var hopeless *hopelessError
		if err == nil || errors.As(err, &hopeless) {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", ctx.Err(), err)
		case <-tick.C:
		}
	}
}
