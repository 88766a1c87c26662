package balance

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"reflect"
	"sync"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
	"k8s.io/klog/v2"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/network"
	"github.com/kube-aliyun/kube-aliyun/test/sandbox"
)

var errClosed = errors.New("load balancers are closed")

// own is the range that health checks and proxies reach backends from: Classic
// Load Balancer's documentation names 100.64.0.0/10, in which the metadata service
// lies too.
var own = netip.MustParsePrefix("100.64.0.0/16")

// router is a VPC's, with its load balancers.
type router struct {
	log       klog.Logger
	namespace *sandbox.Namespace
	running   sync.WaitGroup
	ended     chan struct{}

	mu     sync.Mutex
	closed bool
	// wanted is what Apply was told last; settled, that all is so.
	wanted  []network.LoadBalancer
	settled bool
	// prepared tells whether the namespace is ready for all this.
	prepared bool
	// rules are what the kernel has.
	rules   *ruleset
	sources map[string]netip.Addr
	checks  map[destination]*check
	fronts  map[port]opened
	// serving are the destinations that may have connections, leaving those whose
	// connections end at a time.
	serving map[destination]standing
	leaving map[destination]*departure
}

func newRouter(log klog.Logger, namespace *sandbox.Namespace) *router {
	return &router{
		log: log, namespace: namespace, ended: make(chan struct{}),
		sources: map[string]netip.Addr{}, checks: map[destination]*check{}, fronts: map[port]opened{},
		serving: map[destination]standing{}, leaving: map[destination]*departure{},
	}
}

func (r *router) apply(ctx context.Context, lbs []network.LoadBalancer) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return errClosed
	}
	if r.settled && reflect.DeepEqual(r.wanted, lbs) {
		return nil
	}
	r.wanted, r.settled = lbs, false
	if err := r.prepare(); err != nil {
		return err
	}
	r.watch(ctx)
	return r.settle(ctx)
}

// settle makes the kernel and the proxies what they have to be with the verdicts
// there are. The caller holds the lock.
func (r *router) settle(ctx context.Context) error {
	r.settled = false
	all := r.services()
	opening := r.open(ctx, all)
	if rules := render(all); !rules.equal(r.rules) {
		if err := program(ctx, r.namespace, rules.text(r.rules)); err != nil {
			return errors.Join(opening, err)
		}
		r.rules = rules
	}
	r.dismiss(all)
	err := errors.Join(opening, r.part(all))
	r.settled = err == nil
	return err
}

// services lists what is wanted, with the backends that get new connections.
func (r *router) services() []service {
	all := services(r.wanted)
	for i := range all {
		s := &all[i]
		for _, backend := range s.listener.Backends {
			if backend.Weight > 0 && (s.proxied() || backend.Address.Is4() == s.address.Is4()) && r.trusted(*s, backend) {
				s.chosen = append(s.chosen, backend)
			}
		}
	}
	return all
}

// prepare readies the namespace.
func (r *router) prepare() error {
	if r.prepared {
		return nil
	}
	for name, value := range map[string]string{
		// A connection that was cut is none again because of a packet in its middle.
		"netfilter/nf_conntrack_tcp_loose": "0",
		// A packet outside of the window is still the connection's: it would reach the
		// client from the backend's address otherwise.
		"netfilter/nf_conntrack_tcp_be_liberal": "1",
	} {
		if err := r.namespace.Sysctl(name, value); err != nil {
			return err
		}
	}
	lo, err := r.namespace.Netlink().LinkByName("lo")
	if err == nil {
		err = r.namespace.Netlink().RouteReplace(&netlink.Route{
			LinkIndex: lo.Attrs().Index, Dst: &net.IPNet{IP: own.Addr().AsSlice(), Mask: net.CIDRMask(own.Bits(), 32)},
			Type: unix.RTN_LOCAL, Table: unix.RT_TABLE_LOCAL, Scope: netlink.SCOPE_HOST,
		})
	}
	if err != nil {
		return fmt.Errorf("make %s the load balancers' own: %w", own, err)
	}
	r.prepared = true
	return nil
}

// source is the address that a load balancer reaches its backends from.
func (r *router) source(balancer string) netip.Addr {
	address, known := r.sources[balancer]
	if !known {
		address = own.Addr().Next()
		for _, used := range r.sources {
			if !used.Less(address) {
				address = used.Next()
			}
		}
		r.sources[balancer] = address
	}
	return address
}

// close ends what runs for the router, and waits for it.
func (r *router) close() {
	r.mu.Lock()
	if !r.closed {
		close(r.ended)
	}
	r.closed = true
	for _, c := range r.checks {
		c.cancel()
	}
	for d := range r.leaving {
		r.stay(d)
	}
	r.dismiss(nil)
	r.mu.Unlock()
	r.running.Wait()
}
