package plan

import (
	"fmt"
	"net/netip"
	"sort"
	"strings"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/slb"
)

// Kind says which call a step makes.
type Kind string

// The kinds of steps.
const (
	CreateInstance            Kind = "create load balancer"
	SetName                   Kind = "rename load balancer"
	SetDeleteProtection       Kind = "set delete protection"
	SetModificationProtection Kind = "set modification protection"
	ModifyInternetSpec        Kind = "modify internet charge"
	ModifyInstanceSpec        Kind = "modify specification"
	ModifyInstanceChargeType  Kind = "modify instance charge"
	TagInstance               Kind = "tag load balancer"
	UntagInstance             Kind = "untag load balancer"

	AddBackends    Kind = "add backends"
	SetBackends    Kind = "set weights of backends"
	RemoveBackends Kind = "remove backends"

	CreateGroup         Kind = "create server group"
	AddGroupBackends    Kind = "add backends to group"
	SetGroupBackends    Kind = "set weights in group"
	RemoveGroupBackends Kind = "remove backends from group"
	DeleteGroup         Kind = "delete server group"

	CreateACL        Kind = "create access control list"
	AddACLEntries    Kind = "add ranges to access control list"
	RemoveACLEntries Kind = "remove ranges from access control list"
	DeleteACL        Kind = "delete access control list"

	CreateExtension Kind = "create domain extension"
	SetExtension    Kind = "set certificate of domain extension"
	DeleteExtension Kind = "delete domain extension"

	CreateListener Kind = "create listener"
	SetListener    Kind = "set listener"
	StartListener  Kind = "start listener"
	DeleteListener Kind = "delete listener"
)

// Step is one API call on one load balancer. Only the fields of its kind are set.
type Step struct {
	Kind Kind
	// Instance holds what CreateInstance creates, and what the steps that change
	// the instance set.
	Instance slb.Create
	// Keys are the tags that UntagInstance removes.
	Keys []string
	// Listener is the listener of the listener steps: complete for
	// CreateListener, its key alone for the others.
	Listener slb.Listener
	// Changed are the attributes that SetListener sets.
	Changed slb.Attributes
	// Bind: SetListener moves the listener to the group of this step.
	Bind bool
	// Group is the ID of a living group; GroupName names one that an earlier step
	// of the plan creates.
	Group, GroupName string
	Backends         []slb.Backend
	// ACL is the access control list of the steps about it: what CreateACL creates,
	// the entries to add or remove; without an ID the one that the plan creates.
	ACL slb.ACL
	// Extension is the domain extension of the steps about one of Listener.
	Extension slb.Extension
	// Takeover: SetListener makes a listener ours that somebody else made.
	Takeover bool
	// WasStopped: StartListener starts a listener that the plan did not create.
	WasStopped bool
	// Reason says why a step is needed that nobody would expect.
	Reason string
}

// String tells the step to a person.
func (s Step) String() string {
	switch s.Kind {
	case CreateInstance:
		return fmt.Sprintf("%s %s (%s, %s)", s.Kind, s.Instance.Name, s.Instance.AddressType, s.Instance.InstanceChargeType)
	case SetName:
		return fmt.Sprintf("%s to %s", s.Kind, s.Instance.Name)
	case SetDeleteProtection:
		return fmt.Sprintf("%s to %t", s.Kind, s.Instance.DeleteProtection)
	case SetModificationProtection:
		return fmt.Sprintf("%s to %s", s.Kind, s.Instance.ModificationProtection)
	case ModifyInternetSpec:
		return fmt.Sprintf("%s to %s, %d Mbit/s", s.Kind, s.Instance.InternetChargeType, s.Instance.Bandwidth)
	case ModifyInstanceSpec:
		return fmt.Sprintf("%s to %s", s.Kind, s.Instance.Spec)
	case ModifyInstanceChargeType:
		return fmt.Sprintf("%s to %s", s.Kind, s.Instance.InstanceChargeType)
	case TagInstance:
		return fmt.Sprintf("%s %s", s.Kind, pairs(s.Instance.Tags))
	case UntagInstance:
		return fmt.Sprintf("%s %s", s.Kind, strings.Join(s.Keys, ","))
	case AddBackends, SetBackends, RemoveBackends:
		return fmt.Sprintf("%s %s", s.Kind, members(s.Backends))
	case CreateGroup, AddGroupBackends, SetGroupBackends, RemoveGroupBackends:
		return fmt.Sprintf("%s %s: %s", s.Kind, s.groupText(), members(s.Backends))
	case DeleteGroup:
		return fmt.Sprintf("%s %s", s.Kind, s.groupText())
	case CreateExtension, SetExtension:
		return fmt.Sprintf("%s %s of %s: %s", s.Kind, s.Extension.Domain, s.Listener.ListenerKey, s.Extension.Certificate)
	case DeleteExtension:
		return fmt.Sprintf("%s %s of %s", s.Kind, s.Extension.Domain, s.Listener.ListenerKey)
	case CreateACL, DeleteACL:
		return fmt.Sprintf("%s %s", s.Kind, s.ACL.Name)
	case AddACLEntries, RemoveACLEntries:
		return fmt.Sprintf("%s %s: %s", s.Kind, s.ACL.Name, prefixes(s.ACL.Entries))
	case CreateListener:
		return fmt.Sprintf("%s %s %s", s.Kind, s.Listener.ListenerKey, s.target())
	case SetListener:
		text := fmt.Sprintf("%s %s: %s", s.Kind, s.Listener.ListenerKey, attributes(s.Changed))
		if s.Bind {
			text += " group=" + s.groupText()
		}
		return text
	case StartListener, DeleteListener:
		text := fmt.Sprintf("%s %s", s.Kind, s.Listener.ListenerKey)
		if s.Reason != "" {
			text += ": " + s.Reason
		}
		return text
	}
	return string(s.Kind)
}

// Billing reports whether the step changes what is paid: the API makes such a
// change at the next day's beginning and shows the old value until then.
func (s Step) Billing() bool {
	return s.Kind == ModifyInternetSpec || s.Kind == ModifyInstanceSpec || s.Kind == ModifyInstanceChargeType
}

// Destructive reports whether the step deletes or takes over something: it needs
// a reading that is younger than the decision.
func (s Step) Destructive() bool {
	return s.Kind == DeleteListener || s.Kind == DeleteGroup || s.Kind == DeleteACL || s.Kind == DeleteExtension || s.Takeover
}

func (s Step) groupText() string {
	if s.Group != "" {
		return s.Group
	}
	return s.GroupName
}

func (s Step) target() string {
	if s.Group != "" || s.GroupName != "" {
		return "to group " + s.groupText()
	}
	if to := s.Listener.Attributes[slb.ForwardPort]; to != "" {
		return "redirecting to port " + to
	}
	return fmt.Sprintf("to server port %d", s.Listener.BackendPort)
}

func pairs(tags map[string]string) string {
	out := make([]string, 0, len(tags))
	for k, v := range tags {
		out = append(out, k+"="+v)
	}
	sort.Strings(out)
	return strings.Join(out, ",")
}

func prefixes(entries []netip.Prefix) string {
	out := make([]string, 0, len(entries))
	for _, e := range entries {
		out = append(out, e.String())
	}
	return strings.Join(out, " ")
}

func attributes(a slb.Attributes) string {
	out := make([]string, 0, len(a))
	for f, v := range a {
		out = append(out, string(f)+"="+v)
	}
	sort.Strings(out)
	return strings.Join(out, " ")
}

func members(backends []slb.Backend) string {
	out := make([]string, 0, len(backends))
	for _, b := range backends {
		text := b.ServerID
		if b.ServerIP != "" {
			text += "/" + b.ServerIP
		}
		if b.Port != 0 {
			text += fmt.Sprintf(":%d", b.Port)
		}
		out = append(out, fmt.Sprintf("%s(%d)", text, b.Weight))
	}
	return strings.Join(out, " ")
}
