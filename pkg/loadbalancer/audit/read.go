// Package audit reads load balancers in bulk: all at once when the controller
// starts, so that unchanged ones need no call of their own, and afterwards
// slowly, over and over, so that changes made by hand are found. It reads only;
// what is to be done is the passes' business.
package audit

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/apierror"
	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/slb"
	"github.com/kube-aliyun/kube-aliyun/pkg/loadbalancer/plan"
)

// Cloud reads load balancers.
type Cloud interface {
	List(ctx context.Context, filter slb.Filter) ([]slb.LoadBalancer, error)
	Get(ctx context.Context, id string) (slb.LoadBalancer, error)
	Listeners(ctx context.Context, lbIDs ...string) ([]slb.Listener, error)
	Groups(ctx context.Context, lbID string) ([]slb.Group, error)
	Group(ctx context.Context, groupID string) (slb.Group, error)
	ACLs(ctx context.Context, filter slb.ACLFilter) ([]slb.ACL, error)
	ACL(ctx context.Context, id string) (slb.ACL, error)
	Extensions(ctx context.Context, lbID string, port int) ([]slb.Extension, error)
}

// Observation is a load balancer as it was read.
type Observation struct {
	ID string
	// Start is when reading began: what was written later is not in it.
	Start time.Time
	// Actual is the load balancer; nil when it is proven not to exist.
	Actual *plan.Actual
}

// errInconsistent says that two answers about one load balancer contradict each
// other: one of them is late, or cut short.
var errInconsistent = errors.New("the listeners of two answers differ")

// errUnlisted says that a listener uses a server group that a listing lacks.
var errUnlisted = errors.New("the listing of server groups lacks it")

// Read reads one load balancer: two calls, and more only where it has vServer
// groups in use.
func Read(ctx context.Context, cloud Cloud, id string, now func() time.Time) (Observation, error) {
	start := now()
	listeners, err := listenersOf(ctx, cloud, []string{id})
	if err != nil {
		return Observation{}, err
	}
	return complete(ctx, cloud, id, start, listeners)
}

// listenersOf lists the listeners of up to ten load balancers in one call. Where
// one of them does not exist the API may refuse the whole call: then each is
// asked for by itself.
func listenersOf(ctx context.Context, cloud Cloud, ids []string) ([]slb.Listener, error) {
	listeners, err := cloud.Listeners(ctx, ids...)
	if err == nil {
		return listeners, nil
	}
	if !errors.Is(err, apierror.ErrNotFound) {
		return nil, fmt.Errorf("read listeners: %w", err)
	}
	if len(ids) == 1 {
		return nil, nil
	}
	var all []slb.Listener
	for _, id := range ids {
		listeners, err := listenersOf(ctx, cloud, []string{id})
		if err != nil {
			return nil, err
		}
		all = append(all, listeners...)
	}
	return all, nil
}

// complete adds to the listeners of a load balancer what else there is to know.
func complete(ctx context.Context, cloud Cloud, id string, start time.Time, listeners []slb.Listener) (Observation, error) {
	lb, err := cloud.Get(ctx, id)
	if errors.Is(err, apierror.ErrNotFound) {
		return Observation{ID: id, Start: start}, nil
	}
	if err != nil {
		return Observation{}, fmt.Errorf("read load balancer %s: %w", id, err)
	}
	actual := &plan.Actual{Backends: lb.Backends, Listeners: own(listeners, id), GroupsUnknown: true}
	if !sameKeys(lb.Ports, actual.Listeners) {
		return Observation{}, fmt.Errorf("read load balancer %s: %w", id, errInconsistent)
	}
	lb.Ports, lb.Backends = nil, nil
	actual.Instance = lb
	if err := readACL(ctx, cloud, actual); err != nil {
		return Observation{}, err
	}
	if err := readExtensions(ctx, cloud, actual); err != nil {
		return Observation{}, err
	}
	for i := range actual.Listeners {
		if actual.Listeners[i].GroupID != "" {
			if err := ReadGroups(ctx, cloud, actual); err != nil {
				return Observation{}, err
			}
			break
		}
	}
	return Observation{ID: id, Start: start, Actual: actual}, nil
}

// ReadGroups reads the vServer groups of a load balancer with their members, unless
// they are known: Read has read those of one that uses some.
func ReadGroups(ctx context.Context, cloud Cloud, actual *plan.Actual) error {
	if !actual.GroupsUnknown {
		return nil
	}
	groups, err := cloud.Groups(ctx, actual.Instance.ID)
	if err != nil {
		return fmt.Errorf("read load balancer %s: %w", actual.Instance.ID, err)
	}
	for i := range actual.Listeners {
		l := &actual.Listeners[i]
		if l.GroupID != "" && !slices.ContainsFunc(groups, func(g slb.Group) bool { return g.ID == l.GroupID }) {
			return fmt.Errorf("read load balancer %s: server group %s of listener %s: %w", actual.Instance.ID, l.GroupID, l.ListenerKey, errUnlisted)
		}
	}
	living := groups[:0]
	for _, g := range groups {
		group, err := cloud.Group(ctx, g.ID)
		if err == nil && len(group.Backends) == 0 && inUse(actual, g.ID) {
			group, err = cloud.Group(ctx, g.ID) // one empty answer is no proof
		}
		if errors.Is(err, apierror.ErrNotFound) {
			continue // deleted since, perhaps by another who uses the load balancer
		}
		if err != nil {
			return fmt.Errorf("read load balancer %s: %w", actual.Instance.ID, err)
		}
		g.Backends = group.Backends
		living = append(living, g)
	}
	actual.Groups, actual.GroupsUnknown = living, false
	return nil
}

// inUse reports whether a listener sends to a vServer group.
func inUse(actual *plan.Actual, group string) bool {
	return slices.ContainsFunc(actual.Listeners, func(l slb.Listener) bool { return l.GroupID == group })
}

// own returns the listeners of one load balancer.
func own(listeners []slb.Listener, id string) []slb.Listener {
	var out []slb.Listener
	for _, l := range listeners {
		if l.LoadBalancerID == id {
			out = append(out, l)
		}
	}
	return out
}

// sameKeys reports whether an instance's ports are those of its listeners.
func sameKeys(ports []slb.ListenerKey, listeners []slb.Listener) bool {
	if len(ports) != len(listeners) {
		return false
	}
	for i := range listeners {
		if !slices.Contains(ports, listeners[i].ListenerKey) {
			return false
		}
	}
	return true
}
