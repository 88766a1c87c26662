package ecs

import (
	"maps"
	"slices"
	"strconv"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/api"
)

// maxTypeNames is how many InstanceTypes.N DescribeInstanceTypes takes.
const maxTypeNames = 10

// InstanceType is one line of the catalogue; seeds may add more.
type InstanceType struct {
	Name   string `json:"name"`
	Family string `json:"family"`
	CPU    int    `json:"cpu"`
	// MemoryGiB as DescribeInstanceTypes gives it; DescribeInstances says MiB.
	MemoryGiB float64 `json:"memoryGiB"`
	// Disks counts cloud disks, the system disk included.
	Disks      int `json:"disks"`
	Interfaces int `json:"interfaces"`
	// PrivateIPs and IPv6 are addresses an interface.
	PrivateIPs int  `json:"privateIPs"`
	IPv6       int  `json:"ipv6"`
	NVMe       bool `json:"nvme"`
	// DiskCategories are those that can be attached; all when empty.
	DiskCategories []string `json:"diskCategories,omitempty"`
	// NoOnlineResize is set where disks cannot be resized under a running server.
	NoOnlineResize bool `json:"noOnlineResize,omitempty"`
}

func defaultTypes() map[string]InstanceType {
	types := map[string]InstanceType{}
	for _, f := range []struct {
		family      string
		memoryPerGi float64
		nvme        bool
	}{{"ecs.c7", 2, true}, {"ecs.g7", 4, true}, {"ecs.r7", 8, true}, {"ecs.c6", 2, false}, {"ecs.g6", 4, false}} {
		for _, s := range []struct {
			size                 string
			cpu, interfaces, ips int
		}{{"large", 2, 3, 6}, {"xlarge", 4, 4, 15}, {"2xlarge", 8, 4, 15}, {"4xlarge", 16, 8, 30}} {
			name := f.family + "." + s.size
			types[name] = InstanceType{
				Name: name, Family: f.family, CPU: s.cpu, MemoryGiB: float64(s.cpu) * f.memoryPerGi, Disks: 17,
				Interfaces: s.interfaces, PrivateIPs: s.ips, IPv6: s.ips, NVMe: f.nvme,
			}
		}
	}
	for _, t := range []InstanceType{
		{Name: "ecs.t6-c1m1.large", Family: "ecs.t6", CPU: 2, MemoryGiB: 2, Disks: 17, Interfaces: 2, PrivateIPs: 2, IPv6: 1},
		{Name: "ecs.t6-c1m2.large", Family: "ecs.t6", CPU: 2, MemoryGiB: 4, Disks: 17, Interfaces: 2, PrivateIPs: 2, IPv6: 1},
		{Name: "ecs.n4.small", Family: "ecs.n4", CPU: 1, MemoryGiB: 2, Disks: 17, Interfaces: 2, PrivateIPs: 2,
			DiskCategories: []string{"cloud", "cloud_efficiency", "cloud_ssd"}},
	} {
		types[t.Name] = t
	}
	return types
}

func (p *Product) describeInstanceTypes(c *api.Call) (api.Reply, *api.Error) {
	names := c.Params.List("InstanceTypes")
	if len(names) > maxTypeNames {
		return nil, api.Invalid("InstanceTypes", strconv.Itoa(len(names))+" names")
	}
	families := c.Params.List("InstanceTypeFamilies")
	lines := []api.Reply{}
	for _, name := range slices.Sorted(maps.Keys(p.Types)) {
		t := p.Types[name]
		if !in(names, name) || !in(families, t.Family) || !match(c.Params["InstanceTypeFamily"], t.Family) {
			continue
		}
		nvme := "unsupported"
		if t.NVMe {
			nvme = "supported"
		}
		lines = append(lines, api.Reply{
			"InstanceTypeId": t.Name, "InstanceTypeFamily": t.Family, "CpuCoreCount": t.CPU, "MemorySize": t.MemoryGiB,
			"DiskQuantity": t.Disks, "EniQuantity": t.Interfaces, "EniTotalQuantity": t.Interfaces,
			"EniPrivateIpAddressQuantity": t.PrivateIPs, "EniIpv6AddressQuantity": t.IPv6, "NvmeSupport": nvme, "CpuArchitecture": "X86",
		})
	}
	return api.Reply{"NextToken": "", "InstanceTypes": api.Reply{"InstanceType": lines}}, nil
}

func (p *Product) describeRegions(*api.Call) (api.Reply, *api.Error) {
	regions := []string{p.Region}
	for _, other := range []string{"cn-beijing", "cn-hangzhou", "cn-shanghai", "cn-shenzhen"} {
		if other != p.Region {
			regions = append(regions, other)
		}
	}
	lines := make([]api.Reply, 0, len(regions))
	for _, id := range regions {
		lines = append(lines, api.Reply{
			"RegionId": id, "LocalName": id, "RegionEndpoint": "ecs." + id + ".aliyuncs.com", "Status": "available",
		})
	}
	return api.Reply{"Regions": api.Reply{"Region": lines}}, nil
}

func (p *Product) describeZones(*api.Call) (api.Reply, *api.Error) {
	types := slices.Sorted(maps.Keys(p.Types))
	zones := p.zones()
	lines := make([]api.Reply, 0, len(zones))
	for _, zone := range zones {
		lines = append(lines, api.Reply{
			"ZoneId": zone, "LocalName": zone, "ZoneType": "AvailabilityZone",
			"AvailableResourceCreation": api.Reply{"ResourceTypes": []string{"VSwitch", "IoOptimized", "Instance", "Disk"}},
			"AvailableDiskCategories":   api.Reply{"DiskCategories": p.sold(zone)},
			"AvailableInstanceTypes":    api.Reply{"InstanceTypes": types},
			"AvailableResources":        api.Reply{"ResourcesInfo": []api.Reply{}},
		})
	}
	return api.Reply{"Zones": api.Reply{"Zone": lines}}, nil
}

// sold are the categories of disks that a zone has.
func (p *Product) sold(zone string) []string {
	return slices.DeleteFunc(slices.Clone(soldEverywhere), func(category string) bool {
		return slices.Contains(p.Knobs.DisksNotSold, category) || slices.Contains(p.Knobs.DisksNotSold, zone+"/"+category)
	})
}

// zones are the seeded ones, or three usual ones, and those that servers are in.
func (p *Product) zones() []string {
	zones := p.Zones
	if len(zones) == 0 {
		zones = []string{p.Region + "-g", p.Region + "-h", p.Region + "-i"}
	}
	set := map[string]bool{}
	for _, zone := range zones {
		set[zone] = true
	}
	for _, s := range p.Servers {
		set[s.Zone] = true
	}
	return slices.Sorted(maps.Keys(set))
}
