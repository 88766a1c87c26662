package loadbalancer

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"k8s.io/utils/clock"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/vpc"
	"github.com/kube-aliyun/kube-aliyun/pkg/event"
	"github.com/kube-aliyun/kube-aliyun/pkg/loadbalancer/build"
)

const (
	// elasticAgain is how old a listing of elastic IPs is at least before it is
	// repeated for the sake of one that is missing from it.
	elasticAgain = 10 * time.Second
	// elasticWait is when a load balancer without one is looked at again.
	elasticWait = time.Minute
)

// elasticIPs says which elastic IPs are bound to load balancers. All Services share
// its listing, of which there is one for each audit period; without a Service that
// wants to show one there is none.
type elasticIPs struct {
	list   func(ctx context.Context) ([]vpc.EIP, error)
	period time.Duration
	clock  clock.PassiveClock
	// lock guards the rest; it gives up with its context.
	lock    chan struct{}
	address map[string]string
	read    time.Time
}

func newElasticIPs(options Options) *elasticIPs {
	return &elasticIPs{list: options.ElasticIPs, period: options.Settings.AuditPeriod, clock: options.Clock, lock: make(chan struct{}, 1)}
}

// of returns the address that is bound to a load balancer, or "".
func (e *elasticIPs) of(ctx context.Context, id string) (string, error) {
	select {
	case e.lock <- struct{}{}:
		defer func() { <-e.lock }()
	case <-ctx.Done():
		return "", fmt.Errorf("wait for the listing of elastic IPs: %w", ctx.Err())
	}
	age := e.clock.Since(e.read)
	if address := e.address[id]; e.address != nil && (age < elasticAgain || address != "" && age < e.period) {
		return address, nil
	}
	at := e.clock.Now()
	bound, err := e.list(ctx)
	if err != nil {
		return "", err
	}
	slices.SortFunc(bound, func(a, b vpc.EIP) int { return strings.Compare(b.Address, a.Address) })
	e.address, e.read = make(map[string]string, len(bound)), at
	for _, eip := range bound {
		e.address[eip.InstanceID] = eip.Address // of several the first by address
	}
	return e.address[id], nil
}

// shownAddress returns the address that the Service's status shows of a load
// balancer: its own, or that of the elastic IP that is bound to it.
func (b *Balancers) shownAddress(ctx context.Context, st *state, r *round, w build.Wanted) (string, error) {
	own := st.actual.Instance.Address
	if !w.ElasticIP {
		return own, nil
	}
	address, err := b.elastic.of(ctx, st.id())
	if err != nil {
		return "", fmt.Errorf("find the elastic IP of load balancer %s: %w", st.id(), err)
	}
	if address == "" {
		b.options.Events.Event(r.service, event.LoadBalancerNoElasticIP,
			"no elastic IP is bound to load balancer %s; the status shows its own address %s until you bind one, which is looked for every %s", st.id(), own, elasticWait)
		b.queue.AddAfter(st.uid, reasonElastic, elasticWait)
		return own, nil
	}
	endpoint, err := b.isEndpoint(ctx, address)
	if err != nil {
		return "", err
	}
	if endpoint {
		return "", &build.RefusedError{Problems: []string{fmt.Sprintf(
			"the elastic IP %s of load balancer %s is the address of this cluster's API server, which no Service may show; bind another one", address, st.id())}}
	}
	return address, nil
}
