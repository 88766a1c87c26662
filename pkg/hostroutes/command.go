package hostroutes

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	"k8s.io/component-base/featuregate"
	"k8s.io/component-base/logs"
	logsapi "k8s.io/component-base/logs/api/v1"
	"k8s.io/component-base/version/verflag"
	"k8s.io/klog/v2"
)

// Name is the name of the program.
const Name = "hostroutes"

// ChangesExit is the exit code of a dry run that has found something to do.
const ChangesExit = 3

// ErrChanges is the end of a dry run that has found something to do.
var ErrChanges = errors.New("something would be changed")

const long = `hostroutes keeps, in this host's own route table, the routes to the Pods of
other Nodes of the same vSwitch. It needs the capability NET_ADMIN and the right
to watch Nodes, and no keys of the cloud.

Whether servers of a VPC may be reached by routes of hosts is the VPC's decision.
The routes of the VPC, which aliyun-controller makes, always work: prefer them.`

// NewCommand returns the program. The routes stay when its context ends.
func NewCommand() *cobra.Command {
	o, logging := NewOptions(), logs.NewOptions()
	gate := featuregate.NewFeatureGate()
	utilruntime.Must(logsapi.AddFeatureGates(gate))
	cmd := &cobra.Command{
		Use:           Name,
		Short:         "Routes to Pods in the host's own route table",
		Long:          long,
		Args:          cobra.NoArgs,
		SilenceUsage:  true,
		SilenceErrors: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			verflag.PrintAndExitIfRequested()
			if err := logsapi.ValidateAndApply(logging, gate); err != nil {
				return fmt.Errorf("logging: %w", err)
			}
			if err := o.Validate(); err != nil {
				return err
			}
			ctx := klog.NewContext(cmd.Context(), klog.Background().WithName(Name))
			return Run(ctx, o, cmd.OutOrStdout())
		},
	}
	o.AddFlags(cmd.Flags())
	logsapi.AddFlags(logging, cmd.Flags())
	verflag.AddFlags(cmd.Flags())
	return cmd
}
