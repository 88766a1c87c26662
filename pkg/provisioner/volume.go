package provisioner

import (
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/sig-storage-lib-external-provisioner/v13/controller"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/ecs"
)

// volume is the PersistentVolume of a disk. The class's mount options travel in the
// volume's own, since FlexVolumes have none.
func (p *Provisioner) volume(o controller.ProvisionOptions, params parameters, d ecs.Disk) *corev1.PersistentVolume {
	options := map[string]string{optionDisk: d.ID}
	if flags := strings.Join(o.StorageClass.MountOptions, ","); flags != "" {
		options[optionFlags] = flags
	}
	if params.mkfsOptions != "" {
		options[optionMkfsOptions] = params.mkfsOptions
	}
	mode := corev1.PersistentVolumeFilesystem
	pv := &corev1.PersistentVolume{
		ObjectMeta: metav1.ObjectMeta{Name: o.PVName, Annotations: map[string]string{}},
		Spec: corev1.PersistentVolumeSpec{
			Capacity:    corev1.ResourceList{corev1.ResourceStorage: *resource.NewQuantity(int64(d.SizeGiB)*gib, resource.BinarySI)},
			AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
			VolumeMode:  &mode,
			PersistentVolumeSource: corev1.PersistentVolumeSource{FlexVolume: &corev1.FlexPersistentVolumeSource{
				Driver: Driver, FSType: params.fsType, Options: options,
			}},
			NodeAffinity: p.affinity(d),
		},
	}
	if o.StorageClass.ReclaimPolicy != nil {
		pv.Spec.PersistentVolumeReclaimPolicy = *o.StorageClass.ReclaimPolicy
	}
	if params.snapshotOnDelete {
		pv.Annotations[AnnotationSnapshot] = strconv.Itoa(params.snapshotDays)
	}
	return pv
}

// affinity keeps Pods where the disk can be attached: in its zone, or for a disk
// of the whole region in the region.
func (p *Provisioner) affinity(d ecs.Disk) *corev1.VolumeNodeAffinity {
	must := []corev1.NodeSelectorRequirement{{Key: corev1.LabelTopologyRegion, Operator: corev1.NodeSelectorOpIn, Values: []string{p.Region}}}
	if d.Zone != "" && d.Category != categoryRegional {
		must = append(must, corev1.NodeSelectorRequirement{Key: corev1.LabelTopologyZone, Operator: corev1.NodeSelectorOpIn, Values: []string{d.Zone}})
	}
	return &corev1.VolumeNodeAffinity{Required: &corev1.NodeSelector{NodeSelectorTerms: []corev1.NodeSelectorTerm{{MatchExpressions: must}}}}
}

// diskOf is the disk of a volume of our driver; false for other volumes.
func diskOf(pv *corev1.PersistentVolume) (string, bool) {
	flex := pv.Spec.FlexVolume
	if flex == nil || flex.Driver != Driver {
		return "", false
	}
	for _, name := range []string{optionDisk, "volumeId", "VolumeId"} {
		if id := flex.Options[name]; id != "" {
			return id, true
		}
	}
	return "", true
}

// provisionedByUs says whether a volume was made by this provisioner, under any of
// its names.
func provisionedByUs(pv *corev1.PersistentVolume) bool {
	switch pv.Annotations[annotationProvisioner] {
	case Name, OldName:
		return true
	}
	return false
}
