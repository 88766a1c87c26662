package loadbalancer

import (
	"fmt"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/slb"
	"github.com/kube-aliyun/kube-aliyun/pkg/event"
	"github.com/kube-aliyun/kube-aliyun/pkg/loadbalancer/annotation"
	"github.com/kube-aliyun/kube-aliyun/pkg/ownership"
)

// withACL names an access control list by annotations; none without an ID.
func withACL(kind, id string) func(*corev1.Service) {
	return func(s *corev1.Service) {
		if s.Annotations == nil {
			s.Annotations = map[string]string{}
		}
		for key, value := range map[annotation.Key]string{annotation.ACLStatus: "on", annotation.ACLType: kind, annotation.ACLID: id} {
			delete(s.Annotations, annotation.Prefix+string(key))
			if id != "" {
				s.Annotations[annotation.Prefix+string(key)] = value
			}
		}
	}
}

// makeACL makes an access control list as its owner does.
func (r *rig) makeACL(name string, tags map[string]string) string {
	r.t.Helper()
	id, err := r.eyes.CreateACL(r.t.Context(), slb.ACL{Name: name, IPVersion: slb.IPv4, Tags: tags})
	if err != nil {
		r.t.Fatal(err)
	}
	return id
}

// access returns status, type and list of the listener tcp/80.
func (r *rig) access(s *corev1.Service) string {
	r.t.Helper()
	lb, err := r.look(s)
	if err != nil || len(lb.Listeners) == 0 {
		return fmt.Sprint(err)
	}
	a := lb.Listener(slb.ListenerKey{Protocol: slb.TCP, Port: 80}).Attributes
	return strings.TrimSpace(a[slb.ACLStatus] + " " + a[slb.ACLType] + " " + a[slb.ACLID])
}

func TestNamedAccessControlListsAreSetChangedAndTakenOff(t *testing.T) {
	t.Parallel()
	r := newRig(t, "instant", 3)
	one, two := r.makeACL("one", nil), r.makeACL("two", map[string]string{ownership.TagAllow: testCluster + "/shop"})
	r.start().surveyed()
	s := newService(1, withACL("white", one))
	r.sim.ResetCounters()
	step := func(what string, act func(), access string, want map[string]int) {
		t.Helper()
		r.sim.ResetCounters()
		act()
		r.spends(what, want)
		if got := r.access(s); got != access {
			t.Errorf("%s: the listener has %q, not %q", what, got, access)
		}
	}
	step("create", func() { r.create(s) }, "on white "+one, map[string]int{
		callList: 1, callACLs: 1, callCreate: 1, callAdd: 1, callCreateTCP: 1, callStart: 1,
	})
	step("another list", func() { r.change(s, withACL("black", one)) }, "on black "+one, map[string]int{callSetTCP: 1})
	step("one of another owner", func() { r.change(s, withACL("black", two)) }, "on black "+two, map[string]int{callSetTCP: 1})
	step("none", func() { r.change(s, withACL("", "")) }, "off", map[string]int{callSetTCP: 1, callUntag: 1})
	step("one again", func() { r.change(s, withACL("white", one)) }, "on white "+one, map[string]int{callSetTCP: 1, callTag: 1})
	r.change(s, func(s *corev1.Service) {
		withACL("", "")(s)
		withSources("192.0.2.0/24")(s)
	})
	r.eventually("ranges take its place", func() bool { return restricted(r, s) == nil })
	r.change(s, func(s *corev1.Service) {
		withACL("white", one)(s)
		withSources()(s)
	})
	r.eventually("it takes theirs", func() bool { return r.access(s) == "on white "+one && len(r.lists(s)) == 0 })
	if mark := r.only(s).Instance.Tags[ownership.TagACL]; mark != ownership.ACLsNamed {
		t.Errorf("mark %q", mark)
	}
}

func TestListsThatMayNotBeNamedAreRefusedBeforeTheFirstWrite(t *testing.T) {
	t.Parallel()
	r := newRig(t, "instant", 3)
	c := r.start().surveyed()
	other := newService(9, withSources("192.0.2.0/24"))
	r.create(other)
	r.eventually("the other has an address", func() bool { return r.address(other) != "" })
	for name, tt := range map[string]struct{ id, want string }{
		"missing":              {"acl-missing", "does not exist in this region and account"},
		"of another namespace": {r.makeACL("theirs", map[string]string{ownership.TagAllow: testCluster + "/bank"}), "may not be named from namespace shop"},
		"of another Service":   {r.lists(other)[0].ID, "what belongs to a cluster cannot be named"},
	} {
		t.Run(name, func(t *testing.T) {
			c.checker.Forget(t.Context(), "ACL")
			r.sim.ResetCounters()
			s := newService(1, withACL("white", tt.id))
			if _, err := c.EnsureLoadBalancer(t.Context(), "kubernetes", s, nil); err == nil {
				t.Error("it is not refused")
			}
			if told := strings.Join(r.recorded(event.LoadBalancerRefused), " "); !strings.Contains(told, tt.id) || !strings.Contains(told, tt.want) {
				t.Errorf("events %q", told)
			}
			if n := r.sim.Counts()[callCreate]; n > 0 || r.address(other) == "" {
				t.Errorf("%d load balancers were made", n)
			}
		})
	}
}
