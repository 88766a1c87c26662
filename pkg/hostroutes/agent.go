package hostroutes

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"k8s.io/klog/v2"
	"k8s.io/utils/clock"

	"github.com/kube-aliyun/kube-aliyun/pkg/event"
	"github.com/kube-aliyun/kube-aliyun/pkg/hostroutes/kernel"
	"github.com/kube-aliyun/kube-aliyun/pkg/hostroutes/plan"
	"github.com/kube-aliyun/kube-aliyun/pkg/hostroutes/source"
	"github.com/kube-aliyun/kube-aliyun/pkg/metric"
	"github.com/kube-aliyun/kube-aliyun/pkg/nodewatch"
)

// Config is what an Agent is made of.
type Config struct {
	Settings plan.Settings
	// Uplink is the name of the link to the other servers; "" is the one with the
	// Node's InternalIP.
	Uplink string
	Guard  plan.Guard
	// ConfirmAfter is when the Nodes are read a second time before many routes
	// are removed.
	ConfirmAfter time.Duration
	// Period is the pause between passes that nothing asks for.
	Period time.Duration
	// Window says how long news are gathered before a pass.
	Window nodewatch.Window
	// Buffer is the memory for the kernel's news, in bytes.
	Buffer int

	Source source.Source
	Kernel Kernel
	// Rules keeps what else the host should have in step with its own ranges;
	// nil for nothing.
	Rules Rules
	// Record records an event on a Node.
	Record func(node *plan.Node, reason *event.Reason, message string)
	// Passed, when not nil, is told of every pass.
	Passed func(Report)
}

// Kernel is what an Agent needs of a host.
type Kernel interface {
	Links() ([]plan.Link, error)
	Routes() ([]plan.Route, error)
	Do(step plan.Step) error
	Watch(ctx context.Context, w kernel.Watch)
}

// Rules are settings of a host that depend on its own Pods' ranges.
type Rules interface {
	// Sync makes the host's rules those for the ranges, and tells whether
	// something was written.
	Sync(own []netip.Prefix) (changed bool, err error)
}

// Defaults of an Agent's times and limits.
const (
	DefaultPeriod       = time.Minute
	DefaultConfirmAfter = 10 * time.Second
	DefaultDeleteRatio  = 0.5
	// freeDeletes is how many routes may always be removed at once.
	freeDeletes = 3
	// The first and the longest pause after a pass that has failed.
	firstRetry = time.Second
	lastRetry  = 30 * time.Second
)

// DefaultWindow gathers the Nodes of a scaling step and keeps a lost route's
// absence short.
var DefaultWindow = nodewatch.Window{Quiet: 200 * time.Millisecond, Max: 2 * time.Second}

// Agent keeps a host's routes.
type Agent struct {
	cfg    Config
	health *Health
	second confirmation
	wanted atomic.Pointer[plan.Wanted]
}

// New returns an Agent that does nothing yet.
func New(cfg Config) *Agent {
	return &Agent{cfg: cfg, health: newHealth(cfg.Period)}
}

// Health answers for the Agent over HTTP.
func (a *Agent) Health() *Health { return a.health }

// Wanted is what the last pass found to be wanted, nil before there was one.
func (a *Agent) Wanted() *plan.Wanted { return a.wanted.Load() }

// Run keeps the routes until ctx ends. They stay then: whoever is started next
// finds them.
func (a *Agent) Run(ctx context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel()

	due := make(chan struct{}, 1)
	debounce := nodewatch.NewDebouncer(ctx, clock.RealClock{}, a.cfg.Window, func() {
		select {
		case due <- struct{}{}:
		default:
		}
	})
	log := klog.FromContext(ctx)
	running.Go(func() { a.cfg.Source.Run(ctx, debounce.Trigger) })
	running.Go(func() {
		a.cfg.Kernel.Watch(ctx, kernel.Watch{
			Protocol: a.cfg.Settings.Protocol, Buffer: a.cfg.Buffer, Changed: debounce.Trigger,
			Lost: func(err error) {
				metric.HostroutesLost.WithLabelValues().Inc()
				log.Info("News of the kernel were lost; everything is read anew", "err", err)
			},
		})
	})
	retry := firstRetry
	for {
		report := a.passNow(ctx)
		if report.Held > 0 {
			a.second.start(ctx, &running, a.cfg.ConfirmAfter, a.cfg.Source, debounce.Trigger)
		}
		wait := a.cfg.Period + rand.N(a.cfg.Period/10+1) // #nosec G404 -- spreads hosts, hides nothing
		if report.Err != nil || report.Raced {
			wait, retry = min(retry, wait), min(2*retry, lastRetry)
		} else {
			retry = firstRetry
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
		case <-due:
		case <-timer.C:
		}
		timer.Stop()
		if ctx.Err() != nil {
			return
		}
	}
}

// passNow is a pass over what the source knows.
func (a *Agent) passNow(ctx context.Context) Report {
	nodes, ok := a.cfg.Source.Nodes()
	if !ok {
		report := Report{Waiting: "the Nodes have not been read yet"}
		a.finish(ctx, report, 0)
		return report
	}
	return a.Pass(ctx, nodes, a.second.take())
}

// Once makes the host's routes right one time, with a second look at the Nodes
// where many routes are to go.
func (a *Agent) Once(ctx context.Context) (Report, error) {
	nodes, err := a.cfg.Source.Fresh(ctx)
	if err != nil {
		return Report{}, err
	}
	report := a.Pass(ctx, nodes, nil)
	if report.Held > 0 {
		select {
		case <-ctx.Done():
			return report, ctx.Err()
		case <-time.After(a.cfg.ConfirmAfter):
		}
		if nodes, err = a.cfg.Source.Fresh(ctx); err != nil {
			return report, err
		}
		report = a.Pass(ctx, nodes, nodes)
	}
	if report.Waiting != "" {
		return report, fmt.Errorf("%w: %s", errWaiting, report.Waiting)
	}
	return report, report.Err
}

var errWaiting = errors.New("nothing was done")
