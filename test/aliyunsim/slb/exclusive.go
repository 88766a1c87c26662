package slb

import (
	"net/http"
	"time"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/api"
)

// busyCodes are the published answers of a load balancer on which another
// operation runs, with their HTTP status.
var busyCodes = []api.Error{
	{Status: http.StatusBadRequest, Code: "ServiceIsConfiguring", Message: "The specified service is configuring, please try again later."},
	{Status: http.StatusConflict, Code: "BackendServer.configuring", Message: "The backend server is configuring, please try again later."},
	{Status: 449, Code: "SystemBusy", Message: "The system is busy, please try again later."},
	{Status: http.StatusBadRequest, Code: "OperationBusy", Message: "The operation is busy, please try again later."},
	{Status: http.StatusConflict, Code: "ServiceIsStopping", Message: "The specified service is stopping, please try again later."},
}

// busy is the answer of a busy load balancer: the knob's code, or the published
// ones in turn.
func (p *Product) busy() *api.Error {
	for _, e := range busyCodes {
		if e.Code == p.knobs.BusyCode {
			return &e
		}
	}
	if p.knobs.BusyCode != "" {
		return refuse(p.knobs.BusyCode, "Another operation is running, please try again later.")
	}
	e := busyCodes[p.busyTurn%len(busyCodes)]
	p.busyTurn++
	return &e
}

// find returns the load balancer that a call names, once it is visible to calls
// by id.
func (p *Product) find(c *api.Call) (*loadBalancer, *api.Error) {
	id := c.Params["LoadBalancerId"]
	if id == "" {
		return nil, api.Missing("LoadBalancerId")
	}
	lb := p.byID[id]
	if lb == nil || lb.GetAt.After(c.Now) {
		return nil, noLoadBalancer()
	}
	return lb, nil
}

// findToChange is find for a mutation: a locked or busy load balancer refuses.
func (p *Product) findToChange(c *api.Call) (*loadBalancer, *api.Error) {
	lb, err := p.find(c)
	if err != nil {
		return nil, err
	}
	return lb, p.mayChange(c, lb)
}

// mayChange refuses a mutation of a locked load balancer or of one on which
// another mutation runs.
func (p *Product) mayChange(c *api.Call, lb *loadBalancer) *api.Error {
	if lb.Locked {
		return locked()
	}
	if lb.BusyUntil.After(c.Now) {
		return p.busy()
	}
	return nil
}

func locked() *api.Error {
	return refuse("OperationDenied.LoadBalancerLocked", "The operation is denied because the load balancer is locked.")
}

// changed ends a successful mutation: until its reply, and the knob's time more,
// the load balancer is busy.
func (p *Product) changed(c *api.Call, lb *loadBalancer) {
	lb.BusyUntil = c.Now.Add(c.Latency + p.knobs.LoadBalancerBusy)
}

// lagged is the time from which a change of now is visible: at once without a
// lag, else the lag, and a random part of the knob LagSpread, after the reply.
func (p *Product) lagged(c *api.Call, lag time.Duration) time.Time {
	if p.knobs.LagSpread > 0 {
		lag += time.Duration(p.rand.Int64N(int64(p.knobs.LagSpread) + 1))
	}
	if lag <= 0 {
		return c.Now
	}
	return c.Now.Add(c.Latency + lag)
}

// ServerBusy implements api.LoadBalancers.
func (p *Product) ServerBusy(serverID string) bool {
	for lb := range p.attached[serverID] {
		if lb.BusyUntil.After(p.now) {
			return true
		}
	}
	return false
}
