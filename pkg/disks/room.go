package disks

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	corelisters "k8s.io/client-go/listers/core/v1"
	"k8s.io/klog/v2"
	"k8s.io/utils/clock"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/ecs"
	"github.com/kube-aliyun/kube-aliyun/pkg/servers"
)

const (
	// AnnotationLimit is on Nodes: how many cloud disks the server's type takes, the
	// system disk included (DescribeInstanceTypes: DiskQuantity).
	AnnotationLimit = "disk.kube-aliyun.io/limit"
	// AnnotationFree is on Nodes: how many more of them can be attached, whoever
	// attached the others.
	AnnotationFree = "disk.kube-aliyun.io/free"
	// roomPeriod is how often the Nodes' annotations are brought up to date.
	roomPeriod = 5 * time.Minute
)

// RoomCloud is what Room asks of ECS.
type RoomCloud interface {
	Disks(ctx context.Context, f ecs.DiskFilter) ([]ecs.Disk, error)
	InstanceTypes(ctx context.Context, names []string) ([]ecs.InstanceType, error)
}

// RoomOptions of NewRoom. Clock may be nil.
type RoomOptions struct {
	Cloud      RoomCloud
	Servers    Servers
	Kubernetes kubernetes.Interface
	Nodes      corelisters.NodeLister
	Clock      clock.Clock
}

// Room writes on each Node how many disks its server can still take. FlexVolume
// has no way to tell the scheduler, which counts no such disks.
type Room struct {
	opts RoomOptions
	// limits are those of the types that were asked for.
	limits map[string]int
}

// NewRoom returns a Room that does not run yet.
func NewRoom(opts RoomOptions) *Room {
	if opts.Clock == nil {
		opts.Clock = clock.RealClock{}
	}
	return &Room{opts: opts, limits: map[string]int{}}
}

// Run keeps the annotations up to date until ctx ends.
func (r *Room) Run(ctx context.Context) {
	for {
		if err := r.Update(ctx); err != nil && ctx.Err() == nil {
			klog.FromContext(ctx).Info("The Nodes do not tell how many disks their servers can take; it is tried again", "err", err)
		}
		timer := r.opts.Clock.NewTimer(roomPeriod)
		select {
		case <-timer.C():
		case <-ctx.Done():
			timer.Stop()
			return
		}
	}
}

// Update reads all disks of the region and writes the annotations that differ.
func (r *Room) Update(ctx context.Context) error {
	all, err := r.opts.Servers.All(ctx, servers.DefaultMaxAge)
	if err != nil {
		return err
	}
	if err := r.learn(ctx, all); err != nil {
		return err
	}
	disks, err := r.opts.Cloud.Disks(ctx, ecs.DiskFilter{})
	if err != nil {
		return err
	}
	attached := map[string]int{}
	for i := range disks {
		for _, server := range disks[i].Attachments {
			attached[server]++
		}
	}
	nodes, err := r.opts.Nodes.List(labels.Everything())
	if err != nil {
		return fmt.Errorf("list nodes: %w", err)
	}
	for _, node := range nodes {
		result, found := all[node.Name]
		limit := r.limits[result.Server.Type]
		if !found || result.Err != nil || limit == 0 {
			continue
		}
		if err := r.tell(ctx, node, limit, max(limit-attached[result.Server.ID], 0)); err != nil {
			return err
		}
	}
	return nil
}

// learn asks for the types that are not known yet.
func (r *Room) learn(ctx context.Context, all map[string]servers.Result) error {
	var unknown []string
	for _, result := range all {
		if _, known := r.limits[result.Server.Type]; !known && result.Err == nil {
			unknown = append(unknown, result.Server.Type)
		}
	}
	found, err := r.opts.Cloud.InstanceTypes(ctx, unknown)
	if err != nil {
		return err
	}
	for _, t := range found {
		r.limits[t.Name] = t.Disks
	}
	return nil
}

// tell writes the annotations of a Node where they differ.
func (r *Room) tell(ctx context.Context, node *corev1.Node, limit, free int) error {
	wanted := map[string]string{AnnotationLimit: strconv.Itoa(limit), AnnotationFree: strconv.Itoa(free)}
	if node.Annotations[AnnotationLimit] == wanted[AnnotationLimit] && node.Annotations[AnnotationFree] == wanted[AnnotationFree] {
		return nil
	}
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{"uid": node.UID, "annotations": wanted}})
	if err == nil {
		_, err = r.opts.Kubernetes.CoreV1().Nodes().Patch(ctx, node.Name, types.MergePatchType, patch, metav1.PatchOptions{})
	}
	if err != nil {
		return fmt.Errorf("write on node %s how many disks its server can take: %w", node.Name, err)
	}
	return nil
}
