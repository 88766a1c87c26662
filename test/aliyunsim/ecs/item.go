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
	InstanceID          string `json:"InstanceId"`
	InstanceName        string
	HostName            string
	Description         string
	Status              string
	RegionID            string `json:"RegionId"`
	ZoneID              string `json:"ZoneId"`
	InstanceType        string
	InstanceTypeFamily  string
	CPU                 int `json:"Cpu"`
	Memory              int
	ImageID             string `json:"ImageId"`
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
	SecurityGroupIDs    securityGroupIDs `json:"SecurityGroupIds"`
	VpcAttributes       vpcAttributes
	PublicIPAddress     ipAddresses `json:"PublicIpAddress"`
	InnerIPAddress      ipAddresses `json:"InnerIpAddress"`
	EipAddress          eipAddress
	NetworkInterfaces   networkInterfaces
	OperationLocks      operationLocks
	MetadataOptions     metadataOptions
	Tags                tags
}

type securityGroupIDs struct {
	SecurityGroupID []string `json:"SecurityGroupId"`
}

type ipAddresses struct {
	IPAddress []string `json:"IpAddress"`
}

type vpcAttributes struct {
	VpcID            string      `json:"VpcId"`
	VSwitchID        string      `json:"VSwitchId"`
	NatIPAddress     string      `json:"NatIpAddress"`
	PrivateIPAddress ipAddresses `json:"PrivateIpAddress"`
}

type eipAddress struct {
	AllocationID       string `json:"AllocationId"`
	IPAddress          string `json:"IpAddress"`
	Bandwidth          int
	InternetChargeType string
}

type networkInterfaces struct{ NetworkInterface []instanceInterface }

type instanceInterface struct {
	NetworkInterfaceID string `json:"NetworkInterfaceId"`
	MacAddress         string
	PrimaryIPAddress   string `json:"PrimaryIpAddress"`
	Type               string
	PrivateIPSets      privateIPSets `json:"PrivateIpSets"`
	Ipv6Sets           ipv6Sets
}

type privateIPSets struct {
	PrivateIPSet []privateIPSet `json:"PrivateIpSet"`
}

type privateIPSet struct {
	PrivateIPAddress string `json:"PrivateIpAddress"`
	Primary          bool
}

type ipv6Sets struct{ Ipv6Set []ipv6Set }

type ipv6Set struct{ Ipv6Address string }

type operationLocks struct{ LockReason []lockReason }

type lockReason struct{ LockReason string }

type metadataOptions struct {
	HTTPEndpoint string `json:"HttpEndpoint"`
	HTTPTokens   string `json:"HttpTokens"`
}

type tags struct{ Tag []tag }

type tag struct {
	TagKey   string
	TagValue string
}

func (p *Product) instanceItem(s *server) instanceItem {
	kind := p.Types[s.Type]
	item := instanceItem{
		InstanceID: s.ID, InstanceName: s.Name, HostName: s.HostName, Description: s.Description, Status: s.Status,
		RegionID: p.Region, ZoneID: s.Zone, InstanceType: s.Type, InstanceTypeFamily: kind.Family, CPU: kind.CPU,
		Memory: int(kind.MemoryGiB * 1024), ImageID: s.Image, OSType: "linux", OSName: "Debian  13.0 64 bit",
		CreationTime: s.Created.UTC().Format(minutes), ExpiredTime: neverExpires, StartTime: s.Created.UTC().Format(minutes),
		InstanceChargeType: s.ChargeType, InstanceNetworkType: "vpc", InternetChargeType: "PayByTraffic", SerialNumber: s.SerialNumber,
		SpotStrategy: s.SpotStrategy, StoppedMode: stoppedMode(s), IoOptimized: true, DeletionProtection: s.DeletionProtection,
		SecurityGroupIDs: securityGroupIDs{list(s.SecurityGroups)},
		VpcAttributes: vpcAttributes{
			VpcID: s.VPC, VSwitchID: s.VSwitch, PrivateIPAddress: ipAddresses{[]string{s.PrivateIP}},
		},
		PublicIPAddress:   ipAddresses{[]string{}},
		InnerIPAddress:    ipAddresses{[]string{}},
		NetworkInterfaces: networkInterfaces{make([]instanceInterface, 0, len(s.Interfaces))},
		OperationLocks:    operationLocks{make([]lockReason, 0, len(s.Locks))},
		MetadataOptions:   metadataOptions{HTTPEndpoint: "enabled", HTTPTokens: "optional"},
		Tags:              tagItems(s.Tags),
	}
	if s.ChargeType == chargePrePaid {
		item.ExpiredTime = s.Created.Add(365 * 24 * time.Hour).UTC().Format(minutes)
	}
	if s.PublicIP != "" {
		item.PublicIPAddress.IPAddress = []string{s.PublicIP}
	}
	if e, ok := p.Network.EIPOf(s.ID); ok {
		item.EipAddress = eipAddress{
			AllocationID: e.AllocationID, IPAddress: e.Address, Bandwidth: e.Bandwidth, InternetChargeType: e.InternetChargeType,
		}
	}
	for _, reason := range s.Locks {
		item.OperationLocks.LockReason = append(item.OperationLocks.LockReason, lockReason{reason})
	}
	for _, id := range s.Interfaces {
		i := p.Interfaces[id]
		item.NetworkInterfaces.NetworkInterface = append(item.NetworkInterfaces.NetworkInterface, instanceInterface{
			NetworkInterfaceID: i.ID, MacAddress: i.MAC, PrimaryIPAddress: i.PrivateIPs[0], Type: i.Type,
			PrivateIPSets: i.privateIPSets(), Ipv6Sets: i.ipv6Sets(),
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
		sets.PrivateIPSet = append(sets.PrivateIPSet, privateIPSet{ip, n == 0})
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
