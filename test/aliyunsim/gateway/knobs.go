package gateway

import (
	"maps"
	"time"
)

// Knobs are the run-time settings of the gateway.
type Knobs struct {
	// Strict refuses parameters that an action does not have, and formats other
	// than JSON; otherwise they are counted.
	Strict bool
	// TimestampWindow is how far a request's time stamp may be off, in real time.
	TimestampWindow time.Duration
	// RateLimits are calls per window by action or pattern; 0 is no limit.
	RateLimits map[string]int
	RateWindow time.Duration
	// ThrottleCode replaces Throttling.User when a window is full.
	ThrottleCode string
	// RetryAfter adds the header x-acs-retry-after to such answers.
	RetryAfter bool
	// Latency is how long replies take, by action or pattern.
	Latency map[string]Latency
}

// DefaultKnobs are a gateway that answers at once and limits nothing.
func DefaultKnobs() Knobs {
	return Knobs{Strict: true, TimestampWindow: 15 * time.Minute, RateWindow: time.Minute}
}

func (k *Knobs) clone() Knobs {
	c := *k
	c.RateLimits = maps.Clone(k.RateLimits)
	c.Latency = maps.Clone(k.Latency)
	return c
}

func (k *Knobs) latency(action string) (Latency, bool) { return pick(k.Latency, action) }
