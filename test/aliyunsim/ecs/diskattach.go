package ecs

import (
	"net/http"
	"slices"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/api"
)

// Tags of a server that let it have several operations at a time, and how many.
const (
	concurrentAttachTag = "supportConcurrencyAttach"
	concurrentDetachTag = "supportConcurrencyDetach"

	concurrentAttaches = 32
	concurrentDetaches = 5
)

func (p *Product) attachDisk(c *api.Call) (api.Reply, *api.Error) {
	d, s := p.visibleDisk(c), p.living(c.Params["InstanceId"])
	switch {
	case d == nil:
		return nil, diskNotFound(c.Params["DiskId"])
	case s == nil:
		return nil, notFound(c.Params["InstanceId"])
	}
	goes, err := c.Params.Bool("DeleteWithInstance", false)
	if err != nil {
		return nil, err
	}
	if a := d.on(s.ID); a != nil && a.Status == diskDetaching && p.Knobs.AttachLostWhileDetaching {
		return api.Reply{}, nil
	}
	if err := p.checkAttach(d, s); err != nil {
		return nil, err
	}
	device := c.Params["Device"]
	if device == "" {
		device = p.deviceFor(s.ID)
	}
	for _, other := range p.index.disksOn[s.ID] {
		if other.on(s.ID).Device == device {
			return nil, api.Errorf(http.StatusNotFound, "InvalidDevice.InUse", "The device %s of the instance %s is in use.", device, s.ID)
		}
	}
	d.DeleteWithInstance = goes
	p.plug(d, &diskUse{Server: s.ID, Device: device, Status: diskAttaching, Since: c.Now, Due: c.Now.Add(p.Knobs.DiskAttach)})
	p.disturb(d, c.Now)
	return api.Reply{}, nil
}

func (p *Product) checkAttach(d *disk, s *server) *api.Error {
	status := d.status()
	shared := d.MultiAttach && status == diskInUse && d.on(s.ID) == nil
	switch {
	case status == diskCreating:
		return diskStatus(d, "IncorrectDiskStatus.Initializing")
	case status == diskInUse && !shared:
		return api.Errorf(http.StatusNotFound, "InvalidDisk.InUse", "The disk %s is in use.", d.ID)
	case status != diskAvailable && !shared:
		return diskStatus(d, "IncorrectDiskStatus")
	case slices.Contains(d.Locks, "financial"):
		return api.Errorf(http.StatusForbidden, "DiskInArrears", "The disk %s is in arrears.", d.ID)
	case slices.Contains(d.Locks, "security"), slices.Contains(s.Locks, "security"):
		return api.Errorf(http.StatusForbidden, "InstanceLockedForSecurity", "The disk %s or the instance %s is locked for security reasons.", d.ID, s.ID)
	case len(d.Locks) > 0:
		return api.Errorf(http.StatusForbidden, "DiskError", "The disk %s is locked: %s.", d.ID, d.Locks[0])
	case slices.Contains(s.Locks, "financial"):
		return api.Errorf(http.StatusForbidden, "InstanceExpiredOrInArrears", "The instance %s is in arrears.", s.ID)
	case !d.Portable:
		return notPortable(d)
	case d.Zone != s.Zone && !d.regional():
		return api.Errorf(http.StatusForbidden, "ResourcesNotInSameZone",
			"The disk %s is in zone %s, the instance %s in zone %s.", d.ID, d.Zone, s.ID, s.Zone)
	case s.Status != statusRunning && s.Status != statusStopped:
		return wrongStatus(s)
	case d.MultiAttach && !p.Types[s.Type].NVMe:
		return api.Errorf(http.StatusForbidden, "InvalidInstanceType.NotSupportMultiAttachDisk",
			"The instance type %s does not support multi-attach disks.", s.Type)
	case !in(p.Types[s.Type].DiskCategories, d.Category):
		return api.Errorf(http.StatusForbidden, "InvalidInstanceType.NotSupportDiskCategory",
			"The instance type %s does not support the disk category %s.", s.Type, d.Category)
	}
	if err := p.checkParallel(s, diskAttaching); err != nil {
		return err
	}
	if limit := p.Types[s.Type].Disks; limit > 0 && len(p.index.disksOn[s.ID]) >= limit {
		return api.Errorf(http.StatusForbidden, "InstanceDiskLimitExceeded",
			"The instance %s has %d disks, which is the limit of its type.", s.ID, len(p.index.disksOn[s.ID]))
	}
	return nil
}

// checkParallel refuses a second operation on the disks of a server whose
// account or tags do not allow it.
func (p *Product) checkParallel(s *server, operation string) *api.Error {
	running := map[string]int{}
	for _, d := range p.index.disksOn[s.ID] {
		running[d.on(s.ID).Status]++
	}
	limits := map[string]int{diskAttaching: p.Knobs.ParallelDiskOperations, diskDetaching: p.Knobs.ParallelDiskOperations}
	if s.Tags[concurrentAttachTag] == "true" {
		limits[diskAttaching] = concurrentAttaches
	}
	if s.Tags[concurrentDetachTag] == "true" {
		limits[diskDetaching] = concurrentDetaches
	}
	code := "InvalidOperation.Conflict"
	switch {
	case running[operation] >= limits[operation] && operation == diskAttaching:
		code = "OperationConflict.DisksAttachingParallellyExceed"
	case running[operation] >= limits[operation]:
		code = "DisksDetachingOnEcsExceeded"
	case running[diskAttaching]+running[diskDetaching]-running[operation] == 0 || limits[operation] > 1:
		return nil
	}
	if p.Knobs.DiskConflictCode != "" {
		code = p.Knobs.DiskConflictCode
	}
	return api.Errorf(http.StatusBadRequest, code, "Another operation on the disks of the instance %s is in progress.", s.ID)
}

// visibleDisk is the disk that a call names, nil while a new one cannot be seen.
func (p *Product) visibleDisk(c *api.Call) *disk {
	d := p.Disks[c.Params["DiskId"]]
	if d == nil || c.Now.Before(d.VisibleFrom) {
		return nil
	}
	return d
}

func diskNotFound(id string) *api.Error {
	return api.Errorf(http.StatusNotFound, "InvalidDiskId.NotFound", "The specified disk %q does not exist.", id)
}

func diskStatus(d *disk, code string) *api.Error {
	return api.Errorf(http.StatusForbidden, code, "The disk %s is %s, which does not support this operation.", d.ID, d.status())
}

func notPortable(d *disk) *api.Error {
	return api.Errorf(http.StatusForbidden, "DiskNotPortable", "The disk %s is not portable.", d.ID)
}
