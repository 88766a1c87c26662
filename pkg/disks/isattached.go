package disks

import (
	"context"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/labels"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/ecs"
	"github.com/kube-aliyun/kube-aliyun/pkg/volumesocket/wire"
)

// verifyAge is how old a reading may be that says "attached". The attach/detach
// controller asks every minute: all disks are then read together, once.
const verifyAge = 45 * time.Second

// IsAttached says whether the server of a Node has the disk of a volume. It
// changes nothing. "No" rests on a reading of less than five seconds, and what
// cannot be told is an error.
func (v *Volumes) IsAttached(ctx context.Context, req wire.Request) (attached bool, err error) {
	defer v.measure("isattached", &err)()
	pv, err := v.listed(ctx, req.Volume)
	if err != nil {
		return false, err
	}
	disk := DiskOf(req.Options)
	if pv != nil {
		disk = DiskOfVolume(pv)
	}
	if disk == "" {
		disk = req.Volume
	}
	if !ecs.IsDiskID(disk) {
		return false, fmt.Errorf("volume %s names no disk", req.Volume)
	}
	node, err := v.opts.Nodes.Get(req.Node)
	if apierrors.IsNotFound(err) {
		node, err = v.node(ctx, req.Node)
	}
	if err != nil {
		return false, fmt.Errorf("read Node %s: %w", req.Node, err)
	}
	server, known, err := v.serverOf(ctx, node, servers10)
	if err != nil {
		return false, err
	}
	now := v.clock.Now()
	v.refreshAll(disk)
	for _, after := range []time.Time{now.Add(-verifyAge), now.Add(-freshAge)} {
		r, err := v.describer.get(ctx, disk, after)
		if err != nil {
			return false, err
		}
		if r.disk == nil {
			continue
		}
		from, err := v.fromWhere(pv, r.disk, req.Node, server.ID, known)
		if err != nil {
			return false, err
		}
		if from != "" && r.disk.Status == ecs.DiskInUse {
			return true, nil
		}
	}
	return false, nil
}

// listed is persistent out of the informer's memory, if that has it.
func (v *Volumes) listed(ctx context.Context, name string) (*corev1.PersistentVolume, error) {
	pv, err := v.opts.Volumes.Get(name)
	if apierrors.IsNotFound(err) {
		return v.persistent(ctx, name)
	}
	return pv, err
}

// refreshAll has the disks of all PersistentVolumes read with this one, when this
// one has to be read: they are about to be asked for.
func (v *Volumes) refreshAll(disk string) {
	if v.describer.has(disk, verifyAge) {
		return
	}
	pvs, err := v.opts.Volumes.List(labels.Everything())
	if err != nil {
		return // the disk itself is read all the same
	}
	ids := []string{disk}
	for _, pv := range pvs {
		if id := DiskOfVolume(pv); ecs.IsDiskID(id) && pv.Status.Phase != corev1.VolumeAvailable {
			ids = append(ids, id)
		}
	}
	v.describer.refresh(ids, verifyAge/2)
}
