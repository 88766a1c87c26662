// Package apply carries out plans: it is the only part of the load balancers
// that talks to the cloud to change something.
package apply

import (
	"context"
	"net/netip"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/slb"
)

// Cloud makes the SLB calls; *slb.Client does. Each method is one call, except
// that listings take one for each page.
type Cloud interface {
	Reader
	InstanceWriter
	GroupWriter
	ListenerWriter
	ACLWriter
}

// Reader reads load balancers.
type Reader interface {
	List(ctx context.Context, filter slb.Filter) ([]slb.LoadBalancer, error)
	Get(ctx context.Context, id string) (slb.LoadBalancer, error)
	Listeners(ctx context.Context, lbIDs ...string) ([]slb.Listener, error)
	Groups(ctx context.Context, lbID string) ([]slb.Group, error)
	Group(ctx context.Context, groupID string) (slb.Group, error)
	ACLs(ctx context.Context, filter slb.ACLFilter) ([]slb.ACL, error)
	ACL(ctx context.Context, id string) (slb.ACL, error)
	Certificates(ctx context.Context) ([]slb.Certificate, error)
	Extensions(ctx context.Context, lbID string, port int) ([]slb.Extension, error)
	Health(ctx context.Context, lbID string) ([]slb.Health, error)
}

// InstanceWriter changes instances.
type InstanceWriter interface {
	Create(ctx context.Context, in slb.Create) (slb.LoadBalancer, error)
	Delete(ctx context.Context, id string) error
	SetName(ctx context.Context, id, name string) error
	SetDeleteProtection(ctx context.Context, id string, on bool) error
	SetModificationProtection(ctx context.Context, id, status, reason string) error
	ModifyInternetSpec(ctx context.Context, id, chargeType string, bandwidth int) error
	ModifyInstanceSpec(ctx context.Context, id, spec string) error
	ModifyInstanceChargeType(ctx context.Context, id, chargeType string) error
	Tag(ctx context.Context, id string, tags map[string]string) error
	Untag(ctx context.Context, id string, keys ...string) error
}

// GroupWriter changes the default server group and vServer groups.
type GroupWriter interface {
	AddBackends(ctx context.Context, lbID string, backends []slb.Backend) ([]slb.Backend, error)
	SetBackends(ctx context.Context, lbID string, backends []slb.Backend) ([]slb.Backend, error)
	RemoveBackends(ctx context.Context, lbID string, backends []slb.Backend) ([]slb.Backend, error)
	CreateGroup(ctx context.Context, lbID, name string, backends []slb.Backend) (slb.Group, error)
	AddGroupBackends(ctx context.Context, groupID string, backends []slb.Backend) error
	SetGroupBackends(ctx context.Context, groupID string, backends []slb.Backend) error
	RemoveGroupBackends(ctx context.Context, groupID string, backends []slb.Backend) error
	DeleteGroup(ctx context.Context, groupID string) error
}

// ListenerWriter changes listeners.
type ListenerWriter interface {
	CreateListener(ctx context.Context, l slb.Listener) error
	SetListener(ctx context.Context, lbID string, key slb.ListenerKey, change slb.Change) error
	StartListener(ctx context.Context, lbID string, key slb.ListenerKey) error
	DeleteListener(ctx context.Context, lbID string, key slb.ListenerKey) error
	CreateExtension(ctx context.Context, lbID string, port int, e slb.Extension) (string, error)
	SetExtension(ctx context.Context, e slb.Extension) error
	DeleteExtension(ctx context.Context, e slb.Extension) error
}

// ACLWriter changes access control lists.
type ACLWriter interface {
	CreateACL(ctx context.Context, a slb.ACL) (string, error)
	AddACLEntries(ctx context.Context, id string, entries []netip.Prefix) error
	RemoveACLEntries(ctx context.Context, id string, entries []netip.Prefix) error
	DeleteACL(ctx context.Context, id string) error
	UntagACL(ctx context.Context, id string, keys ...string) error
}

var _ Cloud = (*slb.Client)(nil)
