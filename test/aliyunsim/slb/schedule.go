package slb

import (
	"slices"
	"time"
)

// event is something that happens by itself at a time. Events are derived from
// the state (a due time in an object), so that a restored state has them again.
type event struct {
	at  time.Time
	run func()
}

// schedule holds events, earliest first.
type schedule []event

// add makes run happen at a time. run must check that it is still wanted.
func (s *schedule) add(at time.Time, run func()) {
	i, _ := slices.BinarySearchFunc(*s, at, func(e event, at time.Time) int {
		if e.at.After(at) {
			return 1
		}
		return -1
	})
	*s = slices.Insert(*s, i, event{at: at, run: run})
}

// run makes everything happen that is due, and returns the time of what comes next.
func (s *schedule) run(now time.Time) time.Time {
	for len(*s) > 0 {
		next := (*s)[0]
		if next.at.After(now) {
			return next.at
		}
		*s = slices.Delete(*s, 0, 1)
		next.run()
	}
	return time.Time{}
}
