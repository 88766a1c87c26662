package apierror

import "strings"

// DiskAdvice says in a plain sentence why a disk cannot be attached and what to
// do, for the refusals of AttachDisk that ask for a person; "" for others.
func DiskAdvice(err error) string {
	code := CodeOf(err)
	if advice, found := diskAdvice[code]; found {
		return advice
	}
	switch {
	case strings.HasPrefix(code, "InvalidInstanceType.") || strings.HasSuffix(code, ".NotSupportESSD"):
		return "servers of this type cannot use disks of this kind; run the Pod on a server of another type or use another disk category"
	case strings.HasPrefix(code, "InvalidParameter.KMSKeyId.") || code == "InvalidKMSKeyId.NotFound":
		return "the key that encrypts it cannot be used; check that the key exists, is enabled and may be used by ECS"
	}
	return ""
}

var diskAdvice = map[string]string{
	"InstanceDiskLimitExceeded":                    "the server has as many disks as its type takes; run the Pod on another node",
	"DiskAttachedNumberExceeded":                   "the disk is attached to as many servers as it may be; detach it from one of them",
	"DiskNotPortable":                              "it is a subscription disk, which cannot be moved; use a pay-as-you-go disk",
	"DiskInArrears":                                "it is locked for unpaid bills; pay what is due",
	"InstanceExpiredOrInArrears":                   "the server has expired or is locked for unpaid bills; renew it or pay what is due",
	"InstanceLockedForSecurity":                    "the server is locked by Alibaba Cloud for security reasons; unlock it in the console",
	"DiskError":                                    "the disk is faulty; ask Alibaba Cloud's support",
	"ResourcesNotInSameZone":                       "the server is in another zone; give the PersistentVolume a node affinity for the disk's zone",
	"InvalidInstance.ZoneConflict":                 "the server is in another zone; give the PersistentVolume a node affinity for the disk's zone",
	"NotSupportDiskCategory":                       "servers of this type cannot use disks of this category; run the Pod on a server of another type",
	"InvalidOperation.InstanceTypeNotSupport":      "servers of this type cannot use this disk; run the Pod on a server of another type",
	"InvalidOperation.DiskQueueNumberNotEnough":    "the server has no disk queue left for it; run the Pod on another node",
	"UserNotInTheWhiteList":                        "the account may not use this feature; ask Alibaba Cloud's support",
	"DeleteWithInstance.Conflict":                  "it cannot be deleted together with the server; remove the option deleteWithInstance",
	"DiskCategory.OperationNotSupported":           "disks of this category cannot be attached this way; use another category",
	"DiskId.ValueNotSupported":                     "this disk cannot be attached this way; use another disk",
	"InvalidOperation.OtherInstanceUnsupported":    "another server that has the disk cannot share it; detach it there",
	"InvalidInstanceId.NotFound":                   "the server does not exist in this region",
	"InvalidDiskId.NotFound":                       "the disk does not exist in this region",
	"InvalidParameterForce.NotSupportAttachedDisk": "the disk cannot be taken by force; detach it where it is",
}
