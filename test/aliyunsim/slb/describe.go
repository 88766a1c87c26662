package slb

import (
	"strconv"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/api"
)

// instanceReply is what the list and the attribute reply have in common.
type instanceReply struct {
	LoadBalancerID     string `json:"LoadBalancerId"`
	LoadBalancerName   string
	LoadBalancerStatus string
	BusinessStatus     string
	Address            string
	AddressType        string
	AddressIPVersion   string
	NetworkType        string
	VPCID              string `json:"VpcId"`
	VSwitchID          string `json:"VSwitchId"`
	RegionID           string `json:"RegionId"`
	RegionIDAlias      string `json:"RegionIdAlias"`
	MasterZoneID       string `json:"MasterZoneId"`
	SlaveZoneID        string `json:"SlaveZoneId"`
	ResourceGroupID    string `json:"ResourceGroupId"`
	InternetChargeType string
	InstanceChargeType string
	LoadBalancerSpec   string
	PayType            string
	Bandwidth          int
	CreateTime         string
	CreateTimeStamp    int64

	DeleteProtection             string
	ModificationProtectionStatus string
	ModificationProtectionReason string
	ServiceManagedMode           string
	Tags                         tagReply
}

type tagReply struct {
	Tag []tagItem
}

type tagItem struct {
	TagKey, TagValue string
}

// listReply is an item of DescribeLoadBalancers.
type listReply struct {
	instanceReply
	InternetChargeTypeAlias string
}

func onOff(b bool) string {
	if b {
		return on
	}
	return off
}

func (p *Product) instance(lb *loadBalancer) instanceReply {
	r := instanceReply{
		LoadBalancerID: lb.ID, LoadBalancerName: lb.Name, LoadBalancerStatus: lb.status(), BusinessStatus: "Normal",
		Address: lb.Address, AddressType: lb.AddressType, AddressIPVersion: lb.AddressIPVersion,
		NetworkType: lb.networkType(), VPCID: lb.VPCID, VSwitchID: lb.VSwitchID,
		RegionID: p.region, RegionIDAlias: p.region, MasterZoneID: lb.MasterZoneID, SlaveZoneID: lb.SlaveZoneID,
		ResourceGroupID: lb.ResourceGroupID, InternetChargeType: lb.InternetChargeType,
		InstanceChargeType: lb.InstanceChargeType, LoadBalancerSpec: lb.Spec, PayType: "PayOnDemand",
		Bandwidth: lb.Bandwidth, CreateTime: lb.Created.UTC().Format(secondPrecision), CreateTimeStamp: lb.Created.UnixMilli(),
		DeleteProtection: onOff(lb.DeleteProtection), ModificationProtectionStatus: noProtection,
		ModificationProtectionReason: lb.ModificationReason, ServiceManagedMode: "Unmanaged", Tags: tagsReply(lb.Tags),
	}
	if lb.Locked {
		r.BusinessStatus = "FinancialLocked"
	}
	if lb.ModificationProtection {
		r.ModificationProtectionStatus = consoleProtection
	}
	return r
}

// listed is the form in lists: charge types are numbers in strings, times have
// minutes only.
func (p *Product) listed(lb *loadBalancer) listReply {
	r := listReply{instanceReply: p.instance(lb), InternetChargeTypeAlias: lb.InternetChargeType}
	r.InternetChargeType = chargeNumber(lb.InternetChargeType)
	r.CreateTime = lb.Created.UTC().Format(minutePrecision)
	return r
}

func chargeNumber(charge string) string {
	if charge == byBandwidth {
		return "3"
	}
	return "4"
}

// attributeReply is what DescribeLoadBalancerAttribute answers.
type attributeReply struct {
	instanceReply
	RenewalStatus            string
	EndTime                  string
	EndTimeStamp             int64
	HasReservedInfo          string
	ListenerPorts            map[string][]int
	ListenerPortsAndProtocol map[string][]portReply
	// The API has this misspelt twin besides.
	ListenerPortsAndProtocal map[string][]misspeltPortReply
	BackendServers           map[string][]backendReply

	ReservedInfoInternetChargeType string `json:",omitempty"`
	ReservedInfoBandwidth          string `json:",omitempty"`
	ReservedInfoActiveTime         string `json:",omitempty"`
}

type portReply struct {
	ListenerPort     int
	ListenerProtocol string
	ListenerForward  string `json:",omitempty"`
	ForwardPort      int    `json:",omitempty"`
	Description      string `json:",omitempty"`
}

// misspeltPortReply carries both spellings: the SDK's struct reads
// ListenerProtocal, other clients ListenerProtocol.
type misspeltPortReply struct {
	ListenerPort     int
	ListenerProtocol string
	ListenerProtocal string
}

type backendReply struct {
	ServerID    string `json:"ServerId"`
	ServerIP    string `json:"ServerIp,omitempty"`
	Type        string
	Weight      int
	Description string `json:",omitempty"`
	VPCID       string `json:"VpcId"`
}

func (p *Product) describeAttribute(c *api.Call) (api.Reply, *api.Error) {
	lb, err := p.find(c)
	if err != nil {
		return nil, err
	}
	r := attributeReply{
		instanceReply: p.instance(lb), RenewalStatus: "NotRenewal", HasReservedInfo: strconv.FormatBool(lb.Reserved != nil),
		EndTime: "2999-09-08T16:00:00Z", EndTimeStamp: endOfPostpaid,
	}
	if v := lb.Reserved; v != nil {
		r.ReservedInfoInternetChargeType = v.InternetChargeType
		r.ReservedInfoActiveTime = v.At.UTC().Format(secondPrecision)
		if v.Bandwidth != 0 {
			r.ReservedInfoBandwidth = strconv.Itoa(v.Bandwidth)
		}
	}
	ports := make([]int, 0, len(lb.Listeners))
	right := make([]portReply, 0, len(lb.Listeners))
	misspelt := make([]misspeltPortReply, 0, len(lb.Listeners))
	for _, l := range lb.Listeners {
		if len(ports) == 0 || ports[len(ports)-1] != l.Port {
			ports = append(ports, l.Port)
		}
		item := portReply{ListenerPort: l.Port, ListenerProtocol: l.Protocol, Description: l.Values["Description"]}
		if l.Values["ListenerForward"] == on {
			item.ListenerForward = on
			item.ForwardPort, _ = strconv.Atoi(l.Values["ForwardPort"])
		}
		right = append(right, item)
		misspelt = append(misspelt, misspeltPortReply{l.Port, l.Protocol, l.Protocol})
	}
	backends := make([]backendReply, 0, len(lb.Backends))
	for _, m := range lb.Backends {
		backends = append(backends, backendReply{m.ServerID, m.IP, m.Type, m.Weight, m.Description, m.VPCID})
	}
	r.ListenerPorts = map[string][]int{"ListenerPort": ports}
	r.ListenerPortsAndProtocol = map[string][]portReply{"ListenerPortAndProtocol": right}
	r.ListenerPortsAndProtocal = map[string][]misspeltPortReply{"ListenerPortAndProtocal": misspelt}
	r.BackendServers = map[string][]backendReply{"BackendServer": backends}
	return flat(r), nil
}
