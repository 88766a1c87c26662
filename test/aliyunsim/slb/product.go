package slb

import (
	"math/rand/v2"
	"time"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/api"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/network"
)

// Options are what a Product needs. Servers and Network are functions because
// the products refer to each other; they are called under the region's lock.
type Options struct {
	Region, Account string
	Knobs           *api.Knobs
	Servers         func() api.Servers
	Network         func() api.Network
	// Rand makes ids; nil gives a fixed sequence.
	Rand *rand.Rand
}

// Product is the state of the product in one region. It has no lock of its own:
// every method is called with the region's lock held.
type Product struct {
	region, account string
	knobs           *api.Knobs
	servers         func() api.Servers
	network         func() api.Network
	rand            *rand.Rand

	now      time.Time
	due      schedule
	busyTurn int

	// order holds the load balancers by age, also deleted ones that lists still
	// show; byID holds the living ones.
	order    []*loadBalancer
	byID     map[string]*loadBalancer
	groups   map[string]*group
	tagged   map[tagKey]map[*loadBalancer]struct{}
	attached map[string]map[*loadBalancer]int
	public   map[string]struct{}

	tokens       api.ClientTokens
	certificates map[string]*certificate
	acls         map[string]*accessList
	zones        []zone

	// observed is what health checks have found; nil where nothing really checks.
	observed map[network.Health]verdict

	nextSeq    int64
	nextPublic map[string]int
}

var (
	_ api.State         = (*Product)(nil)
	_ api.LoadBalancers = (*Product)(nil)
)

// New makes an empty product.
func New(o Options) *Product {
	p := &Product{
		region: o.Region, account: o.Account, knobs: o.Knobs,
		servers: o.Servers, network: o.Network, rand: o.Rand,
	}
	if p.rand == nil {
		p.rand = rand.New(rand.NewPCG(1, 2))
	}
	if p.knobs == nil {
		knobs := api.DefaultKnobs()
		p.knobs = &knobs
	}
	p.clear()
	return p
}

// clear empties the state.
func (p *Product) clear() {
	p.due = nil
	p.order = nil
	p.byID = map[string]*loadBalancer{}
	p.groups = map[string]*group{}
	p.tagged = map[tagKey]map[*loadBalancer]struct{}{}
	p.attached = map[string]map[*loadBalancer]int{}
	p.public = map[string]struct{}{}
	p.tokens = api.ClientTokens{}
	p.certificates = map[string]*certificate{}
	p.acls = map[string]*accessList{}
	p.zones = defaultZones(p.region)
	p.nextSeq = 0
	p.nextPublic = map[string]int{}
}

// Advance implements api.State.
func (p *Product) Advance(now time.Time) time.Time {
	p.now = now
	p.tokens.Prune(now)
	return p.due.run(now)
}

// newID makes an id that is not in use.
func (p *Product) newID(prefix string) string {
	for {
		id := api.NewID(p.rand, prefix)
		_, isGroup := p.groups[id]
		if p.byID[id] == nil && !isGroup {
			return id
		}
	}
}
