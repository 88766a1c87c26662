package loadbalancer

import (
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/slb"
	"github.com/kube-aliyun/kube-aliyun/pkg/event"
	"github.com/kube-aliyun/kube-aliyun/pkg/ownership"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/api"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/fault"
)

// The calls about access control lists.
const (
	callACLs      = "DescribeAccessControlLists"
	callACL       = "DescribeAccessControlListAttribute"
	callCreateACL = "CreateAccessControlList"
	callAddACL    = "AddAccessControlListEntry"
	callRemoveACL = "RemoveAccessControlListEntry"
	callDeleteACL = "DeleteAccessControlList"
	callSetUDP    = "SetLoadBalancerUDPListenerAttribute"
	callTag       = "TagResources"
	callUntag     = "UntagResources"
)

func withSources(ranges ...string) func(*corev1.Service) {
	return func(s *corev1.Service) { s.Spec.LoadBalancerSourceRanges = ranges }
}

// lists returns the access control lists of a Service.
func (r *rig) lists(s *corev1.Service) []slb.ACL {
	r.t.Helper()
	found, err := r.eyes.ACLs(r.t.Context(), slb.ACLFilter{Tags: map[string]string{ownership.TagServiceUID: string(s.UID)}})
	if err != nil {
		r.t.Fatal(err)
	}
	return found
}

// restricted reports why a Service's load balancer, whole with three servers, does
// not let in exactly its source ranges, or why an access control list is left over.
func restricted(r *rig, s *corev1.Service) error {
	if err := whole(3)(r, s); err != nil {
		return err
	}
	lb, err := r.look(s)
	if err != nil {
		return err
	}
	want := r.service(s).Spec.LoadBalancerSourceRanges
	lists := r.lists(s)
	if len(want) == 0 {
		for i := range lb.Listeners {
			if lb.Listeners[i].Attributes[slb.ACLStatus] == "on" {
				return fmt.Errorf("listener %s is closed", lb.Listeners[i].ListenerKey)
			}
		}
		if _, marked := lb.Instance.Tags[ownership.TagACL]; len(lists) > 0 || marked {
			return fmt.Errorf("lists %v are left over, marked: %t", lists, marked)
		}
		return nil
	}
	if len(lists) != 1 || lb.Instance.Tags[ownership.TagACL] != lists[0].Name {
		return fmt.Errorf("lists %v, tags %v", lists, lb.Instance.Tags)
	}
	for i := range lb.Listeners {
		if a := lb.Listeners[i].Attributes; a[slb.ACLStatus] != "on" || a[slb.ACLType] != "white" || a[slb.ACLID] != lists[0].ID {
			return fmt.Errorf("listener %s has %v", lb.Listeners[i].ListenerKey, a)
		}
	}
	acl, err := r.eyes.ACL(r.t.Context(), lists[0].ID)
	if err != nil {
		return err
	}
	var have []string
	for _, e := range acl.Entries {
		have = append(have, e.String())
	}
	slices.Sort(have)
	if want = slices.Sorted(slices.Values(want)); !slices.Equal(have, want) {
		return fmt.Errorf("ranges %v, not %v", have, want)
	}
	return nil
}

// noListLeft is nothingLeft, access control lists included.
func noListLeft(r *rig, s *corev1.Service) error {
	if err := nothingLeft(r, s); err != nil {
		return err
	}
	if lists := r.lists(s); len(lists) > 0 {
		return fmt.Errorf("lists are left: %v", lists)
	}
	return nil
}

func init() {
	two := func() *corev1.Service { return newService(1, withPorts(2)) }
	closed := func() *corev1.Service { return newService(1, withPorts(2), withSources("192.0.2.0/24")) }
	sources := func(ranges ...string) func(r *rig, s *corev1.Service) {
		return func(r *rig, s *corev1.Service) { r.change(s, withSources(ranges...)) }
	}
	table["create closed"] = scenario{service: closed, act: func(r *rig, s *corev1.Service) { r.create(s) }, right: restricted}
	table["closed"] = scenario{service: two, living: true, act: sources("192.0.2.0/24", "198.51.100.0/24"), right: restricted}
	table["other ranges"] = scenario{service: closed, living: true, act: sources("198.51.100.0/24"), right: restricted}
	table["opened"] = scenario{service: closed, living: true, act: sources(), right: restricted}
	table["delete closed"] = scenario{
		service: closed, living: true, act: func(r *rig, s *corev1.Service) { r.remove(s) }, right: noListLeft,
	}
	table["type of closed changed"] = scenario{
		service: closed, living: true,
		act: func(r *rig, s *corev1.Service) {
			r.change(s, func(s *corev1.Service) { // the API server takes ranges for type LoadBalancer only
				s.Spec.Type, s.Spec.LoadBalancerSourceRanges = corev1.ServiceTypeClusterIP, nil
			})
		},
		right: noListLeft,
	}
}

// spends waits until the calls of a budget have been made, and no other ones; the
// shared looks at listeners that are waited for do not count.
func (r *rig) spends(what string, want map[string]int) {
	r.t.Helper()
	r.eventually(what, func() bool {
		calls := r.sim.Counts()
		for action, n := range want {
			if calls[action] < n {
				return false
			}
		}
		return true
	})
	r.settle()
	r.spent(what, true, want)
}

func TestSourceRangesCostTheirCallsAndNoMore(t *testing.T) {
	t.Parallel()
	r := newRig(t, "std", 3)
	first := r.start().surveyed()
	r.sim.ResetCounters()
	s := newService(1, withPorts(2), withSources("192.0.2.0/24"))
	right := func(what string) {
		t.Helper()
		r.eventually(what, func() bool { return restricted(r, s) == nil })
		r.settle()
	}
	step := func(what string, act func(), want map[string]int) {
		t.Helper()
		r.settle()
		r.sim.ResetCounters()
		act()
		r.spends(what, want)
		right(what)
	}
	step("create", func() { r.create(s) }, map[string]int{
		callList: 1, callCreate: 1, callAdd: 1, callCreateACL: 1, callAddACL: 1, callCreateTCP: 1, callCreateUDP: 1, callStart: 2,
	})
	step("another range", func() { r.change(s, withSources("192.0.2.0/24", "198.51.100.0/24")) }, map[string]int{callAddACL: 1})
	step("other ranges", func() { r.change(s, withSources("203.0.113.0/24")) }, map[string]int{callAddACL: 1, callRemoveACL: 1})
	step("opened", func() { r.change(s, withSources()) }, map[string]int{
		callGet: 1, callACL: 1, callSetTCP: 1, callSetUDP: 1, callDeleteACL: 1, callUntag: 1,
	})
	step("closed", func() { r.change(s, withSources("192.0.2.0/24")) }, map[string]int{
		callTag: 1, callCreateACL: 1, callAddACL: 1, callSetTCP: 1, callSetUDP: 1,
	})
	first.stop()
	step("restart", func() { r.start() }, map[string]int{callList: 1, callGet: 1, callACL: 1})
	r.sim.ResetCounters()
	r.remove(s)
	r.eventually("the finalizer is gone", func() bool { return r.removed(s) })
	r.spent("delete", false, map[string]int{callList: 1, callUnprotect: 1, callDelete: 1, callACLs: 1, callDeleteACL: 1})
	if err := noListLeft(r, s); err != nil {
		t.Error(err)
	}
}

func TestChangedAccessControlListsAreSetRight(t *testing.T) {
	for name, change := range map[string]func(region *aliyunsim.Region, id, acl string) error{
		"range added": func(region *aliyunsim.Region, _, acl string) error {
			return region.SLB.ChangeACL(acl, netip.MustParsePrefix("10.0.0.0/8"))
		},
		"range removed": func(region *aliyunsim.Region, _, acl string) error {
			return region.SLB.ChangeACL(acl, netip.MustParsePrefix("192.0.2.0/24"))
		},
		"listener opened": func(region *aliyunsim.Region, id, _ string) error {
			return region.SLB.SetListener(id, 80, "tcp", map[string]string{"AclStatus": "off", "AclId": "", "AclType": ""})
		},
		"mark removed": func(region *aliyunsim.Region, id, _ string) error { return region.SLB.RemoveTag(id, ownership.TagACL) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, "instant", 3)
			s := newService(1, withSources("192.0.2.0/24", "198.51.100.0/24"))
			r.living(s, audited)
			id, acl := r.only(s).Instance.ID, r.lists(s)[0].ID
			r.sim.Do(func(region *aliyunsim.Region) {
				if err := change(region, id, acl); err != nil {
					t.Error(err)
				}
			})
			r.eventually("it is told", func() bool { return len(r.recorded(event.LoadBalancerDriftRepaired)) > 0 })
			r.eventually("it is set right", func() bool { return restricted(r, s) == nil })
			if now := r.lists(s)[0].ID; now != acl {
				t.Errorf("list %s took the place of %s", now, acl)
			}
		})
	}
}

func TestNoListenerIsOpenWhileItsListCannotBeFilled(t *testing.T) {
	t.Parallel()
	r := newRig(t, "instant", 3)
	rule := r.sim.Fault(fault.Rule{Action: callAddACL, Kind: fault.ServerError, Status: http.StatusBadRequest, Code: "QuotaLimitExceeds.AclEntry"})
	r.start()
	s := newService(1, withSources("192.0.2.0/24"))
	r.create(s)
	r.failed(s)
	if n := r.sim.Counts()[callCreateTCP]; n > 0 || r.address(s) != "" {
		t.Errorf("%d listeners, address %q", n, r.address(s))
	}
	r.sim.ClearFault(rule)
	r.eventually("all is right", func() bool { return restricted(r, s) == nil })
}

func TestListOfALoadBalancerThatIsGoneIsUsedAgain(t *testing.T) {
	t.Parallel()
	r := newRig(t, "instant", 3)
	s := newService(1, withSources("192.0.2.0/24"))
	r.living(s, audited)
	old, acl := r.only(s).Instance.ID, r.lists(s)[0].ID
	r.sim.Do(func(region *aliyunsim.Region) {
		if err := region.SLB.RemoveLoadBalancer(old); err != nil {
			t.Error(err)
		}
	})
	r.eventually("there is another one", func() bool { return restricted(r, s) == nil })
	if now := r.only(s).Instance.ID; now == old || r.lists(s)[0].ID != acl {
		t.Errorf("load balancer %s, list %s", now, r.lists(s)[0].ID)
	}
}

func TestListOfAnOrphanIsDeletedWithIt(t *testing.T) {
	t.Parallel()
	r := newRig(t, "instant", 3)
	s := newService(1, withSources("192.0.2.0/24"))
	c := r.living(s)
	c.stop()
	if err := r.kube.CoreV1().Services(s.Namespace).Delete(t.Context(), s.Name, deleteNow); err != nil {
		t.Fatal(err)
	}
	r.start(func(o *Options) { o.DeleteOrphans = true })
	r.eventually("it is told", func() bool { return len(r.recorded(event.LoadBalancerOrphanDeleted)) == 1 })
	if lbs, lists := r.all(s), r.lists(s); len(lbs)+len(lists) > 0 {
		t.Errorf("left are %v and %v", lbs, lists)
	}
}

func TestListInUseElsewhereIsToldAndDeletedLater(t *testing.T) {
	t.Parallel()
	r := newRig(t, "instant", 3)
	r.sim.Knobs(func(k *api.Knobs) { k.ListenersPerACL = 5 })
	s, other := newService(1, withSources("192.0.2.0/24")), newService(2)
	c := r.living(s)
	r.create(other)
	r.eventually("the other has an address", func() bool { return r.address(other) != "" })
	id, acl := r.only(other).Instance.ID, r.lists(s)[0].ID
	key := slb.ListenerKey{Protocol: slb.TCP, Port: 80}
	use := func(a slb.Attributes) {
		t.Helper()
		if err := r.eyes.SetListener(t.Context(), id, key, slb.Change{Attributes: a}); err != nil {
			t.Fatal(err)
		}
	}
	use(slb.Attributes{slb.ACLStatus: "on", slb.ACLType: "white", slb.ACLID: acl})
	if err := c.EnsureLoadBalancerDeleted(t.Context(), "kubernetes", s); err == nil || !strings.Contains(err.Error(), "take it off the listeners that use it") {
		t.Errorf("error = %v", err)
	}
	use(slb.Attributes{slb.ACLStatus: "off"})
	if _, exists, err := c.GetLoadBalancer(t.Context(), "kubernetes", s); err != nil || !exists {
		t.Errorf("the list is left, but nothing exists: %v", err)
	}
	if err := c.EnsureLoadBalancerDeleted(t.Context(), "kubernetes", s); err != nil || len(r.lists(s)) > 0 {
		t.Errorf("lists %v, %v", r.lists(s), err)
	}
}
