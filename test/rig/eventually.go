package rig

import (
	"time"
)

// Eventually waits until done says so, looking ten times a second. state is
// what the failure shows.
func (r *Rig) Eventually(limit time.Duration, what string, done func() (ok bool, state string)) time.Duration {
	r.T.Helper()
	start := time.Now()
	deadline := time.NewTimer(limit)
	defer deadline.Stop()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		ok, state := done()
		if ok {
			return time.Since(start)
		}
		select {
		case <-tick.C:
		case <-deadline.C:
			tail := ""
			for _, c := range r.replicas {
				tail += "\n--- end of " + c.Log + "\n" + c.Tail(60)
			}
			r.T.Fatalf("after %s it does not hold that %s; last seen:\n%s\n%s", limit, what, state, tail)
		}
	}
}

// Never watches for a while that bad stays false.
func (r *Rig) Never(limit time.Duration, what string, bad func() (bool, string)) {
	r.T.Helper()
	deadline := time.NewTimer(limit)
	defer deadline.Stop()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		if is, state := bad(); is {
			r.T.Fatalf("%s:\n%s", what, state)
		}
		select {
		case <-tick.C:
		case <-deadline.C:
			return
		}
	}
}
