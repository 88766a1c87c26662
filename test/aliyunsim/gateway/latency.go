package gateway

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"time"
)

// Latency is a distribution of reply times in simulated time: fixed (Min alone),
// uniform between Min and Max, or log-normal with Median and P99.
type Latency struct {
	Min, Max    time.Duration
	Median, P99 time.Duration
}

// ErrLatency is wrapped by every refusal of a latency.
var ErrLatency = errors.New("bad latency")

// Fixed makes every reply take d.
func Fixed(d time.Duration) Latency { return Latency{Min: d} }

// Validate refuses distributions that cannot be drawn from.
func (l Latency) Validate() error {
	switch {
	case l.Min < 0 || l.Max < 0 || l.Median < 0 || l.P99 < 0:
		return fmt.Errorf("%w: negative", ErrLatency)
	case l.Max != 0 && l.Max < l.Min:
		return fmt.Errorf("%w: max %v below min %v", ErrLatency, l.Max, l.Min)
	case l.Median != 0 && l.P99 < l.Median:
		return fmt.Errorf("%w: p99 %v below median %v", ErrLatency, l.P99, l.Median)
	case l.Median == 0 && l.P99 != 0:
		return fmt.Errorf("%w: p99 without median", ErrLatency)
	case l.Median != 0 && (l.Min != 0 || l.Max != 0):
		return fmt.Errorf("%w: min or max beside median", ErrLatency)
	}
	return nil
}

// z99 is the 99th percentile of the standard normal distribution.
const z99 = 2.3263

func (l Latency) draw(r *rand.Rand) time.Duration {
	switch {
	case l.Median > 0:
		sigma := math.Log(float64(l.P99)/float64(l.Median)) / z99
		return time.Duration(float64(l.Median) * math.Exp(sigma*r.NormFloat64()))
	case l.Max > l.Min:
		return l.Min + time.Duration(r.Int64N(int64(l.Max-l.Min)+1))
	default:
		return l.Min
	}
}

type latencyWire struct {
	Min    string `json:"min,omitempty"`
	Max    string `json:"max,omitempty"`
	Median string `json:"median,omitempty"`
	P99    string `json:"p99,omitempty"`
}

// MarshalJSON writes a fixed latency as a string, others as an object.
func (l Latency) MarshalJSON() ([]byte, error) {
	if l.Max == 0 && l.Median == 0 {
		return json.Marshal(l.Min.String())
	}
	text := func(d time.Duration) string {
		if d == 0 {
			return ""
		}
		return d.String()
	}
	return json.Marshal(latencyWire{text(l.Min), text(l.Max), text(l.Median), text(l.P99)})
}

// UnmarshalJSON reads "100ms", {"min","max"} or {"median","p99"}.
func (l *Latency) UnmarshalJSON(raw []byte) error {
	var w latencyWire
	if json.Unmarshal(raw, &w.Min) != nil {
		if err := json.Unmarshal(raw, &w); err != nil {
			return fmt.Errorf("%w: %w", ErrLatency, err)
		}
	}
	var out Latency
	for _, f := range []struct {
		into *time.Duration
		text string
	}{{&out.Min, w.Min}, {&out.Max, w.Max}, {&out.Median, w.Median}, {&out.P99, w.P99}} {
		if f.text == "" {
			continue
		}
		d, err := time.ParseDuration(f.text)
		if err != nil {
			return fmt.Errorf("%w: %w", ErrLatency, err)
		}
		*f.into = d
	}
	*l = out
	return l.Validate()
}
