package disks

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/klog/v2"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/apierror"
	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/ecs"
	"github.com/kube-aliyun/kube-aliyun/pkg/ownership"
)

// AnnotationAttachment is on PersistentVolumes: cluster, server, Node and volume
// of the last attach, so that the disk is found when the Node is gone.
const AnnotationAttachment = "disk.kube-aliyun.io/attachment"

// remember writes down, before the disk moves, for whom it does: on the
// PersistentVolume, and in the disk's tags, which outlive it. What is written
// already costs no call.
func (v *Volumes) remember(ctx context.Context, vol *volume, to target, disk *ecs.Disk) error {
	a := ownership.Attachment{ClusterID: v.opts.ClusterID, ServerID: to.server.ID, Node: to.node.Name, Volume: vol.name}
	if err := v.annotate(ctx, vol, a); err != nil {
		return err
	}
	wanted := a.Tags()
	same := true
	for key, value := range wanted {
		same = same && disk.Tags[key] == value
	}
	if same {
		return nil
	}
	err := v.opts.Cloud.TagDisks(ctx, []string{disk.ID}, wanted)
	switch {
	case err == nil:
		v.describer.forget(disk.ID)
		return nil
	case errors.Is(err, apierror.ErrQuota) && vol.pv != nil:
		// The annotation remembers it too.
		klog.FromContext(ctx).V(2).Info("The disk has no room for tags", "disk", disk.ID, "err", err)
		return nil
	}
	return fmt.Errorf("write down in the tags of disk %s where it goes: %w", disk.ID, err)
}

func (v *Volumes) annotate(ctx context.Context, vol *volume, a ownership.Attachment) error {
	if vol.pv == nil || vol.pv.Annotations[AnnotationAttachment] == a.String() {
		return nil
	}
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{
		"uid":         vol.pv.UID, // of this PersistentVolume, not a later one of its name
		"annotations": map[string]string{AnnotationAttachment: a.String()},
	}})
	if err != nil {
		return fmt.Errorf("write down on PersistentVolume %s where its disk goes: %w", vol.pv.Name, err)
	}
	pv, err := v.opts.Kubernetes.CoreV1().PersistentVolumes().Patch(ctx, vol.pv.Name, types.MergePatchType, patch, metav1.PatchOptions{})
	if err != nil {
		return fmt.Errorf("write down on PersistentVolume %s where its disk goes: %w", vol.pv.Name, err)
	}
	vol.pv = pv
	return nil
}
