// Package instances is cloudprovider.InstancesV2 on the shared snapshot of
// servers: what the framework asks one Node at a time costs one call for a
// hundred, and a Node is given up only on proof.
package instances

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	cloudprovider "k8s.io/cloud-provider"
	cloudproviderapi "k8s.io/cloud-provider/api"
	"k8s.io/utils/clock"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/apierror"
	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/ecs"
	"github.com/kube-aliyun/kube-aliyun/pkg/event"
	"github.com/kube-aliyun/kube-aliyun/pkg/providerid"
	"github.com/kube-aliyun/kube-aliyun/pkg/servers"
)

const (
	// DefaultStatusPeriod is the framework's period of address refreshes.
	DefaultStatusPeriod = 5 * time.Minute
	// initialAge is how old the answer for a Node that is being initialised may be:
	// the Nodes of one scaling step share it, a thousand of which take three quarters
	// of a minute.
	initialAge = time.Minute
)

// Servers is what leads from a Node to its server; *servers.Snapshot is one.
type Servers interface {
	Get(ctx context.Context, node *corev1.Node, maxAge time.Duration) (ecs.Server, error)
	GetAmong(ctx context.Context, node *corev1.Node, maxAge time.Duration, among func(*corev1.Node) bool) (ecs.Server, error)
}

// Cloud answers the last question before a Node is deleted.
type Cloud interface {
	// ServerExists is false only when the API says InvalidInstanceId.NotFound.
	ServerExists(ctx context.Context, id string) (bool, error)
}

// Recorder records an event on a Node.
type Recorder interface {
	Event(object runtime.Object, reason *event.Reason, format string, args ...any)
}

// Options of Instances. StatusPeriod and Clock may be zero.
type Options struct {
	Region  string
	Servers Servers
	Cloud   Cloud
	Events  Recorder
	// StatusPeriod is how often the framework refreshes addresses
	// (--node-status-update-frequency).
	StatusPeriod time.Duration
	Clock        clock.PassiveClock
}

// Instances implements cloudprovider.InstancesV2. It is safe for concurrent use.
type Instances struct {
	options Options
	clock   clock.PassiveClock

	mu sync.Mutex
	// withheld is when a missing server was last asked about and not proven gone.
	withheld map[string]time.Time
	// proven holds the UID of each Node whose server is proven gone.
	proven map[string]types.UID
}

var _ cloudprovider.InstancesV2 = (*Instances)(nil)

// New returns the implementation.
func New(options Options) *Instances {
	if options.StatusPeriod == 0 {
		options.StatusPeriod = DefaultStatusPeriod
	}
	i := &Instances{options: options, clock: options.Clock, withheld: map[string]time.Time{}, proven: map[string]types.UID{}}
	if i.clock == nil {
		i.clock = clock.RealClock{}
	}
	return i
}

// InstanceMetadata implements cloudprovider.InstancesV2. For a Node that is not
// ours it returns nil while the Node is uninitialised, which leaves it alone, and
// an empty value afterwards, where the framework does not allow for nil.
func (i *Instances) InstanceMetadata(ctx context.Context, node *corev1.Node) (*cloudprovider.InstanceMetadata, error) {
	initialised := !uninitialized(node)
	server, err := i.described(ctx, node, initialised)
	switch {
	case errors.Is(err, servers.ErrForeign) && initialised:
		return &cloudprovider.InstanceMetadata{}, nil
	case errors.Is(err, servers.ErrForeign):
		return nil, nil
	case err != nil:
		if !initialised {
			i.explain(node, err)
		}
		return nil, err
	}
	metadata := &cloudprovider.InstanceMetadata{
		ProviderID:       node.Spec.ProviderID,
		InstanceType:     server.Type,
		Zone:             server.Zone,
		Region:           i.options.Region,
		NodeAddresses:    addresses(node, &server),
		AdditionalLabels: labels(&server),
	}
	if metadata.ProviderID == "" {
		metadata.ProviderID = providerid.Format(i.options.Region, server.ID)
	}
	if initialised && unchanged(node, metadata.NodeAddresses) {
		// The framework compares one address a type, so with two InternalIPs it
		// would patch an unchanged Node in every period; no address means no change.
		metadata.NodeAddresses = nil
	}
	return metadata, nil
}

// described looks up the server of a Node. One that is being initialised takes
// along the others that are, and asks nothing anew for those that were.
func (i *Instances) described(ctx context.Context, node *corev1.Node, initialised bool) (ecs.Server, error) {
	if !initialised {
		return i.options.Servers.GetAmong(ctx, node, initialAge, uninitialized)
	}
	// Younger than two periods, so that every other one asks, which by default is
	// once in ten minutes; not by much, so that all Nodes are asked for together.
	return i.options.Servers.Get(ctx, node, i.options.StatusPeriod*9/5)
}

// explain tells why a Node stays uninitialised. The message does not change from
// try to try, so that it is told once.
func (i *Instances) explain(node *corev1.Node, err error) {
	var absent *servers.AbsentError
	switch {
	case errors.As(err, &absent):
		i.options.Events.Event(node, event.ServerNotFound,
			"%v; check region and VPC, the Node's InternalIP and --node-name-type, or set the provider ID", absent)
	case errors.Is(err, servers.ErrUnproven):
		i.options.Events.Event(node, event.ServerNotFound,
			"%v; check that permission, the region and the Node's provider ID", servers.ErrUnproven)
	case errors.Is(err, apierror.ErrDenied):
		i.options.Events.Event(node, event.ServerLookupDenied,
			"the access key may not list servers; grant ecs:DescribeInstances")
	}
}

// InstanceShutdown implements cloudprovider.InstancesV2: true for a server that
// is stopped or stopping.
func (i *Instances) InstanceShutdown(ctx context.Context, node *corev1.Node) (bool, error) {
	if node.Spec.ProviderID == "" || i.isWithheld(node.Spec.ProviderID) {
		return false, nil
	}
	server, err := i.notReady(ctx, node)
	switch {
	case isVerdict(err):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("is the server shut down: %w", err)
	}
	return server.Status == ecs.Stopped || server.Status == ecs.Stopping, nil
}

// isVerdict reports whether an error says something of the server, rather than
// that the cloud did not answer.
func isVerdict(err error) bool {
	return errors.Is(err, servers.ErrForeign) || errors.Is(err, servers.ErrRefused) || errors.Is(err, servers.ErrAbsent)
}

func uninitialized(node *corev1.Node) bool {
	for i := range node.Spec.Taints {
		if node.Spec.Taints[i].Key == cloudproviderapi.TaintExternalCloudProvider {
			return true
		}
	}
	return false
}

// The labels that Alibaba Cloud's own controller writes as well.
const (
	labelChargeType   = "node.alibabacloud.com/instance-charge-type"
	labelSpotStrategy = "node.alibabacloud.com/spot-strategy"
)

func labels(server *ecs.Server) map[string]string {
	all := map[string]string{}
	if server.ChargeType != "" {
		all[labelChargeType] = server.ChargeType
	}
	if server.SpotStrategy != "" {
		all[labelSpotStrategy] = server.SpotStrategy
	}
	return all
}
