package loadbalancer

import (
	"context"
	"errors"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/klog/v2"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/apierror"
	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/slb"
	"github.com/kube-aliyun/kube-aliyun/pkg/event"
	"github.com/kube-aliyun/kube-aliyun/pkg/metric"
	"github.com/kube-aliyun/kube-aliyun/pkg/ownership"
)

// lists looks for access control lists of the cluster that nobody keeps: what a
// death between two calls may leave behind. It costs a listing in the process's life,
// and one for each audit period in a cluster that has such lists. What is wrong with
// a living Service's is its next pass's business; one without a Service is an orphan.
func (b *Balancers) lists(ctx context.Context, all []slb.LoadBalancer) {
	if b.surveyedACLs && !b.memory.hasLists() {
		return
	}
	logger := klog.FromContext(ctx)
	found, err := b.options.Cloud.ACLs(ctx, slb.ACLFilter{Tags: map[string]string{ownership.TagClusterID: b.options.ClusterID}})
	if err != nil {
		logger.V(1).Info("Left-over access control lists were not looked for", "err", err)
		return
	}
	keepers, err := b.keepers()
	if err != nil {
		logger.Error(err, "Left-over access control lists were not looked for")
		return
	}
	b.surveyedACLs = true
	orphans := 0
	for i := range found {
		acl := &found[i]
		uid := types.UID(acl.Tags[ownership.TagServiceUID])
		if !b.ours(acl.Tags, uid) || acl.Tags[ownership.TagRole] != string(ownership.RoleACL) {
			continue
		}
		if service := keepers[uid]; service != nil {
			if wants(service) && b.memory.strayACL(uid, acl.Name) {
				b.queue.Add(uid, reasonAudit)
			}
			continue
		}
		if slices.ContainsFunc(all, func(lb slb.LoadBalancer) bool { return lb.Tags[ownership.TagServiceUID] == string(uid) }) {
			continue // it goes with that load balancer
		}
		orphans++
		if err := b.orphanACL(ctx, acl, serviceName(acl.Tags), uid); err != nil {
			logger.Error(err, "Left-over access control list", "acl", acl.ID, "service", serviceName(acl.Tags))
		}
	}
	b.memory.setLists(len(found) > 0)
	metric.ACLOrphans.WithLabelValues().Set(float64(orphans))
}

// orphanACL reports an access control list without a Service, or deletes it under
// the conditions under which orphan deletes a load balancer.
func (b *Balancers) orphanACL(ctx context.Context, acl *slb.ACL, name types.NamespacedName, uid types.UID) error {
	if !b.options.DeleteOrphans || b.options.Live == nil {
		b.options.Events.Event(serviceReference(name, uid), event.ACLOrphaned,
			"access control list %s (%s) belongs to Service %s, which does not exist or wants no load balancer; delete it by hand if it is not needed", acl.ID, acl.Name, name)
		return nil
	}
	gone, err := b.serviceGone(ctx, name, uid)
	if err != nil || !gone {
		return err
	}
	now, err := b.options.Cloud.ACL(ctx, acl.ID)
	if errors.Is(err, apierror.ErrNotFound) || err == nil && !b.ours(now.Tags, uid) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read left-over access control list: %w", err)
	}
	if err := b.options.Cloud.DeleteACL(ctx, acl.ID); err != nil && !errors.Is(err, apierror.ErrNotFound) {
		return fmt.Errorf("delete left-over access control list: %w", err)
	}
	b.options.Events.Event(serviceReference(name, uid), event.ACLOrphanDeleted, "access control list %s (%s) was deleted: its Service %s is gone", acl.ID, acl.Name, name)
	return nil
}

// dropStrayACLs deletes the access control lists that a listing showed and that none
// of the Service's load balancers uses, and reports whether there were any. Each is
// read again before.
func (b *Balancers) dropStrayACLs(ctx context.Context, o *owner, service *corev1.Service) (bool, error) {
	dropped := false
	for _, name := range b.memory.takeStrayACLs(o.uid) {
		if o.uses(name) {
			continue
		}
		acl, err := b.ownACL(ctx, o, name)
		if err != nil {
			return dropped, err
		}
		if acl == nil {
			continue
		}
		if err := b.options.Cloud.DeleteACL(ctx, acl.ID); err != nil && !errors.Is(err, apierror.ErrNotFound) {
			return dropped, fmt.Errorf("delete access control list %s (%s), which no load balancer of the Service uses: %w", acl.ID, name, err)
		}
		delete(o.acls, name)
		dropped = true
		b.options.Events.Event(service, event.ACLOrphanDeleted, "access control list %s (%s) was deleted: no load balancer of the Service uses it", acl.ID, name)
	}
	return dropped, nil
}

// uses reports whether a load balancer of the Service has, or may have, the access
// control list of a name.
func (o *owner) uses(name string) bool {
	for _, st := range o.states {
		if st.actual != nil && (st.ownACLName() == name || st.adopted && !st.searched) {
			return true
		}
	}
	return false
}

// hasLists reports whether the cluster has access control lists, as far as is known.
func (m *memory) hasLists() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.listed
}

// setLists notes what a listing showed; Services that have lists say so themselves.
func (m *memory) setLists(some bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.listed = m.listed || some
}

// strayACL notes that a listing showed an access control list of a Service, and
// reports whether the Service may not know of it.
func (m *memory) strayACL(uid types.UID, name string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if slices.Contains(m.keptACLs[uid], name) {
		return false
	}
	m.strayACLs[uid] = append(m.strayACLs[uid], name)
	return true
}

// takeStrayACLs tells a pass what was noted.
func (m *memory) takeStrayACLs(uid types.UID) []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	names := m.strayACLs[uid]
	delete(m.strayACLs, uid)
	return names
}
