// Package disks attaches and detaches cloud disks for the volumes of Pods. It
// reads everything anew before it takes a disk from anywhere, does one operation
// at a time on each server, detaches first, and reads all disks that are waited
// for in one call a second.
package disks

import (
	"context"
	"time"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes"
	corelisters "k8s.io/client-go/listers/core/v1"
	"k8s.io/utils/clock"

	corev1 "k8s.io/api/core/v1"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/ecs"
	"github.com/kube-aliyun/kube-aliyun/pkg/event"
	"github.com/kube-aliyun/kube-aliyun/pkg/servers"
)

// Driver is the name of the FlexVolume driver, as volumes spell it.
const Driver = "aliyun/flexv"

// InlineVolumes says which Pods may name a disk themselves.
type InlineVolumes string

// The values of InlineVolumes.
const (
	// InlineDeny: none; disks are named by PersistentVolumes alone.
	InlineDeny InlineVolumes = "deny"
	// InlineTagged: a disk whose tag kube-aliyun.io/allow lists the Pod's namespace,
	// to which no PersistentVolume refers, by a volume of the disk's name.
	InlineTagged InlineVolumes = "tagged"
	// InlineAny: every disk, as the first kube-aliyun had it.
	InlineAny InlineVolumes = "any"
)

// Cloud is what the package asks of ECS.
type Cloud interface {
	Disks(ctx context.Context, f ecs.DiskFilter) ([]ecs.Disk, error)
	AttachDisk(ctx context.Context, diskID, serverID string, deleteWithInstance bool) error
	DetachDisk(ctx context.Context, diskID, serverID string) error
	TagDisks(ctx context.Context, ids []string, tags map[string]string) error
	Servers(ctx context.Context, f ecs.Filter) ([]ecs.Server, error)
	ServerExists(ctx context.Context, id string) (bool, error)
}

// Servers leads from Nodes to servers.
type Servers interface {
	Get(ctx context.Context, node *corev1.Node, maxAge time.Duration) (ecs.Server, error)
	All(ctx context.Context, maxAge time.Duration) (map[string]servers.Result, error)
}

// Recorder records events.
type Recorder interface {
	Event(object runtime.Object, reason *event.Reason, format string, args ...any)
}

// Options of New. Clock may be nil.
type Options struct {
	ClusterID string
	Region    string
	Cloud     Cloud
	Servers   Servers
	// Kubernetes is read past every cache before a disk moves.
	Kubernetes kubernetes.Interface
	// Volumes are the PersistentVolumes, for questions that may be answered from memory.
	Volumes corelisters.PersistentVolumeLister
	// Nodes serve the same.
	Nodes  corelisters.NodeLister
	Events Recorder
	Inline InlineVolumes
	// PerServer is how many operations may be in flight on a server; 0 is 1.
	PerServer int
	// Pace is the least time between two readings of disks; 0 is a second.
	Pace  time.Duration
	Clock clock.Clock
}

// Volumes attaches and detaches. It is safe for concurrent use; it works while
// Run does.
type Volumes struct {
	opts      Options
	clock     clock.Clock
	describer *describer
	// slots bound the operations on each server, turns those on each disk. A turn
	// is taken before a slot, so nobody waits in a circle.
	slots, turns *queue
	refusals     *refusals
}

// New returns Volumes that do not run yet.
func New(opts Options) *Volumes {
	clk := opts.Clock
	if clk == nil {
		clk = clock.RealClock{}
	}
	return &Volumes{
		opts: opts, clock: clk, describer: newDescriber(opts.Cloud.Disks, clk, opts.Pace),
		slots: newQueue(opts.PerServer), turns: newQueue(1), refusals: newRefusals(clk),
	}
}

// Run reads disks for the callers until ctx ends; they get an error then.
func (v *Volumes) Run(ctx context.Context) { v.describer.run(ctx) }
