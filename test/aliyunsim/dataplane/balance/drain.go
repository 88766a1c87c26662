package balance

import (
	"errors"
	"net/netip"
	"time"
)

// standing is what a destination was when connections could last be sent there.
type standing struct {
	frontend netip.AddrPort
	drain    time.Duration
	failed   bool
}

// departure is a destination whose connections end when the timer fires.
type departure struct {
	frontend netip.AddrPort
	timer    *time.Timer
}

// part ends the connections of destinations that are no longer to have any: of a
// listener that is gone at once, of a backend that is removed or has failed when
// the listener's drain time is over. The caller holds the lock.
func (r *router) part(all []service) error {
	now := map[destination]standing{}
	drains := map[port]time.Duration{}
	for _, s := range all {
		drains[s.port] = s.listener.Drain
		for _, backend := range s.listener.Backends {
			d := s.destination(backend)
			now[d] = standing{frontend: s.frontend(), drain: s.listener.Drain, failed: r.checks[d].failed()}
		}
	}
	var problems []error
	end := func(d destination, was standing) {
		if err := r.end(d, was.frontend); err != nil {
			problems = append(problems, err)
			now[d] = was // the next time again
		}
	}
	for d, leaver := range r.leaving {
		if is, present := now[d]; present && !is.failed {
			r.stay(d)
		} else if _, listens := drains[d.port]; !listens {
			r.stay(d)
			end(d, standing{frontend: leaver.frontend})
		}
	}
	for d, was := range r.serving {
		is, present := now[d]
		drain, listens := drains[d.port]
		switch {
		case present && (!is.failed || was.failed):
		case present && drain == 0:
			// A client that goes on with its UDP conversation would never leave.
			if d.transport == "udp" {
				end(d, was)
			} else if err := abandon(r.namespace, was.frontend, d.backend); err != nil {
				problems = append(problems, err)
				now[d] = was
			}
		case listens && drain > 0:
			r.leave(d, was.frontend, drain)
		default:
			end(d, was)
		}
	}
	r.serving = now
	return errors.Join(problems...)
}

// leave ends a destination's connections later.
func (r *router) leave(d destination, frontend netip.AddrPort, after time.Duration) {
	if r.leaving[d] != nil {
		return
	}
	leaver := &departure{frontend: frontend}
	r.leaving[d] = leaver
	leaver.timer = time.AfterFunc(after, func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.leaving[d] != leaver {
			return
		}
		delete(r.leaving, d)
		if err := r.end(d, frontend); err != nil {
			r.log.Error(err, "connections go on after the drain time", "listener", d.port, "backend", d.backend)
		}
	})
}

// stay ends a departure without ending connections.
func (r *router) stay(d destination) {
	if leaver := r.leaving[d]; leaver != nil {
		leaver.timer.Stop()
		delete(r.leaving, d)
	}
}

// end ends the connections to a destination.
func (r *router) end(d destination, frontend netip.AddrPort) error {
	if present, found := r.fronts[d.port]; found {
		present.end(d.backend)
	}
	return cut(r.namespace, d.transport, frontend, d.backend)
}
