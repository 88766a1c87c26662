package plan

import (
	"maps"
	"net/netip"
	"slices"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/slb"
	"github.com/kube-aliyun/kube-aliyun/pkg/loadbalancer/build"
	"github.com/kube-aliyun/kube-aliyun/pkg/ownership"
)

// fillACL makes the access control list of the Service's source ranges, and its
// entries, what they should be, before any listener names it. It reports whether
// the listeners can be planned: not when the list of that name is somebody else's.
//
// The mark on the instance comes first, so that the list is found again whatever
// happens.
func (p *planner) fillACL() bool {
	w, a := p.w.ACL, p.a.ACL
	if w == nil {
		return true
	}
	if p.w.Adoption == nil && p.a.Instance.ID != "" && p.a.Instance.Tags[ownership.TagACL] != w.Name {
		p.marked = true
		p.step(Step{Kind: TagInstance, Instance: slb.Create{Tags: map[string]string{ownership.TagACL: w.Name}}})
		if a != nil && a.Name != w.Name {
			a = nil
		}
	}
	if a == nil {
		p.step(Step{Kind: CreateACL, ACL: slb.ACL{Name: w.Name, IPVersion: w.IPVersion, Tags: w.Tags}})
		a = &slb.ACL{Name: w.Name}
	} else if owner := p.owner(a); owner != ownership.Ours {
		p.problem("access control list %s (%s) has the name of the Service's own, but is %s: restore its tags %s=%s and %s=%s, or delete it",
			a.ID, a.Name, owner, ownership.TagClusterID, p.w.ClusterID, ownership.TagServiceUID, p.w.UID)
		return false
	}
	p.entries(a, w.Entries)
	return true
}

func (p *planner) owner(a *slb.ACL) ownership.Verdict {
	return ownership.Decide(a.Tags, p.w.ClusterID, string(p.w.UID)).Verdict
}

// entries adds what is missing, then removes what is too much. A full list loses
// some first, but never all: an empty white list lets everybody in.
func (p *planner) entries(a *slb.ACL, wanted []netip.Prefix) {
	missing := slices.DeleteFunc(slices.Clone(wanted), func(e netip.Prefix) bool { return slices.Contains(a.Entries, e) })
	surplus := slices.DeleteFunc(slices.Clone(a.Entries), func(e netip.Prefix) bool { return slices.Contains(wanted, e) })
	change := func(kind Kind, entries []netip.Prefix) {
		p.step(Step{Kind: kind, ACL: slb.ACL{ID: a.ID, Name: a.Name, Entries: entries}})
	}
	size := len(a.Entries)
	for len(missing) > 0 {
		if room := slb.MaxACLEntries - size; room > 0 {
			n := min(room, len(missing), slb.ACLEntriesPerCall)
			change(AddACLEntries, missing[:n])
			missing, size = missing[n:], size+n
			continue
		}
		n := min(len(surplus), slb.ACLEntriesPerCall, size-1)
		if n <= 0 {
			return
		}
		change(RemoveACLEntries, surplus[:n])
		surplus, size = surplus[n:], size-n
	}
	for chunk := range slices.Chunk(surplus, slb.ACLEntriesPerCall) {
		change(RemoveACLEntries, chunk)
	}
}

// dropACL deletes the access control list that no listener names any more.
func (p *planner) dropACL() {
	if a := p.a.ACL; a != nil && p.w.ACL == nil && p.owner(a) == ownership.Ours {
		p.step(Step{Kind: DeleteACL, ACL: slb.ACL{ID: a.ID, Name: a.Name}})
	}
}

// restricted returns a listener's attributes with its access control list: the
// Service's own by its ID, where it has one. A listener whose list is this
// project's business and that should have none is opened again; what somebody
// else has put there stays.
func (p *planner) restricted(attributes slb.Attributes, actual *slb.Listener) slb.Attributes {
	out := WithACL(attributes, p.a)
	ours := p.a.Instance.Tags[ownership.TagACL] != "" || actual != nil && p.own(actual) && build.KeepsACL(actual.Attributes[slb.Description])
	if _, named := out[slb.ACLStatus]; !named && ours {
		out = maps.Clone(out)
		out[slb.ACLStatus] = "off"
	}
	return out
}

// WithACL returns attributes with the ID of the Service's own access control list
// in the place of build.OwnACL, once it is known.
func WithACL(attributes slb.Attributes, a *Actual) slb.Attributes {
	if attributes[slb.ACLID] != build.OwnACL || a.ACL == nil {
		return attributes
	}
	out := maps.Clone(attributes)
	out[slb.ACLID] = a.ACL.ID
	return out
}

// NeedsACL reports whether a step makes a listener use the Service's own access
// control list.
func (s Step) NeedsACL(a *Actual) bool {
	var id string
	switch s.Kind { //nolint:exhaustive // the others are about no listener's settings
	case CreateListener:
		id = s.Listener.Attributes[slb.ACLID]
	case SetListener:
		id = s.Changed[slb.ACLID]
	}
	return id == build.OwnACL || id != "" && a.ACL != nil && id == a.ACL.ID
}

// applyACL changes the access control list.
func (s Step) applyACL(a *Actual, id string) {
	switch s.Kind { //nolint:exhaustive // the others are Apply's
	case CreateACL:
		a.ACL = &slb.ACL{ID: id, Name: s.ACL.Name, IPVersion: s.ACL.IPVersion, Tags: s.ACL.Tags}
	case AddACLEntries:
		if a.ACL != nil {
			a.ACL.Entries = slices.Concat(a.ACL.Entries, s.ACL.Entries)
		}
	case RemoveACLEntries:
		if a.ACL != nil {
			a.ACL.Entries = slices.DeleteFunc(slices.Clone(a.ACL.Entries), func(e netip.Prefix) bool { return slices.Contains(s.ACL.Entries, e) })
		}
	case DeleteACL:
		a.ACL = nil
	}
}
