package ecs

import (
	"net/http"
	"strconv"
	"time"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/api"
)

// resizeDisk only grows. The new size is in DescribeDisks at once; a server's
// kernel sees it after the knob DiskResize, or, when the Type is offline, after
// its next start.
func (p *Product) resizeDisk(c *api.Call) (api.Reply, *api.Error) {
	if reply, ok, err := p.Tokens.Replay(c, http.StatusForbidden); ok || err != nil {
		return reply, err
	}
	d := p.visibleDisk(c)
	if d == nil {
		return nil, diskNotFound(c.Params["DiskId"])
	}
	size, err := c.Params.Int("NewSize", 0)
	if err != nil {
		return nil, err
	}
	kind := c.Params["Type"]
	if kind != "" && kind != "offline" && kind != "online" {
		return nil, api.Invalid("Type", kind)
	}
	if err := p.checkResize(d, size, kind); err != nil {
		return nil, err
	}
	d.Size = size
	d.Resized = c.Now.Add(p.Knobs.DiskResize)
	if len(d.Attachments) == 0 || kind == "online" {
		d.Grows = d.Resized
	}
	p.disturb(d, c.Now)
	reply := api.Reply{"OrderId": ""}
	p.Tokens.Keep(c, reply, p.Knobs.TokenRetention)
	return reply, nil
}

func (p *Product) checkResize(d *disk, size int, kind string) *api.Error {
	status := d.status()
	switch {
	case status != diskAvailable && status != diskInUse:
		return diskStatus(d, "IncorrectDiskStatus")
	case p.snapshotOf(d.ID):
		return api.Errorf(http.StatusForbidden, "IncorrectDiskStatus.CreatingSnapshot", "A snapshot of the disk %s is being made.", d.ID)
	case !d.Resized.IsZero():
		return api.Errorf(http.StatusBadRequest, "LastOrderProcessing", "The last order for the disk %s is being processed.", d.ID)
	case size <= d.Size:
		return api.Errorf(http.StatusForbidden, "InvalidDiskSize.TooSmall", "The disk %s has %d GiB already.", d.ID, d.Size)
	case size > diskSizes[d.Category].max:
		return api.Errorf(http.StatusForbidden, "InvalidDiskSize.TooLarge", "Disks of category %s have at most %d GiB.", d.Category, diskSizes[d.Category].max)
	}
	if kind != "online" {
		return nil
	}
	if d.MultiAttach && status == diskInUse {
		return api.Errorf(http.StatusForbidden, "InvalidOperation.MultiAttachDiskNotSupportResizeOnline", "The disk %s is a multi-attach disk.", d.ID)
	}
	for _, a := range d.Attachments {
		s := p.living(a.Server)
		switch {
		case s == nil || s.Status != statusRunning:
			return api.Errorf(http.StatusForbidden, "InvalidInstanceStatus.NotRunning", "The instance %s of the disk %s is not running.", a.Server, d.ID)
		case p.Types[s.Type].NoOnlineResize:
			return api.Errorf(http.StatusForbidden, "InvalidOperation.InstanceTypeNotSupportOnlineResize",
				"The instance type %s does not support resizing online.", s.Type)
		}
	}
	return nil
}

// modifyDiskAttribute changes all of its disks or none.
func (p *Product) modifyDiskAttribute(c *api.Call) (api.Reply, *api.Error) {
	ids := c.Params.List("DiskIds")
	if id := c.Params["DiskId"]; id != "" {
		ids = []string{id}
	}
	if len(ids) == 0 {
		return nil, api.Missing("DiskId")
	}
	if len(ids) > maxIDs {
		return nil, api.Invalid("DiskIds", strconv.Itoa(len(ids))+" ids")
	}
	name := c.Params["DiskName"]
	if name != "" && (!diskNames.MatchString(name) || linkNames.MatchString(name)) {
		return nil, api.Errorf(http.StatusBadRequest, "InvalidDiskName.Malformed", "The specified disk name %q is wrongly formed.", name)
	}
	for _, id := range ids {
		if p.Disks[id] == nil {
			return nil, diskNotFound(id)
		}
	}
	for _, id := range ids {
		d := p.Disks[id]
		goes, err := c.Params.Bool("DeleteWithInstance", d.DeleteWithInstance)
		if err != nil {
			return nil, err
		}
		d.DeleteWithInstance = goes
		if name != "" {
			d.Name = name
		}
		if c.Params.Has("Description") {
			d.Description = c.Params["Description"]
		}
	}
	return api.Reply{}, nil
}

// seconds is the precision of the times of disks and snapshots.
const seconds = "2006-01-02T15:04:05Z"

func moment(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(seconds)
}
