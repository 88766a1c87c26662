package manager

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"sync"

	"k8s.io/apiserver/pkg/server/healthz"
	"k8s.io/client-go/informers"
	v1core "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/tools/leaderelection"
	cloudconfig "k8s.io/cloud-provider/app/config"
	"k8s.io/component-base/version"
	"k8s.io/klog/v2"

	"github.com/kube-aliyun/kube-aliyun/pkg/config"
	"github.com/kube-aliyun/kube-aliyun/pkg/provisioner"
)

// What must hold before a replica is ready, in the order in which it starts.
const (
	conditionLocation    = "location"
	conditionCredentials = "credentials"
	conditionInformers   = "informers"
	conditionCloud       = "cloud"
)

// replica is one process: its settings, its clients, what it serves.
type replica struct {
	cfg       *config.Config
	framework *cloudconfig.CompletedConfig
	ready     *readiness
	debug     debugPages
	// volumes are what the volume socket asks; nil where none is served.
	volumes *volumes
	// factory makes the informers that assemble starts.
	factory informers.SharedInformerFactory
	// library provisions for the elected; nil without a volume socket.
	library *provisioner.Library
	// out gets what a person asked for on the command line (dry run).
	out io.Writer
}

// Run is the program after its flags are parsed. It returns nil when ctx ended
// and everything stopped in order, and an error that says what to do otherwise.
func Run(ctx context.Context, o *Options, out io.Writer) error {
	cfg, framework, err := o.load()
	if err != nil {
		return err
	}
	boundMemory()
	klog.FromContext(ctx).Info("Starting", "version", version.Get().GitVersion, "credentials", cfg.Credentials.Source)
	r := newReplica(cfg, framework, out)
	if cfg.DryRun {
		return r.dryRun(ctx)
	}
	return r.run(ctx)
}

func newReplica(cfg *config.Config, framework *cloudconfig.CompletedConfig, out io.Writer) *replica {
	return &replica{
		cfg: cfg, framework: framework, out: out,
		factory: newInformers(framework.Client, framework.ComponentConfig.Generic.MinResyncPeriod),
		ready:   newReadiness(conditionLocation, conditionCredentials, conditionInformers, conditionCloud),
	}
}

// boundMemory makes the collector run at half the growth that Go allows by
// default: the start reads far more than is kept, and masters are small. GOGC
// in the environment wins.
func boundMemory() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(50)
	}
}

// run serves, waits for what is needed, and works while it holds the lease.
func (r *replica) run(parent context.Context) error {
	// serving ends last, so that the shutdown can be watched.
	serving, stopServing := context.WithCancel(context.WithoutCancel(parent))
	ctx, cancel := context.WithCancel(parent)
	defer cancel()

	// Before anything else uses a client.
	if r.cfg.Volumes.Socket != "" {
		r.library = provisioner.NewLibrary(ctx, r.framework.Client, r.factory)
	}

	le := r.framework.ComponentConfig.Generic.LeaderElection
	watchdog := leaderelection.NewLeaderHealthzAdaptor(2 * le.LeaseDuration.Duration)
	var checks []healthz.HealthChecker
	if le.LeaderElect {
		checks = append(checks, watchdog)
	}
	served, err := serve(serving, r.framework, r.ready, &r.debug, checks...)
	if err != nil {
		stopServing()
		return err
	}
	defer func() {
		stopServing()
		<-served
	}()

	healthServed, err := serveAPIHealth(serving, r.cfg.APIHealthAddress, r.framework.Kubeconfig)
	if err != nil {
		return err
	}
	defer func() {
		stopServing()
		<-healthServed
	}()

	r.framework.EventBroadcaster.StartStructuredLogging(3)
	r.framework.EventBroadcaster.StartRecordingToSink(&v1core.EventSinkImpl{Interface: r.framework.Client.CoreV1().Events("")})
	defer r.framework.EventBroadcaster.Shutdown()

	defer r.serveVolumes(ctx)()

	lock, err := newLock(r.framework)
	if err != nil {
		return err
	}
	gate := lock.check
	if !le.LeaderElect {
		gate = func() error { return nil }
	}
	parts, err := r.assemble(ctx, gate)
	switch {
	case cancelled(ctx, err):
		return nil
	case err != nil:
		return err
	}
	defer parts.stop()
	defer parts.runVolumes(ctx)()
	r.debug.show(parts.balancers.DebugHandler())

	if !le.LeaderElect {
		return parts.lead(ctx)
	}
	return elect(ctx, r.framework, lock, watchdog, parts.lead)
}

// group runs functions until all have returned; the first failure cancels the
// others.
type group struct {
	wg     sync.WaitGroup
	cancel context.CancelFunc
	mu     sync.Mutex
	errs   []error
}

func newGroup(ctx context.Context) (*group, context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	return &group{cancel: cancel}, ctx
}

func (g *group) start(ctx context.Context, name string, run func(context.Context) error) {
	g.wg.Add(1)
	go func() {
		defer g.wg.Done()
		err := run(ctx)
		if err != nil && !cancelled(ctx, err) {
			g.mu.Lock()
			g.errs = append(g.errs, fmt.Errorf("%s: %w", name, err))
			g.mu.Unlock()
			g.cancel()
		}
	}()
}

func (g *group) wait() error {
	g.wg.Wait()
	g.cancel()
	g.mu.Lock()
	defer g.mu.Unlock()
	return errors.Join(g.errs...)
}
