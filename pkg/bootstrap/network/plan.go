package network

import (
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strconv"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/ecs"
	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/slb"
	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/vpc"
)

// Action is what a step does.
type Action string

// The actions, in the order of a new network.
const (
	MakeVPC          Action = "create VPC"
	MakeVSwitch      Action = "create vSwitch"
	MakeGroup        Action = "create security group"
	AddRules         Action = "add rules to security group"
	MakeLoadBalancer Action = "create load balancer"
	MakeListener     Action = "create listener"
	StartListener    Action = "start listener"
	AddMasters       Action = "add masters to load balancer"
	RemoveServers    Action = "remove servers from load balancer"
)

// Step is one call that changes something.
type Step struct {
	Action Action
	// Name and Detail are for people.
	Name, Detail string

	vSwitch  VSwitch
	role     Role
	rules    []ecs.Rule
	backends []slb.Backend
}

// String is the step as a line for people.
func (s Step) String() string {
	if s.Detail == "" {
		return string(s.Action) + " " + s.Name
	}
	return string(s.Action) + " " + s.Name + ": " + s.Detail
}

// Plan compares what there is with a spec: the steps that are left, in their order,
// and notes about what is not there yet and is not this package's to make. The
// error tells everything that is in the way; nothing should be done then.
func Plan(spec *Spec, a *Actual) (steps []Step, notes []string, err error) {
	if err := check(spec, a); err != nil {
		return nil, nil, err
	}
	if a.VPC == nil {
		steps = append(steps, Step{Action: MakeVPC, Name: spec.Cluster, Detail: spec.CIDR.String()})
	}
	for _, v := range spec.VSwitches {
		if find(a.VSwitches, v.CIDR) == nil {
			steps = append(steps, Step{Action: MakeVSwitch, Name: spec.Cluster, Detail: v.CIDR.String() + " in zone " + v.Zone, vSwitch: v})
		}
	}
	steps = append(steps, planGroups(spec, a)...)
	balancer, notes := planLoadBalancer(spec, a)
	return append(steps, balancer...), notes, nil
}

// check finds what stands against a spec: nothing foreign is changed to fit it.
func check(spec *Spec, a *Actual) error {
	var problems []error
	home, ok := spec.home()
	if !ok {
		problems = append(problems, fmt.Errorf("the load balancer's address %s is in none of the cluster file's vSwitches", spec.Address))
	}
	if a.VPC != nil && a.VPC.CIDR != spec.CIDR.String() && !slices.Contains(a.VPC.SecondaryCIDRs, spec.CIDR.String()) {
		problems = append(problems, fmt.Errorf("VPC %s has the range %s, the cluster file says %s: a VPC's range cannot be changed, correct the file",
			a.VPC.ID, a.VPC.CIDR, spec.CIDR))
	}
	for _, v := range spec.VSwitches {
		for _, have := range a.VSwitches {
			cidr, err := netip.ParsePrefix(have.CIDR)
			switch {
			case err != nil || !cidr.Overlaps(v.CIDR):
			case cidr != v.CIDR:
				problems = append(problems, fmt.Errorf("vSwitch %s has the range %s, which overlaps with %s of the cluster file", have.ID, cidr, v.CIDR))
			case have.Zone != v.Zone:
				problems = append(problems, fmt.Errorf("vSwitch %s (%s) is in zone %s, the cluster file says %s", have.ID, cidr, have.Zone, v.Zone))
			}
		}
	}
	if lb := a.LoadBalancer; lb != nil {
		if lb.Address != spec.Address.String() {
			problems = append(problems, fmt.Errorf("load balancer %s has the address %s, the cluster file says %s: clients have it in their certificates, correct the file",
				lb.ID, lb.Address, spec.Address))
		}
		if v := find(a.VSwitches, home); ok && v != nil && lb.VSwitchID != v.ID {
			problems = append(problems, fmt.Errorf("load balancer %s is in vSwitch %s, not in %s", lb.ID, lb.VSwitchID, v.ID))
		}
	}
	return errors.Join(problems...)
}

func planGroups(spec *Spec, a *Actual) (steps []Step) {
	ids := map[Role]string{}
	for role, g := range a.Groups {
		ids[role] = g.ID
	}
	for _, r := range roles {
		if ids[r] == "" {
			steps = append(steps, Step{Action: MakeGroup, Name: spec.groupName(r), role: r})
		}
	}
	for _, r := range roles {
		missing := slices.DeleteFunc(spec.rules(r, ids), func(wanted ecs.Rule) bool {
			return slices.ContainsFunc(a.Rules[r], func(have ecs.Rule) bool { return same(wanted, have) })
		})
		if len(missing) > 0 {
			steps = append(steps, Step{Action: AddRules, Name: spec.groupName(r), Detail: describe(missing), role: r, rules: missing})
		}
	}
	return steps
}

func describe(rules []ecs.Rule) string {
	text := ""
	for i, r := range rules {
		if i > 0 {
			text += ", "
		}
		text += r.Protocol
		if r.PortRange != allPorts {
			text += " " + r.PortRange
		}
		if r.SourceCIDR != "" {
			text += " from " + r.SourceCIDR
		}
		text += " (" + r.Description + ")"
	}
	return text
}

// masterWeight is that of every master: clients are spread evenly.
const masterWeight = 100

func planLoadBalancer(spec *Spec, a *Actual) (steps []Step, notes []string) {
	name, key := spec.loadBalancerName(), spec.listenerKey()
	var have []slb.Backend
	if a.LoadBalancer == nil {
		steps = append(steps, Step{Action: MakeLoadBalancer, Name: name, Detail: "internal, " + spec.Address.String()})
	} else {
		have = a.LoadBalancer.Backends
	}
	wanted, missing := map[string]bool{}, []slb.Backend{}
	for _, address := range spec.Masters {
		s, exists := a.Servers[address]
		if !exists {
			notes = append(notes, fmt.Sprintf("there is no server %s yet: start it with its user-data, then run this again", address))
			continue
		}
		wanted[s.ID] = true
		if !slices.ContainsFunc(have, func(b slb.Backend) bool { return b.ServerID == s.ID }) {
			missing = append(missing, slb.Backend{ServerID: s.ID, Weight: masterWeight, Type: "ecs"})
		}
	}
	// Backends first: a listener that starts has somebody to send to.
	if len(missing) > 0 {
		steps = append(steps, Step{Action: AddMasters, Name: name, Detail: ids(missing), backends: missing})
	}
	switch {
	case a.Listener == nil:
		steps = append(steps,
			Step{Action: MakeListener, Name: key.String(), Detail: "to port " + strconv.Itoa(spec.APIPort) + " of the masters"},
			Step{Action: StartListener, Name: key.String()})
	case a.Listener.Status == slb.ListenerStopped:
		steps = append(steps, Step{Action: StartListener, Name: key.String()})
	}
	// A server that is gone from the file leaves; while a master is missing none
	// does, since a replaced one may be all there is.
	extra := slices.DeleteFunc(slices.Clone(have), func(b slb.Backend) bool { return wanted[b.ServerID] })
	if len(extra) > 0 && len(wanted) == len(spec.Masters) {
		steps = append(steps, Step{Action: RemoveServers, Name: name, Detail: ids(extra), backends: extra})
	}
	return steps, notes
}

func ids(backends []slb.Backend) string {
	set := map[string]bool{}
	for _, b := range backends {
		set[b.ServerID] = true
	}
	return fmt.Sprint(slices.Sorted(maps.Keys(set)))
}

func find(vSwitches []vpc.VSwitch, cidr netip.Prefix) *vpc.VSwitch {
	i := slices.IndexFunc(vSwitches, func(v vpc.VSwitch) bool { return v.CIDR == cidr.String() })
	if i < 0 {
		return nil
	}
	return &vSwitches[i]
}

func (s *Spec) listenerKey() slb.ListenerKey { return slb.ListenerKey{Protocol: slb.TCP, Port: s.Port} }
