package cluster

import (
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"time"
)

// defaultStartTimeout leaves room for a machine that compiles something else.
const defaultStartTimeout = time.Minute

// Options says what kind of control plane Start brings up. Only Dir is needed.
type Options struct {
	// Dir holds everything of this control plane: state, keys, logs, data.
	// It is made when missing; an ended control plane in it is removed.
	Dir string
	// Binaries is the folder of the programs. Default: KUBEBUILDER_ASSETS,
	// else bin/kubernetes of the repository around the working directory.
	Binaries string

	// ClusterCIDR is the range of Pod addresses, one per address family.
	// Default: 10.244.0.0/16.
	ClusterCIDR []string
	// ServiceCIDR is the range of Service addresses, one per address family.
	// Default: 10.96.0.0/16, and fd00:96::/112 when ClusterCIDR has IPv6.
	ServiceCIDR []string
	// NodeCIDRMaskSize is the size of a Node's IPv4 range. Default: 24.
	NodeCIDRMaskSize int
	// NodeCIDRMaskSizeIPv6 is the size of a Node's IPv6 range. Default: 64.
	NodeCIDRMaskSizeIPv6 int

	// ControllerManager starts kube-controller-manager, which allocates Node
	// CIDRs and expects an external cloud provider.
	ControllerManager bool
	// Scheduler starts kube-scheduler.
	Scheduler bool
	// Controllers are the names given to kube-controller-manager's
	// --controllers ("*", "node-ipam-controller", "-daemonset-controller").
	// Default: all that are on by default.
	Controllers []string
	// NodeMonitorGrace is how long a Node may miss its heartbeats before it
	// becomes NotReady. Default: that of Kubernetes, 50 s. It must be some
	// times the heartbeat interval of the nodes.
	NodeMonitorGrace time.Duration

	// BindAddress is the address that all programs listen on. Default:
	// 127.0.0.1.
	BindAddress string
	// Namespace is the path of a network namespace, a simulated server's, for
	// the programs to run in. They then use their usual ports there, on all
	// addresses; BindAddress, the server's own, is the one that other servers
	// find them at. This machine reaches the API server through a relay on its
	// loopback, which belongs to this process: Detach goes without.
	Namespace string
	// ServerNames are further addresses and names in the API server's
	// certificate, beside those of BindAddress, localhost and the Service.
	ServerNames []string

	// Extra arguments; one that repeats an argument of ours replaces it.
	EtcdArgs                  []string
	KubeAPIServerArgs         []string
	KubeControllerManagerArgs []string
	KubeSchedulerArgs         []string
	// KubeControllerManagerEnv is added to that program's environment, which
	// FlexVolume drivers inherit.
	KubeControllerManagerEnv []string

	// Detach lets the processes outlive this one: they are ended by Stop or
	// by Cleanup only.
	Detach bool
	// StartTimeout bounds the start of each program. Default: 60 s.
	StartTimeout time.Duration
	// Log receives a line per step. Default: nothing is told.
	Log io.Writer
}

func (o Options) withDefaults() (Options, error) {
	if o.Dir == "" {
		return o, errors.New("a control plane needs a folder: Options.Dir is empty")
	}
	if o.Binaries == "" {
		folder, err := findBinaries()
		if err != nil {
			return o, err
		}
		o.Binaries = folder
	}
	if len(o.ClusterCIDR) == 0 {
		o.ClusterCIDR = []string{"10.244.0.0/16"}
	}
	dual, err := hasIPv6(o.ClusterCIDR)
	if err != nil {
		return o, err
	}
	if len(o.ServiceCIDR) == 0 {
		o.ServiceCIDR = []string{"10.96.0.0/16"}
		if dual {
			o.ServiceCIDR = append(o.ServiceCIDR, "fd00:96::/112")
		}
	}
	if o.NodeCIDRMaskSize == 0 {
		o.NodeCIDRMaskSize = 24
	}
	if o.NodeCIDRMaskSizeIPv6 == 0 {
		o.NodeCIDRMaskSizeIPv6 = 64
	}
	if err := checkMasks(o); err != nil {
		return o, err
	}
	if o.BindAddress == "" {
		o.BindAddress = "127.0.0.1"
	}
	address, err := netip.ParseAddr(o.BindAddress)
	if err != nil {
		return o, fmt.Errorf("reading Options.BindAddress: %w", err)
	}
	if o.Namespace != "" && (address.IsLoopback() || o.Detach) {
		return o, errNamespace
	}
	if o.StartTimeout == 0 {
		o.StartTimeout = defaultStartTimeout
	}
	if o.Log == nil {
		o.Log = io.Discard
	}
	return o, nil
}

// listenAddress is what the programs listen on.
func (o Options) listenAddress() string {
	if o.Namespace != "" {
		return "0.0.0.0"
	}
	return o.BindAddress
}

// programs are the names of the programs that these options need.
func (o Options) programs() []string {
	names := []string{etcdName, apiServerName}
	if o.ControllerManager {
		names = append(names, controllerManagerName)
	}
	if o.Scheduler {
		names = append(names, schedulerName)
	}
	return names
}

var errNamespace = errors.New("a control plane in a network namespace needs an address that other servers reach, and goes with the process that relays to it")

var errMask = errors.New("a node's range must be smaller than the cluster's, with IPv6 by 16 bits at most")

// checkMasks knows what kube-controller-manager refuses only after it has said
// that it is healthy.
func checkMasks(o Options) error {
	for _, cidr := range o.ClusterCIDR {
		prefix, err := netip.ParsePrefix(cidr)
		if err != nil {
			return fmt.Errorf("reading Options.ClusterCIDR: %w", err)
		}
		size, most := o.NodeCIDRMaskSize, 32
		if prefix.Addr().Is6() {
			size, most = o.NodeCIDRMaskSizeIPv6, prefix.Bits()+16
		}
		if size < prefix.Bits() || size > most {
			return fmt.Errorf("nodes with a /%d out of %s: %w", size, cidr, errMask)
		}
	}
	return nil
}

func hasIPv6(cidrs []string) (bool, error) {
	found := false
	for _, cidr := range cidrs {
		prefix, err := netip.ParsePrefix(cidr)
		if err != nil {
			return false, fmt.Errorf("reading Options.ClusterCIDR: %w", err)
		}
		found = found || prefix.Addr().Is6()
	}
	return found, nil
}

// makeDir makes the folder and returns its one true name: processes are
// recognised by it, so it may not depend on symbolic links.
func makeDir(dir string) (string, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("making the control plane's folder: %w", err)
	}
	return trueName(dir)
}

func trueName(dir string) (string, error) {
	absolute, err := filepath.Abs(dir)
	if err != nil {
		return "", fmt.Errorf("finding the control plane's folder: %w", err)
	}
	resolved, err := filepath.EvalSymlinks(absolute)
	if err != nil {
		return "", fmt.Errorf("finding the control plane's folder: %w", err)
	}
	return resolved, nil
}
