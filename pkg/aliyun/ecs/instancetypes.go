package ecs

import (
	"context"
	"fmt"
	"slices"

	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/requests"
	sdk "github.com/aliyun/alibaba-cloud-sdk-go/services/ecs"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/listing"
	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/transport"
)

// typesPerCall is how many instance types one call takes.
const typesPerCall = 10

// InstanceType is what an instance type offers.
type InstanceType struct {
	Name string
	// Disks is how many cloud disks a server of the type has at most, its system
	// disk included.
	Disks int
}

// InstanceTypes returns the named instance types; those that the API does not
// know are left out.
func (c *Client) InstanceTypes(ctx context.Context, names []string) ([]InstanceType, error) {
	var all []InstanceType
	for part := range slices.Chunk(unique(nonEmpty(names)), typesPerCall) {
		found, err := c.instanceTypes(ctx, part)
		if err != nil {
			return nil, fmt.Errorf("describe instance types: %w", err)
		}
		all = append(all, found...)
	}
	return all, nil
}

func (c *Client) instanceTypes(ctx context.Context, names []string) ([]InstanceType, error) {
	src := listing.Source{Product: string(transport.Ecs), Action: "DescribeInstanceTypes"}
	return listing.Tokens(ctx, src, func(ctx context.Context, token string) (listing.TokenPage[InstanceType], error) {
		req := sdk.CreateDescribeInstanceTypesRequest()
		req.InstanceTypes = &names
		req.MaxResults = requests.NewInteger(PerCall)
		req.NextToken = token
		resp := sdk.CreateDescribeInstanceTypesResponse()
		if err := c.read(ctx, req, resp); err != nil {
			return listing.TokenPage[InstanceType]{}, err
		}
		page := listing.TokenPage[InstanceType]{Next: resp.NextToken, RequestID: resp.RequestId}
		for i := range resp.InstanceTypes.InstanceType {
			t := &resp.InstanceTypes.InstanceType[i]
			page.Items = append(page.Items, InstanceType{Name: t.InstanceTypeId, Disks: t.DiskQuantity})
		}
		return page, nil
	})
}
