package routes

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/ecs"
	"github.com/kube-aliyun/kube-aliyun/pkg/batch"
)

const (
	// A look-up waits for company longer than other batches: it runs beside the
	// creation of routes, which takes a second or more.
	lookIdle    = 100 * time.Millisecond
	lookLongest = 500 * time.Millisecond
	// switchesAtOnce bounds the calls that switch a check off: the API takes one
	// interface a call.
	switchesAtOnce = 5
	checkTimeout   = 30 * time.Second
)

var (
	errNoAddress   = errors.New("the Node has no InternalIP")
	errNoInterface = errors.New("no network interface of the Node's server has its InternalIP")
	// errCheckOn: the check is on; errLeft: and is to be left alone.
	errCheckOn = errors.New("the source/destination check of its network interface is on")
	errLeft    = errors.New("--skip-disable-source-dest-check leaves it")
)

// checker keeps the source/destination check of the Nodes' interfaces off. It
// remembers those that are, until the Node's server or address changes or an audit
// finds the check on.
type checker struct {
	machines Machines
	vpcID    string
	// leave only looks.
	leave bool

	looks    *batch.Batcher[string, ecs.Interface]
	switches chan struct{}

	mu sync.Mutex
	// off are the Nodes whose check is off, seen those whose check was on when
	// everything was looked at in bulk.
	off, seen map[string]checked
	// again are the Nodes whose check was off and is on.
	again map[string]bool
}

// checked is what a Node was found to have.
type checked struct {
	server, address, nic string
}

func newChecker(machines Machines, vpcID string, leave bool) *checker {
	c := &checker{
		machines: machines, vpcID: vpcID, leave: leave, switches: make(chan struct{}, switchesAtOnce),
		off: map[string]checked{}, seen: map[string]checked{}, again: map[string]bool{},
	}
	c.looks = batch.New(batch.Options[string, ecs.Interface]{
		Call: c.look, Size: ecs.PerCall, Idle: lookIdle, Longest: lookLongest, Timeout: checkTimeout,
	})
	return c
}

// look finds the interfaces with some addresses in one call.
func (c *checker) look(ctx context.Context, addresses []string) ([]batch.Result[ecs.Interface], error) {
	found, err := c.machines.Interfaces(ctx, ecs.InterfaceFilter{PrivateIPs: addresses, VPCID: c.vpcID})
	if err != nil {
		return nil, err
	}
	byAddress := index(found)
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

// warm looks at many Nodes at once, 100 a call, and remembers those whose check
// is off. What it does not find is found by check.
func (c *checker) warm(ctx context.Context, servers map[*corev1.Node]string) error {
	var addresses []string
	for node := range servers {
		if a, ok := internalIP(node); ok && a.Is4() {
			addresses = append(addresses, a.String())
		}
	}
	if len(addresses) == 0 {
		return nil
	}
	slices.Sort(addresses)
	found, err := c.machines.Interfaces(ctx, ecs.InterfaceFilter{PrivateIPs: addresses, VPCID: c.vpcID})
	if err != nil {
		return err
	}
	byAddress := index(found)
	for node, server := range servers {
		a, _ := internalIP(node)
		nic, ok := byAddress[a.String()]
		if !ok || nic.ServerID != server {
			continue
		}
		if what := (checked{server, a.String(), nic.ID}); nic.SourceDestCheck {
			c.see(node.Name, what)
		} else {
			c.remember(node.Name, what)
		}
	}
	return nil
}

// check returns nil when the check of the Node's interface is off, switching it
// off if that is allowed.
func (c *checker) check(ctx context.Context, node *corev1.Node, server string) error {
	address, ok := internalIP(node)
	if !ok {
		return errNoAddress
	}
	want := checked{server: server, address: address.String()}
	if c.known(node.Name, want) {
		return nil
	}
	nic, seen := c.taken(node.Name, want)
	if !seen {
		var err error
		if nic, err = c.find(ctx, server, address); err != nil {
			return err
		}
	}
	want.nic = nic.ID
	if nic.SourceDestCheck {
		if c.leave {
			return fmt.Errorf("%w (%s): %w", errCheckOn, nic.ID, errLeft)
		}
		if err := c.switchOff(ctx, nic.ID); err != nil {
			return fmt.Errorf("%w: %w", errCheckOn, err)
		}
	}
	c.remember(node.Name, want)
	return nil
}

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

func (c *checker) switchOff(ctx context.Context, nic string) error {
	select {
	case c.switches <- struct{}{}:
		defer func() { <-c.switches }()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	writing, done := graceful(ctx)
	defer done()
	return c.machines.SetSourceDestCheck(writing, nic, false)
}

func (c *checker) known(node string, want checked) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	have, ok := c.off[node]
	return ok && have.server == want.server && have.address == want.address
}

func (c *checker) remember(node string, what checked) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.off[node] = what
	delete(c.again, node)
}

// see notes an interface whose check is on; taken hands it out once, instead of a
// look-up.
func (c *checker) see(node string, what checked) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.seen[node] = what
}

func (c *checker) taken(node string, want checked) (ecs.Interface, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	have, ok := c.seen[node]
	delete(c.seen, node)
	if !ok || have.server != want.server || have.address != want.address {
		return ecs.Interface{}, false
	}
	return ecs.Interface{ID: have.nic, ServerID: have.server, SourceDestCheck: true}, true
}

// forget drops what is remembered of a Node.
func (c *checker) forget(node string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.off, node)
	delete(c.seen, node)
	delete(c.again, node)
}

// internalIP returns the Node's first IPv4 InternalIP, else its first one.
func internalIP(node *corev1.Node) (netip.Addr, bool) {
	var first netip.Addr
	for _, a := range node.Status.Addresses {
		ip, err := netip.ParseAddr(a.Address)
		if a.Type != corev1.NodeInternalIP || err != nil {
			continue
		}
		if ip = ip.Unmap(); ip.Is4() {
			return ip, true
		}
		if !first.IsValid() {
			first = ip
		}
	}
	return first, first.IsValid()
}
