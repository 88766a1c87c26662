package fabric

import (
	"errors"
	"fmt"
	"net/netip"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/network"
)

// Home is the VPC in whose router a load balancer lives: its own, that of its
// backends for one of the internet, else the first; "" where there is none.
func Home(lb network.LoadBalancer, n network.Network) string {
	if lb.VPC != "" {
		return lb.VPC
	}
	for _, l := range lb.Listeners {
		for _, b := range l.Backends {
			for _, s := range n.Servers {
				if s.ID == b.Server {
					return s.VPC
				}
			}
		}
	}
	if len(n.VPCs) > 0 {
		return n.VPCs[0].ID
	}
	return ""
}

// syncBalancers makes the load balancers' addresses local in their routers, which
// answer for them on the vSwitches' bridges, and leads the internet to them.
func (f *Fabric) syncBalancers(want network.Network) error {
	var problems []error
	local := map[*router]map[netip.Addr]bool{}
	routes := map[netip.Prefix]hop{}
	for _, lb := range want.LoadBalancers {
		r := f.routers[Home(lb, want)]
		if r == nil {
			continue // a region without VPCs, or with one that could not be made
		}
		if local[r] == nil {
			local[r] = map[netip.Addr]bool{}
		}
		local[r][lb.Address] = true
		if lb.VPC == "" {
			routes[host(lb.Address)] = f.internet.toward(r, lb.Address)
		}
	}
	for _, r := range f.routers {
		problems = append(problems, r.syncAddresses(local[r]))
	}
	return errors.Join(append(problems, f.internet.routes.sync(f.internet.ns.Netlink(), routes))...)
}

func (r *router) syncAddresses(want map[netip.Addr]bool) error {
	var problems []error
	h := r.ns.Netlink()
	for address := range r.addresses {
		if want[address] {
			continue
		}
		if err := dropAddress(h, r.lo, host(address)); err != nil && !missing(err) {
			problems = append(problems, fmt.Errorf("address %s: %w", address, err))
			continue
		}
		delete(r.addresses, address)
	}
	for address := range want {
		if r.addresses[address] {
			continue
		}
		if err := setAddress(h, r.lo, host(address)); err != nil {
			problems = append(problems, fmt.Errorf("address %s: %w", address, err))
			continue
		}
		r.addresses[address] = true
	}
	return errors.Join(problems...)
}
