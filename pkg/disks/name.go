package disks

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/ecs"
	"github.com/kube-aliyun/kube-aliyun/pkg/ownership"
	"github.com/kube-aliyun/kube-aliyun/pkg/volumesocket/wire"
)

// volume is what an attach is for, as Kubernetes says it, not the driver.
type volume struct {
	name, disk string
	// pv is nil for a volume that Pods name themselves.
	pv                 *corev1.PersistentVolume
	deleteWithInstance bool
	// namespaces are those of the Pods that justify the attach.
	namespaces []string
	// otherDisks are those that other Pods of the Node give the same name to.
	otherDisks []string
}

// named finds out which disk a volume is, and that a Pod of the Node has it.
func (v *Volumes) named(ctx context.Context, req wire.Request) (volume, error) {
	pv, err := v.persistent(ctx, req.Volume)
	if err != nil {
		return volume{}, err
	}
	pods, err := v.pods(ctx, req.Node)
	if err != nil {
		return volume{}, err
	}
	if pv != nil {
		return v.ofPersistent(ctx, pv, req.Node, pods)
	}
	return v.ofPods(req, pods)
}

// ofPersistent is the volume of a PersistentVolume: a Pod of the Node must use the
// claim that it is bound to. A Pod's own volume of that name is none.
func (v *Volumes) ofPersistent(ctx context.Context, pv *corev1.PersistentVolume, node string, pods []corev1.Pod) (volume, error) {
	disk := DiskOfVolume(pv)
	switch {
	case !IsOurs(pv):
		return volume{}, fmt.Errorf("the volume's name %s is that of a PersistentVolume of another driver: give the Pod's own volume another name", pv.Name)
	case disk == "":
		return volume{}, fmt.Errorf("PersistentVolume %s names no disk: set the option %s", pv.Name, optionDisk)
	case !ecs.IsDiskID(disk):
		return volume{}, fmt.Errorf("PersistentVolume %s: the option %s holds no disk id, which begins with d-", pv.Name, optionDisk)
	case pv.Spec.ClaimRef == nil:
		return volume{}, fmt.Errorf("PersistentVolume %s is bound to no claim, so no Pod can use it; "+
			"a Pod's own volume must not have a PersistentVolume's name", pv.Name)
	}
	claim := pv.Spec.ClaimRef
	if !slices.ContainsFunc(pods, func(p corev1.Pod) bool { return usesClaimOf(&p, pv) }) {
		return volume{}, fmt.Errorf("no Pod on Node %s uses claim %s/%s, to which PersistentVolume %s is bound; "+
			"a Pod's own volume must not have a PersistentVolume's name", node, claim.Namespace, claim.Name, pv.Name)
	}
	bound, err := v.opts.Kubernetes.CoreV1().PersistentVolumeClaims(claim.Namespace).Get(ctx, claim.Name, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
		return volume{}, fmt.Errorf("claim %s/%s, to which PersistentVolume %s is bound, does not exist", claim.Namespace, claim.Name, pv.Name)
	case err != nil:
		return volume{}, fmt.Errorf("read claim %s/%s: %w", claim.Namespace, claim.Name, err)
	case bound.Spec.VolumeName != pv.Name || claim.UID != "" && bound.UID != claim.UID:
		return volume{}, fmt.Errorf("claim %s/%s is not bound to PersistentVolume %s, which was bound to an earlier claim of that name",
			claim.Namespace, claim.Name, pv.Name)
	}
	return volume{
		name: pv.Name, disk: disk, pv: pv, namespaces: []string{claim.Namespace},
		deleteWithInstance: deleteWithInstance(pv.Spec.FlexVolume.Options),
	}, nil
}

// ofPods is the volume that Pods of the Node name themselves.
func (v *Volumes) ofPods(req wire.Request, pods []corev1.Pod) (volume, error) {
	if v.opts.Inline == InlineDeny {
		return volume{}, fmt.Errorf("there is no PersistentVolume %s, and Pods may not name disks themselves here (--inline-volumes=deny): "+
			"make a PersistentVolume for the disk", req.Volume)
	}
	disks, namespaces := map[string]bool{}, map[string]bool{}
	for i := range pods {
		if disk, found := inline(&pods[i])[req.Volume]; found {
			disks[disk] = true
			namespaces[pods[i].Namespace] = true
		}
	}
	wanted := DiskOf(req.Options)
	switch {
	case len(disks) == 0:
		return volume{}, fmt.Errorf("there is neither a PersistentVolume %s nor a Pod on Node %s with a volume of that name and driver %s",
			req.Volume, req.Node, Driver)
	case wanted == "":
		return volume{}, fmt.Errorf("volume %s names no disk: set the option %s", req.Volume, optionDisk)
	case !ecs.IsDiskID(wanted):
		return volume{}, fmt.Errorf("volume %s: the option %s holds no disk id, which begins with d-", req.Volume, optionDisk)
	case !disks[wanted]:
		return volume{}, fmt.Errorf("no Pod on Node %s has a volume %s with disk %s", req.Node, req.Volume, wanted)
	case v.opts.Inline == InlineTagged && req.Volume != wanted:
		return volume{}, fmt.Errorf("volume %s of a Pod names disk %s: give the volume the disk's id as its name, "+
			"because Kubernetes takes volumes of one name on one node for the same", req.Volume, wanted)
	}
	delete(disks, wanted)
	return volume{
		name: req.Volume, disk: wanted, deleteWithInstance: deleteWithInstance(req.Options),
		namespaces: slices.Sorted(maps.Keys(namespaces)), otherDisks: slices.Sorted(maps.Keys(disks)),
	}, nil
}

// refused says why the disk, now that its tags are known, is not to be attached
// for the volume; nil: it may be.
func (v *Volumes) refused(vol *volume, disk *ecs.Disk) error {
	if owner := disk.Tags[ownership.TagClusterID]; owner != "" && owner != v.opts.ClusterID {
		for _, namespace := range vol.namespaces {
			if allowed, _ := ownership.Allowed(disk.Tags, v.opts.ClusterID, namespace); !allowed {
				return fmt.Errorf("disk %s belongs to cluster %s: remove its tag %s if that cluster is gone, or allow namespace %s by the tag %s=%s/%s",
					disk.ID, owner, ownership.TagClusterID, namespace, ownership.TagAllow, v.opts.ClusterID, namespace)
			}
		}
	}
	if vol.pv != nil {
		return nil
	}
	if len(vol.otherDisks) > 0 {
		return fmt.Errorf("several Pods on this node have volumes %s with different disks (%s and %s), which Kubernetes takes for one volume: "+
			"give each volume its disk's id as its name", vol.name, vol.disk, strings.Join(vol.otherDisks, ", "))
	}
	if v.opts.Inline != InlineTagged {
		return nil
	}
	pvs, err := v.referring(disk.ID)
	if err != nil {
		return err
	}
	if len(pvs) > 0 {
		return fmt.Errorf("disk %s belongs to PersistentVolume %s, so a Pod may not name it itself: use its claim", disk.ID, pvs[0].Name)
	}
	for _, namespace := range vol.namespaces {
		if allowed, _ := ownership.Allowed(disk.Tags, v.opts.ClusterID, namespace); !allowed {
			return fmt.Errorf("disk %s does not allow namespace %s: give it the tag %s=%s/%s, or make a PersistentVolume for it",
				disk.ID, namespace, ownership.TagAllow, v.opts.ClusterID, namespace)
		}
	}
	return nil
}
