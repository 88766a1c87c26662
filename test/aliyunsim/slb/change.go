package slb

import (
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/api"
)

func (p *Product) deleteLoadBalancer(c *api.Call) (api.Reply, *api.Error) {
	lb, err := p.findToChange(c)
	if err != nil {
		return nil, err
	}
	if lb.DeleteProtection {
		return nil, refuse("OperationDenied.DeleteProtectionIsOn",
			"The loadbalancer can't be deleted due to DeleteProtection is enabled.")
	}
	p.remove(lb, p.lagged(c, p.knobs.DeleteLag))
	return api.Reply{}, nil
}

func (p *Product) setDeleteProtection(c *api.Call) (api.Reply, *api.Error) {
	lb, err := p.findToChange(c)
	if err != nil {
		return nil, err
	}
	protection, err := choice(c.Params, "DeleteProtection", "", on, off)
	if err != nil {
		return nil, err
	}
	if protection == "" {
		return nil, api.Missing("DeleteProtection")
	}
	lb.DeleteProtection = protection == on
	p.changed(c, lb)
	return api.Reply{}, nil
}

func (p *Product) setModificationProtection(c *api.Call) (api.Reply, *api.Error) {
	lb, err := p.findToChange(c)
	if err != nil {
		return nil, err
	}
	if c.Params["ModificationProtectionStatus"] == "" {
		return nil, api.Missing("ModificationProtectionStatus")
	}
	if err := readModificationProtection(c, lb); err != nil {
		return nil, err
	}
	p.changed(c, lb)
	return api.Reply{}, nil
}

func (p *Product) setLoadBalancerName(c *api.Call) (api.Reply, *api.Error) {
	lb, err := p.findToChange(c)
	if err != nil {
		return nil, err
	}
	name := c.Params["LoadBalancerName"]
	if name == "" {
		return nil, api.Missing("LoadBalancerName")
	}
	if !namePattern.MatchString(name) {
		return nil, api.Invalid("LoadBalancerName", name)
	}
	lb.Name = name
	p.changed(c, lb)
	return api.Reply{}, nil
}

func (p *Product) setLoadBalancerStatus(c *api.Call) (api.Reply, *api.Error) {
	lb, err := p.findToChange(c)
	if err != nil {
		return nil, err
	}
	status, err := choice(c.Params, "LoadBalancerStatus", "", active, inactive)
	if err != nil {
		return nil, err
	}
	if status == "" {
		return nil, api.Missing("LoadBalancerStatus")
	}
	lb.Status = status
	p.changed(c, lb)
	return api.Reply{}, nil
}
