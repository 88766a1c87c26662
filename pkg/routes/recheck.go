package routes

import (
	"context"
	"errors"
	"maps"
	"net/netip"
	"slices"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/apierror"
	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/ecs"
	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/transport"
	"github.com/kube-aliyun/kube-aliyun/pkg/event"
)

// recheck reads the interfaces of the Nodes whose source/destination check was
// off: somebody may have switched one on since, and Pods then lose their traffic
// without a word. Such Nodes are told and put into the queue.
func (c *Controller) recheck(ctx context.Context) error {
	on, err := c.checker.reread(transport.WithPriority(ctx, transport.Audit))
	for name, nic := range on {
		node, missing := c.lister.Get(name)
		if missing != nil {
			continue // it went, and its own reconciliation follows
		}
		if !c.opts.KeepSourceDestCheck { // else the reconciliation says so
			c.opts.Events.Event(node, event.SourceDestCheckOn,
				"the source/destination check of network interface %s was off and is on again, so that the traffic of the node's Pods is dropped; it is switched off; find out who or what switched it on",
				nic)
		}
		c.periodically(name)
	}
	return err
}

// reread reads the interfaces of the Nodes whose check is remembered to be off,
// 100 a call, one a call of Nodes with IPv6 addresses only. It forgets what turns
// out otherwise and returns those interfaces by Node. An interface that is not
// found proves nothing.
func (c *checker) reread(ctx context.Context) (map[string]string, error) {
	c.mu.Lock()
	before := maps.Clone(c.off)
	for address := range c.seen { // nobody came for it in a period: it grows old
		delete(c.asked, address)
	}
	clear(c.seen)
	c.mu.Unlock()
	found, err := c.readAll(ctx, before)
	byAddress := index(found)
	on := map[string]string{}
	c.mu.Lock()
	defer c.mu.Unlock()
	for node, what := range before {
		nic, ok := byAddress[what.address]
		if !ok || nic.ServerID != what.server || !nic.SourceDestCheck || c.off[node] != what {
			continue
		}
		delete(c.off, node)
		c.seen[what.address], c.again[node] = nic, true
		on[node] = nic.ID
	}
	return on, err
}

// readAll reads the interfaces that some Nodes were found to have. What could be
// read is returned beside the error.
func (c *checker) readAll(ctx context.Context, nodes map[string]checked) ([]ecs.Interface, error) {
	var addresses, servers []string
	for _, what := range nodes {
		if a, err := netip.ParseAddr(what.address); err == nil && a.Is4() {
			addresses = append(addresses, what.address)
		} else {
			servers = append(servers, what.server)
		}
	}
	slices.Sort(addresses) // pages are alike from audit to audit
	var filters []ecs.InterfaceFilter
	for page := range slices.Chunk(addresses, ecs.PerCall) {
		filters = append(filters, ecs.InterfaceFilter{PrivateIPs: page, VPCID: c.vpcID})
	}
	for _, server := range servers {
		filters = append(filters, ecs.InterfaceFilter{ServerIDs: []string{server}, VPCID: c.vpcID})
	}
	var all []ecs.Interface
	var errs []error
	for _, f := range filters {
		found, err := c.machines.Interfaces(ctx, f)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		all = append(all, found...)
	}
	if len(filters) > 0 && len(all) == 0 && len(errs) == 0 {
		errs = append(errs, &apierror.Error{
			Product: "Ecs", Action: "DescribeNetworkInterfaces", Kind: apierror.Unavailable,
			Message: "none of the network interfaces that were there before; the access key may lack permission",
		})
	}
	return all, errors.Join(errs...)
}

// isAgain reports whether the Node's check, once off, was found on and is not off
// yet.
func (c *checker) isAgain(node string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.again[node]
}
