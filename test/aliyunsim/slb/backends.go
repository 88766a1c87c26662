package slb

import (
	"strconv"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/api"
)

var defaultGroupForm = backendForm{parameter: "BackendServers", weights: true}

// defaultReply is what the calls of the default group answer. Weights are
// strings, except in the reply of a removal.
func defaultReply(lb *loadBalancer, weight func(int) any) api.Reply {
	items := make([]any, 0, len(lb.Backends))
	for _, m := range lb.Backends {
		item := api.Reply{
			"ServerId": m.ServerID, "Type": m.Type, "Weight": weight(m.Weight),
			"Description": m.Description, "VpcId": m.VPCID,
		}
		if m.IP != "" {
			item["ServerIp"] = m.IP
		}
		items = append(items, item)
	}
	return api.Reply{"LoadBalancerId": lb.ID, "BackendServers": api.Reply{"BackendServer": items}}
}

func weightText(w int) any   { return strconv.Itoa(w) }
func weightNumber(w int) any { return w }

// addBackends adds to the default group, where a server that is already
// attached is a failure.
func (p *Product) addBackends(c *api.Call) (api.Reply, *api.Error) {
	lb, err := p.findToChange(c)
	if err != nil {
		return nil, err
	}
	joining, err := p.readMembers(c, defaultGroupForm)
	if err != nil {
		return nil, err
	}
	after, err := p.join(lb, lb.Backends, joining, true)
	if err != nil {
		return nil, err
	}
	if err := p.fits(lb, lb.Backends, after); err != nil {
		return nil, err
	}
	p.replace(lb, &lb.Backends, after)
	p.changed(c, lb)
	return defaultReply(lb, weightText), nil
}

func (p *Product) setBackends(c *api.Call) (api.Reply, *api.Error) {
	lb, err := p.findToChange(c)
	if err != nil {
		return nil, err
	}
	given, err := p.readMembers(c, defaultGroupForm)
	if err != nil {
		return nil, err
	}
	after, err := reweigh(lb.Backends, given)
	if err != nil {
		return nil, err
	}
	p.replace(lb, &lb.Backends, after)
	p.changed(c, lb)
	return defaultReply(lb, weightText), nil
}

func (p *Product) removeBackends(c *api.Call) (api.Reply, *api.Error) {
	lb, err := p.findToChange(c)
	if err != nil {
		return nil, err
	}
	leaving, err := p.readMembers(c, backendForm{parameter: "BackendServers"})
	if err != nil {
		return nil, err
	}
	p.replace(lb, &lb.Backends, leave(lb.Backends, leaving))
	p.changed(c, lb)
	return defaultReply(lb, weightNumber), nil
}
