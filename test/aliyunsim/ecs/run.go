package ecs

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/api"
)

// maxAmount is how many servers one RunInstances makes.
const maxAmount = 100

// runInstances makes servers in one vSwitch: all of them or none.
func (p *Product) runInstances(c *api.Call) (api.Reply, *api.Error) {
	if reply, ok, err := p.Tokens.Replay(c, http.StatusForbidden); ok || err != nil {
		return reply, err
	}
	seed, amount, err := p.runRequest(c)
	if err != nil {
		return nil, err
	}
	if err := dryRun(c); err != nil {
		return nil, err
	}
	ids := make([]string, 0, amount)
	before := p.Seq
	name, host := seed.Name, seed.HostName
	for n := range amount {
		if amount > 1 {
			seed.Name, seed.HostName = numbered(name, n), numbered(host, n)
		}
		id, err := p.Create(c.Now, seed)
		if err != nil {
			for _, made := range ids {
				p.unmake(made)
			}
			p.Seq = before
			return nil, createError(seed, err)
		}
		ids = append(ids, id)
	}
	reply := api.Reply{"InstanceIdSets": api.Reply{"InstanceIdSet": ids}}
	p.Tokens.Keep(c, reply, p.Knobs.TokenRetention)
	return reply, nil
}

func (p *Product) runRequest(c *api.Call) (ServerSeed, int, *api.Error) {
	q := c.Params
	for _, name := range []string{"ImageId", "InstanceType", "VSwitchId"} {
		if q[name] == "" && (name != "ImageId" || q["ImageFamily"] == "") {
			return ServerSeed{}, 0, api.Missing(name)
		}
	}
	groups := q.List("SecurityGroupIds")
	if group := q["SecurityGroupId"]; group != "" {
		groups = []string{group}
	}
	if len(groups) == 0 {
		return ServerSeed{}, 0, api.Missing("SecurityGroupId")
	}
	v, ok := p.Network.VSwitch(q["VSwitchId"])
	switch {
	case !ok:
		return ServerSeed{}, 0, api.Errorf(http.StatusNotFound, "InvalidVSwitchId.NotFound", "The specified virtual switch %q does not exist.", q["VSwitchId"])
	case !match(q["ZoneId"], v.ZoneID):
		return ServerSeed{}, 0, api.Invalid("ZoneId", q["ZoneId"])
	case p.Types[q["InstanceType"]].Name == "":
		return ServerSeed{}, 0, api.Errorf(http.StatusForbidden, "InvalidInstanceType.ValueNotSupported", "The specified instance type %q is not supported.", q["InstanceType"])
	case q["InstanceChargeType"] != "" && q["InstanceChargeType"] != chargePostPaid && q["InstanceChargeType"] != chargePrePaid:
		return ServerSeed{}, 0, api.Invalid("InstanceChargeType", q["InstanceChargeType"])
	}
	amount, err := q.Int("Amount", 1)
	if err != nil {
		return ServerSeed{}, 0, err
	}
	if amount < 1 || amount > maxAmount {
		return ServerSeed{}, 0, api.Invalid("Amount", q["Amount"])
	}
	tags, err := q.Tags()
	if err != nil {
		return ServerSeed{}, 0, err
	}
	protected, err := q.Bool("DeletionProtection", false)
	if err != nil {
		return ServerSeed{}, 0, err
	}
	seed := ServerSeed{
		Name: q["InstanceName"], HostName: q["HostName"], Type: q["InstanceType"], VSwitch: v.ID, SecurityGroups: groups,
		PrivateIP: q["PrivateIpAddress"], Status: statusPending, ChargeType: q["InstanceChargeType"], SpotStrategy: q["SpotStrategy"],
		Tags: tags, DeletionProtection: protected,
	}
	count, err := q.Int("Ipv6AddressCount", 0)
	if err != nil {
		return ServerSeed{}, 0, err
	}
	if count > 0 {
		seed.IPv6 = automatic
	}
	return seed, amount, nil
}

func numbered(name string, n int) string {
	if name == "" {
		return ""
	}
	return fmt.Sprintf("%s%03d", name, n+1)
}

// unmake takes back a server that Create has just made.
func (p *Product) unmake(id string) {
	s := p.Servers[id]
	for _, eni := range s.Interfaces {
		p.freeAddresses(p.Interfaces[eni])
		p.index.removeInterface(p.Interfaces[eni])
		delete(p.Interfaces, eni)
	}
	p.releaseDisks(id, s.Created)
	p.index.remove(s)
	delete(p.Servers, id)
}

func createError(seed ServerSeed, err error) *api.Error {
	switch {
	case errors.Is(err, api.ErrNoAddress):
		return api.Errorf(http.StatusForbidden, "InvalidVSwitchId.IpNotEnough", "The virtual switch %s has not enough addresses.", seed.VSwitch)
	case errors.Is(err, api.ErrAddress):
		return api.Errorf(http.StatusForbidden, "InvalidIPAddress.AlreadyUsed", "The specified address %q is outside the virtual switch or taken.", seed.PrivateIP)
	default:
		return api.Errorf(http.StatusBadRequest, "InvalidParameter", "%v", err)
	}
}
