package routes

import (
	"context"
	"fmt"
	"net/netip"
	"slices"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/ecs"
	"github.com/kube-aliyun/kube-aliyun/pkg/batch"
)

// find returns the server's interface with the address.
func (c *checker) find(ctx context.Context, server string, address netip.Addr) (ecs.Interface, error) {
	if address.Is4() {
		nic, err := c.looks.Do(ctx, address.String())
		if err == nil && nic.ServerID != server {
			err = fmt.Errorf("%w: %s belongs to %s, not to %s", errNoInterface, address, nic.ServerID, server)
		}
		return nic, err
	}
	all, err := c.machines.Interfaces(ctx, ecs.InterfaceFilter{ServerIDs: []string{server}, VPCID: c.vpcID})
	if err != nil {
		return ecs.Interface{}, err
	}
	if nic, ok := index(all)[address.String()]; ok {
		return nic, nil
	}
	return ecs.Interface{}, fmt.Errorf("%w %s", errNoInterface, address)
}

// look finds the interfaces with some addresses in at most one call, which it
// fills with the addresses of other Nodes.
func (c *checker) look(ctx context.Context, addresses []string) ([]batch.Result[ecs.Interface], error) {
	byAddress := map[string]ecs.Interface{}
	var missing []string
	for _, a := range addresses {
		if nic, ok := c.taken(a); ok { // a call before this one took it along
			byAddress[a] = nic
		} else {
			missing = append(missing, a)
		}
	}
	if len(missing) > 0 {
		page := c.filled(missing)
		found, err := c.machines.Interfaces(ctx, ecs.InterfaceFilter{PrivateIPs: page, VPCID: c.vpcID})
		if err != nil {
			return nil, err
		}
		all := index(found)
		for _, a := range missing {
			if nic, ok := all[a]; ok {
				byAddress[a] = nic
			}
		}
		c.see(page, page[len(missing):], all)
	}
	out := make([]batch.Result[ecs.Interface], len(addresses))
	for i, a := range addresses {
		nic, ok := byAddress[a]
		if !ok {
			out[i].Err = fmt.Errorf("%w %s", errNoInterface, a)
		}
		out[i].Value = nic
	}
	return out, nil
}

// filled appends addresses that were never looked for until the page is full.
func (c *checker) filled(page []string) []string {
	company := c.company()
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, a := range company {
		if len(page) >= ecs.PerCall {
			break
		}
		if !c.asked[a] && !slices.Contains(page, a) {
			page = append(page, a)
		}
	}
	return page
}

// see notes that addresses were looked for, and what was found for some of them;
// taken hands that out once, instead of a look-up.
func (c *checker) see(addresses, some []string, found map[string]ecs.Interface) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, a := range addresses {
		c.asked[a] = true
	}
	for _, a := range some {
		if nic, ok := found[a]; ok {
			c.seen[a] = nic
		}
	}
}

func (c *checker) taken(address string) (ecs.Interface, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	nic, ok := c.seen[address]
	delete(c.seen, address)
	return nic, ok
}

// index finds interfaces by their addresses, as netip writes them.
func index(interfaces []ecs.Interface) map[string]ecs.Interface {
	out := map[string]ecs.Interface{}
	for _, nic := range interfaces {
		for _, ip := range nic.PrivateIPs {
			out[ip] = nic
		}
		for _, ip := range nic.IPv6s {
			if a, err := netip.ParseAddr(ip); err == nil {
				out[a.String()] = nic
			}
		}
	}
	return out
}
