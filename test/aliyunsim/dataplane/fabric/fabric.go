package fabric

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"sync"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/network"
	"github.com/kube-aliyun/kube-aliyun/test/sandbox"
)

// Fabric is the network of a region. It is safe for concurrent use.
type Fabric struct {
	box *sandbox.Sandbox

	mu       sync.Mutex
	internet *internet
	routers  map[string]*router
	servers  map[string]*server
	links    numbers
}

// New makes the internet and its client in a sandbox, whose end is the fabric's.
func New(box *sandbox.Sandbox) (*Fabric, error) {
	f := &Fabric{box: box, routers: map[string]*router{}, servers: map[string]*server{}}
	var err error
	if f.internet, err = newInternet(box); err != nil {
		return nil, fmt.Errorf("internet: %w", err)
	}
	return f, nil
}

// Apply makes the kernel's network what it has to be. Everything that can be made
// is; the error joins what could not, which the next call tries again. A call
// without anything to change asks the kernel nothing.
func (f *Fabric) Apply(ctx context.Context, want network.Network) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	var problems []error
	note := func(what, id string, err error) {
		if err != nil {
			problems = append(problems, fmt.Errorf("%s %s: %w", what, id, err))
		}
	}
	f.removeStale(want, note)
	for _, v := range want.VPCs {
		note("VPC", v.ID, f.ensureRouter(ctx, v))
	}
	for _, s := range want.Servers {
		note("server", s.ID, f.ensureServer(s))
	}
	for _, v := range want.VPCs {
		if r := f.routers[v.ID]; r != nil {
			note("routes of VPC", v.ID, r.syncTables(v, f.hops(want.Servers)))
			note("source and destination checks of VPC", v.ID, r.syncGuard(ctx, f.members(v.ID)))
		}
	}
	note("addresses of", "load balancers", f.syncBalancers(want))
	return errors.Join(problems...)
}

// removeStale removes what is not wanted any more, or not as it is: servers
// before vSwitches before VPCs.
func (f *Fabric) removeStale(want network.Network, note func(what, id string, err error)) {
	vpcs := make(map[string]network.VPC, len(want.VPCs))
	for _, v := range want.VPCs {
		vpcs[v.ID] = v
	}
	leaving := map[*bridge]bool{}
	for id, r := range f.routers {
		r.mark(vpcs[id], leaving)
	}
	servers := make(map[string]network.Server, len(want.Servers))
	for _, s := range want.Servers {
		servers[s.ID] = s
	}
	for id, s := range f.servers {
		if now, wanted := servers[id]; !wanted || !reflect.DeepEqual(identity(now), identity(s.Server)) || leaving[s.bridge] {
			note("remove server", id, f.removeServer(s))
		}
	}
	for id, r := range f.routers {
		if _, wanted := vpcs[id]; !wanted {
			note("remove VPC", id, f.removeRouter(r))
			continue
		}
		for _, b := range r.bridges {
			if leaving[b] {
				note("remove vSwitch", b.ID, r.removeBridge(b))
			}
		}
	}
}

// Router is the namespace of a VPC's router, or nil.
func (f *Fabric) Router(vpc string) *sandbox.Namespace {
	f.mu.Lock()
	defer f.mu.Unlock()
	if r := f.routers[vpc]; r != nil {
		return r.ns
	}
	return nil
}

// Server is the namespace of a server, or nil.
func (f *Fabric) Server(id string) *sandbox.Namespace {
	f.mu.Lock()
	defer f.mu.Unlock()
	if s := f.servers[id]; s != nil {
		return s.ns
	}
	return nil
}

// Client is the namespace of a client on the internet.
func (f *Fabric) Client() *sandbox.Namespace { return f.internet.client }

// Plane tells where everything is.
func (f *Fabric) Plane() network.Plane {
	f.mu.Lock()
	defer f.mu.Unlock()
	p := network.Plane{
		Sandbox: f.box.ID(), Client: network.Place{Namespace: f.internet.client.Path(), Address: ClientAddress, IPv6: ClientIPv6},
		Internet: network.Place{Namespace: f.internet.ns.Path()},
		Servers:  make(map[string]network.Place, len(f.servers)), VPCs: make(map[string]network.Place, len(f.routers)),
	}
	for id, s := range f.servers {
		place := network.Place{Namespace: s.ns.Path(), Address: s.Address.String()}
		if s.IPv6.IsValid() {
			place.IPv6 = s.IPv6.String()
		}
		p.Servers[id] = place
	}
	for id, r := range f.routers {
		p.VPCs[id] = network.Place{Namespace: r.ns.Path()}
	}
	return p
}
