package ecs

import (
	"cmp"

	sdk "github.com/aliyun/alibaba-cloud-sdk-go/services/ecs"
)

// server turns one item of DescribeInstances into ours.
func server(in *sdk.Instance) Server {
	out := Server{
		ID: in.InstanceId, Name: in.InstanceName, HostName: in.HostName, Status: Status(in.Status),
		Region: in.RegionId, Zone: in.ZoneId, Type: in.InstanceType,
		VPCID: in.VpcAttributes.VpcId, VSwitchID: in.VpcAttributes.VSwitchId,
		PublicIPs: in.PublicIpAddress.IpAddress, ElasticIP: in.EipAddress.IpAddress,
		ChargeType: in.InstanceChargeType, SpotStrategy: in.SpotStrategy,
		Tags: map[string]string{},
	}
	primary, secondary := addresses(in.NetworkInterfaces.NetworkInterface)
	out.PrivateIPs = unique(append(append(nonEmpty(in.VpcAttributes.PrivateIpAddress.IpAddress), primary...), secondary...))
	for i := range in.NetworkInterfaces.NetworkInterface {
		for _, set := range in.NetworkInterfaces.NetworkInterface[i].Ipv6Sets.Ipv6Set {
			out.IPv6s = append(out.IPv6s, set.Ipv6Address)
		}
	}
	for _, t := range in.Tags.Tag {
		out.Tags[cmp.Or(t.TagKey, t.Key)] = cmp.Or(t.TagValue, t.Value)
	}
	return out
}

// addresses returns the addresses of the primary interface and of the others,
// each interface's own primary address first.
func addresses(interfaces []sdk.NetworkInterface) (primary, secondary []string) {
	for i := range interfaces {
		eni := &interfaces[i]
		ips := nonEmpty([]string{eni.PrimaryIpAddress})
		for _, set := range eni.PrivateIpSets.PrivateIpSet {
			ips = append(ips, nonEmpty([]string{set.PrivateIpAddress})...)
		}
		if eni.Type == primaryType {
			primary = append(primary, ips...)
		} else {
			secondary = append(secondary, ips...)
		}
	}
	return primary, secondary
}

func nonEmpty(values []string) []string {
	out := make([]string, 0, len(values))
	for _, v := range values {
		if v != "" {
			out = append(out, v)
		}
	}
	return out
}
