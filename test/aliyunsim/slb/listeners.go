package slb

import (
	"maps"
	"strings"
	"time"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/api"
)

// createListener makes the handler of Create…Listener for a protocol. A new
// listener is stopped.
func (p *Product) createListener(protocol string) func(*api.Call) (api.Reply, *api.Error) {
	return func(c *api.Call) (api.Reply, *api.Error) {
		lb, err := p.findToChange(c)
		if err != nil {
			return nil, err
		}
		l, err := p.readListener(c, lb, protocol)
		if err != nil {
			return nil, err
		}
		if err := p.portFree(lb, l); err != nil {
			return nil, err
		}
		if len(lb.Listeners) >= p.knobs.ListenersPerLoadBalancer {
			return nil, refuse("ListenerNumberOverLimit",
				"The number of listeners of the load balancer exceeds the limit of %d.", p.knobs.ListenersPerLoadBalancer)
		}
		lb.addListener(l)
		p.changed(c, lb)
		return api.Reply{}, nil
	}
}

func (p *Product) readListener(c *api.Call, lb *loadBalancer, protocol string) (*listener, *api.Error) {
	l := &listener{Protocol: protocol, Status: stopped, Since: c.Now}
	var err *api.Error
	if l.Port, err = readPort(c.Params, "ListenerPort"); err != nil {
		return nil, err
	}
	if l.Values, err = p.readFields(c.Params, protocol, true); err != nil {
		return nil, err
	}
	redirect := l.Values["ListenerForward"] == on
	for _, f := range fieldsOf[protocol] {
		if f.required&protocolNames[protocol] != 0 && l.Values[f.name] == "" && !redirect {
			return nil, api.Missing(f.param(true))
		}
	}
	if l.Tags, err = p.readTags(c, nil); err != nil {
		return nil, err
	}
	switch {
	case redirect:
	case c.Params["MasterSlaveServerGroupId"] != "":
		return nil, refuse("ResourceNotFound.MasterSlaveServerGroup", "The specified master-slave server group does not exist.")
	case c.Params["VServerGroupId"] != "":
		if err := p.bind(lb, l, c.Params["VServerGroupId"]); err != nil {
			return nil, err
		}
	default:
		if l.BackendPort, err = readPort(c.Params, "BackendServerPort"); err != nil {
			return nil, err
		}
	}
	return l, p.settle(lb, l)
}

func readPort(q api.Params, name string) (int, *api.Error) {
	if q[name] == "" {
		return 0, api.Missing(name)
	}
	return number(q, name, 0, 65535)
}

// bind makes a listener use a vServer group of its own load balancer.
func (p *Product) bind(lb *loadBalancer, l *listener, id string) *api.Error {
	g := p.groups[id]
	if g == nil || g.owner != lb {
		return noGroupToBind()
	}
	l.GroupID = id
	return nil
}

// portFree refuses a port that is taken: by the same protocol, or by another one
// that is carried by TCP too. TCP and UDP may share a port.
func (p *Product) portFree(lb *loadBalancer, l *listener) *api.Error {
	for _, other := range lb.onPort(l.Port) {
		if other.Protocol == l.Protocol {
			return refuse("ListenerAlreadyExists", "A listener already exists on port %d with protocol %s.", l.Port, l.Protocol)
		}
		if other.Protocol != "udp" && l.Protocol != "udp" {
			return refuse("ListenerPortConflict", "The port %d is used by a listener with protocol %s.", l.Port, other.Protocol)
		}
	}
	return nil
}

// setListener makes the handler of Set…ListenerAttribute for a protocol: a
// partial update, after which a running listener is configuring for a while.
func (p *Product) setListener(protocol string) func(*api.Call) (api.Reply, *api.Error) {
	return func(c *api.Call) (api.Reply, *api.Error) {
		lb, err := p.findToChange(c)
		if err != nil {
			return nil, err
		}
		l, err := named(c, lb, protocol)
		if err != nil {
			return nil, err
		}
		if l.transitional() {
			return nil, notInStatus(l)
		}
		after, err := p.updated(c, lb, l)
		if err != nil {
			return nil, err
		}
		l.Values, l.GroupID = after.Values, after.GroupID
		if l.Status == running {
			p.move(c, l, configuring)
		}
		p.changed(c, lb)
		return api.Reply{}, nil
	}
}

// updated returns what a listener becomes by a Set call.
func (p *Product) updated(c *api.Call, lb *loadBalancer, l *listener) (*listener, *api.Error) {
	after := *l
	after.Values = maps.Clone(l.Values)
	if after.Values == nil {
		after.Values = map[string]string{}
	}
	given, err := p.readFields(c.Params, l.Protocol, false)
	if err != nil {
		return nil, err
	}
	maps.Copy(after.Values, given)
	use, err := choice(c.Params, "VServerGroup", "", on, off)
	if err != nil {
		return nil, err
	}
	switch {
	case use == on && c.Params["VServerGroupId"] == "":
		return nil, api.Missing("VServerGroupId")
	case use == on:
		if err := p.bind(lb, &after, c.Params["VServerGroupId"]); err != nil {
			return nil, err
		}
	case use == off && l.GroupID != "" && l.BackendPort == 0:
		return nil, invalid("The listener has no BackendServerPort to use with the default server group.")
	case use == off:
		after.GroupID = ""
	}
	return &after, p.settle(lb, &after)
}

// named returns the listener that a call names with ListenerPort, of the given
// protocol.
func named(c *api.Call, lb *loadBalancer, protocol string) (*listener, *api.Error) {
	port, err := readPort(c.Params, "ListenerPort")
	if err != nil {
		return nil, err
	}
	l := lb.findListener(port, protocol)
	if l == nil {
		return nil, noListener()
	}
	return l, nil
}

// meant returns the listener of a Start, Stop or Delete call, which must name a
// protocol only where two listeners share the port.
func meant(c *api.Call, lb *loadBalancer) (*listener, *api.Error) {
	port, err := readPort(c.Params, "ListenerPort")
	if err != nil {
		return nil, err
	}
	all := lb.onPort(port)
	protocol := strings.ToLower(c.Params["ListenerProtocol"])
	if protocol == "" && len(all) > 1 {
		return nil, api.Missing("ListenerProtocol")
	}
	for _, l := range all {
		if protocol == "" || l.Protocol == protocol {
			return l, nil
		}
	}
	return nil, noListener()
}

func notInStatus(l *listener) *api.Error {
	return refuse("OperationFailed.ListenerStatusNotSupport",
		"The status %s of the listener %s/%d does not support this operation.", l.Status, l.Protocol, l.Port)
}

// move begins a transition, which ends by itself; at once when it takes no time.
func (p *Product) move(c *api.Call, l *listener, status string) {
	l.Since = c.Now
	l.Status = status
	l.Due = c.Now.Add(p.knobs.ListenerTransition)
	if p.knobs.ListenerTransition <= 0 {
		l.arrive()
		return
	}
	p.schedule(l)
}

// schedule makes a listener's transition end in its time.
func (p *Product) schedule(l *listener) {
	if !l.transitional() {
		return
	}
	due := l.Due
	p.due.add(due, func() {
		if l.transitional() && l.Due.Equal(due) {
			l.arrive()
		}
	})
}

// arrive ends a transition.
func (l *listener) arrive() {
	if l.Status == stopping {
		l.Status = stopped
	} else {
		l.Status = running
	}
	l.Since, l.Due = l.Due, time.Time{}
}

// startListener and stopListener do nothing to a listener that is already so, or
// refuse, as the knob says.
func (p *Product) startListener(c *api.Call) (api.Reply, *api.Error) {
	return p.switchListener(c, running, starting)
}

func (p *Product) stopListener(c *api.Call) (api.Reply, *api.Error) {
	return p.switchListener(c, stopped, stopping)
}

func (p *Product) switchListener(c *api.Call, end, way string) (api.Reply, *api.Error) {
	lb, err := p.findToChange(c)
	if err != nil {
		return nil, err
	}
	l, err := meant(c, lb)
	if err != nil {
		return nil, err
	}
	if l.transitional() || l.Status == end && p.knobs.StrictListeners {
		return nil, notInStatus(l)
	}
	if l.Status != end {
		p.move(c, l, way)
	}
	p.changed(c, lb)
	return api.Reply{}, nil
}

func (p *Product) deleteListener(c *api.Call) (api.Reply, *api.Error) {
	lb, err := p.findToChange(c)
	if err != nil {
		return nil, err
	}
	l, err := meant(c, lb)
	if err != nil {
		return nil, err
	}
	if l.transitional() {
		return nil, notInStatus(l)
	}
	lb.removeListener(l)
	p.changed(c, lb)
	return api.Reply{}, nil
}
