package ecs

import (
	"maps"
	"slices"
	"time"
)

// minutes is the precision of ECS times, e.g. 2017-12-10T04:04Z.
const minutes = "2006-01-02T15:04Z"

// neverExpires is ExpiredTime of what is not paid in advance.
const neverExpires = "2099-12-31T15:59Z"

// The shapes below are those of DescribeInstances; field names are the wire's.
type instanceItem struct {
	InstanceId          string
	InstanceName        string
	HostName            string
	Description         string
	Status              string
	RegionId            string
	ZoneId              string
	InstanceType        string
	InstanceTypeFamily  string
	Cpu                 int
	Memory              int
	ImageId             string
	OSType              string
	OSName              string
	CreationTime        string
	ExpiredTime         string
	StartTime           string
	InstanceChargeType  string
	InstanceNetworkType string
	InternetChargeType  string
	SerialNumber        string
	SpotStrategy        string
	StoppedMode         string
	IoOptimized         bool
	DeletionProtection  bool
	SecurityGroupIds    securityGroupIDs
	VpcAttributes       vpcAttributes
	PublicIpAddress     ipAddresses
	InnerIpAddress      ipAddresses
	EipAddress          eipAddress
	NetworkInterfaces   networkInterfaces
	OperationLocks      operationLocks
	MetadataOptions     metadataOptions
	Tags                tags
}

type securityGroupIDs struct{ SecurityGroupId []string }

type ipAddresses struct{ IpAddress []string }

type vpcAttributes struct {
	VpcId            string
	VSwitchId        string
	NatIpAddress     string
	PrivateIpAddress ipAddresses
}

type eipAddress struct {
	AllocationId       string
	IpAddress          string
	Bandwidth          int
	InternetChargeType string
}

type networkInterfaces struct{ NetworkInterface []instanceInterface }

type instanceInterface struct {
	NetworkInterfaceId string
	MacAddress         string
	PrimaryIpAddress   string
	Type               string
	PrivateIpSets      privateIPSets
	Ipv6Sets           ipv6Sets
}

type privateIPSets struct{ PrivateIpSet []privateIPSet }

type privateIPSet struct {
	PrivateIpAddress string
	Primary          bool
}

type ipv6Sets struct{ Ipv6Set []ipv6Set }

type ipv6Set struct{ Ipv6Address string }

type operationLocks struct{ LockReason []lockReason }

type lockReason struct{ LockReason string }

type metadataOptions struct {
	HttpEndpoint string
	HttpTokens   string
}

type tags struct{ Tag []tag }

type tag struct {
	TagKey   string
	TagValue string
}

func (p *Product) instanceItem(s *server) instanceItem {
	kind := p.Types[s.Type]
	item := instanceItem{
		InstanceId: s.ID, InstanceName: s.Name, HostName: s.HostName, Description: s.Description, Status: s.Status,
		RegionId: p.Region, ZoneId: s.Zone, InstanceType: s.Type, InstanceTypeFamily: kind.Family, Cpu: kind.CPU,
		Memory: int(kind.MemoryGiB * 1024), ImageId: s.Image, OSType: "linux", OSName: "Debian  13.0 64 bit",
		CreationTime: s.Created.UTC().Format(minutes), ExpiredTime: neverExpires, StartTime: s.Created.UTC().Format(minutes),
		InstanceChargeType: s.ChargeType, InstanceNetworkType: "vpc", InternetChargeType: "PayByTraffic", SerialNumber: s.SerialNumber,
		SpotStrategy: s.SpotStrategy, StoppedMode: stoppedMode(s), IoOptimized: true, DeletionProtection: s.DeletionProtection,
		SecurityGroupIds: securityGroupIDs{list(s.SecurityGroups)},
		VpcAttributes: vpcAttributes{
			VpcId: s.VPC, VSwitchId: s.VSwitch, PrivateIpAddress: ipAddresses{[]string{s.PrivateIP}},
		},
		PublicIpAddress:   ipAddresses{[]string{}},
		InnerIpAddress:    ipAddresses{[]string{}},
		NetworkInterfaces: networkInterfaces{make([]instanceInterface, 0, len(s.Interfaces))},
		OperationLocks:    operationLocks{make([]lockReason, 0, len(s.Locks))},
		MetadataOptions:   metadataOptions{HttpEndpoint: "enabled", HttpTokens: "optional"},
		Tags:              tagItems(s.Tags),
	}
	if s.ChargeType == chargePrePaid {
		item.ExpiredTime = s.Created.Add(365 * 24 * time.Hour).UTC().Format(minutes)
	}
	if s.PublicIP != "" {
		item.PublicIpAddress.IpAddress = []string{s.PublicIP}
	}
	if e, ok := p.Network.EIPOf(s.ID); ok {
		item.EipAddress = eipAddress{
			AllocationId: e.AllocationID, IpAddress: e.Address, Bandwidth: e.Bandwidth, InternetChargeType: e.InternetChargeType,
		}
	}
	for _, reason := range s.Locks {
		item.OperationLocks.LockReason = append(item.OperationLocks.LockReason, lockReason{reason})
	}
	for _, id := range s.Interfaces {
		i := p.Interfaces[id]
		item.NetworkInterfaces.NetworkInterface = append(item.NetworkInterfaces.NetworkInterface, instanceInterface{
			NetworkInterfaceId: i.ID, MacAddress: i.MAC, PrimaryIpAddress: i.PrivateIPs[0], Type: i.Type,
			PrivateIpSets: i.privateIPSets(), Ipv6Sets: i.ipv6Sets(),
		})
	}
	return item
}

func stoppedMode(s *server) string {
	switch {
	case s.Status != statusStopped:
		return "Not-applicable"
	case s.StopCharging:
		return "StopCharging"
	default:
		return "KeepCharging"
	}
}

func (i *netInterface) privateIPSets() privateIPSets {
	sets := privateIPSets{make([]privateIPSet, 0, len(i.PrivateIPs))}
	for n, ip := range i.PrivateIPs {
		sets.PrivateIpSet = append(sets.PrivateIpSet, privateIPSet{ip, n == 0})
	}
	return sets
}

func (i *netInterface) ipv6Sets() ipv6Sets {
	sets := ipv6Sets{make([]ipv6Set, 0, len(i.IPv6))}
	for _, ip := range i.IPv6 {
		sets.Ipv6Set = append(sets.Ipv6Set, ipv6Set{ip})
	}
	return sets
}

func tagItems(m map[string]string) tags {
	items := tags{make([]tag, 0, len(m))}
	for _, key := range slices.Sorted(maps.Keys(m)) {
		items.Tag = append(items.Tag, tag{key, m[key]})
	}
	return items
}

func list(items []string) []string {
	if items == nil {
		return []string{}
	}
	return items
}
