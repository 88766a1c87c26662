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
	// company are the addresses that a look-up may take along.
	company func() []string

	looks    *batch.Batcher[string, ecs.Interface]
	switches chan struct{}

	mu sync.Mutex
	// off are the Nodes whose check is off, again those whose check was off and is on.
	off   map[string]checked
	again map[string]bool
	// seen are the interfaces, by address, that were found before anybody asked for
	// them; asked are the addresses that were looked for.
	seen  map[string]ecs.Interface
	asked map[string]bool
}

// checked is what a Node was found to have.
type checked struct {
	server, address, nic string
}

func newChecker(machines Machines, vpcID string, leave bool, company func() []string) *checker {
	c := &checker{
		machines: machines, vpcID: vpcID, leave: leave, company: company, switches: make(chan struct{}, switchesAtOnce),
		off: map[string]checked{}, again: map[string]bool{}, seen: map[string]ecs.Interface{}, asked: map[string]bool{},
	}
	c.looks = batch.New(batch.Options[string, ecs.Interface]{
		Call: c.look, Size: ecs.PerCall, Idle: lookIdle, Longest: lookLongest, Timeout: checkTimeout,
	})
	return c
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
	var on []string
	for node, server := range servers {
		a, _ := internalIP(node)
		nic, ok := byAddress[a.String()]
		if !ok || nic.ServerID != server {
			continue
		}
		if nic.SourceDestCheck {
			on = append(on, a.String())
		} else {
			c.remember(node.Name, checked{server, a.String(), nic.ID})
		}
	}
	c.see(addresses, on, byAddress)
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
	nic, seen := c.taken(want.address)
	if !seen || nic.ServerID != server {
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

// forget drops what is remembered of a Node.
func (c *checker) forget(node string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	was := c.off[node].address
	delete(c.off, node)
	delete(c.again, node)
	delete(c.seen, was)
	delete(c.asked, was)
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
