package balance

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/network"
)

// front is a proxy that clients connect to.
type front interface {
	// end ends the connections to a backend.
	end(backend netip.AddrPort)
	// close ends the proxy. Its goroutines end soon after.
	close()
}

// shape is what a front cannot change.
type shape struct {
	frontend      netip.AddrPort
	protocol      network.Protocol
	proxyProtocol bool
	http2         bool
	idle          time.Duration
}

// opened is a front that runs.
type opened struct {
	front
	shape shape
	pool  *pool
}

func shapeOf(s service) shape {
	is := shape{frontend: s.frontend(), protocol: s.listener.Protocol, proxyProtocol: s.listener.ProxyProtocol}
	if settings := s.listener.HTTP; settings != nil {
		is.http2, is.idle = settings.HTTP2, settings.IdleTimeout
	}
	return is
}

// open makes the proxies those of the services. One of HTTP that
// needs another socket finishes its requests. The caller holds the lock.
func (r *router) open(ctx context.Context, all []service) error {
	var problems []error
	for _, s := range all {
		if !s.proxied() {
			continue
		}
		present, found := r.fronts[s.port]
		if found && present.shape == shapeOf(s) {
			present.pool.set(s)
			if err := reconfigure(present.front, s.listener.HTTP); err != nil {
				problems = append(problems, fmt.Errorf("listener %s: %w", s.port, err))
			}
			continue
		}
		if found {
			retire(ctx, present.front)
			delete(r.fronts, s.port)
		}
		backends := newPool()
		backends.set(s)
		made, err := r.front(ctx, s, backends)
		if err != nil {
			problems = append(problems, fmt.Errorf("listener %s: %w", s.port, err))
			continue
		}
		r.fronts[s.port] = opened{front: made, shape: shapeOf(s), pool: backends}
	}
	return errors.Join(problems...)
}

// dismiss ends the proxies of listeners that are gone, or are the kernel's now.
func (r *router) dismiss(all []service) {
	wanted := map[port]bool{}
	for _, s := range all {
		wanted[s.port] = s.proxied()
	}
	for at, present := range r.fronts {
		if !wanted[at] {
			present.close()
			delete(r.fronts, at)
		}
	}
}

// reconfigure takes the settings of HTTP where they are for the proxy.
func reconfigure(present front, settings *network.HTTPSettings) error {
	if web, ok := present.(*web); ok {
		return web.configure(settings)
	}
	return nil
}

// retire makes place for another proxy at once.
func retire(ctx context.Context, present front) {
	if web, ok := present.(*web); ok {
		web.retire(ctx)
		return
	}
	present.close()
}

// front opens a proxy.
func (r *router) front(ctx context.Context, s service, backends *pool) (front, error) {
	base := proxy{
		namespace: r.namespace, source: r.source(s.balancer), frontend: s.frontend(),
		pool: backends, running: &r.running, ended: r.ended, log: r.log.WithValues("listener", s.port),
	}
	if s.transport == "udp" {
		conn, err := r.namespace.ListenPacket(ctx, net.ListenConfig{}, "udp", s.frontend().String())
		if err != nil {
			return nil, err
		}
		return relay(ctx, base, conn), nil
	}
	listener, err := r.namespace.Listen(ctx, net.ListenConfig{}, "tcp", s.frontend().String())
	if err != nil {
		return nil, err
	}
	if s.listener.HTTP != nil || s.listener.Protocol != network.TCP {
		return publish(ctx, base, listener, s.listener)
	}
	return splice(ctx, base, listener), nil
}
