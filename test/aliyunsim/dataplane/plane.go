package dataplane

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"k8s.io/klog/v2"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/dataplane/disks"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/dataplane/fabric"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/network"
	"github.com/kube-aliyun/kube-aliyun/test/sandbox"
)

// Source is the region.
type Source interface {
	// Network is what the network has to be now. The value is never changed.
	Network() network.Network
	// Observe takes what health checks have found.
	Observe(findings []network.Health)
}

// Balancers forward in the routers of VPCs what comes to load balancers.
type Balancers interface {
	// Apply makes the load balancers of a router what they have to be, none before
	// the router goes. The context is that of what runs for them.
	Apply(ctx context.Context, router *sandbox.Namespace, lbs []network.LoadBalancer) error
	Health() []network.Health
	// Close ends all that runs for load balancers.
	Close()
}

// Options are what a Plane is made of.
type Options struct {
	Source Source
	// Balancers are closed with the plane; nil leaves load balancers with an
	// address each and nothing behind it.
	Balancers Balancers
	// Metadata answers /metadata/<server>/latest/, OpenAPI calls of the products.
	Metadata, OpenAPI http.Handler
}

// Plane is the running data plane.
type Plane struct {
	Options
	box    *sandbox.Sandbox
	fabric *fabric.Fabric
	disks  *disks.Disks
	log    klog.Logger

	stop   context.CancelFunc
	done   chan struct{}
	settle chan chan error
	closed sync.Once
	// now is the network that was made last.
	now atomic.Pointer[network.Network]

	// The rest is the loop's.
	routers  map[string]*routed
	pending  bool
	told     string
	observed []network.Health
}

// routed is a VPC's router with what runs in it.
type routed struct {
	ns       *sandbox.Namespace
	services *services
}

// errEnded is what a plane answers that is closed.
var errEnded = errors.New("the data plane has ended")

// Start makes the region's network and keeps it so until Close, which the end of
// the context does not replace. What a killed data plane has left on the machine
// is removed. The error is sandbox.ErrUnsupported without the rights.
func Start(ctx context.Context, o Options) (*Plane, error) {
	box, err := sandbox.Open(ctx)
	if err != nil {
		return nil, fmt.Errorf("data plane: %w", err)
	}
	p := &Plane{
		Options: o, box: box, log: klog.FromContext(ctx), done: make(chan struct{}), settle: make(chan chan error), routers: map[string]*routed{},
	}
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	p.stop = stop
	if p.fabric, err = fabric.New(box); err == nil {
		p.disks = disks.New(box.Dir())
		err = p.tick(running)
	}
	if err != nil {
		close(p.done)
		return nil, fmt.Errorf("data plane: %w", errors.Join(err, p.Close(ctx)))
	}
	go p.run(running)
	return p, nil
}

// Describe tells where everything is, once the kernel's network is as the region
// has it.
func (p *Plane) Describe(ctx context.Context) (network.Plane, error) {
	if err := p.Settle(ctx); err != nil {
		return network.Plane{}, err
	}
	plane := p.fabric.Plane()
	for id, place := range plane.Servers {
		place.Devices = p.disks.Tree(id)
		plane.Servers[id] = place
	}
	plane.Unplugged = p.disks.Unplugged()
	return plane, nil
}

// Settle returns when the kernel's network is what the region's has to be now.
// What cannot be made is in the error.
func (p *Plane) Settle(ctx context.Context) error {
	answer := make(chan error, 1)
	select {
	case p.settle <- answer:
	case <-p.done:
		return errEnded
	case <-ctx.Done():
		return fmt.Errorf("settle the data plane: %w", ctx.Err())
	}
	return <-answer
}

// Server is a server's namespace, or nil.
func (p *Plane) Server(id string) *sandbox.Namespace { return p.fabric.Server(id) }

// Client is the namespace of the client on the internet.
func (p *Plane) Client() *sandbox.Namespace { return p.fabric.Client() }

// closeLimit bounds the removal of the sandbox.
const closeLimit = 20 * time.Second

// Close removes everything, the first time that it is called.
func (p *Plane) Close(ctx context.Context) (err error) {
	p.closed.Do(func() { err = p.close(ctx) })
	return err
}

func (p *Plane) close(ctx context.Context) error {
	p.stop()
	<-p.done
	if p.Balancers != nil {
		p.Balancers.Close()
	}
	for _, r := range p.routers {
		r.services.close()
	}
	var diskErr error
	if p.disks != nil {
		diskErr = p.disks.Close()
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeLimit)
	defer cancel()
	if err := errors.Join(diskErr, p.box.Close(ctx)); err != nil {
		return fmt.Errorf("remove the data plane: %w", err)
	}
	return nil
}
