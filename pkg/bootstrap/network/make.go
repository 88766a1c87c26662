package network

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/apierror"
	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/ecs"
	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/slb"
	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/vpc"
)

// How often and how long a new object is waited for, and how many times one that
// somebody deleted within a day may be made again: the API answers a token that it
// knows with the old id.
const (
	lookEvery = time.Second
	patience  = 2 * time.Minute
	maxTokens = 10
)

var (
	errNotYet = errors.New("it is not available yet")
	errStuck  = errors.New("the same step is still to be done after it was done")
)

// Make does what is left of a spec and returns the notes of the last plan. It tells
// each step before it does it. After each it looks again: what a step leaves behind
// decides the next, so that a run that was interrupted goes on.
func Make(ctx context.Context, cloud Cloud, spec *Spec, tell func(Step)) (*Actual, []string, error) {
	last := ""
	for {
		actual, err := Look(ctx, cloud, spec)
		if err != nil {
			return nil, nil, err
		}
		steps, notes, err := Plan(spec, actual)
		if err != nil || len(steps) == 0 {
			return actual, notes, err
		}
		step := steps[0]
		if step.String() == last {
			return nil, nil, fmt.Errorf("%s: %w", step, errStuck)
		}
		last = step.String()
		tell(step)
		if err := do(ctx, cloud, spec, actual, step); err != nil {
			return nil, nil, fmt.Errorf("%s: %w", step, err)
		}
	}
}

func do(ctx context.Context, cloud Cloud, spec *Spec, a *Actual, s Step) error {
	switch s.Action {
	case MakeVPC:
		return makeVPC(ctx, cloud.VPC, spec)
	case MakeVSwitch:
		return makeVSwitch(ctx, cloud.VPC, spec, a.VPC.ID, s.vSwitch)
	case MakeGroup:
		return makeGroup(ctx, cloud.ECS, spec, a.VPC.ID, s.role)
	case AddRules:
		return cloud.ECS.Authorize(ctx, a.Groups[s.role].ID, s.rules)
	case MakeLoadBalancer:
		return makeLoadBalancer(ctx, cloud.SLB, spec, a)
	case MakeListener:
		return cloud.SLB.CreateListener(ctx, spec.listener(a.LoadBalancer.ID))
	case StartListener:
		return cloud.SLB.StartListener(ctx, a.LoadBalancer.ID, spec.listenerKey())
	case AddMasters:
		_, err := cloud.SLB.AddBackends(ctx, a.LoadBalancer.ID, s.backends)
		return err
	case RemoveServers:
		_, err := cloud.SLB.RemoveBackends(ctx, a.LoadBalancer.ID, s.backends)
		return err
	}
	return nil
}

func makeVPC(ctx context.Context, cloud VPC, spec *Spec) error {
	return made(ctx, spec.token("vpc", spec.CIDR.String()),
		func(token string) (string, error) {
			return cloud.CreateVPC(ctx, vpc.NewVPC{ClientToken: token, Name: spec.Cluster, CIDR: spec.CIDR.String(), Tags: spec.tags()})
		},
		func(id string) error {
			v, err := cloud.VPC(ctx, id)
			if err == nil && !v.Available {
				err = errNotYet
			}
			return err
		})
}

func makeVSwitch(ctx context.Context, cloud VPC, spec *Spec, vpcID string, v VSwitch) error {
	return made(ctx, spec.token("vsw", vpcID+v.Zone+v.CIDR.String()),
		func(token string) (string, error) {
			return cloud.CreateVSwitch(ctx, vpc.NewVSwitch{
				ClientToken: token, Name: spec.Cluster + "-" + v.Zone, VPCID: vpcID, Zone: v.Zone, CIDR: v.CIDR.String(), Tags: spec.tags(),
			})
		},
		func(id string) error {
			all, err := cloud.VSwitches(ctx, vpcID)
			if err != nil {
				return err
			}
			for _, have := range all {
				if have.ID == id && have.Available {
					return nil
				} else if have.ID == id {
					return errNotYet
				}
			}
			return apierror.ErrNotFound
		})
}

func makeGroup(ctx context.Context, cloud ECS, spec *Spec, vpcID string, r Role) error {
	return made(ctx, spec.token("sg", vpcID+string(r)),
		func(token string) (string, error) {
			return cloud.CreateSecurityGroup(ctx, ecs.SecurityGroup{Name: spec.groupName(r), VPCID: vpcID, Tags: spec.groupTags(r)}, token)
		},
		func(id string) error {
			all, err := cloud.SecurityGroups(ctx, vpcID, spec.groupTags(r))
			if err != nil {
				return err
			}
			for _, have := range all {
				if have.ID == id {
					return nil
				}
			}
			return apierror.ErrNotFound
		})
}

func makeLoadBalancer(ctx context.Context, cloud SLB, spec *Spec, a *Actual) error {
	home, _ := spec.home()
	vSwitch := find(a.VSwitches, home).ID
	return made(ctx, spec.token("lb", vSwitch+spec.Address.String()),
		func(token string) (string, error) {
			lb, err := cloud.Create(ctx, slb.Create{
				ClientToken: token, Name: spec.loadBalancerName(), AddressType: slb.Intranet, Address: spec.Address.String(),
				VPCID: a.VPC.ID, VSwitchID: vSwitch, InstanceChargeType: "PayByCLCU", InternetChargeType: "paybytraffic",
				DeleteProtection: true, ModificationProtection: slb.ConsoleProtection, ModificationReason: "aliyun-bootstrap", Tags: spec.tags(),
			})
			return lb.ID, err
		},
		func(id string) error {
			found, err := cloud.List(ctx, slb.Filter{Tags: spec.tags()})
			if err != nil {
				return err
			}
			for _, have := range found {
				if have.ID == id {
					return nil
				}
			}
			return apierror.ErrNotFound
		})
}

// listener notices a dead master after 8 s at most: two checks of 2 s, 2 s apart. It
// takes connections for as long as the API allows, for watches last, and
// asks the API servers for their readiness where something answers for them over
// HTTP: the load balancer speaks no HTTPS to backends.
func (s *Spec) listener(lbID string) slb.Listener {
	settings := slb.Attributes{
		slb.Description: "the Kubernetes API of " + s.Cluster, slb.Bandwidth: "-1", slb.EstablishedTimeout: "900",
		slb.ConnectionDrain: "on", slb.DrainTimeout: "300",
		slb.HealthCheck: "on", slb.HealthCheckInterval: "2", slb.HealthCheckTimeout: "2", slb.HealthyThreshold: "2", slb.UnhealthyThreshold: "2",
	}
	if s.ReadyPort != 0 {
		settings[slb.HealthCheckType], settings[slb.HealthCheckPort] = "http", strconv.Itoa(s.ReadyPort)
		settings[slb.HealthCheckURI], settings[slb.HealthCheckMethod] = "/readyz", "get"
	}
	return slb.Listener{LoadBalancerID: lbID, ListenerKey: s.listenerKey(), BackendPort: s.APIPort, Attributes: settings}
}

// made creates an object and waits until it can be used. The same token gives the
// same object however often a run is repeated; an object that stays unseen was
// deleted, and the next token makes another.
func made(ctx context.Context, token string, create func(token string) (string, error), look func(id string) error) error {
	for n := range maxTokens {
		id, err := create(token + strconv.Itoa(n))
		if err != nil {
			return err
		}
		err = await(ctx, id, look)
		if !errors.Is(err, apierror.ErrNotFound) {
			return err
		}
	}
	return fmt.Errorf("made %d times and deleted by somebody each time: %w", maxTokens, apierror.ErrNotFound)
}

// unseen is how long a new object may be missing in lists.
const unseen = 20 * time.Second

func await(ctx context.Context, id string, look func(id string) error) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	for begin := time.Now(); ; {
		err := look(id)
		switch {
		case errors.Is(err, errNotYet):
		case errors.Is(err, apierror.ErrNotFound) && time.Since(begin) < unseen:
		default:
			return err
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return fmt.Errorf("%s: %w", id, errors.Join(err, ctx.Err()))
		}
	}
}

// token is a client token of a cluster's object; what is made decides it, so that
// another range is another object.
func (s *Spec) token(kind, parameters string) string {
	sum := sha256.Sum256([]byte(s.Cluster + "\x00" + kind + "\x00" + parameters))
	return "bootstrap-" + kind + "-" + hex.EncodeToString(sum[:16]) + "-"
}
