// Package provisioner makes disks for claims of its StorageClasses, deletes them
// when their PersistentVolumes are released, and grows them when more is asked
// for. It runs in the elected controller alone.
package provisioner

// Provisioner names that a StorageClass can hold, and the FlexVolume driver that
// the volumes are of.
const (
	Name = "disk.kube-aliyun.io"
	// OldName is what the StorageClasses of the first kube-aliyun hold.
	OldName = "archon.kubeup.com/aliyun"
	Driver  = "aliyun/flexv"
)

// Options of a FlexVolume that the driver reads.
const (
	optionDisk        = "diskId"
	optionFlags       = "flags"
	optionMkfsOptions = "mkfsOptions"
)

// Annotations of PersistentVolumes. The class may be gone when the volume is
// deleted, so that the volume keeps what its deletion needs.
const (
	// AnnotationSnapshot holds for how many days a snapshot is kept that is made
	// before the disk is deleted; 0 keeps it for ever.
	AnnotationSnapshot = "disk.kube-aliyun.io/snapshot-on-delete-days"
	// annotationProvisioner is what Kubernetes' provisioners mark their volumes with.
	annotationProvisioner = "pv.kubernetes.io/provisioned-by"
)
