package transport

import "context"

// Priority orders calls that wait for the limiter.
type Priority int

const (
	// Normal is the default.
	Normal Priority = iota
	// Urgent is for deletes and backend changes.
	Urgent
	// Audit is for reads that look for drift and can wait.
	Audit
)

type priorityKey struct{}

// WithPriority returns a context whose calls queue with that priority.
func WithPriority(ctx context.Context, p Priority) context.Context {
	return context.WithValue(ctx, priorityKey{}, p)
}

func priorityOf(ctx context.Context) Priority {
	p, _ := ctx.Value(priorityKey{}).(Priority)
	return p
}
