package ecs

import (
	"net/http"
	"slices"
	"strconv"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/api"
)

// Largest MaxResults and PageSize of DescribeInstances and DescribeInstanceStatus.
const (
	maxInstances  = 100
	maxStatusPage = 50
)

// describeInstances ANDs its filters. Ids and addresses are looked up, unknown
// ones are left out without a word.
func (p *Product) describeInstances(c *api.Call) (api.Reply, *api.Error) {
	pg, err := readPaging(c, maxInstances)
	if err != nil {
		return nil, err
	}
	candidates, err := p.candidates(c.Params)
	if err != nil {
		return nil, err
	}
	wanted, err := p.instanceFilter(c.Params)
	if err != nil {
		return nil, err
	}
	if err := dryRun(c); err != nil {
		return nil, err
	}
	page, reply := cutPage(c, pg, candidates, func(s *server) uint64 { return s.Seq }, wanted)
	items := make([]instanceItem, 0, len(page))
	for _, s := range page {
		items = append(items, p.instanceItem(s))
	}
	reply["Instances"] = api.Reply{"Instance": items}
	return reply, nil
}

// candidates are the servers that the most telling filter admits, in the order of
// creation: those with the ids or addresses asked for, else all.
func (p *Product) candidates(q api.Params) ([]*server, *api.Error) {
	found := []*server{}
	narrowed := false
	ids, sent, err := jsonList(q, "InstanceIds")
	if err != nil {
		return nil, err
	}
	if sent {
		narrowed = true
		for _, id := range ids {
			if s := p.Servers[id]; s != nil {
				found = append(found, s)
			}
		}
	}
	addresses, sent, err := jsonList(q, "PrivateIpAddresses")
	if err != nil {
		return nil, err
	}
	if sent && !narrowed {
		narrowed = true
		for _, ip := range addresses {
			found = append(found, p.index.byIP[ip]...)
		}
	}
	elastic, sent, err := jsonList(q, "EipAddresses")
	if err != nil {
		return nil, err
	}
	if sent && !narrowed {
		narrowed = true
		for _, ip := range elastic {
			target, _ := p.Network.EIPTarget(ip)
			if s := p.Servers[target]; s != nil {
				found = append(found, s)
			}
		}
	}
	if !narrowed {
		return p.index.servers, nil
	}
	slices.SortFunc(found, bySeq)
	return slices.Compact(found), nil
}

// instanceFilter returns the tests that a server has to pass, one for each filter
// that was sent, and nil when none was.
func (p *Product) instanceFilter(q api.Params) (func(*server) bool, *api.Error) {
	if q.Has("Filter.1.Key") {
		return nil, api.Errorf(http.StatusBadRequest, "UnsupportedOperation", "Numbered filters are not simulated.")
	}
	tests := p.valueTests(q)
	for name, address := range map[string]func(*server) string{
		"PrivateIpAddresses": func(s *server) string { return s.PrivateIP },
		"PublicIpAddresses":  func(s *server) string { return s.PublicIP },
		"EipAddresses":       p.elasticIP,
	} {
		list, sent, err := jsonList(q, name)
		if err != nil {
			return nil, err
		}
		if sent {
			tests = append(tests, func(s *server) bool {
				a := address(s)
				return a != "" && slices.Contains(list, a)
			})
		}
	}
	if ipv6 := q.List("Ipv6Address"); len(ipv6) > 0 {
		tests = append(tests, func(s *server) bool {
			return slices.ContainsFunc(p.ipv6Of(s), func(ip string) bool { return slices.Contains(ipv6, ip) })
		})
	}
	if q.Has("Tag.1.Key") {
		tests = append(tests, func(s *server) bool { return q.HasTags(s.Tags) })
	}
	if len(tests) == 0 {
		return nil, nil
	}
	return func(s *server) bool {
		for _, pass := range tests {
			if !pass(s) {
				return false
			}
		}
		return true
	}, nil
}

// valueTests are the tests of the filters that hold one value.
func (p *Product) valueTests(q api.Params) []func(*server) bool {
	var tests []func(*server) bool
	for name, value := range map[string]func(*server) string{
		"VpcId":               func(s *server) string { return s.VPC },
		"VSwitchId":           func(s *server) string { return s.VSwitch },
		"ZoneId":              func(s *server) string { return s.Zone },
		"Status":              func(s *server) string { return s.Status },
		"InstanceType":        func(s *server) string { return s.Type },
		"InstanceTypeFamily":  func(s *server) string { return p.Types[s.Type].Family },
		"InstanceChargeType":  func(s *server) string { return s.ChargeType },
		"InstanceNetworkType": func(*server) string { return "vpc" },
		"ImageId":             func(s *server) string { return s.Image },
		"ResourceGroupId":     func(*server) string { return "" },
	} {
		if wanted := q[name]; wanted != "" {
			tests = append(tests, func(s *server) bool { return value(s) == wanted })
		}
	}
	if pattern := q["InstanceName"]; pattern != "" {
		tests = append(tests, func(s *server) bool { return matchName(pattern, s.Name) })
	}
	if group := q["SecurityGroupId"]; group != "" {
		tests = append(tests, func(s *server) bool { return slices.Contains(s.SecurityGroups, group) })
	}
	if reason := q["LockReason"]; reason != "" {
		tests = append(tests, func(s *server) bool { return slices.Contains(s.Locks, reason) })
	}
	return tests
}

// elasticIP is the server's elastic address, empty when it has none.
func (p *Product) elasticIP(s *server) string {
	e, _ := p.Network.EIPOf(s.ID)
	return e.Address
}

func (p *Product) ipv6Of(s *server) []string {
	var all []string
	for _, id := range s.Interfaces {
		all = append(all, p.Interfaces[id].IPv6...)
	}
	return all
}

func (p *Product) describeInstanceStatus(c *api.Call) (api.Reply, *api.Error) {
	ids := c.Params.List("InstanceId")
	if len(ids) > maxIDs {
		return nil, api.Invalid("InstanceId", strconv.Itoa(len(ids))+" ids")
	}
	number, size, err := c.Params.Page(listPage, maxStatusPage, false)
	if err != nil {
		return nil, err
	}
	candidates := p.index.servers
	if len(ids) > 0 {
		candidates = nil
		for _, id := range ids {
			if s := p.Servers[id]; s != nil {
				candidates = append(candidates, s)
			}
		}
		slices.SortFunc(candidates, bySeq)
		candidates = slices.Compact(candidates)
	}
	page, reply := cutPage(c, paging{number: number, size: size}, candidates, func(s *server) uint64 { return s.Seq },
		func(s *server) bool { return match(c.Params["ZoneId"], s.Zone) })
	lines := make([]api.Reply, 0, len(page))
	for _, s := range page {
		lines = append(lines, api.Reply{"InstanceId": s.ID, "Status": s.Status})
	}
	delete(reply, "NextToken")
	reply["InstanceStatuses"] = api.Reply{"InstanceStatus": lines}
	return reply, nil
}

// describeInstanceAttribute answers for living servers only, whatever lists still show.
func (p *Product) describeInstanceAttribute(c *api.Call) (api.Reply, *api.Error) {
	id := c.Params["InstanceId"]
	s := p.living(id)
	if s == nil {
		return nil, notFound(id)
	}
	item := p.instanceItem(s)
	return api.Reply{
		"InstanceId": item.InstanceID, "InstanceName": item.InstanceName, "HostName": item.HostName, "Description": item.Description,
		"Status": item.Status, "RegionId": item.RegionID, "ZoneId": item.ZoneID, "InstanceType": item.InstanceType,
		"Cpu": item.CPU, "Memory": item.Memory, "ImageId": item.ImageID, "CreationTime": item.CreationTime, "ExpiredTime": item.ExpiredTime,
		"InstanceChargeType": item.InstanceChargeType, "InternetChargeType": item.InternetChargeType,
		"InstanceNetworkType": item.InstanceNetworkType, "SerialNumber": item.SerialNumber, "StoppedMode": item.StoppedMode,
		"IoOptimized": "optimized", "ClusterId": "", "VlanId": "",
		"SecurityGroupIds": item.SecurityGroupIDs, "PublicIpAddress": item.PublicIPAddress, "InnerIpAddress": item.InnerIPAddress,
		"VpcAttributes": item.VpcAttributes, "EipAddress": item.EipAddress, "OperationLocks": item.OperationLocks,
	}, nil
}

// dryRun ends a call with DryRun=true that would have succeeded.
func dryRun(c *api.Call) *api.Error {
	dry, err := c.Params.Bool("DryRun", false)
	if err != nil {
		return err
	}
	if dry {
		return api.Errorf(http.StatusBadRequest, "DryRunOperation", "Request validation has been passed with DryRun flag set.")
	}
	return nil
}
