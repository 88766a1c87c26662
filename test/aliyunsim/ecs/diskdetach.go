package ecs

import (
	"net/http"
	"slices"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/api"
)

func (p *Product) detachDisk(c *api.Call) (api.Reply, *api.Error) {
	d, s := p.visibleDisk(c), p.living(c.Params["InstanceId"])
	switch {
	case d == nil:
		return nil, diskNotFound(c.Params["DiskId"])
	case s == nil:
		return nil, notFound(c.Params["InstanceId"])
	}
	if err := p.checkDetach(d, s); err != nil {
		return nil, err
	}
	a := d.on(s.ID)
	a.Status, a.Since, a.Due = diskDetaching, c.Now, c.Now.Add(p.Knobs.DiskDetach)
	p.disturb(d, c.Now)
	return api.Reply{}, nil
}

func (p *Product) checkDetach(d *disk, s *server) *api.Error {
	a := d.on(s.ID)
	switch {
	case len(d.Attachments) == 0 && d.status() == diskAvailable:
		return api.Errorf(http.StatusNotFound, "InvalidDisk.AlreadyDetached", "The disk %s is already detached.", d.ID)
	case len(d.Attachments) == 0:
		return diskStatus(d, "IncorrectDiskStatus")
	case a == nil:
		return api.Errorf(http.StatusForbidden, "DependencyViolation", "The disk %s is not attached to the instance %s.", d.ID, s.ID)
	case a.Status == diskDetaching:
		return api.Errorf(http.StatusForbidden, "InvalidOperation.DiskDetachingFromThisEcs",
			"The disk %s is being detached from the instance %s.", d.ID, s.ID)
	case a.Status != diskInUse:
		return diskStatus(d, "IncorrectDiskStatus")
	case d.Type == diskSystem:
		return api.Errorf(http.StatusForbidden, "DiskTypeViolation", "The disk %s is a system disk.", d.ID)
	case !d.Portable:
		return notPortable(d)
	case slices.Contains(s.Locks, "security"):
		return api.Errorf(http.StatusForbidden, "InstanceLockedForSecurity", "The instance %s is locked for security reasons.", s.ID)
	case s.Status != statusRunning && s.Status != statusStopped:
		return wrongStatus(s)
	}
	return p.checkParallel(s, diskDetaching)
}

// deleteDisk succeeds for a disk that does not exist.
func (p *Product) deleteDisk(c *api.Call) (api.Reply, *api.Error) {
	d := p.Disks[c.Params["DiskId"]]
	if d == nil {
		return api.Reply{}, nil
	}
	switch {
	case d.Type == diskSystem:
		return nil, api.Errorf(http.StatusForbidden, "DiskTypeViolation", "The disk %s is a system disk.", d.ID)
	case d.DeletionProtection:
		return nil, api.Errorf(http.StatusForbidden, "InvalidDiskStatus.DeleteProtection", "The disk %s is under deletion protection.", d.ID)
	case d.status() == diskCreating:
		return nil, diskStatus(d, "IncorrectDiskStatus.Initializing")
	case d.status() != diskAvailable:
		return nil, diskStatus(d, p.Knobs.DeleteAttachedCode)
	case !d.Portable:
		return nil, notPortable(d)
	case p.snapshotOf(d.ID):
		return nil, api.Errorf(http.StatusForbidden, "DiskCreatingSnapshot", "A snapshot of the disk %s is being made.", d.ID)
	case !d.Detached.IsZero() && c.Now.Before(d.Detached.Add(p.Knobs.DiskCooling)):
		return nil, api.Errorf(http.StatusForbidden, "DiskInCoolingPeriod", "The disk %s was detached a moment ago.", d.ID)
	}
	p.removeDisk(d)
	return api.Reply{}, nil
}
