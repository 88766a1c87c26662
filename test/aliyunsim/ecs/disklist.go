package ecs

import (
	"net/http"
	"slices"
	"strconv"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/api"
)

// maxDisks is the largest MaxResults of DescribeDisks.
const maxDisks = 500

// diskItem is a disk as DescribeDisks gives it; field names are the wire's.
type diskItem struct {
	DiskID             string `json:"DiskId"`
	DiskName           string
	Description        string
	RegionID           string `json:"RegionId"`
	ZoneID             string `json:"ZoneId"`
	Status             string
	Type               string
	Category           string
	PerformanceLevel   string
	Size               int
	SerialNumber       string
	InstanceID         string `json:"InstanceId"`
	Device             string
	Portable           bool
	DeleteWithInstance bool
	DiskChargeType     string
	Encrypted          bool
	KMSKeyID           string `json:"KMSKeyId"`
	MultiAttach        string
	ProvisionedIops    int
	BurstingEnabled    bool
	SourceSnapshotID   string `json:"SourceSnapshotId"`
	ResourceGroupID    string `json:"ResourceGroupId"`
	StorageClusterID   string `json:"StorageClusterId"`
	MountInstanceNum   int
	IOPS               int
	CreationTime       string
	AttachedTime       string
	DetachedTime       string
	ExpiredTime        string
	OperationLocks     diskLocks
	Attachments        diskAttachments
	Tags               tags
}

// diskLocks name their list otherwise than those of instances.
type diskLocks struct{ OperationLock []lockReason }

type diskAttachments struct{ Attachment []diskAttachment }

type diskAttachment struct {
	InstanceID   string `json:"InstanceId"`
	Device       string
	AttachedTime string
}

func (p *Product) diskItem(d *disk) diskItem {
	item := diskItem{
		DiskID: d.ID, DiskName: d.Name, Description: d.Description, RegionID: p.Region, ZoneID: d.Zone, Status: d.status(), Type: d.Type,
		Category: d.Category, PerformanceLevel: d.PerformanceLevel, Size: d.Size, SerialNumber: d.Serial, Portable: d.Portable,
		DeleteWithInstance: d.DeleteWithInstance, DiskChargeType: d.ChargeType, Encrypted: d.Encrypted, KMSKeyID: d.KMSKey,
		MultiAttach: "Disabled", ProvisionedIops: d.ProvisionedIOPS, BurstingEnabled: d.Bursting, SourceSnapshotID: d.SourceSnapshot,
		ResourceGroupID: d.ResourceGroup, StorageClusterID: d.StorageCluster, IOPS: min(1800+50*d.Size, 50000),
		CreationTime: moment(d.Created), AttachedTime: moment(d.Attached), DetachedTime: moment(d.Detached), ExpiredTime: neverExpires,
		OperationLocks: diskLocks{[]lockReason{}}, Attachments: diskAttachments{[]diskAttachment{}}, Tags: tagItems(d.Tags),
	}
	for _, reason := range d.Locks {
		item.OperationLocks.OperationLock = append(item.OperationLocks.OperationLock, lockReason{reason})
	}
	if d.MultiAttach {
		item.MultiAttach = "Enabled"
	}
	// An attachment is shown from the end of Attaching on; InstanceId and Device
	// are those of a disk that has one server at most.
	for _, a := range d.Attachments {
		if a.Status == diskAttaching {
			continue
		}
		item.Attachments.Attachment = append(item.Attachments.Attachment, diskAttachment{a.Server, a.Device, moment(a.Since)})
		item.MountInstanceNum++
		if !d.MultiAttach {
			item.InstanceID, item.Device = a.Server, a.Device
		}
	}
	return item
}

// describeDisks ANDs its filters. Unknown ids are left out without a word, an
// empty list of ids asks for nothing.
func (p *Product) describeDisks(c *api.Call) (api.Reply, *api.Error) {
	pg, err := readPaging(c, maxDisks)
	if err != nil {
		return nil, err
	}
	candidates := p.index.disks
	ids, sent, err := jsonList(c.Params, "DiskIds")
	if err != nil {
		return nil, api.Errorf(http.StatusForbidden, err.Code, "%s", err.Message)
	}
	switch server := c.Params["InstanceId"]; {
	case sent:
		candidates = []*disk{}
		for _, id := range ids {
			if d := p.Disks[id]; d != nil {
				candidates = append(candidates, d)
			}
		}
		slices.SortFunc(candidates, byDiskSeq)
		candidates = slices.Compact(candidates)
	case server != "":
		candidates = p.disksOf(server)
	}
	wanted, err := p.diskFilter(c)
	if err != nil {
		return nil, err
	}
	if err := dryRun(c); err != nil {
		return nil, err
	}
	page, reply := cutPage(c, pg, candidates, func(d *disk) uint64 { return d.Seq }, wanted)
	items := make([]diskItem, 0, len(page))
	for _, d := range page {
		items = append(items, p.diskItem(d))
	}
	reply["Disks"] = api.Reply{"Disk": items}
	return reply, nil
}

// diskFilter is the test that a disk has to pass.
func (p *Product) diskFilter(c *api.Call) (func(*disk) bool, *api.Error) {
	q := c.Params
	if q.Has("Filter.1.Key") {
		return nil, api.Errorf(http.StatusBadRequest, "UnsupportedOperation", "Numbered filters are not simulated.")
	}
	kind := q["DiskType"]
	if kind == "all" {
		kind = ""
	}
	portable, byPortable := q["Portable"], q.Has("Portable")
	if _, err := q.Bool("Portable", false); err != nil {
		return nil, err
	}
	shared := map[bool]string{false: "Disabled", true: "Enabled"}
	byTag := q.Has("Tag.1.Key")
	return func(d *disk) bool {
		switch {
		case c.Now.Before(d.VisibleFrom), byTag && (c.Now.Before(d.TagsFrom) || !q.HasTags(d.Tags)):
			return false
		case byPortable && portable != strconv.FormatBool(d.Portable):
			return false
		case q["InstanceId"] != "" && (d.on(q["InstanceId"]) == nil || d.on(q["InstanceId"]).Status == diskAttaching):
			return false
		}
		return match(q["ZoneId"], d.Zone) && (q["Status"] == "All" || match(q["Status"], d.status())) && match(q["Category"], d.Category) &&
			match(kind, d.Type) && matchName(q["DiskName"], d.Name) && match(q["DiskChargeType"], d.ChargeType) &&
			match(q["MultiAttach"], shared[d.MultiAttach]) && match(q["SnapshotId"], d.SourceSnapshot) &&
			match(q["ResourceGroupId"], d.ResourceGroup) && match(q["KMSKeyId"], d.KMSKey)
	}, nil
}
