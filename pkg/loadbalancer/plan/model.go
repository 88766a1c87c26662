package plan

import (
	"maps"
	"slices"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/slb"
)

// Apply changes the model as the step changes the cloud. id is the ID that the
// API gave to what the step created.
func (s Step) Apply(a *Actual, id string) {
	switch s.Kind {
	case CreateInstance:
		a.Instance = created(s.Instance, id)
	case SetName:
		a.Instance.Name = s.Instance.Name
	case SetDeleteProtection:
		a.Instance.DeleteProtection = s.Instance.DeleteProtection
	case SetModificationProtection:
		a.Instance.ModificationProtection, a.Instance.ModificationReason = s.Instance.ModificationProtection, s.Instance.ModificationReason
	case ModifyInternetSpec:
		a.Instance.InternetChargeType, a.Instance.Bandwidth = s.Instance.InternetChargeType, s.Instance.Bandwidth
	case ModifyInstanceSpec:
		a.Instance.Spec = s.Instance.Spec
	case ModifyInstanceChargeType:
		a.Instance.InstanceChargeType = s.Instance.InstanceChargeType
	case TagInstance:
		if a.Instance.Tags == nil {
			a.Instance.Tags = map[string]string{}
		}
		maps.Copy(a.Instance.Tags, s.Instance.Tags)
	case UntagInstance:
		for _, key := range s.Keys {
			delete(a.Instance.Tags, key)
		}
	case AddBackends, SetBackends, RemoveBackends, CreateGroup, AddGroupBackends, SetGroupBackends, RemoveGroupBackends, DeleteGroup:
		s.applyMembers(a, id)
	case CreateListener, SetListener, StartListener, DeleteListener:
		s.applyListener(a)
	case CreateACL, AddACLEntries, RemoveACLEntries, DeleteACL:
		s.applyACL(a, id)
	case CreateExtension, SetExtension, DeleteExtension:
		s.applyExtension(a, id)
	}
}

// created is the instance that CreateInstance makes.
func created(in slb.Create, id string) slb.LoadBalancer {
	return slb.LoadBalancer{
		ID: id, Name: in.Name, Address: in.Address, AddressType: in.AddressType, IPVersion: in.IPVersion,
		VPCID: in.VPCID, VSwitchID: in.VSwitchID, InternetChargeType: in.InternetChargeType,
		InstanceChargeType: in.InstanceChargeType, Spec: in.Spec, Bandwidth: in.Bandwidth,
		MasterZone: in.MasterZone, SlaveZone: in.SlaveZone, ResourceGroupID: in.ResourceGroupID,
		DeleteProtection: in.DeleteProtection, ModificationProtection: in.ModificationProtection,
		ModificationReason: in.ModificationReason, Tags: maps.Clone(in.Tags),
	}
}

// applyMembers changes groups and their members.
func (s Step) applyMembers(a *Actual, id string) {
	switch s.Kind { //nolint:exhaustive // the others are Apply's
	case AddBackends, SetBackends:
		a.Backends = put(a.Backends, s.Backends)
	case RemoveBackends:
		a.Backends = without(a.Backends, s.Backends)
	case CreateGroup:
		a.Groups = append(a.Groups, slb.Group{ID: id, Name: s.GroupName, Backends: slices.Clone(s.Backends)})
	case AddGroupBackends, SetGroupBackends:
		if g := s.groupOf(a); g != nil {
			g.Backends = put(g.Backends, s.Backends)
		}
	case RemoveGroupBackends:
		if g := s.groupOf(a); g != nil {
			g.Backends = without(g.Backends, s.Backends)
		}
	case DeleteGroup:
		a.Groups = slices.DeleteFunc(a.Groups, func(g slb.Group) bool { return g.ID == s.Group })
	}
}

// groupOf returns the step's group: a living one by ID, one that the plan has
// created by name.
func (s Step) groupOf(a *Actual) *slb.Group {
	if s.Group != "" {
		return a.group(s.Group)
	}
	for i := range a.Groups {
		if a.Groups[i].Name == s.GroupName {
			return &a.Groups[i]
		}
	}
	return nil
}

// GroupID returns the ID of the step's group, or "" when there is none.
func (s Step) GroupID(a *Actual) string {
	if g := s.groupOf(a); g != nil {
		return g.ID
	}
	return s.Group
}

// applyListener changes listeners. A started listener is taken for running.
func (s Step) applyListener(a *Actual) {
	key := s.Listener.ListenerKey
	switch s.Kind { //nolint:exhaustive // the others are Apply's
	case CreateListener:
		l := s.Listener
		l.LoadBalancerID, l.GroupID, l.Status = a.Instance.ID, s.GroupID(a), slb.ListenerStopped
		l.Attributes = maps.Clone(WithACL(l.Attributes, a))
		a.Listeners = append(a.Listeners, l)
	case DeleteListener:
		a.Listeners = slices.DeleteFunc(a.Listeners, func(l slb.Listener) bool { return l.ListenerKey == key })
		if key.Protocol == slb.HTTPS {
			delete(a.Extensions, key.Port)
		}
	case SetListener:
		if l := a.Listener(key); l != nil {
			if l.Attributes == nil {
				l.Attributes = slb.Attributes{}
			}
			maps.Copy(l.Attributes, WithACL(s.Changed, a))
			if s.Bind {
				l.GroupID, l.BackendPort = s.GroupID(a), 0
			}
		}
	case StartListener:
		if l := a.Listener(key); l != nil {
			l.Status = slb.ListenerRunning
		}
	}
}

// put adds members, or changes those that are there.
func put(have, backends []slb.Backend) []slb.Backend {
	have = slices.Clone(have)
	for _, b := range backends {
		if i := slices.IndexFunc(have, func(h slb.Backend) bool { return identity(h) == identity(b) }); i >= 0 {
			have[i].Weight = b.Weight
		} else {
			have = append(have, b)
		}
	}
	return have
}

func without(have, backends []slb.Backend) []slb.Backend {
	return slices.DeleteFunc(slices.Clone(have), func(h slb.Backend) bool {
		return slices.ContainsFunc(backends, func(b slb.Backend) bool { return identity(h) == identity(b) })
	})
}
