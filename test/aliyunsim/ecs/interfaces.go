package ecs

import (
	"net/http"
	"slices"
	"strconv"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/api"
)

// maxInterfaces is the largest MaxResults of DescribeNetworkInterfaces.
const maxInterfaces = 500

// interfaceItem is one NetworkInterfaceSet.
type interfaceItem struct {
	NetworkInterfaceID   string `json:"NetworkInterfaceId"`
	NetworkInterfaceName string
	Description          string
	InstanceID           string `json:"InstanceId"`
	Type                 string
	Status               string
	MacAddress           string
	VpcID                string `json:"VpcId"`
	VSwitchID            string `json:"VSwitchId"`
	ZoneID               string `json:"ZoneId"`
	PrivateIPAddress     string `json:"PrivateIpAddress"`
	CreationTime         string
	DeleteOnRelease      bool
	SourceDestCheck      bool
	SecurityGroupIDs     securityGroupIDs `json:"SecurityGroupIds"`
	PrivateIPSets        privateIPSets    `json:"PrivateIpSets"`
	Ipv6Sets             ipv6Sets
	Attachment           attachment
	Tags                 tags
}

type attachment struct {
	InstanceID  string `json:"InstanceId"`
	DeviceIndex int
}

func (p *Product) describeNetworkInterfaces(c *api.Call) (api.Reply, *api.Error) {
	pg, err := readPaging(c, maxInterfaces)
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
		NetworkInterfaceID: i.ID, NetworkInterfaceName: i.Name, Description: i.Description, InstanceID: i.Instance, Type: i.Type, Status: i.Status,
		MacAddress: i.MAC, VpcID: i.VPC, VSwitchID: i.VSwitch, ZoneID: i.Zone, PrivateIPAddress: i.PrivateIPs[0],
		CreationTime: i.Created.UTC().Format("2006-01-02T15:04:05Z"), DeleteOnRelease: true, SourceDestCheck: i.SourceDestCheck,
		SecurityGroupIDs: securityGroupIDs{list(i.SecurityGroups)}, PrivateIPSets: i.privateIPSets(), Ipv6Sets: i.ipv6Sets(),
		Attachment: attachment{InstanceID: i.Instance, DeviceIndex: i.DeviceIndex}, Tags: tagItems(i.Tags),
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
