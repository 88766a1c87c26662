package ecs

import (
	"net/http"
	"slices"
	"strconv"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/api"
)

func (p *Product) startInstance(c *api.Call) (api.Reply, *api.Error) {
	id := c.Params["InstanceId"]
	if err := p.checkStart(id); err != nil {
		return nil, err
	}
	if err := dryRun(c); err != nil {
		return nil, err
	}
	p.start(id, c.Now)
	return api.Reply{}, nil
}

func (p *Product) stopInstance(c *api.Call) (api.Reply, *api.Error) {
	id, mode := c.Params["InstanceId"], c.Params["StoppedMode"]
	if !slices.Contains([]string{"", "KeepCharging", "StopCharging"}, mode) {
		return nil, api.Invalid("StoppedMode", mode)
	}
	if err := p.checkStop(id); err != nil {
		return nil, err
	}
	if err := dryRun(c); err != nil {
		return nil, err
	}
	p.stop(id, c.Now, mode == "StopCharging")
	return api.Reply{}, nil
}

func (p *Product) deleteInstance(c *api.Call) (api.Reply, *api.Error) {
	if err := p.deleteAll(c, []string{c.Params["InstanceId"]}); err != nil {
		return nil, err
	}
	return api.Reply{}, nil
}

// deleteInstances deletes all of its servers or none.
func (p *Product) deleteInstances(c *api.Call) (api.Reply, *api.Error) {
	if reply, ok, err := p.Tokens.Replay(c, http.StatusForbidden); ok || err != nil {
		return reply, err
	}
	ids := c.Params.List("InstanceId")
	if len(ids) == 0 {
		return nil, api.Missing("InstanceId.1")
	}
	if len(ids) > maxIDs {
		return nil, api.Invalid("InstanceId", strconv.Itoa(len(ids))+" ids")
	}
	if err := p.deleteAll(c, ids); err != nil {
		return nil, err
	}
	p.Tokens.Keep(c, api.Reply{}, p.Knobs.TokenRetention)
	return api.Reply{}, nil
}

func (p *Product) deleteAll(c *api.Call, ids []string) *api.Error {
	force, err := c.Params.Bool("Force", false)
	if err != nil {
		return err
	}
	terminate, err := c.Params.Bool("TerminateSubscription", false)
	if err != nil {
		return err
	}
	for _, id := range ids {
		if err := p.checkRelease(id, force); err != nil {
			return err
		}
		if p.Servers[id].ChargeType == chargePrePaid && !terminate {
			return api.Errorf(http.StatusForbidden, "ChargeTypeViolation", "The instance %s is a subscription that has not expired.", id)
		}
	}
	if err := dryRun(c); err != nil {
		return err
	}
	for _, id := range ids {
		if p.living(id) != nil { // the same id may be given twice
			p.release(id, c.Now)
		}
	}
	return nil
}
