// Command aliyun-sim is a region of Alibaba Cloud on one machine.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/admin"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/serve"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := command().ExecuteContext(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "aliyun-sim:", err)
		os.Exit(1)
	}
}

const about = `aliyun-sim serves the RPC OpenAPI of ECS, VPC, SLB and STS, instance metadata
(/latest/, and /metadata/SERVER/latest/ for any server) and an admin interface
on one port. It prints NAME=URL for each listener, then "ready". SIGTERM ends
it; with --state the region is saved then, and goes on at the next start.

Without --seed the region is cn-hangzhou with one VPC, two vSwitches, --servers
servers and the access key test-key / test-secret.

With --dataplane the network is real: every server is a network namespace, and
reaches others through its VPC's route tables alone, instance metadata at
100.100.100.200 and the OpenAPI at 100.100.100.201. Data disks are loop devices
over sparse files. All namespaces and devices go at the end, or at the next start
after a kill.

`

func command() *cobra.Command {
	var o serve.Options
	cmd := &cobra.Command{
		Use:           "aliyun-sim",
		Short:         "A region of Alibaba Cloud on one machine",
		Long:          about + admin.Help,
		Args:          cobra.NoArgs,
		SilenceUsage:  true,
		SilenceErrors: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return serve.Run(cmd.Context(), o, cmd.OutOrStdout())
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.Listen, "listen", "127.0.0.1:0", "address for everything; port 0 picks a free one")
	f.StringVar(&o.Metadata, "metadata-listen", "", "address for instance metadata alone")
	f.StringVar(&o.TLS, "tls-listen", "", "address for everything over TLS, with a new self-signed certificate")
	f.StringToStringVar(&o.Products, "product-listen", nil, "addresses for single products, such as ecs=127.0.0.1:0,slb=127.0.0.1:0")
	f.StringVar(&o.CertificateFile, "tls-cert-file", "", "file that gets the certificate of --tls-listen (PEM)")
	f.StringVar(&o.AddressesFile, "addresses-file", "", "file that gets the URLs as a JSON object")
	f.BoolVar(&o.InsecureListen, "insecure-listen", false, "allow addresses other than loopback; the admin interface has no password")
	f.BoolVar(&o.Dataplane, "dataplane", false, "make the region real: servers, VPCs and load balancers are network namespaces, disks are loop devices; GET /admin/dataplane tells where (Linux, root)")
	f.StringVar(&o.SeedFile, "seed", "", "YAML file that describes the region")
	f.IntVar(&o.Servers, "servers", 3, "servers of the region that is made without --seed")
	f.StringVar(&o.StateFile, "state", "", "file with the region's state: loaded at the start when it exists (instead of the seed), saved at the end and on POST /admin/save")
	f.StringVar(&o.Profile, "profile", "", "latencies, delays and quotas: instant, std or published (default: the seed's, else std)")
	f.BoolVar(&o.Strict, "strict", true, "refuse parameters that an action does not have; otherwise they are counted")
	f.Float64Var(&o.Scale, "scale", 1, "how many times as fast as real time simulated time runs")
	f.Uint64Var(&o.Random, "random-seed", 0, "seed of ids, addresses and chances")
	f.BoolVar(&o.LogCalls, "log-requests", false, "log every call")
	return cmd
}
