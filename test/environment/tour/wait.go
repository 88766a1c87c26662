package tour

import (
	"context"
	"time"
)

// patience is how long something may take before the tour calls it a failure. It
// is longer than it ever takes on a quiet machine.
type patience time.Duration

const (
	brief = patience(30 * time.Second)
	usual = patience(90 * time.Second)
)

// measure waits like until, and tells how long it took.
func (t *tour) measure(ctx context.Context, limit patience, what string, checks ...func(world) string) (time.Duration, error) {
	return t.Console.Until(ctx, time.Duration(limit), what, func(ctx context.Context) (string, error) {
		w, err := t.look(ctx)
		if err != nil {
			return "", err
		}
		for _, check := range checks {
			if missing := check(w); missing != "" {
				return missing, nil
			}
		}
		return "", nil
	})
}
