package manager

import (
	"context"

	"github.com/spf13/cobra"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	utilfeature "k8s.io/apiserver/pkg/util/feature"
	cliflag "k8s.io/component-base/cli/flag"
	logsapi "k8s.io/component-base/logs/api/v1"
	"k8s.io/component-base/term"
	"k8s.io/component-base/version/verflag"
	"k8s.io/klog/v2"
)

const long = `aliyun-controller gives a Kubernetes cluster on Alibaba Cloud servers what the
cloud has to offer it: Nodes that carry the cloud's truth, Pod routes in the
VPC, and load balancers for Services of type LoadBalancer.

Run it on every master; one replica works, the others wait for its lease.
Settings of the cloud come from flags, environment variables, the file of
--cloud-config (YAML with the flags' names as keys) and the metadata service, in
this order.

"aliyun-controller plan -f service.yaml" prints what it would do for a Service, and
does nothing.`

// NewCommand returns the program. Its context ends the process in order: no new
// work, calls in flight are finished, the lease is released.
func NewCommand() (*cobra.Command, error) {
	utilruntime.Must(logsapi.AddFeatureGates(utilfeature.DefaultMutableFeatureGate))
	o, err := NewOptions()
	if err != nil {
		return nil, err
	}
	cmd := &cobra.Command{
		Use:           Name,
		Long:          long,
		Args:          cobra.NoArgs,
		SilenceUsage:  true,
		SilenceErrors: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			verflag.PrintAndExitIfRequested()
			endLog, err := startLog(o.logs, cmd.OutOrStdout(), cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			defer endLog()
			ctx := klog.NewContext(cmd.Context(), klog.Background().WithName(Name))
			return Run(ctx, o, cmd.OutOrStdout())
		},
	}
	sets := o.Flags()
	for _, set := range sets.FlagSets {
		cmd.Flags().AddFlagSet(set)
	}
	columns, _, _ := term.TerminalSize(cmd.OutOrStdout())
	cliflag.SetUsageAndHelpFunc(cmd, sets, columns)
	plan, err := planCommand()
	if err != nil {
		return nil, err
	}
	cmd.CompletionOptions.DisableDefaultCmd = true
	cmd.AddCommand(plan)
	return cmd, nil
}

// cancelled says whether err is only the context's end.
func cancelled(ctx context.Context, err error) bool {
	return err != nil && ctx.Err() != nil
}
