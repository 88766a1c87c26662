package ecs

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/requests"
	sdk "github.com/aliyun/alibaba-cloud-sdk-go/services/ecs"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/listing"
	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/transport"
)

// SnapshotStatus is the state of a snapshot.
type SnapshotStatus string

// The states of a snapshot (ECS API: DescribeSnapshots, field Status).
const (
	SnapshotProgressing  SnapshotStatus = "progressing"
	SnapshotAccomplished SnapshotStatus = "accomplished"
	SnapshotFailed       SnapshotStatus = "failed"
)

// Snapshot is a snapshot of a disk.
type Snapshot struct {
	ID     string
	Name   string
	DiskID string
	Status SnapshotStatus
	Tags   map[string]string
}

// NewSnapshot is a snapshot to be made.
type NewSnapshot struct {
	// ClientToken makes one snapshot out of any number of calls.
	ClientToken string
	DiskID      string
	Name        string
	// RetentionDays is 0 for a snapshot that is kept until it is deleted.
	RetentionDays int
	Tags          map[string]string
}

// CreateSnapshot begins a snapshot and returns its id; it is progressing then.
func (c *Client) CreateSnapshot(ctx context.Context, n NewSnapshot) (id string, err error) {
	req := sdk.CreateCreateSnapshotRequest()
	req.ClientToken, req.DiskId, req.SnapshotName = n.ClientToken, n.DiskID, n.Name
	if n.RetentionDays > 0 {
		req.RetentionDays = requests.NewInteger(n.RetentionDays)
	}
	if len(n.Tags) > 0 {
		tags := make([]sdk.CreateSnapshotTag, 0, len(n.Tags))
		for _, key := range slices.Sorted(maps.Keys(n.Tags)) {
			tags = append(tags, sdk.CreateSnapshotTag{Key: key, Value: n.Tags[key]})
		}
		req.Tag = &tags
	}
	resp := sdk.CreateCreateSnapshotResponse()
	if err := c.write(ctx, req, resp, n.ClientToken != ""); err != nil {
		return "", fmt.Errorf("take a snapshot of disk %s: %w", n.DiskID, err)
	}
	return resp.SnapshotId, nil
}

// Snapshots lists the snapshots of a disk that bear the tags.
func (c *Client) Snapshots(ctx context.Context, diskID string, tags map[string]string) ([]Snapshot, error) {
	src := listing.Source{Product: string(transport.Ecs), Action: "DescribeSnapshots"}
	all, err := listing.Tokens(ctx, src, func(ctx context.Context, token string) (listing.TokenPage[Snapshot], error) {
		req := sdk.CreateDescribeSnapshotsRequest()
		req.DiskId, req.NextToken = diskID, token
		req.MaxResults = requests.NewInteger(PerCall)
		if len(tags) > 0 {
			list := make([]sdk.DescribeSnapshotsTag, 0, len(tags))
			for _, key := range slices.Sorted(maps.Keys(tags)) {
				list = append(list, sdk.DescribeSnapshotsTag{Key: key, Value: tags[key]})
			}
			req.Tag = &list
		}
		resp := sdk.CreateDescribeSnapshotsResponse()
		if err := c.read(ctx, req, resp); err != nil {
			return listing.TokenPage[Snapshot]{}, err
		}
		page := listing.TokenPage[Snapshot]{Next: resp.NextToken, RequestID: resp.RequestId}
		for i := range resp.Snapshots.Snapshot {
			page.Items = append(page.Items, snapshot(&resp.Snapshots.Snapshot[i]))
		}
		return page, nil
	})
	if err != nil {
		return nil, fmt.Errorf("list snapshots of disk %s: %w", diskID, err)
	}
	return all, nil
}

func snapshot(in *sdk.Snapshot) Snapshot {
	out := Snapshot{
		ID: in.SnapshotId, Name: in.SnapshotName, DiskID: in.SourceDiskId, Status: SnapshotStatus(in.Status),
		Tags: map[string]string{},
	}
	for _, t := range in.Tags.Tag {
		out.Tags[cmp.Or(t.TagKey, t.Key)] = cmp.Or(t.TagValue, t.Value)
	}
	return out
}
