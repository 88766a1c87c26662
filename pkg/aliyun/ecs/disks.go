package ecs

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/requests"
	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/responses"
	sdk "github.com/aliyun/alibaba-cloud-sdk-go/services/ecs"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/listing"
	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/transport"
)

// disksPerPage is the API's largest page of disks (DescribeDisks: MaxResults).
const disksPerPage = 500

// write sends a call that changes something. repeatable says that sending it
// twice does no more than once.
func (c *Client) write(ctx context.Context, req requests.AcsRequest, resp responses.AcsResponse, repeatable bool) error {
	return c.doer.Do(ctx, transport.Call{
		Product: transport.Ecs, Request: req, Response: resp, Mutating: true, Repeatable: repeatable,
	})
}

// Disks lists the disks that match the filter. Disks that do not exist are left
// out. A non-nil, empty list of ids matches nothing and costs no call.
func (c *Client) Disks(ctx context.Context, f DiskFilter) ([]Disk, error) {
	if f.IDs != nil && len(f.IDs) == 0 {
		return nil, nil
	}
	parts := []DiskFilter{f}
	if len(f.IDs) > 0 {
		parts = nil
		for ids := range slices.Chunk(unique(f.IDs), PerCall) {
			parts = append(parts, DiskFilter{IDs: ids, ServerID: f.ServerID, Tags: f.Tags})
		}
	}
	var all []Disk
	for _, part := range parts {
		found, err := c.disks(ctx, part)
		if err != nil {
			return nil, fmt.Errorf("list disks: %w", err)
		}
		all = append(all, found...)
	}
	return all, nil
}

func (c *Client) disks(ctx context.Context, f DiskFilter) ([]Disk, error) {
	src := listing.Source{Product: string(transport.Ecs), Action: "DescribeDisks"}
	return listing.Tokens(ctx, src, func(ctx context.Context, token string) (listing.TokenPage[Disk], error) {
		req := sdk.CreateDescribeDisksRequest()
		req.DiskIds = jsonList(f.IDs)
		req.InstanceId = f.ServerID
		if len(f.Tags) > 0 {
			tags := make([]sdk.DescribeDisksTag, 0, len(f.Tags))
			for _, key := range slices.Sorted(maps.Keys(f.Tags)) {
				tags = append(tags, sdk.DescribeDisksTag{Key: key, Value: f.Tags[key]})
			}
			req.Tag = &tags
		}
		req.MaxResults = requests.NewInteger(disksPerPage)
		req.NextToken = token
		resp := sdk.CreateDescribeDisksResponse()
		if err := c.read(ctx, req, resp); err != nil {
			return listing.TokenPage[Disk]{}, err
		}
		page := listing.TokenPage[Disk]{Next: resp.NextToken, RequestID: resp.RequestId}
		for i := range resp.Disks.Disk {
			page.Items = append(page.Items, disk(&resp.Disks.Disk[i]))
		}
		return page, nil
	})
}

// AttachDisk asks for a disk to be attached to a server; the disk is Attaching
// when it returns and In_use later. The API takes no client token: after a lost
// answer the disk has to be looked at.
func (c *Client) AttachDisk(ctx context.Context, diskID, serverID string, deleteWithInstance bool) error {
	req := sdk.CreateAttachDiskRequest()
	req.DiskId, req.InstanceId = diskID, serverID
	req.DeleteWithInstance = requests.NewBoolean(deleteWithInstance)
	if err := c.write(ctx, req, sdk.CreateAttachDiskResponse(), false); err != nil {
		return fmt.Errorf("attach disk %s to server %s: %w", diskID, serverID, err)
	}
	return nil
}

// DetachDisk asks for a disk to be detached from a server; the disk is Detaching
// when it returns and Available later.
func (c *Client) DetachDisk(ctx context.Context, diskID, serverID string) error {
	req := sdk.CreateDetachDiskRequest()
	req.DiskId, req.InstanceId = diskID, serverID
	if err := c.write(ctx, req, sdk.CreateDetachDiskResponse(), false); err != nil {
		return fmt.Errorf("detach disk %s from server %s: %w", diskID, serverID, err)
	}
	return nil
}

// DeleteDisk deletes a disk with its data. A disk that does not exist is no error.
func (c *Client) DeleteDisk(ctx context.Context, diskID string) error {
	req := sdk.CreateDeleteDiskRequest()
	req.DiskId = diskID
	if err := c.write(ctx, req, sdk.CreateDeleteDiskResponse(), true); err != nil {
		return fmt.Errorf("delete disk %s: %w", diskID, err)
	}
	return nil
}

// ResizeDisk makes a disk larger. online is for a disk in use: its server sees the
// new size without a restart (ResizeDisk: Type). clientToken makes the call repeatable.
func (c *Client) ResizeDisk(ctx context.Context, diskID string, sizeGiB int, online bool, clientToken string) error {
	req := sdk.CreateResizeDiskRequest()
	req.DiskId, req.ClientToken, req.Type = diskID, clientToken, "offline"
	if online {
		req.Type = "online"
	}
	req.NewSize = requests.NewInteger(sizeGiB)
	if err := c.write(ctx, req, sdk.CreateResizeDiskResponse(), clientToken != ""); err != nil {
		return fmt.Errorf("grow disk %s to %d GiB: %w", diskID, sizeGiB, err)
	}
	return nil
}
