package ecs

import (
	"cmp"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/api"
)

// snapshotsPerDisk is how many snapshots a disk may have, maxSnapshots the
// largest page of their list.
const (
	snapshotsPerDisk = 256
	maxSnapshots     = 100
)

type snapshot struct {
	Seq         uint64            `json:"seq"`
	ID          string            `json:"id"`
	Name        string            `json:"name,omitempty"`
	Description string            `json:"description,omitempty"`
	Disk        string            `json:"disk"`
	DiskType    string            `json:"diskType"`
	DiskSize    int               `json:"diskSize"`
	Encrypted   bool              `json:"encrypted,omitempty"`
	Retention   int               `json:"retention,omitempty"`
	Tags        map[string]string `json:"tags"`
	Created     time.Time         `json:"created"`
	// Due is when it is accomplished; zero afterwards.
	Due time.Time `json:"due,omitzero"`
}

func bySnapshotSeq(a, b *snapshot) int { return cmp.Compare(a.Seq, b.Seq) }

// settleSnapshot ends a snapshot that is due and returns when it will be.
func (p *Product) settleSnapshot(s *snapshot, now time.Time) time.Time {
	if s.Due.After(now) {
		return s.Due
	}
	s.Due = time.Time{}
	delete(p.index.movingSnapshots, s.ID)
	return time.Time{}
}

// snapshotOf says whether a snapshot of the disk is being made.
func (p *Product) snapshotOf(disk string) bool {
	for _, s := range p.index.movingSnapshots {
		if s.Disk == disk {
			return true
		}
	}
	return false
}

func (p *Product) createSnapshot(c *api.Call) (api.Reply, *api.Error) {
	if reply, ok, err := p.Tokens.Replay(c, http.StatusForbidden); ok || err != nil {
		return reply, err
	}
	d := p.visibleDisk(c)
	if d == nil {
		return nil, diskNotFound(c.Params["DiskId"])
	}
	tags, err := c.Params.Tags()
	if err != nil {
		return nil, err
	}
	days, err := c.Params.Int("RetentionDays", 0)
	if err != nil {
		return nil, err
	}
	if days < 0 || days > 65536 {
		return nil, api.Invalid("RetentionDays", c.Params["RetentionDays"])
	}
	count := 0
	for _, s := range p.Snapshots {
		if s.Disk == d.ID {
			count++
		}
	}
	switch status := d.status(); {
	case p.snapshotOf(d.ID):
		return nil, api.Errorf(http.StatusForbidden, "IncorrectDiskStatus.CreatingSnapshot", "A snapshot of the disk %s is being made.", d.ID)
	case status != diskInUse && status != diskAvailable:
		return nil, diskStatus(d, "IncorrectDiskStatus")
	case !d.EverAttached:
		return nil, api.Errorf(http.StatusForbidden, "IncorrectDiskStatus.NeverAttached", "The disk %s has never been attached.", d.ID)
	case count >= snapshotsPerDisk:
		return nil, api.Errorf(http.StatusForbidden, "QuotaExceed.Snapshot", "The disk %s has %d snapshots.", d.ID, count)
	}
	s := &snapshot{
		Seq: p.nextSeq(), ID: api.NewID(p.Rand, "s"), Name: c.Params["SnapshotName"], Description: c.Params["Description"], Disk: d.ID,
		DiskType: d.Type, DiskSize: d.Size, Encrypted: d.Encrypted, Retention: days, Tags: tags, Created: c.Now, Due: c.Now.Add(p.Knobs.SnapshotTime),
	}
	p.Snapshots[s.ID] = s
	p.index.addSnapshot(s)
	p.settleSnapshot(s, c.Now)
	reply := api.Reply{"SnapshotId": s.ID}
	p.Tokens.Keep(c, reply, p.Knobs.TokenRetention)
	return reply, nil
}

// deleteSnapshot refuses one that is being made.
func (p *Product) deleteSnapshot(c *api.Call) (api.Reply, *api.Error) {
	s := p.Snapshots[c.Params["SnapshotId"]]
	switch {
	case s == nil:
		return nil, api.Errorf(http.StatusNotFound, "InvalidSnapshotId.NotFound", "The specified SnapshotId %q does not exist.", c.Params["SnapshotId"])
	case !s.Due.IsZero():
		return nil, api.Errorf(http.StatusForbidden, "SnapshotCreatedProcessing", "The snapshot %s is being made.", s.ID)
	}
	delete(p.Snapshots, s.ID)
	p.index.removeSnapshot(s)
	return api.Reply{}, nil
}

func (p *Product) describeSnapshots(c *api.Call) (api.Reply, *api.Error) {
	pg, err := readPaging(c, maxSnapshots)
	if err != nil {
		return nil, err
	}
	ids, sent, err := jsonList(c.Params, "SnapshotIds")
	if err != nil {
		return nil, err
	}
	q := c.Params
	wanted := func(s *snapshot) bool {
		status, _ := s.progress(c.Now)
		return (!sent || slices.Contains(ids, s.ID)) && match(q["DiskId"], s.Disk) && match(q["SnapshotName"], s.Name) &&
			(q["Status"] == "all" || match(q["Status"], status)) && match(q["SourceDiskType"], s.DiskType) &&
			(q["InstanceId"] == "" || p.Disks[s.Disk] != nil && p.Disks[s.Disk].on(q["InstanceId"]) != nil) &&
			(!q.Has("Tag.1.Key") || q.HasTags(s.Tags))
	}
	if err := dryRun(c); err != nil {
		return nil, err
	}
	page, reply := cutPage(c, pg, p.index.snapshots, func(s *snapshot) uint64 { return s.Seq }, wanted)
	items := make([]api.Reply, 0, len(page))
	for _, s := range page {
		status, percent := s.progress(c.Now)
		items = append(items, api.Reply{
			"SnapshotId": s.ID, "SnapshotName": s.Name, "Description": s.Description, "SourceDiskId": s.Disk, "SourceDiskType": s.DiskType,
			"SourceDiskSize": strconv.Itoa(s.DiskSize), "Status": status, "Progress": strconv.Itoa(percent) + "%", "Available": percent == 100,
			"Encrypted": s.Encrypted, "RetentionDays": s.Retention, "CreationTime": moment(s.Created), "RegionId": p.Region,
			"SnapshotType": "user", "Tags": tagItems(s.Tags),
		})
	}
	reply["Snapshots"] = api.Reply{"Snapshot": items}
	return reply, nil
}

// progress is the state of a snapshot, and how much of it is done in percent.
func (s *snapshot) progress(now time.Time) (status string, percent int) {
	if s.Due.IsZero() {
		return "accomplished", 100
	}
	whole := s.Due.Sub(s.Created)
	return "progressing", int(100 * now.Sub(s.Created) / max(whole, 1))
}
