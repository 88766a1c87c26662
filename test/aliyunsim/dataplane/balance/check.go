package balance

import (
	"context"
	"time"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/network"
)

// check is the health check of a destination. The router's lock guards its
// verdict.
type check struct {
	settings network.Check
	cancel   context.CancelFunc

	known, normal bool
	// streak counts results in a row: good ones up, bad ones down.
	streak int
}

// failed tells whether the verdict is that the backend does not work.
func (c *check) failed() bool { return c != nil && c.known && !c.normal }

// count adds a result, and tells whether the verdict has changed.
func (c *check) count(good bool) bool {
	switch {
	case good && c.streak > 0:
		c.streak++
	case good:
		c.streak = 1
	case c.streak < 0:
		c.streak--
	default:
		c.streak = -1
	}
	switch {
	case c.streak >= max(c.settings.Healthy, 1) && (!c.known || !c.normal):
		c.known, c.normal = true, true
	case -c.streak >= max(c.settings.Unhealthy, 1) && (!c.known || c.normal):
		c.known, c.normal = true, false
	default:
		return false
	}
	return true
}

// trusted tells whether a backend may get new connections for all that is known.
func (r *router) trusted(s service, backend network.Backend) bool {
	if !s.listener.Check.On {
		return true
	}
	c := r.checks[s.destination(backend)]
	return c != nil && c.known && c.normal
}

// watch makes the checks those of the wanted listeners. One whose settings change
// begins anew with the verdict that there is. The caller holds the lock.
func (r *router) watch(ctx context.Context) {
	wanted := map[destination]bool{}
	for _, s := range services(r.wanted) {
		if !s.listener.Check.On {
			continue
		}
		for _, backend := range s.listener.Backends {
			d := s.destination(backend)
			wanted[d] = true
			before := r.checks[d]
			if before != nil && before.settings == s.listener.Check {
				continue
			}
			c := &check{settings: s.listener.Check}
			if before != nil {
				before.cancel()
				c.known, c.normal = before.known, before.normal
			}
			r.checks[d] = c
			r.start(ctx, d, c)
		}
	}
	for d, c := range r.checks {
		if !wanted[d] {
			c.cancel()
			delete(r.checks, d)
		}
	}
}

// start checks a destination until the check is cancelled.
func (r *router) start(ctx context.Context, d destination, c *check) {
	ctx, c.cancel = context.WithCancel(context.WithoutCancel(ctx))
	p := probe{namespace: r.namespace, source: r.source(d.balancer), settings: c.settings, backend: d.backend}
	r.running.Go(func() {
		timer := time.NewTimer(0)
		defer timer.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-timer.C:
			}
			r.observe(ctx, d, c, p.run(ctx))
			timer.Reset(c.settings.Interval)
		}
	})
}

// observe takes a check's result.
func (r *router) observe(ctx context.Context, d destination, c *check, result error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if ctx.Err() != nil {
		return // the result may be of the end
	}
	changed := c.count(result == nil)
	if changed {
		r.log.V(2).Info("health", "listener", d.port, "backend", d.backend, "normal", c.normal, "result", result)
	}
	if !changed && r.settled {
		return
	}
	failing := !r.settled
	if err := r.settle(ctx); err != nil && !failing {
		r.log.Error(err, "load balancers do not follow the health of backends", "listener", d.port)
	}
}

// health tells of every backend what is known.
func (r *router) health() []network.Health {
	r.mu.Lock()
	defer r.mu.Unlock()
	var all []network.Health
	for _, s := range services(r.wanted) {
		for _, backend := range s.listener.Backends {
			found := network.Health{LoadBalancer: s.balancer, Port: s.number, Protocol: s.listener.Protocol, Backend: backend}
			if c := r.checks[s.destination(backend)]; c != nil && s.listener.Check.On {
				found.Known, found.Normal = c.known, c.normal
			}
			all = append(all, found)
		}
	}
	return all
}
