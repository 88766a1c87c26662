package nodes

import (
	"errors"
	"fmt"
	"net/netip"
	"sync"
)

var errNoAddress = errors.New("the node's range has no free address")

// addresses gives Pods addresses out of their Nodes' ranges. An address is
// known by the Pod that holds it ("namespace/name").
type addresses struct {
	mu      sync.Mutex
	holders map[netip.Addr]string
}

// hold notes the address that a Pod is seen with.
func (a *addresses) hold(address netip.Addr, pod string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.holders[address] = pod
}

// free gives back the addresses of a Pod.
func (a *addresses) free(pod string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for address, holder := range a.holders {
		if holder == pod {
			delete(a.holders, address)
		}
	}
}

// take returns the Pod's address in the range: the one it holds, else the
// lowest free one. The first two belong to the network and the Node.
func (a *addresses) take(cidr, pod string) (netip.Addr, error) {
	prefix, err := netip.ParsePrefix(cidr)
	if err != nil {
		return netip.Addr{}, fmt.Errorf("reading a node's range: %w", err)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for address, holder := range a.holders {
		if holder == pod && prefix.Contains(address) {
			return address, nil
		}
	}
	for address := prefix.Masked().Addr().Next().Next(); prefix.Contains(address); address = address.Next() {
		if _, held := a.holders[address]; !held {
			a.holders[address] = pod
			return address, nil
		}
	}
	return netip.Addr{}, fmt.Errorf("%s: %w", cidr, errNoAddress)
}
