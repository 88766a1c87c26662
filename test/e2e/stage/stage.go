package stage

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	"k8s.io/client-go/kubernetes"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/admin"
	"github.com/kube-aliyun/kube-aliyun/test/cluster"
	"github.com/kube-aliyun/kube-aliyun/test/process"
	"github.com/kube-aliyun/kube-aliyun/test/sandbox"
)

const (
	// ClusterCIDR is the range of all Pods: the one that deploy/controller names.
	ClusterCIDR = "10.2.0.0/16"
	// clusterIPv6CIDR is that of a stage with both families.
	clusterIPv6CIDR = "fd00:10:2::/56"
)

// clusterCIDRs are the ranges of all Pods.
func (o Options) clusterCIDRs() []string {
	if o.DualStack {
		return []string{ClusterCIDR, clusterIPv6CIDR}
	}
	return []string{ClusterCIDR}
}

// Options say what Start sets up. The zero value serves.
type Options struct {
	// Workers beside the master, by turns in two zones. Default: 2.
	Workers int
	// Root is the repository. Default: the one around the working directory.
	Root string
	// Kubernetes is the folder of Kubernetes' programs. Default:
	// KUBEBUILDER_ASSETS, else bin/kubernetes of the repository.
	Kubernetes string
	// Simulator is the program aliyun-sim and Controller the docker-archive of
	// aliyun-controller, as `make build` and `make image` make them. They are
	// built when empty.
	Simulator, Controller string
	// Logs is a folder that gets all logs when the stage ends. Default: they go.
	Logs string
	// NodeMonitorGrace is how long a Node may miss its heartbeats, which come
	// every ten seconds. Default: 40 s.
	NodeMonitorGrace time.Duration
	// DualStack gives servers, Pods and Services addresses of both families.
	DualStack bool
	// PodAddresses gives Pods addresses of network interfaces of their servers, as
	// network plug-ins such as Terway do, instead of addresses of the Nodes' ranges.
	PodAddresses bool
	// CloudConfig are further lines of the controller's configuration file.
	CloudConfig string
	// Log receives a line per step, with the seconds since the start.
	Log io.Writer
}

// Stage is a running cluster in its region.
type Stage struct {
	options   Options
	sandbox   *sandbox.Sandbox
	archives  archives
	simulator *process.Process
	url       string
	region    *admin.Client
	cluster   *cluster.Cluster
	begin     time.Time
	logMu     sync.Mutex

	mu sync.Mutex
	// servers are guarded by mu; the first is the master.
	servers []*Server
	// zones counts the workers that were made, to take turns.
	zones int
	// controllers counts the static Pods of the controller that were run.
	controllers int
	// internet is where the client is.
	internet Place
	// up is how long it took until all Nodes could be used.
	up time.Duration
}

// ErrUnsupported is why this machine can have no stage.
var ErrUnsupported = sandbox.ErrUnsupported

// Start sets a stage up and returns when every Node is Ready, initialised and
// schedulable. The context bounds the start only; when it fails, nothing is left.
// The error is ErrUnsupported without root.
func Start(ctx context.Context, o Options) (*Stage, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, fmt.Errorf("stage: %w", err)
	}
	s := &Stage{options: o, begin: time.Now()}
	if s.sandbox, err = sandbox.Open(ctx); err != nil {
		return nil, fmt.Errorf("stage: %w", err)
	}
	if err := s.start(ctx); err != nil {
		ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeLimit)
		defer cancel()
		return nil, fmt.Errorf("stage: %w", errors.Join(err, s.Close(ending)))
	}
	return s, nil
}

func (o Options) withDefaults() (Options, error) {
	if o.Workers == 0 {
		o.Workers = 2
	}
	if o.NodeMonitorGrace == 0 {
		o.NodeMonitorGrace = 40 * time.Second
	}
	if o.Log == nil {
		o.Log = io.Discard
	}
	if o.Root != "" {
		return o, nil
	}
	var err error
	o.Root, err = findRoot()
	return o, err
}

var errNoRepository = errors.New("the working directory is in no repository")

func findRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("finding the repository: %w", err)
	}
	for ; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", errNoRepository
		}
	}
}

func (s *Stage) start(ctx context.Context) error {
	if err := s.build(ctx); err != nil {
		return err
	}
	s.begin = time.Now() // what is built once counts for no start
	if err := s.startSimulator(ctx); err != nil {
		return err
	}
	if err := s.startControlPlane(ctx); err != nil {
		return err
	}
	group, groupContext := errgroup.WithContext(ctx)
	group.Go(func() error { return s.prepareCluster(groupContext) })
	for _, server := range s.Servers() {
		group.Go(func() error {
			if err := s.startNode(groupContext, server); err != nil || server != s.Master() {
				return err
			}
			return s.RunController(server)
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	if err := s.WaitUsable(ctx); err != nil {
		return err
	}
	s.up = time.Since(s.begin)
	s.logf("all Nodes are Ready and schedulable")
	return nil
}

func (s *Stage) startControlPlane(ctx context.Context) (err error) {
	master := s.Master()
	s.cluster, err = cluster.Start(ctx, cluster.Options{
		Dir: filepath.Join(s.sandbox.Dir(), "cluster"), Binaries: s.options.Kubernetes,
		Namespace: master.Namespace, BindAddress: master.Address, ClusterCIDR: s.options.clusterCIDRs(),
		ControllerManager: true, KubeControllerManagerEnv: s.driverEnvironment(), Scheduler: true, NodeMonitorGrace: s.options.NodeMonitorGrace,
	})
	if err == nil {
		s.logf("the control plane runs on %s", master.Address)
	}
	return err
}

// closeLimit bounds the end of a stage.
const closeLimit = 2 * time.Minute

// Close ends everything. Nothing is left on the machine.
func (s *Stage) Close(ctx context.Context) error {
	problems := []error{s.keepLogs()}
	for _, server := range s.Servers() {
		problems = append(problems, server.end(ctx))
	}
	if s.cluster != nil {
		problems = append(problems, s.cluster.Stop())
	}
	problems = append(problems, s.endSimulator(ctx), s.sandbox.Close(ctx))
	if err := errors.Join(problems...); err != nil {
		return fmt.Errorf("ending a stage: %w", err)
	}
	return nil
}

// Sandbox is the id of the stage's own sandbox.
func (s *Stage) Sandbox() string { return s.sandbox.ID() }

// Cluster is the control plane.
func (s *Stage) Cluster() *cluster.Cluster { return s.cluster }

// Client is the cluster's admin.
func (s *Stage) Client() kubernetes.Interface { return s.cluster.Client() }

// Region is the simulator's admin interface, and RegionURL where it and the OpenAPI
// are on this machine's loopback.
func (s *Stage) Region() *admin.Client { return s.region }

// RegionURL is described at Region.
func (s *Stage) RegionURL() string { return s.url }

// Internet is where the client on the internet is.
func (s *Stage) Internet() Place { return s.internet }

// Took is how long it was from the start until every Node could be used, without
// the building of programs.
func (s *Stage) Took() time.Duration { return s.up }

func (s *Stage) logf(format string, values ...any) {
	s.logMu.Lock()
	defer s.logMu.Unlock()
	_, _ = fmt.Fprintf(s.options.Log, "%6.1fs  %s\n", time.Since(s.begin).Seconds(), fmt.Sprintf(format, values...))
}
