package ecs

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/requests"
	sdk "github.com/aliyun/alibaba-cloud-sdk-go/services/ecs"
)

// NewDisk is a disk to be created. Empty fields are the API's defaults.
type NewDisk struct {
	// ClientToken makes one disk out of any number of calls.
	ClientToken string
	// Name is 2 to 128 characters that begin with a letter.
	Name        string
	Description string
	// Zone is empty for disks that belong to a whole region.
	Zone             string
	Category         string
	PerformanceLevel string
	// SizeGiB may be 0 with a snapshot: the disk gets the snapshot's size.
	SizeGiB         int
	SnapshotID      string
	Encrypted       bool
	KMSKeyID        string
	ProvisionedIOPS int
	Bursting        bool
	ResourceGroupID string
	Tags            map[string]string
}

// CreateDisk creates a disk and returns its id; the disk is Creating then and
// Available later.
func (c *Client) CreateDisk(ctx context.Context, n NewDisk) (id string, err error) {
	req := sdk.CreateCreateDiskRequest()
	req.ClientToken, req.DiskName, req.Description = n.ClientToken, n.Name, n.Description
	req.ZoneId, req.DiskCategory, req.PerformanceLevel = n.Zone, n.Category, n.PerformanceLevel
	req.SnapshotId, req.KMSKeyId, req.ResourceGroupId = n.SnapshotID, n.KMSKeyID, n.ResourceGroupID
	if n.SizeGiB > 0 {
		req.Size = requests.NewInteger(n.SizeGiB)
	}
	if n.Encrypted {
		req.Encrypted = requests.NewBoolean(true)
	}
	if n.ProvisionedIOPS > 0 {
		req.ProvisionedIops = requests.NewInteger(n.ProvisionedIOPS)
	}
	if n.Bursting {
		req.BurstingEnabled = requests.NewBoolean(true)
	}
	if len(n.Tags) > 0 {
		tags := make([]sdk.CreateDiskTag, 0, len(n.Tags))
		for _, key := range slices.Sorted(maps.Keys(n.Tags)) {
			tags = append(tags, sdk.CreateDiskTag{Key: key, Value: n.Tags[key]})
		}
		req.Tag = &tags
	}
	resp := sdk.CreateCreateDiskResponse()
	if err := c.write(ctx, req, resp, n.ClientToken != ""); err != nil {
		return "", fmt.Errorf("create disk %s: %w", n.Name, err)
	}
	return resp.DiskId, nil
}

// TagDisks sets tags on disks, at most 50 of them; others on them stay.
func (c *Client) TagDisks(ctx context.Context, ids []string, tags map[string]string) error {
	req := sdk.CreateTagResourcesRequest()
	req.ResourceType, req.ResourceId = resourceDisk, &ids
	list := make([]sdk.TagResourcesTag, 0, len(tags))
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		list = append(list, sdk.TagResourcesTag{Key: key, Value: tags[key]})
	}
	req.Tag = &list
	if err := c.write(ctx, req, sdk.CreateTagResourcesResponse(), true); err != nil {
		return fmt.Errorf("tag disks %v: %w", ids, err)
	}
	return nil
}

// UntagDisks removes tags from disks, at most 50 of them.
func (c *Client) UntagDisks(ctx context.Context, ids, keys []string) error {
	req := sdk.CreateUntagResourcesRequest()
	req.ResourceType, req.ResourceId, req.TagKey = resourceDisk, &ids, &keys
	if err := c.write(ctx, req, sdk.CreateUntagResourcesResponse(), true); err != nil {
		return fmt.Errorf("remove tags of disks %v: %w", ids, err)
	}
	return nil
}

const resourceDisk = "disk"
