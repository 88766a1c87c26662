package provisioner

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/klog/v2"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/apierror"
	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/ecs"
	"github.com/kube-aliyun/kube-aliyun/pkg/event"
	"github.com/kube-aliyun/kube-aliyun/pkg/ownership"
)

// Pauses between tries to grow a disk, how long one may last, and how many go on
// at a time.
const (
	growFirst   = time.Second
	growLast    = 5 * time.Minute
	growLimit   = time.Minute
	growWorkers = 5
)

// Grower makes disks as large as their PersistentVolumes say: Kubernetes raises the
// capacity when a claim asks for more, and nobody else tells the cloud of it.
// kubelet's expandfs waits for it.
type Grower struct {
	*Provisioner
	queue workqueue.TypedRateLimitingInterface[string]

	mu sync.Mutex
	// known are the sizes of disks in GiB, which never shrink.
	known map[string]int
}

// NewGrower returns a Grower.
func NewGrower(p *Provisioner) *Grower {
	return &Grower{
		Provisioner: p, known: map[string]int{},
		queue: workqueue.NewTypedRateLimitingQueueWithConfig(
			workqueue.NewTypedItemExponentialFailureRateLimiter[string](growFirst, growLast),
			workqueue.TypedRateLimitingQueueConfig[string]{Name: "disk-growth"}),
	}
}

// Run grows disks until ctx ends. volumes has to be synced by somebody.
func (g *Grower) Run(ctx context.Context, volumes cache.SharedIndexInformer) error {
	defer g.queue.ShutDown()
	if !cache.WaitForCacheSync(ctx.Done(), volumes.HasSynced) {
		return nil
	}
	if err := g.learn(ctx); err != nil {
		klog.FromContext(ctx).Error(err, "Sizes of disks are read one by one, since their list could not be read")
	}
	handler, err := volumes.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    g.enqueue,
		UpdateFunc: func(_, now any) { g.enqueue(now) },
	})
	if err != nil {
		return fmt.Errorf("watch PersistentVolumes: %w", err)
	}
	defer func() { _ = volumes.RemoveEventHandler(handler) }()
	var workers sync.WaitGroup
	for range growWorkers {
		workers.Go(func() {
			for g.next(ctx) {
			}
		})
	}
	<-ctx.Done()
	g.queue.ShutDown()
	workers.Wait()
	return nil
}

// learn reads the sizes of all disks of volumes, 100 a call.
func (g *Grower) learn(ctx context.Context) error {
	all, err := g.Volumes.List(everything)
	if err != nil {
		return fmt.Errorf("list PersistentVolumes: %w", err)
	}
	ids := []string{}
	for _, pv := range all {
		if id, ours := diskOf(pv); ours && id != "" {
			ids = append(ids, id)
		}
	}
	found, err := g.Cloud.Disks(ctx, ecs.DiskFilter{IDs: ids})
	if err != nil {
		return err
	}
	for i := range found {
		g.remember(found[i].ID, found[i].SizeGiB)
	}
	return nil
}

func (g *Grower) remember(disk string, size int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.known[disk] = max(size, g.known[disk])
}

// enqueue takes volumes whose disk is not known to be large enough.
func (g *Grower) enqueue(object any) {
	pv, ok := object.(*corev1.PersistentVolume)
	if !ok {
		return
	}
	id, ours := diskOf(pv)
	g.mu.Lock()
	large := g.known[id] >= capacity(pv)
	g.mu.Unlock()
	if ours && id != "" && !large && pv.DeletionTimestamp == nil {
		g.queue.Add(pv.Name)
	}
}

func capacity(pv *corev1.PersistentVolume) int {
	return roundUp(pv.Spec.Capacity[corev1.ResourceStorage])
}

func (g *Grower) next(ctx context.Context) bool {
	name, quit := g.queue.Get()
	if quit {
		return false
	}
	defer g.queue.Done(name)
	pv, err := g.Volumes.Get(name)
	if err == nil {
		err = g.grow(ctx, pv)
	}
	switch {
	case err == nil, apierrors.IsNotFound(err):
		g.queue.Forget(name)
	case errors.Is(err, errUnlisted) && g.queue.NumRequeues(name) >= unlistedTries:
		g.queue.Forget(name) // attach and delete say so
	case ctx.Err() == nil:
		klog.FromContext(ctx).V(2).Info("A disk has not grown yet", "volume", name, "err", err)
		g.queue.AddRateLimited(name)
	}
	return true
}

// errUnlisted is wrapped when the disk is not in its list; unlistedTries is how
// often it is looked for again, which takes two minutes: one list proves nothing.
var errUnlisted = errors.New("the disk is not listed")

const unlistedTries = 7

// errTooSmall is wrapped while a disk has not the size that was ordered.
var errTooSmall = errors.New("the disk has not grown yet")

// grow compares a volume with its disk and orders what is missing. Only disks of
// this cluster are grown: the capacity of other volumes is what an administrator
// wrote, and a disk costs money.
func (g *Grower) grow(ctx context.Context, pv *corev1.PersistentVolume) error {
	ctx, cancel := context.WithTimeout(ctx, growLimit)
	defer cancel()
	id, ours := diskOf(pv)
	if !ours || id == "" || pv.DeletionTimestamp != nil {
		return nil
	}
	want := capacity(pv)
	found, err := g.Disks.Disk(ctx, id)
	if err != nil {
		return fmt.Errorf("look at disk %s: %w", id, err)
	}
	if found == nil {
		return fmt.Errorf("disk %s: %w", id, errUnlisted)
	}
	d := *found
	g.remember(id, d.SizeGiB)
	if d.SizeGiB >= want {
		return nil
	}
	if d.Tags[ownership.TagClusterID] != g.ClusterID && !provisionedByUs(pv) {
		g.Events.Event(pv, event.DiskNotGrown, "Disk %s has %dGi and stays so, though this volume says %dGi: it is not a disk of this cluster. Set its tag %s to %s to have it grown, or correct the volume's capacity.",
			id, d.SizeGiB, want, ownership.TagClusterID, g.ClusterID)
		return nil
	}
	if err := g.order(ctx, pv, d, want); err != nil {
		return err
	}
	return g.verify(ctx, pv, d, want)
}

// order asks for the size. A refusal for good is told on the volume, and tried
// again with the longest pause.
func (g *Grower) order(ctx context.Context, pv *corev1.PersistentVolume, d ecs.Disk, want int) error {
	n := ecs.NewDisk{Name: "grow " + d.ID, SizeGiB: want}
	err := g.Cloud.ResizeDisk(ctx, d.ID, want, len(d.Attachments) > 0, token(g.ClusterID, string(pv.UID), n, d.SizeGiB))
	if err == nil || apierror.IsRetryable(err) {
		return err
	}
	g.Events.Event(pv, event.DiskNotGrown, "Disk %s has %dGi and could not be grown to %dGi; it is tried again: %v", d.ID, d.SizeGiB, want, err)
	return err
}

// verify looks whether the disk has the size that was ordered.
func (g *Grower) verify(ctx context.Context, pv *corev1.PersistentVolume, d ecs.Disk, want int) error {
	found, err := g.Disks.Disk(ctx, d.ID)
	if err != nil {
		return fmt.Errorf("look at disk %s: %w", d.ID, err)
	}
	if found == nil || found.SizeGiB < want {
		return fmt.Errorf("disk %s: %w", d.ID, errTooSmall)
	}
	g.remember(d.ID, found.SizeGiB)
	g.Events.Event(pv, event.DiskGrown, "Disk %s has grown from %dGi to %dGi", d.ID, d.SizeGiB, found.SizeGiB)
	return nil
}
