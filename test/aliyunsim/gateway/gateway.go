// Package gateway speaks the RPC OpenAPI over HTTP in front of the simulator's
// products: it authenticates, authorises, checks, throttles, delays, breaks and
// records requests.
package gateway

import (
	"context"
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/api"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/fault"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/journal"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/ram"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/simclock"
)

// Options are what a Gateway needs. All but Observe are required.
type Options struct {
	Region   string
	Products []api.State
	// Lock is the region's lock, held while products run.
	Lock sync.Locker
	// Region's knobs, read with the lock held.
	RegionKnobs *api.Knobs
	Clock       *simclock.Clock
	Identities  *ram.Store
	Faults      *fault.Set
	Journal     *journal.Journal
	Knobs       Knobs
	// Rand draws latencies.
	Rand *rand.Rand
	// Observe is told every finished call; nil for nobody.
	Observe func(journal.Entry)
}

// versions tells products apart on a shared port.
var versions = map[string]api.Product{
	"2014-05-26": api.ECS,
	"2016-04-28": api.VPC,
	"2014-05-15": api.SLB,
	"2015-04-01": api.STS,
}

// Gateway is the HTTP handler of all products. It is safe for concurrent use.
type Gateway struct {
	region      string
	products    []api.State
	lock        sync.Locker
	regionKnobs *api.Knobs
	clock       *simclock.Clock
	identities  *ram.Store
	faults      *fault.Set
	journal     *journal.Journal
	observe     func(journal.Entry)

	actions map[actionKey]*action
	nonces  *nonces
	rates   *rates
	usage   *usage

	knobs    atomic.Pointer[Knobs]
	knobsMu  sync.Mutex
	randMu   sync.Mutex
	rand     *rand.Rand
	stopped  <-chan struct{}
	stopNow  context.CancelFunc
	wallTime func() time.Time
}

type actionKey struct {
	product api.Product
	name    string
}

// action is an api.Action with what is computed once.
type action struct {
	api.Action
	schema *schema
	rule   string
}

// New makes a gateway. The context ends its waits, like Stop.
func New(ctx context.Context, o Options) *Gateway {
	ctx, cancel := context.WithCancel(ctx)
	g := &Gateway{
		region: o.Region, products: o.Products, lock: o.Lock, regionKnobs: o.RegionKnobs, clock: o.Clock,
		identities: o.Identities, faults: o.Faults, journal: o.Journal, observe: o.Observe, rand: o.Rand,
		actions: map[actionKey]*action{}, nonces: newNonces(), rates: newRates(), usage: newUsage(),
		stopped: ctx.Done(), stopNow: cancel, wallTime: time.Now,
	}
	knobs := o.Knobs
	g.knobs.Store(&knobs)
	for _, p := range o.Products {
		for _, a := range p.Actions() {
			g.actions[actionKey{a.Product, a.Name}] = &action{
				Action: a, schema: newSchema(a.Request, a.Extra), rule: ruleName(a.Product, a.Name),
			}
			g.usage.know(a.Name)
		}
	}
	return g
}

// Stop ends every wait; calls that wait get no reply.
func (g *Gateway) Stop() { g.stopNow() }

// ServeHTTP serves all products, told apart by Version.
func (g *Gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) { g.serve(r.Context(), w, r, "") }

// For serves one product alone, as on a host of its own.
func (g *Gateway) For(product api.Product) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { g.serve(r.Context(), w, r, product) })
}

// Knobs returns the settings in force.
func (g *Gateway) Knobs() Knobs { return g.knobs.Load().clone() }

// SetKnobs changes settings; change sees a copy of those in force.
func (g *Gateway) SetKnobs(change func(*Knobs)) {
	g.knobsMu.Lock()
	defer g.knobsMu.Unlock()
	k := g.knobs.Load().clone()
	change(&k)
	g.knobs.Store(&k)
}

// Usage reports which actions were never called and which unknown parameters came.
func (g *Gateway) Usage() Usage { return g.usage.report() }

// latency draws how long the action's reply takes.
func (g *Gateway) latency(k *Knobs, name string) time.Duration {
	l, ok := k.latency(name)
	if !ok {
		return 0
	}
	g.randMu.Lock()
	defer g.randMu.Unlock()
	return l.draw(g.rand)
}

// wait waits in simulated time until the client or the gateway goes.
func (g *Gateway) wait(ctx context.Context, until time.Time) error {
	return g.clock.WaitUntil(ctx, g.stopped, until)
}
