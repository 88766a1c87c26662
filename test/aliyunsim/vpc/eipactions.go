package vpc

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/api"
)

// Page limit of DescribeEipAddresses, and how many ids it takes.
const (
	maxEIPPage = 100
	maxEIPIDs  = 50
)

func (p *Product) allocateEIP(c *api.Call) (api.Reply, *api.Error) {
	if reply, ok, err := p.Tokens.Replay(c, http.StatusBadRequest); ok || err != nil {
		return reply, err
	}
	charge := c.Params["InternetChargeType"]
	if charge == "" {
		charge = chargeByBandwidth
	}
	bandwidth, err := eipBandwidth(c.Params, charge)
	if err != nil {
		return nil, err
	}
	isp := c.Params["ISP"]
	if isp == "" {
		isp = "BGP"
	}
	if bandwidth == 0 {
		bandwidth = defaultBandwidth
	}
	e := &eip{
		Seq: p.nextSeq(), ID: p.id("eip"), Address: p.freeElastic(), Name: c.Params["Name"], Description: c.Params["Description"],
		ISP: isp, Bandwidth: bandwidth, ChargeType: charge, Status: statusAvailable, Created: c.Now, Tags: map[string]string{},
	}
	p.EIPs[e.ID] = e
	p.index.addEIP(e)
	reply := api.Reply{"AllocationId": e.ID, "EipAddress": e.Address}
	p.Tokens.Keep(c, reply, p.Knobs.TokenRetention)
	return reply, nil
}

// eipBandwidth reads Bandwidth, 0 when absent; the charge type sets its limit.
func eipBandwidth(q api.Params, charge string) (int, *api.Error) {
	limit := maxBandwidth
	switch charge {
	case chargeByBandwidth:
	case chargeByTraffic:
		limit = maxBandwidthTraffic
	default:
		return 0, api.Invalid("InternetChargeType", charge)
	}
	bandwidth, err := q.Int("Bandwidth", 0)
	if err != nil {
		return 0, err
	}
	if q["Bandwidth"] != "" && (bandwidth < 1 || bandwidth > limit) {
		return 0, api.Errorf(http.StatusBadRequest, "InvalidBandwidth.Value", "The specified bandwidth %d is not in 1 to %d.", bandwidth, limit)
	}
	return bandwidth, nil
}

func (p *Product) associateEIP(c *api.Call) (api.Reply, *api.Error) {
	if reply, ok, err := p.Tokens.Replay(c, http.StatusBadRequest); ok || err != nil {
		return reply, err
	}
	e, err := p.allocation(c)
	if err != nil {
		return nil, err
	}
	target, kind := c.Params["InstanceId"], c.Params["InstanceType"]
	if kind == "" {
		kind = targetServer
	}
	if e.Status != statusAvailable {
		return nil, eipStatusError(e)
	}
	if err := p.checkTarget(kind, target); err != nil {
		return nil, err
	}
	if p.index.targets[target] != nil {
		return nil, api.Errorf(http.StatusBadRequest, "InvalidAssociation.Duplicated", "The specified instance %s has an EIP already.", target)
	}
	if err := dryRun(c); err != nil {
		return nil, err
	}
	e.Target, e.TargetType = target, kind
	p.index.targets[target] = e
	p.moveEIP(e, statusAssociating, c.Now)
	p.Tokens.Keep(c, api.Reply{}, p.Knobs.TokenRetention)
	return api.Reply{}, nil
}

// checkTarget wants something that exists and can take an address. Load balancers
// are told by their id alone.
func (p *Product) checkTarget(kind, id string) *api.Error {
	missing := api.Errorf(http.StatusNotFound, "InvalidInstanceId.NotFound", "The specified instance %q does not exist.", id)
	switch kind {
	case targetServer:
		s, ok := p.Servers().Server(id)
		if !ok {
			return missing
		}
		if s.Status != "Running" && s.Status != "Stopped" {
			return api.Errorf(http.StatusBadRequest, "IncorrectInstanceStatus", "The instance %s is %s.", id, s.Status)
		}
	case targetInterface:
		interfaces, _ := p.Servers().(api.Interfaces)
		if interfaces == nil {
			return missing
		}
		if _, ok := interfaces.Interface(id); !ok {
			return missing
		}
	case targetLoadBalancer:
		if !strings.HasPrefix(id, "lb-") {
			return missing
		}
	default:
		return api.Invalid("InstanceType", kind)
	}
	return nil
}

func (p *Product) unassociateEIP(c *api.Call) (api.Reply, *api.Error) {
	if reply, ok, err := p.Tokens.Replay(c, http.StatusBadRequest); ok || err != nil {
		return reply, err
	}
	e, err := p.allocation(c)
	if err != nil {
		return nil, err
	}
	if e.Status != statusInUse {
		return nil, eipStatusError(e)
	}
	if id := c.Params["InstanceId"]; !match(id, e.Target) || !match(c.Params["InstanceType"], e.TargetType) {
		return nil, api.Errorf(http.StatusBadRequest, "InvalidBindingStatus", "The EIP %s is not associated with %q.", e.ID, id)
	}
	p.moveEIP(e, statusUnassociating, c.Now)
	p.Tokens.Keep(c, api.Reply{}, p.Knobs.TokenRetention)
	return api.Reply{}, nil
}

func (p *Product) releaseEIP(c *api.Call) (api.Reply, *api.Error) {
	e, err := p.allocation(c)
	if err != nil {
		return nil, err
	}
	if e.Status != statusAvailable {
		return nil, eipStatusError(e)
	}
	delete(p.EIPs, e.ID)
	delete(p.index.addresses, e.Address)
	return api.Reply{}, nil
}

func (p *Product) modifyEIP(c *api.Call) (api.Reply, *api.Error) {
	e, err := p.allocation(c)
	if err != nil {
		return nil, err
	}
	bandwidth, err := eipBandwidth(c.Params, e.ChargeType)
	if err != nil {
		return nil, err
	}
	if bandwidth != 0 {
		e.Bandwidth = bandwidth
	}
	if name := c.Params["Name"]; name != "" {
		e.Name = name
	}
	if description := c.Params["Description"]; description != "" {
		e.Description = description
	}
	return api.Reply{}, nil
}

func (p *Product) describeEIPs(c *api.Call) (api.Reply, *api.Error) {
	ids, err := commaList(c.Params, "AllocationId", maxEIPIDs)
	if err != nil {
		return nil, err
	}
	addresses, err := commaList(c.Params, "EipAddress", maxEIPIDs)
	if err != nil {
		return nil, err
	}
	q := c.Params
	found := []*eip{}
	for _, e := range ordered(p.EIPs, func(e *eip) uint64 { return e.Seq }) {
		if in(ids, e.ID) && in(addresses, e.Address) && match(q["Status"], e.Status) && match(q["EipName"], e.Name) && match(q["ISP"], e.ISP) && match(q["ResourceGroupId"], "") &&
			match(q["AssociatedInstanceId"], e.Target) && match(q["AssociatedInstanceType"], e.TargetType) && q.HasTags(e.Tags) {
			found = append(found, e)
		}
	}
	return p.pageReplyUpTo(c, maxEIPPage, "EipAddresses", "EipAddress", len(found), func(number, size int) []api.Reply {
		return each(api.PageOf(found, number, size), p.eipItem)
	})
}

func (p *Product) eipItem(e *eip) api.Reply {
	return api.Reply{
		"AllocationId": e.ID, "IpAddress": e.Address, "Name": e.Name, "Description": e.Description,
		"Descritpion": e.Description, //nolint:misspell // the API spells it both ways
		"ISP":         e.ISP, "Bandwidth": strconv.Itoa(e.Bandwidth), "InternetChargeType": e.ChargeType, "ChargeType": "PostPaid",
		"Status": e.Status, "InstanceId": e.Target, "InstanceType": e.TargetType, "RegionId": p.Region, "BusinessStatus": "Normal",
		"AllocationTime": stamp(e.Created),
		"OperationLocks": api.Reply{"LockReason": []api.Reply{}},
		"Tags":           tagItems(e.Tags),
	}
}

func (p *Product) allocation(c *api.Call) (*eip, *api.Error) {
	id := c.Params["AllocationId"]
	if e := p.EIPs[id]; e != nil {
		return e, nil
	}
	return nil, api.Errorf(http.StatusNotFound, "InvalidAllocationId.NotFound", "The specified allocation ID %q is not found.", id)
}

func eipStatusError(e *eip) *api.Error {
	return api.Errorf(http.StatusBadRequest, "IncorrectEipStatus", "The EIP %s is %s, which does not allow this operation.", e.ID, e.Status)
}
