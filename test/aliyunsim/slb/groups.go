package slb

import (
	"slices"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/api"
)

var groupForm = backendForm{parameter: "BackendServers", ports: true, weights: true}

// findGroup returns the vServer group that a call names.
func (p *Product) findGroup(c *api.Call) (*group, *api.Error) {
	id := c.Params["VServerGroupId"]
	if id == "" {
		return nil, api.Missing("VServerGroupId")
	}
	g := p.groups[id]
	if g == nil || g.owner.GetAt.After(c.Now) {
		return nil, noGroup()
	}
	return g, nil
}

// findGroupToChange is findGroup for a mutation.
func (p *Product) findGroupToChange(c *api.Call) (*group, *api.Error) {
	g, err := p.findGroup(c)
	if err != nil {
		return nil, err
	}
	return g, p.mayChange(c, g.owner)
}

// users are the listeners that a group is bound to.
func (g *group) users() []*listener {
	var out []*listener
	for _, l := range g.owner.Listeners {
		if l.GroupID == g.ID {
			out = append(out, l)
		}
	}
	return out
}

// groupReply is what the calls that change a group answer: the group's members.
func groupReply(g *group) api.Reply {
	items := make([]any, 0, len(g.Members))
	for _, m := range g.Members {
		item := api.Reply{
			"ServerId": m.ServerID, "Type": m.Type, "Port": m.Port, "Weight": m.Weight,
			"Description": m.Description, "VpcId": m.VPCID,
		}
		if m.IP != "" {
			item["ServerIp"] = m.IP
		}
		items = append(items, item)
	}
	return api.Reply{"VServerGroupId": g.ID, "BackendServers": api.Reply{"BackendServer": items}}
}

func checkGroupName(name string) *api.Error {
	if name == "" || len([]rune(name)) > 80 {
		return api.Invalid("VServerGroupName", name)
	}
	return nil
}

func (p *Product) createGroup(c *api.Call) (api.Reply, *api.Error) {
	lb, err := p.findToChange(c)
	if err != nil {
		return nil, err
	}
	g := &group{Name: c.Params["VServerGroupName"], Created: c.Now, owner: lb}
	if g.Name == "" {
		g.Name = "auto_named_vgroup"
	}
	if err := checkGroupName(g.Name); err != nil {
		return nil, err
	}
	if g.Tags, err = p.readTags(c, nil); err != nil {
		return nil, err
	}
	var members []member
	if c.Params["BackendServers"] != "" {
		joining, err := p.readMembers(c, groupForm)
		if err != nil {
			return nil, err
		}
		if members, err = p.join(lb, nil, joining, false); err != nil {
			return nil, err
		}
		if err := p.fits(lb, nil, members); err != nil {
			return nil, err
		}
	}
	if len(lb.Groups) >= p.knobs.GroupsPerLoadBalancer {
		return nil, refuse("VServerGroupNumberOverLimit",
			"The number of vServer groups of the load balancer exceeds the limit of %d.", p.knobs.GroupsPerLoadBalancer)
	}
	g.ID = p.newID("rsp")
	lb.Groups = append(lb.Groups, g)
	p.groups[g.ID] = g
	p.replace(lb, &g.Members, members)
	p.changed(c, lb)
	return groupReply(g), nil
}

func (p *Product) deleteGroup(c *api.Call) (api.Reply, *api.Error) {
	g, err := p.findGroupToChange(c)
	if err != nil {
		return nil, err
	}
	if len(g.users()) > 0 {
		return nil, refuse("RspoolVipExist", "there are vips associating with this vServer group.")
	}
	p.dropGroup(g)
	p.changed(c, g.owner)
	return api.Reply{}, nil
}

// dropGroup takes a group out of its load balancer.
func (p *Product) dropGroup(g *group) {
	p.replace(g.owner, &g.Members, nil)
	g.owner.Groups = slices.DeleteFunc(g.owner.Groups, func(x *group) bool { return x == g })
	delete(p.groups, g.ID)
}

func (p *Product) describeGroups(c *api.Call) (api.Reply, *api.Error) {
	lb, err := p.find(c)
	if err != nil {
		return nil, err
	}
	withListeners, err := c.Params.Bool("IncludeListener", false)
	if err != nil {
		return nil, err
	}
	withRules, err := c.Params.Bool("IncludeRule", false)
	if err != nil {
		return nil, err
	}
	pairs, err := tagFilter(c)
	if err != nil {
		return nil, err
	}
	items := []any{}
	for _, g := range lb.Groups {
		if !p.hasTags(g.Tags, pairs, c) {
			continue
		}
		item := api.Reply{
			"VServerGroupId": g.ID, "VServerGroupName": g.Name, "ServerCount": len(g.Members),
			"CreateTime": g.Created.UTC().Format(secondPrecision), "ServiceManagedMode": "Unmanaged", "Tags": tagsReply(g.Tags),
		}
		objects := api.Reply{}
		if withListeners {
			listeners := []any{}
			for _, l := range g.users() {
				listeners = append(listeners, l.embedded(lb))
			}
			objects["Listeners"] = api.Reply{"Listener": listeners}
		}
		if withRules {
			objects["Rules"] = api.Reply{"Rule": []any{}}
		}
		item["AssociatedObjects"] = objects
		items = append(items, item)
	}
	return api.Reply{"VServerGroups": api.Reply{"VServerGroup": items}}, nil
}

func (p *Product) describeGroup(c *api.Call) (api.Reply, *api.Error) {
	g, err := p.findGroup(c)
	if err != nil {
		return nil, err
	}
	r := groupReply(g)
	r["VServerGroupName"] = g.Name
	r["LoadBalancerId"] = g.owner.ID
	r["CreateTime"] = g.Created.UTC().Format(secondPrecision)
	r["ServiceManagedMode"] = "Unmanaged"
	r["Tags"] = tagsReply(g.Tags)
	return r, nil
}

func (p *Product) addGroupBackends(c *api.Call) (api.Reply, *api.Error) {
	g, err := p.findGroupToChange(c)
	if err != nil {
		return nil, err
	}
	joining, err := p.readMembers(c, groupForm)
	if err != nil {
		return nil, err
	}
	after, err := p.join(g.owner, g.Members, joining, p.knobs.StrictBackends)
	if err != nil {
		return nil, err
	}
	return p.setMembers(c, g, after)
}

func (p *Product) removeGroupBackends(c *api.Call) (api.Reply, *api.Error) {
	g, err := p.findGroupToChange(c)
	if err != nil {
		return nil, err
	}
	leaving, err := p.readMembers(c, backendForm{parameter: "BackendServers", ports: true})
	if err != nil {
		return nil, err
	}
	return p.setMembers(c, g, leave(g.Members, leaving))
}

// modifyGroupBackends puts new members in the place of old ones.
func (p *Product) modifyGroupBackends(c *api.Call) (api.Reply, *api.Error) {
	g, err := p.findGroupToChange(c)
	if err != nil {
		return nil, err
	}
	leaving, err := p.readMembers(c, backendForm{parameter: "OldBackendServers", ports: true})
	if err != nil {
		return nil, err
	}
	joining, err := p.readMembers(c, backendForm{parameter: "NewBackendServers", ports: true, weights: true})
	if err != nil {
		return nil, err
	}
	after, err := p.join(g.owner, leave(g.Members, leaving), joining, p.knobs.StrictBackends)
	if err != nil {
		return nil, err
	}
	return p.setMembers(c, g, after)
}

// setMembers ends a change of members: quotas, then the change.
func (p *Product) setMembers(c *api.Call, g *group, after []member) (api.Reply, *api.Error) {
	if err := p.fits(g.owner, g.Members, after); err != nil {
		return nil, err
	}
	p.replace(g.owner, &g.Members, after)
	p.changed(c, g.owner)
	return groupReply(g), nil
}

// setGroupAttribute changes the name, and weights and descriptions of members.
func (p *Product) setGroupAttribute(c *api.Call) (api.Reply, *api.Error) {
	g, err := p.findGroupToChange(c)
	if err != nil {
		return nil, err
	}
	name, members := g.Name, g.Members
	if c.Params["VServerGroupName"] != "" {
		name = c.Params["VServerGroupName"]
		if err := checkGroupName(name); err != nil {
			return nil, err
		}
	}
	if c.Params["BackendServers"] != "" {
		given, err := p.readMembers(c, groupForm)
		if err != nil {
			return nil, err
		}
		if members, err = reweigh(g.Members, given); err != nil {
			return nil, err
		}
	}
	g.Name = name
	r, err := p.setMembers(c, g, members)
	if err != nil {
		return nil, err
	}
	r["VServerGroupName"] = g.Name
	return r, nil
}
