package provisioner

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/sig-storage-lib-external-provisioner/v13/controller"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/apierror"
	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/ecs"
	"github.com/kube-aliyun/kube-aliyun/pkg/ownership"
)

// everything is the selector of all volumes.
var everything = labels.Everything()

// deleteLimit bounds one try to delete a disk.
const deleteLimit = time.Minute

// Delete deletes the disk of a released volume. Nil means that the disk is gone,
// or that the call that deletes it was accepted; while it is attached there is an
// error: the disk is never detached here.
func (p *Provisioner) Delete(ctx context.Context, pv *corev1.PersistentVolume) error {
	ctx, cancel := context.WithTimeout(ctx, deleteLimit)
	defer cancel()
	id, ours := diskOf(pv)
	switch {
	case !ours:
		return fmt.Errorf("PersistentVolume %s is not of FlexVolume driver %s: its disk is left alone; delete it by hand, then remove the volume's finalizer", pv.Name, Driver)
	case !provisionedByUs(pv):
		return &controller.IgnoredError{Reason: "another provisioner made it"}
	case id == "":
		return fmt.Errorf("PersistentVolume %s names no disk (flexVolume.options.%s)", pv.Name, optionDisk)
	}
	d, err := p.Disks.Disk(ctx, id)
	if err != nil {
		return fmt.Errorf("look at the disk of PersistentVolume %s: %w", pv.Name, err)
	}
	if d == nil {
		return p.proveGone(ctx, pv, id)
	}
	p.seen(id)
	if err := p.mayDelete(pv, *d); err != nil {
		return err
	}
	if err := p.snapshot(ctx, pv, *d); err != nil {
		return err
	}
	err = p.Cloud.DeleteDisk(ctx, id)
	if err != nil && !errors.Is(err, apierror.ErrNotFound) {
		return fmt.Errorf("delete the disk of PersistentVolume %s, trying again: %w", pv.Name, err)
	}
	p.lose(id)
	return nil
}

// mayDelete refuses disks of others, those of several volumes, and those in use. A
// disk without marks is one that the first kube-aliyun made, which named it after
// the volume.
func (p *Provisioner) mayDelete(pv *corev1.PersistentVolume, d ecs.Disk) error {
	cluster, marked := d.Tags[ownership.TagClusterID]
	owner, owned := ownership.OwnedByCluster(d.Tags)
	switch {
	case marked && cluster != p.ClusterID, !marked && owned:
		return fmt.Errorf("disk %s of PersistentVolume %s belongs to %s and is left alone; if that is wrong, correct the disk's tag %s",
			d.ID, pv.Name, owner, ownership.TagClusterID)
	case !marked && d.Name != pv.Name:
		return fmt.Errorf("disk %s of PersistentVolume %s does not say that this cluster made it and is left alone; delete it by hand, or set its tag %s to %s",
			d.ID, pv.Name, ownership.TagClusterID, p.ClusterID)
	}
	if other := d.Tags[ownership.TagVolume]; other != "" && !ownership.MadeFor(d.Tags, p.ClusterID, pv.Name) {
		return fmt.Errorf("disk %s, which PersistentVolume %s names, was made for PersistentVolume %s and is left alone; if that is wrong, correct the disk's tag %s",
			d.ID, pv.Name, other, ownership.TagVolume)
	}
	if err := p.sharers(pv, d.ID); err != nil {
		return err
	}
	if len(d.Attachments) > 0 || d.Status == ecs.DiskAttaching || d.Status == ecs.DiskDetaching || d.Status == ecs.DiskInUse {
		return fmt.Errorf("%w: %s is %s on %v; it is deleted when it is detached", errInUse, d.ID, d.Status, d.Attachments)
	}
	if d.Status == ecs.DiskCreating || d.Status == ecs.DiskReIniting {
		return fmt.Errorf("disk %s is %s; it is deleted afterwards", d.ID, d.Status)
	}
	return nil
}

// errInUse is wrapped while a disk is attached; nothing is wrong then.
var errInUse = errors.New("the disk is in use")

// errSnapshot is wrapped while a snapshot has to be waited for.
var errSnapshot = errors.New("the snapshot is not complete yet")

// snapshot makes the snapshot that the class wanted before the disk is deleted.
func (p *Provisioner) snapshot(ctx context.Context, pv *corev1.PersistentVolume, d ecs.Disk) error {
	value, wanted := pv.Annotations[AnnotationSnapshot]
	if !wanted {
		return nil
	}
	days, err := strconv.Atoi(value)
	if err != nil || days < 0 {
		return fmt.Errorf("PersistentVolume %s: annotation %s: %q is not a number of days", pv.Name, AnnotationSnapshot, value)
	}
	tags := map[string]string{ownership.TagClusterID: p.ClusterID, ownership.TagVolume: pv.Name}
	made, err := p.Cloud.Snapshots(ctx, d.ID, tags)
	if err != nil {
		return err
	}
	for _, s := range made {
		switch s.Status {
		case ecs.SnapshotAccomplished:
			return nil
		case ecs.SnapshotProgressing:
			return fmt.Errorf("delete disk %s: %w: %s", d.ID, errSnapshot, s.ID)
		case ecs.SnapshotFailed: // another one is made
		}
	}
	id, err := p.Cloud.CreateSnapshot(ctx, ecs.NewSnapshot{
		ClientToken: token(p.ClusterID, string(pv.UID), ecs.NewDisk{Name: "snapshot of " + d.ID}, len(made)),
		DiskID:      d.ID, Name: pv.Name, RetentionDays: days, Tags: tags,
	})
	if apierror.CodeOf(err) == codeNeverAttached {
		return nil // nothing was ever written to it
	}
	if err != nil {
		return err
	}
	return fmt.Errorf("delete disk %s: %w: %s", d.ID, errSnapshot, id)
}

// codeNeverAttached refuses a snapshot of a disk that was never attached
// (ECS API: CreateSnapshot).
const codeNeverAttached = "IncorrectDiskStatus.NeverAttached"
