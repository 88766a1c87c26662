// Package region assembles the simulator: products, identities, gateway and
// metadata service around one lock and one clock.
package region

import (
	"context"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/api"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/ecs"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/fault"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/gateway"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/journal"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/metadata"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/ram"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/simclock"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/slb"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/sts"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/vpc"
)

// Defaults of Options.
const (
	DefaultName    = "cn-hangzhou"
	DefaultAccount = "1234567890123456"
)

// journalLength is how many calls the journal keeps.
const journalLength = 50000

// Options are what a region begins with. The zero value is a region
// cn-hangzhou without anything in it, on a real clock.
type Options struct {
	Name, Account string
	// Clock defaults to real time.
	Clock *simclock.Clock
	// Random seeds everything that is drawn: ids, addresses, chances, latencies.
	Random uint64
	// Lenient counts unknown parameters instead of refusing them.
	Lenient bool
	// Observe is told every finished call; nil for nobody.
	Observe func(journal.Entry)
}

// Region is one simulated region. Its products are touched in Do alone; all else
// is safe for concurrent use.
type Region struct {
	Name, Account string

	// ECS, VPC, SLB and STS hold the state; use them inside Do.
	ECS *ecs.Product
	VPC *vpc.Product
	SLB *slb.Product
	STS *sts.Product

	Identities *ram.Store
	Faults     *fault.Set
	Journal    *journal.Journal
	Gateway    *gateway.Gateway
	Metadata   *metadata.Service
	Clock      *simclock.Clock

	mu         sync.Mutex
	knobs      *api.Knobs
	products   []named
	random     uint64
	generation uint64
	sources    map[string]*rand.PCG
	sessions   map[string]ram.Session
	stop       context.CancelFunc
}

type named struct {
	name api.Product
	api.State
}

// New makes a region. Close ends its waits; so does the context.
func New(ctx context.Context, o Options) *Region {
	if o.Name == "" {
		o.Name = DefaultName
	}
	if o.Account == "" {
		o.Account = DefaultAccount
	}
	if o.Clock == nil {
		o.Clock = simclock.New(1, time.Time{})
	}
	ctx, cancel := context.WithCancel(ctx)
	knobs := api.DefaultKnobs()
	r := &Region{
		Name: o.Name, Account: o.Account, Clock: o.Clock, Identities: ram.NewStore(o.Account),
		Journal: journal.New(journalLength), knobs: &knobs, random: o.Random,
		sources: map[string]*rand.PCG{}, sessions: map[string]ram.Session{}, stop: cancel,
	}
	r.Faults = fault.NewSet(r.rand("faults"))
	r.assemble()
	gatewayKnobs := gateway.DefaultKnobs()
	gatewayKnobs.Strict = !o.Lenient
	states := make([]api.State, 0, len(r.products))
	for _, p := range r.products {
		states = append(states, p.State)
	}
	r.Gateway = gateway.New(ctx, gateway.Options{
		Region: r.Name, Products: states, Lock: &r.mu, RegionKnobs: r.knobs, Clock: r.Clock, Identities: r.Identities,
		Faults: r.Faults, Journal: r.Journal, Knobs: gatewayKnobs, Rand: r.rand("latencies"), Observe: o.Observe,
	})
	r.Metadata = metadata.New(ctx, r, r.Clock)
	return r
}

// assemble makes the products and introduces them to each other.
func (r *Region) assemble() {
	servers := func() api.Servers { return r.ECS }
	r.VPC = vpc.New(vpc.Options{Region: r.Name, Account: r.Account, Knobs: r.knobs, Servers: servers, Rand: r.rand("vpc")})
	r.ECS = ecs.New(ecs.Options{
		Region: r.Name, Account: r.Account, Knobs: r.knobs, Network: r.VPC,
		LoadBalancers: func() api.LoadBalancers { return r.SLB }, Rand: r.rand("ecs"),
	})
	r.SLB = slb.New(slb.Options{
		Region: r.Name, Account: r.Account, Knobs: r.knobs, Servers: servers,
		Network: func() api.Network { return r.VPC }, Rand: r.rand("slb"),
	})
	r.STS = sts.New(sts.Options{Account: r.Account, Identities: r.Identities, Wall: r.Clock.Wall, Rand: r.rand("sts")})
	r.products = []named{{api.VPC, r.VPC}, {api.ECS, r.ECS}, {api.SLB, r.SLB}, {api.STS, r.STS}}
}

// rand makes a source of randomness of its own for each purpose, so that one
// purpose's draws do not change another's.
func (r *Region) rand(purpose string) *rand.Rand {
	source := rand.NewPCG(r.random, salt(purpose))
	r.sources[purpose] = source
	return rand.New(source)
}

func salt(purpose string) uint64 {
	h := fnv.New64a()
	// A hash never fails to take bytes.
	_, _ = h.Write([]byte(purpose))
	return h.Sum64()
}

// Close ends every wait; calls that wait get no reply.
func (r *Region) Close() {
	r.stop()
	r.Gateway.Stop()
}

// Now is the simulated time.
func (r *Region) Now() time.Time { return r.Clock.Now() }

// Do runs f with the region's lock held, when everything that is due has
// happened. No call is answered meanwhile.
func (r *Region) Do(f func(*Region)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.advance()
	f(r)
}

func (r *Region) advance() time.Time {
	now := r.Clock.Now()
	for _, p := range r.products {
		p.Advance(now)
	}
	return now
}

// try is Do for what can fail.
func (r *Region) try(f func(now time.Time) error) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return f(r.advance())
}

// SetKnobs changes settings of the products.
func (r *Region) SetKnobs(change func(*api.Knobs)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.advance()
	change(r.knobs)
}

// Knobs returns the settings of the products.
func (r *Region) Knobs() api.Knobs {
	r.mu.Lock()
	defer r.mu.Unlock()
	return *r.knobs
}

// errUnknown names something that does not exist.
func errUnknown(what, name string) error { return fmt.Errorf("no %s %q", what, name) }
