package vpc

import (
	"context"
	"fmt"

	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/requests"
	sdk "github.com/aliyun/alibaba-cloud-sdk-go/services/vpc"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/listing"
	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/transport"
)

const (
	// eipPageSize is the API's largest page of elastic IPs.
	eipPageSize = 100
	// boundToLoadBalancer is the API's name of what an elastic IP is bound to
	// (DescribeEipAddresses: AssociatedInstanceType), boundEIP its state then.
	boundToLoadBalancer = "SlbInstance"
	boundEIP            = "InUse"
)

// EIP is an elastic IP.
type EIP struct {
	ID      string
	Address string
	// InstanceID is what it is bound to.
	InstanceID string
}

// LoadBalancerEIPs lists the elastic IPs that are bound to load balancers: one call
// for each hundred.
func (c *Client) LoadBalancerEIPs(ctx context.Context) ([]EIP, error) {
	src := listing.Source{Product: string(transport.Vpc), Action: "DescribeEipAddresses"}
	all, err := listing.Numbered(ctx, src, func(e EIP) string { return e.ID },
		func(ctx context.Context, number int) (listing.NumberedPage[EIP], error) {
			req := sdk.CreateDescribeEipAddressesRequest()
			req.AssociatedInstanceType, req.Status = boundToLoadBalancer, boundEIP
			req.PageSize, req.PageNumber = requests.NewInteger(eipPageSize), requests.NewInteger(number)
			resp := sdk.CreateDescribeEipAddressesResponse()
			if err := c.read(ctx, req, resp); err != nil {
				return listing.NumberedPage[EIP]{}, err
			}
			page := listing.NumberedPage[EIP]{Total: resp.TotalCount, RequestID: resp.RequestId}
			for i := range resp.EipAddresses.EipAddress {
				e := &resp.EipAddresses.EipAddress[i]
				page.Items = append(page.Items, EIP{ID: e.AllocationId, Address: e.IpAddress, InstanceID: e.InstanceId})
			}
			return page, nil
		})
	if err != nil {
		return nil, fmt.Errorf("list elastic IPs of load balancers: %w", err)
	}
	return all, nil
}
