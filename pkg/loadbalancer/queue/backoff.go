package queue

import (
	"math/rand/v2"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
)

// backoff is a workqueue rate limiter: pauses double from first to most, give or
// take a fifth, so that what failed together does not come back together.
type backoff struct {
	first, most time.Duration

	mu       sync.Mutex
	failures map[types.UID]int
}

func newBackoff(first, most time.Duration) *backoff {
	return &backoff{first: first, most: most, failures: map[types.UID]int{}}
}

// jitter is the part by which a pause may be shorter or longer.
const jitter = 0.2

// When returns the pause before the key's next attempt.
func (b *backoff) When(key types.UID) time.Duration {
	b.mu.Lock()
	n := b.failures[key]
	b.failures[key]++
	b.mu.Unlock()
	pause := b.most
	const doublings = 30
	if n < doublings {
		pause = min(b.first<<n, b.most)
	}
	return time.Duration(float64(pause) * (1 - jitter + 2*jitter*rand.Float64())) //nolint:gosec // not a secret
}

// Forget starts the key's pauses anew.
func (b *backoff) Forget(key types.UID) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.failures, key)
}

// NumRequeues returns how often the key has failed in a row.
func (b *backoff) NumRequeues(key types.UID) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.failures[key]
}
