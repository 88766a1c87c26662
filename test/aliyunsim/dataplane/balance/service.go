package balance

import (
	"net/netip"
	"strconv"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/network"
)

// port names a listener: a load balancer may have two on one number, of TCP and
// of UDP.
type port struct {
	balancer  string
	number    int
	transport string
}

// service is a listener of an active load balancer.
type service struct {
	port
	address  netip.Addr
	listener network.Listener
	// chosen are the backends that get new connections.
	chosen []network.Backend
}

// destination is where a service's connections go.
type destination struct {
	port
	backend netip.AddrPort
}

func transport(protocol network.Protocol) string {
	if protocol == network.UDP {
		return "udp"
	}
	return "tcp"
}

// services lists the listeners of the load balancers that forward.
func services(lbs []network.LoadBalancer) []service {
	var all []service
	for _, lb := range lbs {
		if !lb.Active {
			continue
		}
		for _, listener := range lb.Listeners {
			all = append(all, service{
				port:    port{balancer: lb.ID, number: listener.Port, transport: transport(listener.Protocol)},
				address: lb.Address, listener: listener,
			})
		}
	}
	return all
}

// proxied tells whether the service is a proxy's, not the kernel's.
func (s service) proxied() bool {
	return s.listener.HTTP != nil || s.listener.ProxyProtocol || s.listener.Protocol == network.HTTP || s.listener.Protocol == network.HTTPS
}

func (s service) destination(backend network.Backend) destination {
	return destination{port: s.port, backend: socket(backend.Address, backend.Port)}
}

// frontend is where clients connect.
func (s service) frontend() netip.AddrPort { return socket(s.address, s.number) }

func (p port) String() string {
	return p.balancer + "/" + p.transport + "/" + strconv.Itoa(p.number)
}

// socket joins an address and a port of the API, where it is a number of 16 bits.
func socket(address netip.Addr, number int) netip.AddrPort {
	return netip.AddrPortFrom(address, uint16(number)) // #nosec G115 -- the API takes 1 to 65535
}
