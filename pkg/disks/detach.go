package disks

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/klog/v2"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/apierror"
	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/ecs"
	"github.com/kube-aliyun/kube-aliyun/pkg/ownership"
)

// Detach takes the disk of a volume from the server of a Node, which may be gone,
// and returns when it is not attached there any more. A disk that is not there, or
// does not exist, is detached. No other server's attachment is touched.
func (v *Volumes) Detach(ctx context.Context, name, nodeName string) (err error) {
	defer v.measure("detach", &err)()
	node, err := v.node(ctx, nodeName)
	if err != nil {
		return err
	}
	server, known, err := v.serverOf(ctx, node, servers10)
	if err != nil {
		return err
	}
	disk, from, err := v.attached(ctx, name, nodeName, server.ID, known)
	if err != nil || disk == "" {
		return err
	}
	done, err := v.turns.acquire(ctx, disk, true)
	if err != nil {
		return err
	}
	defer done()
	return v.detachFrom(ctx, disk, from, func(ctx context.Context, d *ecs.Disk) error {
		return v.unused(ctx, d, name, nodeName)
	})
}

// servers10 is how old the answer may be which server a Node has.
const servers10 = 10 * time.Minute

// attached finds the disk of a volume and the server to take it from. No disk
// means that there is nothing to detach.
func (v *Volumes) attached(ctx context.Context, name, node, server string, known bool) (disk, from string, err error) {
	pv, err := v.persistent(ctx, name)
	if err != nil {
		return "", "", err
	}
	direct := name
	if pv != nil {
		direct = DiskOfVolume(pv)
	}
	if ecs.IsDiskID(direct) {
		r, err := v.describer.get(ctx, direct, v.clock.Now().Add(-freshAge))
		if err != nil {
			return "", "", err
		}
		if r.disk != nil {
			from, err := v.fromWhere(pv, r.disk, node, server, known)
			if err != nil || from != "" {
				return r.disk.ID, from, err
			}
		}
		if pv != nil {
			return "", "", nil
		}
	}
	return v.search(ctx, name, node, server, known)
}

// fromWhere returns the server that a disk is to be taken from; empty: it is not
// attached there.
func (v *Volumes) fromWhere(pv *corev1.PersistentVolume, disk *ecs.Disk, node, server string, known bool) (string, error) {
	if known {
		if disk.AttachedTo(server) {
			return server, nil
		}
		return "", nil
	}
	for _, a := range v.memories(pv, disk) {
		if a.NamesNode(node) {
			if disk.AttachedTo(a.ServerID) {
				return a.ServerID, nil
			}
			return "", nil
		}
	}
	if len(disk.Attachments) == 0 {
		return "", nil
	}
	return "", fmt.Errorf("node %s is gone and nobody remembers its server, so it is not known whether disk %s, "+
		"attached to %s, was attached for it: detach the disk by hand if it is not in use there",
		node, disk.ID, strings.Join(disk.Attachments, ", "))
}

// search finds the disk of a volume that only its name tells of by the tags that
// its attach left.
func (v *Volumes) search(ctx context.Context, name, node, server string, known bool) (disk, from string, err error) {
	memory := ownership.Attachment{ClusterID: v.opts.ClusterID, Node: node, Volume: name}
	found, err := v.opts.Cloud.Disks(ctx, ecs.DiskFilter{Tags: memory.Search()})
	if err != nil {
		return "", "", fmt.Errorf("find the disk of volume %s: %w", name, err)
	}
	var ids []string
	for i := range found {
		at, err := v.fromWhere(nil, &found[i], node, server, known)
		if err != nil {
			return "", "", err
		}
		if at != "" {
			ids = append(ids, found[i].ID)
			disk, from = found[i].ID, at
		}
	}
	if len(ids) > 1 {
		return "", "", fmt.Errorf("volume %s on Node %s may be any of the disks %s, so none is detached: detach the right one by hand, "+
			"and give each volume its disk's id as its name", name, node, strings.Join(ids, ", "))
	}
	return disk, from, nil
}

// unused refuses to detach a disk that the Node says is mounted, unless its server
// is off or the Node is declared out of service.
func (v *Volumes) unused(ctx context.Context, disk *ecs.Disk, name, nodeName string) error {
	node, err := v.node(ctx, nodeName)
	if err != nil || node == nil || outOfService(node) {
		return err
	}
	names, err := v.names(disk.ID, name)
	if err != nil {
		return err
	}
	mounted := &corev1.Node{Status: corev1.NodeStatus{VolumesInUse: node.Status.VolumesInUse}}
	use := onBooks(mounted, names)
	if use == "" {
		return nil
	}
	server, known, err := v.serverOf(ctx, node, freshAge)
	if err != nil {
		return err
	}
	if known && server.Status == ecs.Stopped {
		return nil
	}
	return fmt.Errorf("disk %s is not detached from Node %s: %s; stop its server, or taint the Node %s when it is off",
		disk.ID, nodeName, use, corev1.TaintNodeOutOfService)
}

// detachFrom takes a disk from a server and returns when it is not attached there
// any more. allowed is asked right before, with a fresh reading of the disk.
func (v *Volumes) detachFrom(ctx context.Context, disk, server string, allowed func(context.Context, *ecs.Disk) error) error {
	var leave func()
	defer func() {
		if leave != nil {
			leave()
		}
	}()
	defer v.describer.watch(disk)()
	after, pause := v.clock.Now(), time.Duration(0)
	for {
		r, err := v.describer.get(ctx, disk, after)
		after = v.clock.Now()
		switch {
		case err != nil:
		case r.disk == nil || !r.disk.AttachedTo(server):
			return nil
		case r.disk.Status != ecs.DiskInUse:
			continue // on its way
		case leave == nil:
			if leave, err = v.slots.acquire(ctx, server, true); err == nil {
				after = maxTime(r.at, v.clock.Now().Add(-freshAge))
				continue
			}
		default:
			if err = allowed(ctx, r.disk); err == nil {
				err = v.opts.Cloud.DetachDisk(ctx, disk, server)
				after = v.clock.Now()
				v.describer.forget(disk)
				klog.FromContext(ctx).V(2).Info("Detaching", "disk", disk, "server", server, "err", err)
			}
		}
		if err == nil {
			continue
		}
		if ctx.Err() != nil || !again(err) && !errors.Is(err, apierror.ErrNotFound) {
			return fmt.Errorf("detach disk %s from server %s: %w", disk, server, err)
		}
		pause = min(max(2*pause, firstPause), mostPause)
		if !sleep(ctx, v, pause) {
			return fmt.Errorf("disk %s is not detached from server %s yet and will be tried again: %w", disk, server, err)
		}
	}
}

func maxTime(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
