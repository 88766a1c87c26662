package disks

import (
	"fmt"
	"sync"
	"time"

	"k8s.io/utils/clock"
)

// refusalAge is how long the API's final refusal of an attach is believed. The
// attach/detach controller tries every two minutes at least: every other try is
// made.
const refusalAge = 150 * time.Second

// refusals remember that the API finally refused to attach a disk to a server, so
// that repeating the question costs nothing.
type refusals struct {
	clock clock.Clock
	mu    sync.Mutex
	all   map[[2]string]refusal
}

type refusal struct {
	err error
	at  time.Time
}

func newRefusals(clk clock.Clock) *refusals {
	return &refusals{clock: clk, all: map[[2]string]refusal{}}
}

func (r *refusals) put(disk, server string, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.clock.Now()
	for key, old := range r.all {
		if now.Sub(old.at) > refusalAge {
			delete(r.all, key)
		}
	}
	r.all[[2]string{disk, server}] = refusal{err: err, at: now}
}

// get returns the refusal that still holds, or nil.
func (r *refusals) get(disk, server string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	old, found := r.all[[2]string{disk, server}]
	age := r.clock.Since(old.at)
	if !found || age > refusalAge {
		return nil
	}
	return fmt.Errorf("%w (answered %s ago; it is tried again in %s)",
		old.err, age.Round(time.Second), (refusalAge - age).Round(time.Second))
}
