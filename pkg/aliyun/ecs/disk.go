package ecs

import (
	"cmp"
	"slices"
	"strings"

	sdk "github.com/aliyun/alibaba-cloud-sdk-go/services/ecs"
)

// DiskStatus is the state of a disk.
type DiskStatus string

// The states of a disk (ECS API: DescribeDisks, field Status).
const (
	DiskCreating  DiskStatus = "Creating"
	DiskAvailable DiskStatus = "Available"
	DiskAttaching DiskStatus = "Attaching"
	DiskInUse     DiskStatus = "In_use"
	DiskDetaching DiskStatus = "Detaching"
	DiskReIniting DiskStatus = "ReIniting"
)

// Disk is a cloud disk.
type Disk struct {
	ID     string
	Name   string
	Status DiskStatus
	// Category is such as cloud_essd, PerformanceLevel PL0 to PL3 or empty.
	Category         string
	PerformanceLevel string
	SizeGiB          int
	// System says that a server boots from it.
	System bool
	// Zone is empty for disks that belong to a whole region.
	Zone string
	// Serial is what the server's kernel shows of the disk.
	Serial string
	// Portable disks can be detached; those of a subscription cannot.
	Portable           bool
	DeleteWithInstance bool
	MultiAttach        bool
	// Attachments are the servers that have the disk, or are losing it.
	Attachments []string
	// Locks are the reasons for which Alibaba Cloud has locked the disk: financial,
	// security, recycling...
	Locks            []string
	Encrypted        bool
	KMSKeyID         string
	SourceSnapshotID string
	// ProvisionedIOPS is 0 where none are.
	ProvisionedIOPS int
	Bursting        bool
	ResourceGroupID string
	Tags            map[string]string
}

// AttachedTo reports whether a server has the disk.
func (d *Disk) AttachedTo(server string) bool { return slices.Contains(d.Attachments, server) }

// diskPrefix starts every disk id.
const diskPrefix = "d-"

// IsDiskID reports whether s has the form of a disk id ("d-" and letters and digits).
func IsDiskID(s string) bool {
	rest, found := strings.CutPrefix(s, diskPrefix)
	if !found || rest == "" || len(s) > maxDiskID {
		return false
	}
	for _, c := range rest {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return true
}

const maxDiskID = 64

// DiskFilter narrows a listing of disks. All set fields must match.
type DiskFilter struct {
	// IDs may be of any length; they are sent 100 a call.
	IDs []string
	// ServerID asks for the disks of one server.
	ServerID string
	// Tags must all be there with these values.
	Tags map[string]string
}

// disk turns one item of DescribeDisks into ours. Tags come under one of two
// pairs of names; the servers of a disk in Attachments, or in InstanceId alone.
func disk(in *sdk.Disk) Disk {
	out := Disk{
		ID: in.DiskId, Name: in.DiskName, Status: DiskStatus(in.Status),
		Category: in.Category, PerformanceLevel: in.PerformanceLevel, SizeGiB: in.Size,
		System: in.Type == "system", Zone: in.ZoneId,
		Serial:   cmp.Or(in.SerialNumber, strings.TrimPrefix(in.DiskId, diskPrefix)),
		Portable: in.Portable, DeleteWithInstance: in.DeleteWithInstance, MultiAttach: in.MultiAttach == "Enabled",
		Encrypted: in.Encrypted, KMSKeyID: in.KMSKeyId, SourceSnapshotID: in.SourceSnapshotId,
		ProvisionedIOPS: int(in.ProvisionedIops), Bursting: in.BurstingEnabled, ResourceGroupID: in.ResourceGroupId,
		Tags: map[string]string{},
	}
	servers := make([]string, 0, len(in.Attachments.Attachment)+1)
	for i := range in.Attachments.Attachment {
		servers = append(servers, in.Attachments.Attachment[i].InstanceId)
	}
	out.Attachments = unique(nonEmpty(append(servers, in.InstanceId)))
	for _, lock := range in.OperationLocks.OperationLock {
		out.Locks = append(out.Locks, lock.LockReason)
	}
	for _, t := range in.Tags.Tag {
		out.Tags[cmp.Or(t.TagKey, t.Key)] = cmp.Or(t.TagValue, t.Value)
	}
	return out
}
