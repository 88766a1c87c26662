// Package plan turns the difference between a wanted and an actual load balancer
// into steps, one API call each. It is pure: plans are values that can be
// printed, compared and tried on a model.
package plan

import (
	"maps"
	"slices"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/slb"
)

// Actual is a load balancer as it is, as far as it is known.
type Actual struct {
	// Instance is the instance without ports and backends.
	Instance  slb.LoadBalancer
	Listeners []slb.Listener
	// Backends is the default server group.
	Backends []slb.Backend
	// Groups are the vServer groups with their members.
	Groups []slb.Group
	// GroupsUnknown: the vServer groups have not been read. Most load balancers
	// have none, and reading costs.
	GroupsUnknown bool
	// ACL is the access control list that the instance's mark (ownership.TagACL)
	// names; nil when there is none.
	ACL *slb.ACL
	// Extensions are the domain extensions of the HTTPS listeners by port, where the
	// instance's mark (ownership.TagExtensions) says that they are kept.
	Extensions map[int][]slb.Extension
}

// Clone returns a copy that shares nothing that a step changes.
func (a *Actual) Clone() *Actual {
	out := *a
	out.Instance.Tags = maps.Clone(a.Instance.Tags)
	out.Listeners = slices.Clone(a.Listeners)
	for i := range out.Listeners {
		out.Listeners[i].Attributes = maps.Clone(out.Listeners[i].Attributes)
	}
	if a.ACL != nil {
		acl := *a.ACL
		acl.Entries = slices.Clone(a.ACL.Entries)
		out.ACL = &acl
	}
	out.Extensions = maps.Clone(a.Extensions)
	out.Backends = slices.Clone(a.Backends)
	out.Groups = slices.Clone(a.Groups)
	for i := range out.Groups {
		out.Groups[i].Backends = slices.Clone(out.Groups[i].Backends)
	}
	return &out
}

// Listener returns the listener of a key, or nil.
func (a *Actual) Listener(key slb.ListenerKey) *slb.Listener {
	for i := range a.Listeners {
		if a.Listeners[i].ListenerKey == key {
			return &a.Listeners[i]
		}
	}
	return nil
}

// group returns the group of an ID, or nil.
func (a *Actual) group(id string) *slb.Group {
	for i := range a.Groups {
		if a.Groups[i].ID == id {
			return &a.Groups[i]
		}
	}
	return nil
}
