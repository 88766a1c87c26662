package slb

import (
	"errors"
	"net/netip"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/api"
)

// publicPools are the ranges that internet addresses come from, all of them set
// aside for documentation and benchmarks, so that nothing real is ever reached.
// The lower half of 198.51.100.0/24 is left to clients.
var publicPools = map[string][]netip.Prefix{
	ipv4: {
		netip.MustParsePrefix("203.0.113.0/24"),
		netip.MustParsePrefix("198.51.100.128/25"),
		netip.MustParsePrefix("192.0.2.0/24"),
		netip.MustParsePrefix("198.18.0.0/15"),
	},
	ipv6: {netip.MustParsePrefix("2001:db8:47::/64")},
}

// allocate finds the load balancer's address: out of its vSwitch for an
// intranet one, out of the public pools for an internet one.
func (p *Product) allocate(lb *loadBalancer, wanted string) *api.Error {
	if lb.AddressType == internet {
		if wanted != "" {
			return invalid("The parameter Address is only for intranet load balancers.")
		}
		address, ok := p.nextPublicAddress(lb.AddressIPVersion)
		if !ok {
			return refuse("ResourceInsufficientBalance", "The region has no public address left.")
		}
		lb.Address = address
		p.public[address] = struct{}{}
		return nil
	}
	address, err := p.allocatePrivate(lb, wanted)
	switch {
	case errors.Is(err, api.ErrNoAddress):
		return refuse("VSwitchAvailableIpNotExist", "The vSwitch %s has no available IP address.", lb.VSwitchID)
	case err != nil:
		return invalid("The IP address is not in subnet or is in use.")
	}
	lb.Address = address
	return nil
}

// nextPublicAddress walks through the pools, so that a freed address is not used
// again before all others were.
func (p *Product) nextPublicAddress(version string) (string, bool) {
	total := 0
	for _, pool := range publicPools[version] {
		total += poolSize(pool)
	}
	for range total {
		n := p.nextPublic[version] % total
		p.nextPublic[version] = n + 1
		for _, pool := range publicPools[version] {
			if n < poolSize(pool) {
				address := nth(pool, n+1).String()
				if _, taken := p.public[address]; !taken {
					return address, true
				}
				break
			}
			n -= poolSize(pool)
		}
	}
	return "", false
}

// poolSize is the number of usable addresses, without the first and the last.
func poolSize(pool netip.Prefix) int {
	bits := min(pool.Addr().BitLen()-pool.Bits(), 16)
	return 1<<bits - 2
}

// nth returns the address n places after the beginning of a range.
func nth(pool netip.Prefix, n int) netip.Addr {
	b := pool.Addr().AsSlice()
	for i := len(b) - 1; i >= 0 && n > 0; i-- {
		n += int(b[i])
		b[i] = byte(n & 0xff)
		n >>= 8
	}
	a, _ := netip.AddrFromSlice(b)
	return a
}

// allocatePrivate takes an address out of the load balancer's vSwitch.
func (p *Product) allocatePrivate(lb *loadBalancer, wanted string) (string, error) {
	if lb.AddressIPVersion == ipv4 {
		return p.network().Allocate(lb.VSwitchID, wanted, lb.ID)
	}
	n, ok := p.network().(api.ServerNetwork)
	if !ok {
		return "", api.ErrAddress
	}
	return n.AllocateIPv6(lb.VSwitchID, wanted, lb.ID)
}

// release gives the load balancer's address back.
func (p *Product) release(lb *loadBalancer) {
	if lb.AddressType == internet {
		delete(p.public, lb.Address)
		return
	}
	p.network().Free(lb.VSwitchID, lb.Address)
}
