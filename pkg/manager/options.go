// Package manager runs the controllers: it turns options into clients and
// informers (it is the only maker of both), serves health and metrics, holds
// the election and stops in order.
//
// It has its own Run beside the framework's app.Run, because that one can
// neither stop gracefully nor release the lease.
package manager

import (
	"fmt"
	"os"
	"time"

	"github.com/spf13/pflag"
	cloudoptions "k8s.io/cloud-provider/options"
	cliflag "k8s.io/component-base/cli/flag"
	"k8s.io/component-base/cli/globalflag"
	"k8s.io/component-base/logs"
	logsapi "k8s.io/component-base/logs/api/v1"
	"k8s.io/component-base/version/verflag"

	cloudconfig "k8s.io/cloud-provider/app/config"

	"github.com/kube-aliyun/kube-aliyun/pkg/config"
)

// Name is the name of the program and of its lease's user agent.
const Name = "aliyun-controller"

// ProviderName is the cloud provider's name in flags and logs.
const ProviderName = "aliyun"

// Options are everything that the command line decides.
type Options struct {
	framework *cloudoptions.CloudControllerManagerOptions
	logs      *logs.Options
	loader    *config.Loader
}

// NewOptions returns the framework's options with this project's defaults.
func NewOptions() (*Options, error) {
	framework, err := cloudoptions.NewCloudControllerManagerOptions()
	if err != nil {
		return nil, fmt.Errorf("framework defaults: %w", err)
	}
	framework.Webhook, framework.WebhookServing = nil, nil
	framework.KubeCloudShared.CloudProvider.Name = ProviderName
	for _, d := range defaults {
		d.apply(framework)
	}
	return &Options{framework: framework, logs: logs.NewOptions()}, nil
}

// ownDefault is a default that differs from the framework's.
type ownDefault struct {
	flag   string
	reason string
	apply  func(*cloudoptions.CloudControllerManagerOptions)
}

var defaults = []ownDefault{
	{
		"concurrent-service-syncs", "Services wait for the cloud, not for this process: one slow load balancer must not hold up the others.",
		func(o *cloudoptions.CloudControllerManagerOptions) { o.ServiceController.ConcurrentServiceSyncs = 20 },
	},
	{
		"concurrent-node-syncs", "Nodes that join together share one call only when they are looked up together.",
		func(o *cloudoptions.CloudControllerManagerOptions) { o.NodeController.ConcurrentNodeSyncs = 50 },
	},
	{
		"kube-api-qps", "A joining node costs three writes; at 20 a second, 1,000 nodes take 150 s.",
		func(o *cloudoptions.CloudControllerManagerOptions) { o.Generic.ClientConnection.QPS = 100 },
	},
	{
		"kube-api-burst", "Twice the rate, as joins come in bursts.",
		func(o *cloudoptions.CloudControllerManagerOptions) { o.Generic.ClientConnection.Burst = 200 },
	},
	{
		"leader-elect-retry-period", "A released lease is taken within about two periods.",
		func(o *cloudoptions.CloudControllerManagerOptions) {
			o.Generic.LeaderElection.RetryPeriod.Duration = time.Second
		},
	},
	{
		"route-reconciliation-period", "Changes are watched; the period only finds drift.",
		func(o *cloudoptions.CloudControllerManagerOptions) {
			o.KubeCloudShared.RouteReconciliationPeriod.Duration = 10 * time.Minute
		},
	},
	{
		"profiling", "Profiles show more of a process than its metrics; turn them on when they are needed.",
		func(o *cloudoptions.CloudControllerManagerOptions) { o.Generic.Debugging.EnableProfiling = false },
	},
}

// Flags returns all flags by section.
func (o *Options) Flags() cliflag.NamedFlagSets {
	sets := o.framework.Flags(controllerNames(), nil, controllerAliases(), nil, nil)
	for _, d := range defaults {
		if f := lookup(sets, d.flag); f != nil {
			f.Usage += " Default of this program: " + d.reason
		}
	}
	misc := sets.FlagSet("misc")
	misc.StringVar(&o.framework.Master, "server", o.framework.Master, "The old name of --master.")
	o.loader = config.AddFlags(sets.FlagSet("cloud"))
	global := sets.FlagSet("global")
	verflag.AddFlags(global)
	logsapi.AddFlags(o.logs, global)
	globalflag.AddGlobalFlags(global, Name, logs.SkipLoggingConfigurationFlags())
	return sets
}

func lookup(sets cliflag.NamedFlagSets, name string) *pflag.Flag {
	for _, set := range sets.FlagSets {
		if f := set.Lookup(name); f != nil {
			return f
		}
	}
	return nil
}

// load validates everything and returns the two configurations. Problems of
// our own settings come first and all at once.
func (o *Options) load() (*config.Config, *cloudconfig.CompletedConfig, error) {
	cfg, err := o.loader.Load(o.framework.KubeCloudShared.CloudProvider.CloudConfigFile, os.Getenv)
	if err != nil {
		return nil, nil, err
	}
	if cfg.DryRun {
		o.framework.SecureServing.BindPort = 0 // beside a controller that serves on it
	}
	framework, err := o.framework.Config(controllerNames(), nil, controllerAliases(), nil, nil)
	if err != nil {
		return nil, nil, fmt.Errorf("flags: %w", err)
	}
	return cfg, framework.Complete(), nil
}
