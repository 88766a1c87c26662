package slb

import (
	"context"
	"slices"
	"strings"

	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/requests"
	sdk "github.com/aliyun/alibaba-cloud-sdk-go/services/slb"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/listing"
	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/transport"
)

const (
	instancesPerPage = 100
	idsPerCall       = 10
)

// List lists the load balancers that match the filter, without ports and
// backends. A non-nil, empty list of ids matches nothing and costs no call.
func (c *Client) List(ctx context.Context, f Filter) ([]LoadBalancer, error) {
	if f.IDs != nil && len(f.IDs) == 0 {
		return nil, nil
	}
	chunks := [][]string{nil}
	if len(f.IDs) > 0 {
		chunks = slices.Collect(slices.Chunk(slices.Compact(slices.Sorted(slices.Values(f.IDs))), idsPerCall))
	}
	var all []LoadBalancer
	for _, ids := range chunks {
		found, err := c.list(ctx, ids, f.Tags)
		if err != nil {
			return nil, wrap(err, "list load balancers")
		}
		for _, lb := range found {
			if hasTags(lb, f.Tags) {
				all = append(all, lb)
			}
		}
	}
	return all, nil
}

func hasTags(lb LoadBalancer, tags map[string]string) bool {
	for k, v := range tags {
		if got, ok := lb.Tags[k]; !ok || got != v {
			return false
		}
	}
	return true
}

func (c *Client) list(ctx context.Context, ids []string, tags map[string]string) ([]LoadBalancer, error) {
	src := listing.Source{Product: string(transport.Slb), Action: "DescribeLoadBalancers"}
	return listing.Numbered(ctx, src, func(lb LoadBalancer) string { return lb.ID },
		func(ctx context.Context, number int) (listing.NumberedPage[LoadBalancer], error) {
			req := sdk.CreateDescribeLoadBalancersRequest()
			req.LoadBalancerId = strings.Join(ids, ",")
			list := make([]sdk.DescribeLoadBalancersTag, 0, len(tags))
			for _, k := range sortedKeys(tags) {
				list = append(list, sdk.DescribeLoadBalancersTag{Key: k, Value: tags[k]})
			}
			req.Tag = &list
			req.PageSize, req.PageNumber = requests.NewInteger(instancesPerPage), requests.NewInteger(number)
			resp := sdk.CreateDescribeLoadBalancersResponse()
			if err := c.read(ctx, req, resp); err != nil {
				return listing.NumberedPage[LoadBalancer]{}, err
			}
			page := listing.NumberedPage[LoadBalancer]{Total: resp.TotalCount, RequestID: resp.RequestId}
			for i := range resp.LoadBalancers.LoadBalancer {
				page.Items = append(page.Items, loadBalancer(&resp.LoadBalancers.LoadBalancer[i]))
			}
			return page, nil
		})
}

func loadBalancer(in *sdk.LoadBalancer) LoadBalancer {
	return LoadBalancer{
		ID: in.LoadBalancerId, Name: in.LoadBalancerName, Status: in.LoadBalancerStatus, Address: in.Address,
		AddressType: AddressType(in.AddressType), IPVersion: ipVersion(in.AddressIPVersion), NetworkType: in.NetworkType,
		VPCID: in.VpcId, VSwitchID: in.VSwitchId,
		InternetChargeType: internetCharge(in.InternetChargeTypeAlias, in.InternetChargeType),
		InstanceChargeType: in.InstanceChargeType, Spec: in.LoadBalancerSpec, Bandwidth: in.Bandwidth,
		MasterZone: in.MasterZoneId, SlaveZone: in.SlaveZoneId, ResourceGroupID: in.ResourceGroupId,
		DeleteProtection:       in.DeleteProtection == "on",
		ModificationProtection: in.ModificationProtectionStatus, ModificationReason: in.ModificationProtectionReason,
		Tags: tagMap(in.Tags.Tag),
	}
}

// Get describes one load balancer with its listener keys and its default server
// group. One that does not exist is a NotFound error.
func (c *Client) Get(ctx context.Context, id string) (LoadBalancer, error) {
	req := sdk.CreateDescribeLoadBalancerAttributeRequest()
	req.LoadBalancerId = id
	resp := sdk.CreateDescribeLoadBalancerAttributeResponse()
	if err := c.read(ctx, req, resp); err != nil {
		return LoadBalancer{}, wrap(err, "describe load balancer %s", id)
	}
	src := listing.Source{Product: string(transport.Slb), Action: "DescribeLoadBalancerAttribute"}
	if err := src.Check(resp.RequestId); err != nil {
		return LoadBalancer{}, wrap(err, "describe load balancer %s", id)
	}
	out := LoadBalancer{
		ID: resp.LoadBalancerId, Name: resp.LoadBalancerName, Status: resp.LoadBalancerStatus, Address: resp.Address,
		AddressType: AddressType(resp.AddressType), IPVersion: ipVersion(resp.AddressIPVersion), NetworkType: resp.NetworkType,
		VPCID: resp.VpcId, VSwitchID: resp.VSwitchId, InternetChargeType: internetCharge("", resp.InternetChargeType),
		InstanceChargeType: resp.InstanceChargeType, Spec: resp.LoadBalancerSpec, Bandwidth: resp.Bandwidth,
		MasterZone: resp.MasterZoneId, SlaveZone: resp.SlaveZoneId, ResourceGroupID: resp.ResourceGroupId,
		DeleteProtection:       resp.DeleteProtection == "on",
		ModificationProtection: resp.ModificationProtectionStatus, ModificationReason: resp.ModificationProtectionReason,
		Tags: tagMap(resp.Tags.Tag),
	}
	for _, l := range resp.ListenerPortsAndProtocol.ListenerPortAndProtocol {
		out.Ports = append(out.Ports, ListenerKey{Protocol(l.ListenerProtocol), l.ListenerPort})
	}
	out.Backends = make([]Backend, 0, len(resp.BackendServers.BackendServer))
	for _, b := range resp.BackendServers.BackendServer {
		out.Backends = append(out.Backends, c.backend(b.ServerId, b.Weight, b.Type, b.ServerIp))
	}
	return out, nil
}

// internetCharge returns paytraffic's two spellings as one: lists answer with a
// number beside the word, single answers with the word alone.
func internetCharge(alias, code string) string {
	if alias != "" {
		code = alias
	}
	switch code {
	case "4":
		return "paybytraffic"
	case "3":
		return "paybybandwidth"
	default:
		return code
	}
}

func ipVersion(v string) IPVersion {
	if strings.EqualFold(v, string(IPv6)) {
		return IPv6
	}
	return IPv4
}

func tagMap(tags []sdk.Tag) map[string]string {
	out := make(map[string]string, len(tags))
	for _, t := range tags {
		out[t.TagKey] = t.TagValue
	}
	return out
}
