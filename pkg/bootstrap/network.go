package bootstrap

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"strconv"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/credentials"
	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/ecs"
	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/slb"
	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/transport"
	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/vpc"
	"github.com/kube-aliyun/kube-aliyun/pkg/bootstrap/clusterfile"
	"github.com/kube-aliyun/kube-aliyun/pkg/bootstrap/network"
	"github.com/kube-aliyun/kube-aliyun/pkg/config"
)

const networkLong = `network makes what the servers are put into: the VPC (unless vpc.id names one), the
vSwitches of vpc.vSwitchRanges, a security group for each role, and the internal load
balancer with the masters that exist. What it made it finds again by the tag
kube-aliyun.io/bootstrap; it adds what is missing and deletes nothing.

Keys come from ALIYUN_ACCESS_KEY and ALIYUN_ACCESS_KEY_SECRET (with
ALIYUN_SECURITY_TOKEN for temporary ones), or from the file that
ALIYUN_CREDENTIALS_FILE names. deploy/ram/bootstrap.json has the rights they need.`

// apiPort is where the API servers of the masters listen.
const apiPort = 6443

var (
	errNoKeys  = errors.New("no key of the cloud: export ALIYUN_ACCESS_KEY and ALIYUN_ACCESS_KEY_SECRET, or name a file with ALIYUN_CREDENTIALS_FILE")
	errNoPlace = errors.New("vpc.vSwitchRanges is missing in the cluster file: name at least the vSwitch that the load balancer is in, as {zone: cn-hangzhou-h, cidr: 10.99.0.0/24}")
)

func (f *flags) network() *cobra.Command {
	root := &cobra.Command{Use: "network", Short: "VPC, security groups and the internal load balancer, by the API", Long: networkLong}
	run := func(use, short string, do func(context.Context, io.Writer, network.Cloud, *network.Spec) error) *cobra.Command {
		return &cobra.Command{
			Use: use, Short: short, Long: short + ".\n\n" + networkLong, Args: cobra.NoArgs,
			RunE: func(cmd *cobra.Command, _ []string) error {
				cluster, err := clusterfile.Load(f.cluster)
				if err != nil {
					return err
				}
				spec, err := specOf(cluster)
				if err != nil {
					return err
				}
				cloud, end, err := newCloud(cluster.Region, os.Getenv)
				if err != nil {
					return err
				}
				defer end()
				return do(cmd.Context(), cmd.OutOrStdout(), cloud, spec)
			},
		}
	}
	root.AddCommand(
		run("plan", "Tell what apply would do; nothing is written", planNetwork),
		run("apply", "Make what is missing", applyNetwork))
	return root
}

func planNetwork(ctx context.Context, to io.Writer, cloud network.Cloud, spec *network.Spec) error {
	actual, err := network.Look(ctx, cloud, spec)
	if err != nil {
		return err
	}
	steps, notes, err := network.Plan(spec, actual)
	if err != nil {
		return err
	}
	for _, s := range steps {
		_, _ = fmt.Fprintln(to, "would", s)
	}
	finish(to, actual, notes, len(steps)+len(notes) == 0)
	return nil
}

func applyNetwork(ctx context.Context, to io.Writer, cloud network.Cloud, spec *network.Spec) error {
	actual, notes, err := network.Make(ctx, cloud, spec, func(s network.Step) { _, _ = fmt.Fprintln(to, s) })
	if err != nil {
		return err
	}
	finish(to, actual, notes, len(notes) == 0)
	return nil
}

// finish tells the ids that a person needs to start servers, and what is not there yet.
func finish(to io.Writer, a *network.Actual, notes []string, complete bool) {
	if a.VPC != nil {
		_, _ = fmt.Fprintln(to, "VPC", a.VPC.ID, a.VPC.CIDR)
	}
	for _, v := range a.VSwitches {
		_, _ = fmt.Fprintln(to, "vSwitch", v.ID, v.Zone, v.CIDR)
	}
	for _, role := range []network.Role{network.Etcd, network.Master, network.Node} {
		if g, ok := a.Groups[role]; ok {
			_, _ = fmt.Fprintln(to, "security group", g.ID, "of role", role)
		}
	}
	if a.LoadBalancer != nil {
		_, _ = fmt.Fprintf(to, "load balancer %s %s, %d masters\n", a.LoadBalancer.ID, a.LoadBalancer.Address, len(a.LoadBalancer.Backends))
	}
	for _, n := range notes {
		_, _ = fmt.Fprintln(to, "note:", n)
	}
	if complete {
		_, _ = fmt.Fprintln(to, "the network is as the cluster file has it")
	}
}

// specOf is what a cluster file says about the network. The file is valid.
func specOf(c *clusterfile.Cluster) (*network.Spec, error) {
	if len(c.VPC.VSwitchRanges) == 0 {
		return nil, errNoPlace
	}
	spec := &network.Spec{
		Cluster: c.Name, VPCID: c.VPC.ID, CIDR: netip.MustParsePrefix(c.VPC.CIDR), PodCIDR: netip.MustParsePrefix(c.PodCIDR),
		Address: netip.MustParseAddr(c.LoadBalancer.Address), Port: c.LoadBalancer.Port, APIPort: apiPort,
	}
	// The controller answers for the API server where the cluster file says so.
	if address, ok := c.Controller["api-health-address"].(string); ok {
		_, port, err := net.SplitHostPort(address)
		if err == nil {
			spec.ReadyPort, err = strconv.Atoi(port)
		}
		if err != nil {
			return nil, fmt.Errorf("controller.api-health-address: %q is not an address with a port, such as 0.0.0.0:10262", address)
		}
	}
	for _, v := range c.VPC.VSwitchRanges {
		spec.VSwitches = append(spec.VSwitches, network.VSwitch{Zone: v.Zone, CIDR: netip.MustParsePrefix(v.CIDR)})
	}
	for _, s := range c.Of(clusterfile.Master) {
		spec.Masters = append(spec.Masters, netip.MustParseAddr(s.Address))
	}
	return spec, nil
}

// newCloud makes clients out of the controller's settings, as far as the
// environment has them; end releases them.
func newCloud(region string, getenv func(string) string) (cloud network.Cloud, end func(), err error) {
	set := pflag.NewFlagSet("network", pflag.ContinueOnError)
	loader := config.AddFlags(set)
	// An operator's machine is not in the VPC.
	if getenv("ALIYUN_NETWORK") == "" {
		err = set.Set("network", "public")
	}
	if err == nil {
		err = set.Set("region", region)
	}
	if err != nil {
		return network.Cloud{}, nil, fmt.Errorf("settings: %w", err)
	}
	cfg, err := loader.Load("", getenv)
	if err != nil {
		return network.Cloud{}, nil, err
	}
	var source credentials.Source
	switch cfg.Credentials.Source {
	case config.SourceEnvironment:
		source = credentials.Static(cfg.Credentials.AccessKeyID, string(cfg.Credentials.AccessKeySecret), string(cfg.Credentials.SecurityToken))
	case config.SourceFile:
		source = credentials.NewFile(cfg.Credentials.File)
	default:
		return network.Cloud{}, nil, errNoKeys
	}
	t, err := transport.New(transport.Options{
		Region:      region,
		Credentials: source,
		Endpoints: map[transport.Product]string{
			transport.Ecs: cfg.Endpoints.ECS, transport.Vpc: cfg.Endpoints.VPC, transport.Slb: cfg.Endpoints.SLB,
		},
		Network:           cfg.Endpoints.Network,
		InsecureEndpoints: cfg.Endpoints.Insecure,
		UserAgent:         "kube-aliyun/aliyun-bootstrap",
	})
	if err != nil {
		return network.Cloud{}, nil, fmt.Errorf("transport: %w", err)
	}
	return network.Cloud{ECS: ecs.New(t), VPC: vpc.New(t), SLB: slb.New(t)}, t.Close, nil
}
