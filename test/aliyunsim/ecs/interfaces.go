package ecs

import (
	"net/http"
	"slices"
	"strconv"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/api"
)

// Largest MaxResults and PageSize of DescribeNetworkInterfaces.
const (
	maxInterfaces     = 500
	maxInterfacesPage = 100
)

// interfaceItem is one NetworkInterfaceSet.
type interfaceItem struct {
	NetworkInterfaceId   string
	NetworkInterfaceName string
	Description          string
	InstanceId           string
	Type                 string
	Status               string
	MacAddress           string
	VpcId                string
	VSwitchId            string
	ZoneId               string
	PrivateIpAddress     string
	CreationTime         string
	DeleteOnRelease      bool
	SourceDestCheck      bool
	SecurityGroupIds     securityGroupIDs
	PrivateIpSets        privateIPSets
	Ipv6Sets             ipv6Sets
	Attachment           attachment
	Tags                 tags
}

type attachment struct {
	InstanceId  string
	DeviceIndex int
}

func (p *Product) describeNetworkInterfaces(c *api.Call) (api.Reply, *api.Error) {
	pg, err := readPaging(c, maxInterfaces, maxInterfacesPage)
	if err != nil {
		return nil, err
	}
	q := c.Params
	candidates, err := p.interfaceCandidates(q)
	if err != nil {
		return nil, err
	}
	private, ipv6 := q.List("PrivateIpAddress"), q.List("Ipv6Address")
	page, reply := cutPage(c, pg, candidates, func(i *netInterface) uint64 { return i.Seq }, func(i *netInterface) bool {
		return match(q["InstanceId"], i.Instance) && match(q["VpcId"], i.VPC) && match(q["VSwitchId"], i.VSwitch) &&
			match(q["Type"], i.Type) && match(q["Status"], i.Status) && match(q["NetworkInterfaceName"], i.Name) &&
			match(q["PrimaryIpAddress"], i.PrivateIPs[0]) && match(q["ResourceGroupId"], "") &&
			(q["SecurityGroupId"] == "" || slices.Contains(i.SecurityGroups, q["SecurityGroupId"])) &&
			anyOf(private, i.PrivateIPs) && anyOf(ipv6, i.IPv6) && q.HasTags(i.Tags)
	})
	items := make([]interfaceItem, 0, len(page))
	for _, i := range page {
		items = append(items, i.item())
	}
	reply["NetworkInterfaceSets"] = api.Reply{"NetworkInterfaceSet": items}
	return reply, nil
}

// interfaceCandidates are the interfaces with the ids or addresses asked for, or
// of the server asked for, else all; in the order of creation.
func (p *Product) interfaceCandidates(q api.Params) ([]*netInterface, *api.Error) {
	ids, addresses := q.List("NetworkInterfaceId"), slices.Concat(q.List("PrivateIpAddress"), q.List("Ipv6Address"))
	for name, list := range map[string][]string{"NetworkInterfaceId": ids, "PrivateIpAddress": addresses} {
		if len(list) > maxIDs {
			return nil, api.Invalid(name, strconv.Itoa(len(list))+" values")
		}
	}
	if len(ids) == 0 && q["InstanceId"] != "" {
		s := p.living(q["InstanceId"])
		if s == nil {
			return nil, nil
		}
		ids = s.Interfaces
	}
	found := []*netInterface{}
	switch {
	case len(ids) > 0:
		for _, id := range ids {
			if i := p.Interfaces[id]; i != nil {
				found = append(found, i)
			}
		}
	case len(addresses) > 0:
		for _, ip := range addresses {
			found = append(found, p.index.interfaceByIP[ip]...)
		}
	default:
		return p.index.interfaces, nil
	}
	slices.SortFunc(found, interfaceBySeq)
	return slices.Compact(found), nil
}

func anyOf(wanted, have []string) bool {
	return len(wanted) == 0 || slices.ContainsFunc(have, func(ip string) bool { return slices.Contains(wanted, ip) })
}

func (i *netInterface) item() interfaceItem {
	return interfaceItem{
		NetworkInterfaceId: i.ID, NetworkInterfaceName: i.Name, Description: i.Description, InstanceId: i.Instance, Type: i.Type, Status: i.Status,
		MacAddress: i.MAC, VpcId: i.VPC, VSwitchId: i.VSwitch, ZoneId: i.Zone, PrivateIpAddress: i.PrivateIPs[0],
		CreationTime: i.Created.UTC().Format("2006-01-02T15:04:05Z"), DeleteOnRelease: true, SourceDestCheck: i.SourceDestCheck,
		SecurityGroupIds: securityGroupIDs{list(i.SecurityGroups)}, PrivateIpSets: i.privateIPSets(), Ipv6Sets: i.ipv6Sets(),
		Attachment: attachment{InstanceId: i.Instance, DeviceIndex: i.DeviceIndex}, Tags: tagItems(i.Tags),
	}
}

// modifyNetworkInterfaceAttribute changes the name, the description, the security
// groups and the source/destination check of one interface.
func (p *Product) modifyNetworkInterfaceAttribute(c *api.Call) (api.Reply, *api.Error) {
	q := c.Params
	i := p.Interfaces[q["NetworkInterfaceId"]]
	if i == nil {
		return nil, api.Errorf(http.StatusNotFound, "InvalidEniId.NotFound", "The specified NetworkInterfaceId %q does not exist.", q["NetworkInterfaceId"])
	}
	check, err := q.Bool("SourceDestCheck", i.SourceDestCheck)
	if err != nil {
		return nil, err
	}
	i.SourceDestCheck = check
	if name := q["NetworkInterfaceName"]; name != "" {
		i.Name = name
	}
	if description := q["Description"]; description != "" {
		i.Description = description
	}
	if groups := q.List("SecurityGroupId"); len(groups) > 0 {
		i.SecurityGroups = groups
	}
	return api.Reply{}, nil
}
