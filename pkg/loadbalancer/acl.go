package loadbalancer

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/klog/v2"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/apierror"
	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/slb"
	"github.com/kube-aliyun/kube-aliyun/pkg/loadbalancer/audit"
	"github.com/kube-aliyun/kube-aliyun/pkg/loadbalancer/build"
	"github.com/kube-aliyun/kube-aliyun/pkg/ownership"
)

// ownACL is an access control list that a Service may have.
type ownACL struct {
	// id is empty while it is not known.
	id string
	// marked is the load balancer that carries its mark.
	marked string
}

// noteACLs remembers which access control lists a Service may have: those that the
// marks on its load balancers name. The mark is there before the list and goes
// after it, so one without a mark has none.
func (o *owner) noteACLs() {
	for _, st := range o.states {
		if st.actual == nil {
			continue
		}
		o.met = true
		name := st.ownACLName()
		if name == "" {
			if st.adopted && !st.searched {
				continue // nobody knows
			}
			if name = aclName(o.uid, st.role); o.acls[name].marked == st.id() {
				delete(o.acls, name)
			}
			continue
		}
		own := ownACL{marked: st.id()}
		if st.actual.ACL != nil && st.actual.ACL.Name == name {
			own.id = st.actual.ACL.ID
		}
		o.acls[name] = own
	}
}

// ownACLName returns the name of the access control list that the load balancer
// has, or may have, of the Service's own; "" for none.
func (s *state) ownACLName() string {
	if !s.adopted {
		return ownership.MarkedACL(s.actual.Instance.Tags)
	}
	if s.actual.ACL != nil {
		return s.actual.ACL.Name
	}
	return ""
}

// sharedACL reads the access control list that a Service has beside a load balancer
// of others: where it wants one, had one, or this process has not looked yet. That
// costs a call in the process's life where there is none.
func (b *Balancers) sharedACL(ctx context.Context, st *state, service *corev1.Service) error {
	name := aclName(st.uid, st.role)
	_, known := st.acls[name]
	if st.actual == nil || !st.adopted || st.searched && !known && !hasRanges(service) {
		return nil
	}
	own := func(l *slb.Listener) bool {
		return build.OwnListener(l.Attributes[slb.Description], b.options.ClusterID, st.uid)
	}
	err := audit.ReadACL(ctx, b.options.Cloud, st.actual, name, own)
	st.searched = err == nil
	return err
}

// unsearched reports whether a list beside a load balancer of others may have been
// missed.
func (o *owner) unsearched() bool {
	for _, st := range o.states {
		if st.adopted && !st.searched {
			return true
		}
	}
	return false
}

// hasRanges reports whether a Service says who may connect.
func hasRanges(service *corev1.Service) bool {
	return len(service.Spec.LoadBalancerSourceRanges) > 0 || service.Annotations[corev1.AnnotationLoadBalancerSourceRangesKey] != ""
}

func aclName(uid types.UID, role ownership.Role) string {
	version := slb.IPv4
	if role == ownership.RoleLoadBalancer6 {
		version = slb.IPv6
	}
	return ownership.ACLName(string(uid), string(version))
}

// leftACLs returns the access control lists that are left of a Service that has no
// load balancer any more. It asks only where one can be: the Service had one, it
// has source ranges, or this process has met it too late to know.
func (b *Balancers) leftACLs(ctx context.Context, o *owner, service *corev1.Service) ([]slb.ACL, error) {
	names := slices.Collect(maps.Keys(o.acls))
	if hasRanges(service) || !o.met || o.unsearched() {
		for _, role := range roles { // a family that was given up may have left one
			names = append(names, aclName(o.uid, role))
		}
	}
	slices.Sort(names)
	var out []slb.ACL
	for _, name := range slices.Compact(names) {
		acl, err := b.ownACL(ctx, o, name)
		if err == nil && acl == nil && hasRanges(service) {
			acl, err = b.ownACL(ctx, o, name) // one empty answer is no proof
		}
		if err != nil {
			return nil, err
		}
		if acl != nil {
			out = append(out, *acl)
		}
	}
	return out, nil
}

// ownACL reads the access control list of a name; nil when there is none, or when
// it is somebody else's.
func (b *Balancers) ownACL(ctx context.Context, o *owner, name string) (*slb.ACL, error) {
	acl, err := audit.FindACL(ctx, b.options.Cloud, name)
	if err != nil {
		return nil, fmt.Errorf("find access control list: %w", err)
	}
	if id := o.acls[name].id; acl == nil && id != "" { // listings may be late
		known, err := b.options.Cloud.ACL(ctx, id)
		if err != nil && !errors.Is(err, apierror.ErrNotFound) {
			return nil, fmt.Errorf("find access control list: %w", err)
		}
		if err == nil {
			acl = &known
		}
	}
	if acl == nil || !b.ours(acl.Tags, o.uid) {
		delete(o.acls, name)
		return nil, nil
	}
	return acl, nil
}

// dropACL deletes the access control list of a family that the Service has no more,
// whose load balancers have just been deleted.
func (b *Balancers) dropACL(ctx context.Context, st *state, lbs []slb.LoadBalancer) error {
	name := aclName(st.uid, st.role)
	_, known := st.acls[name]
	if !known && !slices.ContainsFunc(lbs, func(lb slb.LoadBalancer) bool { return lb.Tags[ownership.TagACL] == name }) {
		return nil
	}
	acl, err := b.ownACL(ctx, st.owner, name)
	if err != nil || acl == nil {
		return err
	}
	if err := b.options.Cloud.DeleteACL(ctx, acl.ID); err != nil && !errors.Is(err, apierror.ErrNotFound) {
		return fmt.Errorf("delete the access control list of a family that the Service has no more: %w", err)
	}
	delete(st.acls, name)
	return nil
}

// deleteACLs deletes the access control lists of load balancers that have just
// been deleted.
func (b *Balancers) deleteACLs(ctx context.Context, o *owner, lbs []slb.LoadBalancer, left []slb.ACL) error {
	return b.eachACL(ctx, o, lbs, left, func(ctx context.Context, o *owner, acl *slb.ACL) error {
		if err := b.options.Cloud.DeleteACL(ctx, acl.ID); err != nil && !errors.Is(err, apierror.ErrNotFound) {
			return fmt.Errorf("the load balancer is deleted, its access control list is not; take it off the listeners that use it: %w", err)
		}
		klog.FromContext(ctx).V(1).Info("Deleted access control list", "service", o.service, "acl", acl.ID, "name", acl.Name)
		return nil
	})
}

// preserveACL makes an access control list nobody's that stays in use on a
// load balancer which outlives its Service.
func (b *Balancers) preserveACL(ctx context.Context, _ *owner, acl *slb.ACL) error {
	if err := b.options.Cloud.UntagACL(ctx, acl.ID, ownKeys(acl.Tags)...); err != nil && !errors.Is(err, apierror.ErrNotFound) {
		return fmt.Errorf("keep access control list %s: %w", acl.ID, err)
	}
	return nil
}

// eachACL gives up a Service's access control lists: those that the marks on lbs
// name, those that are known to be left besides, and those in left, which have just
// been read. No call where there is none.
func (b *Balancers) eachACL(ctx context.Context, o *owner, lbs []slb.LoadBalancer, left []slb.ACL, giveUp func(context.Context, *owner, *slb.ACL) error) error {
	for i := range lbs {
		if name := ownership.MarkedACL(lbs[i].Tags); name != "" && o.acls[name].marked == "" {
			o.acls[name] = ownACL{marked: lbs[i].ID}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(o.acls)) {
		if slices.ContainsFunc(left, func(a slb.ACL) bool { return a.Name == name }) {
			continue
		}
		acl, err := b.ownACL(ctx, o, name)
		if err != nil {
			return err
		}
		if acl != nil {
			left = append(left, *acl)
		}
	}
	for i := range left {
		if err := giveUp(ctx, o, &left[i]); err != nil {
			return err
		}
		delete(o.acls, left[i].Name)
	}
	return nil
}
