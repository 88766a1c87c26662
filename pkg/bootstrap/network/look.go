package network

import (
	"context"
	"fmt"
	"net/netip"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/ecs"
	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/slb"
	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/vpc"
)

// Cloud is what this package calls.
type Cloud struct {
	ECS ECS
	VPC VPC
	SLB SLB
}

// ECS is met by ecs.Client.
type ECS interface {
	Servers(ctx context.Context, f ecs.Filter) ([]ecs.Server, error)
	SecurityGroups(ctx context.Context, vpcID string, tags map[string]string) ([]ecs.SecurityGroup, error)
	CreateSecurityGroup(ctx context.Context, g ecs.SecurityGroup, clientToken string) (string, error)
	Rules(ctx context.Context, groupID string) ([]ecs.Rule, error)
	Authorize(ctx context.Context, groupID string, rules []ecs.Rule) error
}

// VPC is met by vpc.Client.
type VPC interface {
	VPC(ctx context.Context, id string) (vpc.VPC, error)
	VPCs(ctx context.Context, tags map[string]string) ([]vpc.VPC, error)
	VSwitches(ctx context.Context, vpcID string) ([]vpc.VSwitch, error)
	CreateVPC(ctx context.Context, n vpc.NewVPC) (string, error)
	CreateVSwitch(ctx context.Context, n vpc.NewVSwitch) (string, error)
}

// SLB is met by slb.Client.
type SLB interface {
	List(ctx context.Context, f slb.Filter) ([]slb.LoadBalancer, error)
	Get(ctx context.Context, id string) (slb.LoadBalancer, error)
	Listeners(ctx context.Context, lbIDs ...string) ([]slb.Listener, error)
	Create(ctx context.Context, in slb.Create) (slb.LoadBalancer, error)
	CreateListener(ctx context.Context, l slb.Listener) error
	StartListener(ctx context.Context, lbID string, key slb.ListenerKey) error
	AddBackends(ctx context.Context, lbID string, backends []slb.Backend) ([]slb.Backend, error)
	RemoveBackends(ctx context.Context, lbID string, backends []slb.Backend) ([]slb.Backend, error)
}

// Actual is what there is.
type Actual struct {
	// VPC is nil when there is none.
	VPC       *vpc.VPC
	VSwitches []vpc.VSwitch
	Groups    map[Role]ecs.SecurityGroup
	Rules     map[Role][]ecs.Rule
	// LoadBalancer is nil when there is none; Listener likewise.
	LoadBalancer *slb.LoadBalancer
	Listener     *slb.Listener
	// Servers are the masters that exist, by address.
	Servers map[netip.Addr]ecs.Server
}

// Look reads what there is of a spec. What the spec names and is not so, or what is
// there twice, is an error that says what to do.
func Look(ctx context.Context, cloud Cloud, spec *Spec) (*Actual, error) {
	a := &Actual{Groups: map[Role]ecs.SecurityGroup{}, Rules: map[Role][]ecs.Rule{}, Servers: map[netip.Addr]ecs.Server{}}
	if err := a.lookVPC(ctx, cloud, spec); err != nil || a.VPC == nil {
		return a, err
	}
	var err error
	if a.VSwitches, err = cloud.VPC.VSwitches(ctx, a.VPC.ID); err != nil {
		return nil, err
	}
	if err := a.lookGroups(ctx, cloud, spec); err != nil {
		return nil, err
	}
	if err := a.lookLoadBalancer(ctx, cloud, spec); err != nil {
		return nil, err
	}
	return a, a.lookServers(ctx, cloud, spec)
}

func (a *Actual) lookVPC(ctx context.Context, cloud Cloud, spec *Spec) error {
	if spec.VPCID != "" {
		found, err := cloud.VPC.VPC(ctx, spec.VPCID)
		a.VPC = &found
		return err
	}
	found, err := cloud.VPC.VPCs(ctx, spec.tags())
	switch {
	case err != nil:
		return err
	case len(found) > 1:
		return fmt.Errorf("VPCs %s and %s both have the tag %s=%s: name the one in the cluster file (vpc.id), or take the tag off the other",
			found[0].ID, found[1].ID, Tag, spec.Cluster)
	case len(found) == 1:
		a.VPC = &found[0]
	}
	return nil
}

func (a *Actual) lookGroups(ctx context.Context, cloud Cloud, spec *Spec) error {
	groups, err := cloud.ECS.SecurityGroups(ctx, a.VPC.ID, spec.tags())
	if err != nil {
		return err
	}
	for _, g := range groups {
		role := Role(g.Tags[tagGroup])
		if other, twice := a.Groups[role]; twice {
			return fmt.Errorf("security groups %s and %s are both tagged as that of role %s: delete one, or take its tag %s off",
				other.ID, g.ID, role, tagGroup)
		}
		a.Groups[role] = g
		if a.Rules[role], err = cloud.ECS.Rules(ctx, g.ID); err != nil {
			return err
		}
	}
	return nil
}

func (a *Actual) lookLoadBalancer(ctx context.Context, cloud Cloud, spec *Spec) error {
	found, err := cloud.SLB.List(ctx, slb.Filter{Tags: spec.tags()})
	switch {
	case err != nil:
		return err
	case len(found) == 0:
		return nil
	case len(found) > 1:
		return fmt.Errorf("load balancers %s and %s both have the tag %s=%s: take it off the one that clients do not use",
			found[0].ID, found[1].ID, Tag, spec.Cluster)
	}
	lb, err := cloud.SLB.Get(ctx, found[0].ID)
	if err != nil {
		return err
	}
	a.LoadBalancer = &lb
	listeners, err := cloud.SLB.Listeners(ctx, lb.ID)
	if err != nil {
		return err
	}
	for i := range listeners {
		if listeners[i].ListenerKey == spec.listenerKey() {
			a.Listener = &listeners[i]
		}
	}
	return nil
}

func (a *Actual) lookServers(ctx context.Context, cloud Cloud, spec *Spec) error {
	if len(spec.Masters) == 0 {
		return nil
	}
	addresses := make([]string, 0, len(spec.Masters))
	for _, m := range spec.Masters {
		addresses = append(addresses, m.String())
	}
	servers, err := cloud.ECS.Servers(ctx, ecs.Filter{VPCID: a.VPC.ID, PrivateIPs: addresses})
	if err != nil {
		return err
	}
	for _, s := range servers {
		for _, ip := range s.PrivateIPs {
			if address, err := netip.ParseAddr(ip); err == nil {
				a.Servers[address] = s
			}
		}
	}
	return nil
}
