package loadbalancer

import (
	"errors"
	"net/netip"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/slb"
	"github.com/kube-aliyun/kube-aliyun/pkg/event"
	"github.com/kube-aliyun/kube-aliyun/pkg/ownership"
)

// leave makes an access control list as a cluster makes it for a Service.
func (r *rig) leave(cluster string, s *corev1.Service) slb.ACL {
	r.t.Helper()
	acl := slb.ACL{Name: aclName(s.UID, ownership.RoleLoadBalancer), IPVersion: slb.IPv4, Tags: ownership.ServiceTags(ownership.Service{
		ClusterID: cluster, UID: string(s.UID), Namespace: s.Namespace, Name: s.Name, Role: ownership.RoleACL,
	})}
	id, err := r.eyes.CreateACL(r.t.Context(), acl)
	if err != nil {
		r.t.Fatal(err)
	}
	if err := r.eyes.AddACLEntries(r.t.Context(), id, []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}); err != nil {
		r.t.Fatal(err)
	}
	acl.ID = id
	return acl
}

func TestAListWithoutAServiceIsReported(t *testing.T) {
	t.Parallel()
	r := newRig(t, "instant", 1)
	mine, others := newService(1), newService(2)
	acl := r.leave(testCluster, mine)
	r.leave("other-cluster", others)
	r.start(audited)
	r.eventually("it is reported", func() bool { return len(r.recorded(event.ACLOrphaned)) > 0 })
	r.listedAgain()
	if told := r.recorded(event.ACLOrphaned); len(told) != 1 || !strings.Contains(told[0], acl.ID) || !strings.Contains(told[0], "shop/web-1") {
		t.Errorf("told %q", told)
	}
	if len(r.lists(mine)) != 1 || len(r.lists(others)) != 1 || r.sim.Counts()[callDeleteACL] > 0 {
		t.Error("a list is gone")
	}
}

func TestAListWithoutAServiceIsDeletedOnRequest(t *testing.T) {
	t.Parallel()
	r := newRig(t, "instant", 1)
	mine, others, living := newService(1), newService(2), newService(3, withSources("192.0.2.0/24"))
	r.leave(testCluster, mine)
	r.leave("other-cluster", others)
	r.living(living, audited, func(o *Options) { o.DeleteOrphans = true })
	r.eventually("it is deleted", func() bool { return len(r.lists(mine)) == 0 })
	r.eventually("it is told", func() bool { return len(r.recorded(event.ACLOrphanDeleted)) == 1 })
	r.listedAgain()
	if len(r.lists(others)) != 1 || len(r.lists(living)) != 1 {
		t.Error("another list is gone")
	}
}

func TestALivingServicesListThatNothingUsesIsDeleted(t *testing.T) {
	t.Parallel()
	r := newRig(t, "instant", 1)
	s := newService(1)
	r.leave(testCluster, s)
	r.living(s, audited)
	r.eventually("it is deleted", func() bool { return len(r.lists(s)) == 0 })
	if err := whole(1)(r, s); err != nil {
		t.Error(err)
	}
}

func TestClustersWithoutListsLookForThemOnce(t *testing.T) {
	t.Parallel()
	r := newRig(t, "instant", 3)
	s := newService(1)
	r.living(s, audited)
	lists := func() int { return r.sim.Counts()[callACLs] }
	r.eventually("they are looked for", func() bool { return lists() == 1 })
	audits := r.sim.Counts()[callList]
	r.eventually("three audits have passed", func() bool { return r.sim.Counts()[callList] >= audits+3 })
	if n := lists(); n != 1 {
		t.Errorf("%d listings of access control lists", n)
	}
	r.change(s, withSources("192.0.2.0/24"))
	r.eventuallyRight("it is closed", restricted, s)
	r.eventually("they are looked for each time", func() bool { return lists() >= 4 })
	if all, other := lists(), r.sim.Counts()[callList]; all > other {
		t.Errorf("%d listings of access control lists, %d of load balancers", all, other)
	}
}

func TestAPreservedLoadBalancerKeepsItsListWithoutOurMarks(t *testing.T) {
	t.Parallel()
	for name, shared := range map[string]bool{"its own": false, "of others": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newSharedRig(t, "instant", 3)
			s := newService(1, withSources("192.0.2.0/24"), with("preserve-lb-on-delete", "true"))
			if shared {
				with("id", "lb-shared")(s)
			}
			r.living(s, audited)
			id := "lb-shared"
			if !shared {
				id = r.only(s).Instance.ID
			}
			acl := r.lists(s)[0].ID
			r.remove(s)
			r.eventually("the finalizer is gone", func() bool { return r.removed(s) })
			l := r.read(id).Listener(slb.ListenerKey{Protocol: slb.TCP, Port: 80})
			if l == nil || l.Attributes[slb.ACLStatus] != "on" || l.Attributes[slb.ACLID] != acl {
				t.Errorf("listener %+v", l)
			}
			kept, err := r.eyes.ACL(t.Context(), acl)
			if err != nil || len(kept.Entries) != 1 || len(kept.Tags) > 0 {
				t.Errorf("list %+v, %v", kept, err)
			}
			if err := r.kube.CoreV1().Services(s.Namespace).Delete(t.Context(), s.Name, deleteNow); err != nil {
				t.Fatal(err)
			}
			r.listedAgain()
			if told := r.recorded(event.ACLOrphaned); len(told) > 0 {
				t.Errorf("told %q", told)
			}
		})
	}
}

// oneClosedFamily reports why a closed Service of IPv4 has more than one load
// balancer and one list.
func oneClosedFamily(r *rig, s *corev1.Service) error {
	if err := wholeFamilies(slb.IPv4)(r, s); err != nil {
		return err
	}
	if lists := r.lists(s); len(lists) != 1 || lists[0].IPVersion != slb.IPv4 {
		return errors.New("lists of another family")
	}
	return nil
}

func init() {
	closed := withSources("192.0.2.0/24", "2001:db8:9::/48")
	table["closed family given up"] = scenario{
		rig: newDualRig, options: audited, living: true,
		service: func() *corev1.Service {
			return newService(1, dualStack(corev1.IPFamilyPolicyRequireDualStack), closed)
		},
		act:   func(r *rig, s *corev1.Service) { r.change(s, singleStack) },
		right: oneClosedFamily,
	}
}
