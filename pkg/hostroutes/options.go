package hostroutes

import (
	"errors"
	"fmt"
	"math"
	"net"
	"net/netip"
	"os"
	"slices"
	"time"

	"github.com/spf13/pflag"
	"github.com/vishvananda/netns"

	"github.com/kube-aliyun/kube-aliyun/pkg/hostroutes/firewall"
)

// Options are everything that the command line decides.
type Options struct {
	Kubeconfig string
	InCluster  bool
	NodeName   string
	Uplink     string
	// Source is where the Nodes come from.
	Source string

	Protocol, Metric int
	ClusterCIDRs     []string
	ServiceCIDRs     []string
	OtherSubnet      string
	DeleteRatio      float64
	Period           time.Duration

	HealthAddress string

	SelfTestInterval time.Duration
	SelfTestPort     int

	Masquerade        bool
	MasqueradeExclude []string
	MetadataGuard     bool

	Once, DryRun, Cleanup bool

	clusterCIDRs, serviceCIDRs, direct []netip.Prefix
}

// Marks of our routes unless the operator wants others. The protocol is one that
// neither the kernel nor a routing program of rt_protos has; the metric is behind
// those of routes by hand and before those of IPv6 by default.
const (
	DefaultProtocol = 107
	DefaultMetric   = 512
	// DefaultHealthAddress is behind the ports of Kubernetes' own programs.
	DefaultHealthAddress = "127.0.0.1:10260"
)

// NewOptions returns the defaults. NODE_NAME of the environment names the Node.
func NewOptions() *Options {
	return &Options{
		NodeName: os.Getenv("NODE_NAME"), Protocol: DefaultProtocol, Metric: DefaultMetric, OtherSubnet: skip, Source: sourceNodes,
		SelfTestPort: kubeletPort, DeleteRatio: DefaultDeleteRatio, Period: DefaultPeriod, HealthAddress: DefaultHealthAddress,
	}
}

// kubeletPort is served on every address of a server, that of the Pods' bridge too.
const kubeletPort = 10250

// The sources of Nodes.
const (
	sourceNodes  = "nodes"
	sourceShards = "configmap"
)

// skip is what is done with Nodes of other vSwitches.
const skip = "skip"

// AddFlags adds the flags, whose defaults are the values of o.
func (o *Options) AddFlags(f *pflag.FlagSet) {
	f.StringVar(&o.Kubeconfig, "kubeconfig", o.Kubeconfig, "kubeconfig of the API server; without it the Pod's ServiceAccount is used")
	f.BoolVar(&o.InCluster, "in-cluster", o.InCluster, "use the Pod's ServiceAccount, which is the default; a flag of the hostroutes of 2017")
	f.StringVar(&o.NodeName, "node-name", o.NodeName, "name of this host's Node (environment: NODE_NAME); without it, it is the Node with an address of this host")
	f.StringVar(&o.Source, "source", o.Source, "where the Nodes come from: nodes watches them, configmap what aliyun-controller --publish-node-shards publishes of them, for clusters of more than some 500")
	f.StringVar(&o.Uplink, "uplink", o.Uplink, "network interface to the other servers; without it, the one with the Node's InternalIP")
	f.IntVar(&o.Protocol, "route-protocol", o.Protocol, "protocol number of own routes: every route of the main table that has it is ours, and may be removed")
	f.IntVar(&o.Metric, "route-metric", o.Metric, "metric of own routes, not 0: such a route wins over the host's own")
	f.StringSliceVar(&o.ClusterCIDRs, "cluster-cidr", o.ClusterCIDRs, "ranges of all Pods, as kube-controller-manager has them; a Node's range outside of them gets no route")
	f.StringSliceVar(&o.ServiceCIDRs, "service-cluster-ip-range", o.ServiceCIDRs, "ranges of Services, as kube-apiserver has them; a Node's range that overlaps one gets no route")
	f.StringVar(&o.OtherSubnet, "other-subnet", o.OtherSubnet, "what to do with Nodes of other vSwitches, which no host route reaches: skip leaves them to the routes of the VPC")
	f.Float64Var(&o.DeleteRatio, "max-delete-ratio", o.DeleteRatio, "part of the own routes whose removal is confirmed by a second list of the Nodes; up to 3 routes may always go")
	f.DurationVar(&o.Period, "resync-period", o.Period, "pause between comparisons that no change asks for")
	f.StringVar(&o.HealthAddress, "health-address", o.HealthAddress, "address of /healthz, /readyz and /metrics, plain HTTP; empty for none")
	f.DurationVar(&o.SelfTestInterval, "self-test-interval", o.SelfTestInterval, "pause between tests whether packets by these routes arrive, told by an event and metrics; 0 for none")
	f.IntVar(&o.SelfTestPort, "self-test-port", o.SelfTestPort, "TCP port that the test asks at other servers and their Pods' bridges: the kubelet's")
	f.BoolVar(&o.Masquerade, "masquerade", o.Masquerade, "give packets of this host's Pods that leave the cluster the host's address, by nftables; needs --cluster-cidr and --masquerade-exclude")
	f.StringSliceVar(&o.MasqueradeExclude, "masquerade-exclude", o.MasqueradeExclude, "further ranges that see Pods' own addresses, such as those of the VPC; those of Pods, of Services and 100.64.0.0/10 always do")
	f.BoolVar(&o.MetadataGuard, "metadata-guard", o.MetadataGuard, "drop packets of this host's Pods to the instance metadata (100.100.100.200), by nftables")
	f.BoolVar(&o.Once, "once", o.Once, "make the routes right one time, and end")
	f.BoolVar(&o.DryRun, "dry-run", o.DryRun, "print what would be changed and change nothing; the exit code is 3 when something would be")
	f.BoolVar(&o.Cleanup, "cleanup", o.Cleanup, "remove own routes and rules, and end; the API server is not needed")
}

// takenProtocols are numbers that the kernel and routing programs use.
var takenProtocols = [][2]int{{0, 4}, {8, 18}, {42, 42}, {99, 99}, {186, 189}, {192, 192}}

// Validate reads the texts among the options, and returns everything that is
// wrong with them at once.
func (o *Options) Validate() error {
	var problems []error
	wrong := func(format string, args ...any) { problems = append(problems, fmt.Errorf(format, args...)) }
	if o.Kubeconfig != "" && o.InCluster {
		wrong("--kubeconfig and --in-cluster exclude each other: give one of them")
	}
	if o.Protocol < 1 || o.Protocol > math.MaxUint8 || slices.ContainsFunc(takenProtocols, func(r [2]int) bool { return r[0] <= o.Protocol && o.Protocol <= r[1] }) {
		wrong("--route-protocol %d is no number from 5 to 255 that is free: 8 to 18, 42, 99, 186 to 189 and 192 belong to routing programs", o.Protocol)
	}
	if o.Metric < 1 || o.Metric > math.MaxInt32 {
		wrong("--route-metric %d is not from 1 to %d: 0 would win over the host's own routes", o.Metric, math.MaxInt32)
	}
	if o.Source != sourceNodes && o.Source != sourceShards {
		wrong("--source %q is neither %s nor %s", o.Source, sourceNodes, sourceShards)
	}
	if o.OtherSubnet != skip {
		wrong("--other-subnet %q is not skip, which is all that there is", o.OtherSubnet)
	}
	if !(o.DeleteRatio > 0 && o.DeleteRatio <= 1) {
		wrong("--max-delete-ratio %v is not above 0 and up to 1", o.DeleteRatio)
	}
	if o.Period < time.Second {
		wrong("--resync-period %s is shorter than 1s", o.Period)
	}
	if o.SelfTestInterval != 0 && o.SelfTestInterval < time.Second {
		wrong("--self-test-interval %s is neither 0 nor at least 1s", o.SelfTestInterval)
	}
	if o.SelfTestPort < 1 || o.SelfTestPort > math.MaxUint16 {
		wrong("--self-test-port %d is no port", o.SelfTestPort)
	}
	if o.HealthAddress != "" {
		if _, _, err := net.SplitHostPort(o.HealthAddress); err != nil {
			wrong("--health-address %q is not an address with a port: %w", o.HealthAddress, err)
		}
	}
	if o.Once && o.Cleanup {
		wrong("--once and --cleanup exclude each other")
	}
	o.clusterCIDRs = prefixes("--cluster-cidr", o.ClusterCIDRs, wrong)
	o.serviceCIDRs = prefixes("--service-cluster-ip-range", o.ServiceCIDRs, wrong)
	o.direct = prefixes("--masquerade-exclude", o.MasqueradeExclude, wrong)
	if o.Masquerade && (len(o.ClusterCIDRs) == 0 || len(o.MasqueradeExclude) == 0) {
		wrong("--masquerade needs --cluster-cidr and --masquerade-exclude with the ranges of the VPC: Pods and servers must see Pods' own addresses")
	}
	return errors.Join(problems...)
}

// sharedRange is where Alibaba Cloud's own services are, which know Pods by their
// addresses: health checks of load balancers among them.
var sharedRange = netip.MustParsePrefix("100.64.0.0/10")

// firewall is what the options ask for beside routes, nil for nothing.
func (o *Options) firewall(namespace netns.NsHandle) *firewall.Firewall {
	if !o.Masquerade && !o.MetadataGuard {
		return nil
	}
	return firewall.New(namespace, firewall.Settings{
		Masquerade: o.Masquerade, GuardMetadata: o.MetadataGuard,
		Direct: slices.Concat(o.clusterCIDRs, o.serviceCIDRs, o.direct, []netip.Prefix{sharedRange}),
	})
}

// prefixes reads the ranges of a flag.
func prefixes(flag string, texts []string, wrong func(format string, args ...any)) []netip.Prefix {
	ranges := make([]netip.Prefix, 0, len(texts))
	for _, text := range texts {
		p, err := netip.ParsePrefix(text)
		if err != nil || p != p.Masked() {
			wrong("%s %q is not a range such as 10.2.0.0/16", flag, text)
			continue
		}
		ranges = append(ranges, p)
	}
	return ranges
}
