package loadbalancer

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/slb"
	"github.com/kube-aliyun/kube-aliyun/pkg/event"
	"github.com/kube-aliyun/kube-aliyun/pkg/loadbalancer/annotation"
	"github.com/kube-aliyun/kube-aliyun/pkg/loadbalancer/audit"
	"github.com/kube-aliyun/kube-aliyun/pkg/loadbalancer/plan"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim"
	simslb "github.com/kube-aliyun/kube-aliyun/test/aliyunsim/slb"
)

// shared is theirs with an access control list of its maker's on one listener.
func shared() simslb.LoadBalancerSeed {
	lb := theirs()
	lb.ID, lb.Address, lb.Groups[0].ID, lb.Listeners[1].Group = "lb-shared", "203.0.113.79", "rsp-shared", "rsp-shared"
	lb.Listeners[0].Settings = map[string]string{"Description": "by hand", "AclStatus": "on", "AclType": "white", "AclId": "acl-theirs"}
	return lb
}

func newSharedRig(t testing.TB, profile string, servers int) *rig {
	t.Helper()
	r := newRig(t, profile, servers)
	r.certificates("cert-1", "cert-2")
	r.sim.Do(func(region *aliyunsim.Region) {
		acl := simslb.ACLSeed{ID: "acl-theirs", Name: "theirs", Entries: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}
		if err := region.SLB.Seed(simslb.Seed{ACLs: []simslb.ACLSeed{acl}, LoadBalancers: []simslb.LoadBalancerSeed{shared()}}); err != nil {
			t.Error(err)
		}
	})
	return r
}

// peek is read while the load balancer may be changing.
func (r *rig) peek(id string) (*plan.Actual, error) {
	o, err := audit.Read(r.t.Context(), r.eyes, id, r.sim.Now)
	if err != nil {
		return nil, err
	}
	if o.Actual == nil {
		return nil, errors.New(id + " is gone")
	}
	return o.Actual, audit.ReadGroups(r.t.Context(), r.eyes, o.Actual)
}

// onShared makes a Service use the shared load balancer.
func onShared(change ...func(*corev1.Service)) func() *corev1.Service {
	return func() *corev1.Service {
		return newService(1, append([]func(*corev1.Service){func(s *corev1.Service) { annotate(s, annotation.ID, "lb-shared") }}, change...)...)
	}
}

// sharedLists reports why the Service's listener on the shared load balancer does
// not let in exactly its source ranges, or why others' were touched.
func sharedLists(r *rig, s *corev1.Service) error {
	lb, err := r.peek("lb-shared")
	if err != nil {
		return err
	}
	now := r.service(s)
	own := lb.Listener(slb.ListenerKey{Protocol: slb.TCP, Port: 80})
	if own == nil || own.Status != slb.ListenerRunning || len(lb.Listeners) != 3 || r.address(s) != "203.0.113.79" {
		return fmt.Errorf("listeners %+v", lb.Listeners)
	}
	if got := serving(lb, 80); strings.Count(got, ":30010=") != 3 {
		return fmt.Errorf("port 80 goes to %s", got)
	}
	if a := lb.Listeners[1].Attributes; a[slb.ACLID] != "acl-theirs" && lb.Listeners[2].Attributes[slb.ACLID] != "acl-theirs" {
		return fmt.Errorf("the others' listener has %v", a)
	}
	lists, status := r.lists(s), own.Attributes[slb.ACLStatus]
	if len(now.Spec.LoadBalancerSourceRanges) == 0 {
		if status == "on" || len(lists) > 0 {
			return fmt.Errorf("the listener's list is %s, lists %v", status, lists)
		}
		return nil
	}
	if len(lists) != 1 || status != "on" || own.Attributes[slb.ACLType] != "white" || own.Attributes[slb.ACLID] != lists[0].ID {
		return fmt.Errorf("lists %v, listener %v", lists, own.Attributes)
	}
	acl, err := r.eyes.ACL(r.t.Context(), lists[0].ID)
	if err != nil {
		return err
	}
	for _, want := range now.Spec.LoadBalancerSourceRanges {
		if len(acl.Entries) != len(now.Spec.LoadBalancerSourceRanges) || !slices.Contains(acl.Entries, netip.MustParsePrefix(want)) {
			return fmt.Errorf("ranges %v", acl.Entries)
		}
	}
	return nil
}

// sharedDomains reports why the Service's HTTPS listener there has not these domain
// extensions.
func sharedDomains(want ...string) func(r *rig, s *corev1.Service) error {
	return func(r *rig, s *corev1.Service) error {
		lb, err := r.peek("lb-shared")
		if err != nil {
			return err
		}
		if l := lb.Listener(https443); l == nil || l.Status != slb.ListenerRunning || r.address(s) == "" {
			return fmt.Errorf("listener %+v", l)
		}
		found, err := r.eyes.Extensions(r.t.Context(), "lb-shared", 443)
		if err != nil {
			return err
		}
		var have []string
		for _, e := range found {
			have = append(have, e.Domain+":"+e.Certificate)
		}
		slices.Sort(have)
		if d := cmp.Diff(want, have); d != "" {
			return errors.New(d)
		}
		return nil
	}
}

// sharedLeft reports what a Service that has gone has left behind.
func sharedLeft(r *rig, s *corev1.Service) error {
	if err := noListLeft(r, s); err != nil {
		return err
	}
	lb, err := r.peek("lb-shared")
	if err != nil {
		return err
	}
	if len(lb.Listeners) != 2 || len(lb.Groups) != 1 {
		return fmt.Errorf("left are %+v and %+v", lb.Listeners, lb.Groups)
	}
	return nil
}

func ofDomains(domains string) func(*corev1.Service) {
	return func(s *corev1.Service) {
		certified("cert-1", domains)(s)
		annotate(s, annotation.ID, "lb-shared")
	}
}

func init() {
	closed, domains := withSources("192.0.2.0/24"), ofDomains("a.example.com:cert-1,b.example.com:cert-2")
	create := func(r *rig, s *corev1.Service) { r.create(s) }
	remove := func(r *rig, s *corev1.Service) { r.remove(s) }
	change := func(change func(*corev1.Service)) func(r *rig, s *corev1.Service) {
		return func(r *rig, s *corev1.Service) { r.change(s, change) }
	}
	for name, sc := range map[string]scenario{
		"create closed":  {service: onShared(closed), act: create, right: sharedLists},
		"closed":         {service: onShared(), living: true, act: change(closed), right: sharedLists},
		"opened":         {service: onShared(closed), living: true, act: change(withSources()), right: sharedLists},
		"delete closed":  {service: onShared(closed), living: true, act: remove, right: sharedLeft},
		"create domains": {service: onShared(domains), act: create, right: sharedDomains("a.example.com:cert-1", "b.example.com:cert-2")},
		"domains":        {service: onShared(ofDomains("")), living: true, act: change(domains), right: sharedDomains("a.example.com:cert-1", "b.example.com:cert-2")},
		"no domains":     {service: onShared(domains), living: true, act: change(ofDomains("")), right: sharedDomains()},
		"delete domains": {service: onShared(domains), living: true, act: remove, right: sharedLeft},
	} {
		sc.rig = newSharedRig
		table["shared: "+name] = sc
	}
}

func TestSourceRangesOnALoadBalancerOfOthersComeAndGo(t *testing.T) {
	t.Parallel()
	r := newSharedRig(t, "instant", 3)
	before := r.state("lb-shared")
	c := r.start().surveyed()
	s := onShared(withSources("192.0.2.0/24"))()
	step := func(what string, act func(), want map[string]int) {
		t.Helper()
		r.settle()
		r.sim.ResetCounters()
		act()
		r.spends(what, want)
		if err := sharedLists(r, s); err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	r.create(s)
	r.eventuallyRight("it is closed", sharedLists, s)
	step("another range", func() { r.change(s, withSources("192.0.2.0/24", "198.51.100.0/24")) }, map[string]int{callAddACL: 1})
	c.stop()
	step("restart", func() { r.start() }, map[string]int{
		callList: 1, callGet: 1, "DescribeVServerGroups": 1, "DescribeVServerGroupAttribute": 2, callACL: 1,
	})
	r.change(s, withSources())
	r.eventuallyRight("it is opened", sharedLists, s)
	r.change(s, withSources("198.51.100.0/24"))
	r.eventuallyRight("it is closed again", sharedLists, s)
	r.remove(s)
	r.eventuallyRight("all is gone", sharedLeft, s)
	if diff := cmp.Diff(before, r.state("lb-shared")); diff != "" {
		t.Errorf("the load balancer is not as before: %s", diff)
	}
}

func TestNamedListsOnALoadBalancerOfOthersAreTakenOffWithTheAnnotation(t *testing.T) {
	t.Parallel()
	r := newSharedRig(t, "instant", 3)
	r.start()
	s := onShared(with("acl-status", "on", "acl-type", "black", "acl-id", "acl-theirs"))()
	r.create(s)
	status := func() string {
		l := r.read("lb-shared").Listener(slb.ListenerKey{Protocol: slb.TCP, Port: 80})
		if l == nil {
			return "none"
		}
		return l.Attributes[slb.ACLStatus] + " " + l.Attributes[slb.ACLID]
	}
	r.eventually("the list is used", func() bool { return status() == "on acl-theirs" && r.address(s) != "" })
	r.change(s, with("acl-status", "", "acl-type", "", "acl-id", ""))
	r.eventually("the listener is open", func() bool { return strings.HasPrefix(status(), "off") })
}

func TestDomainsOnALoadBalancerOfOthersLeaveItAsItWas(t *testing.T) {
	t.Parallel()
	r := newSharedRig(t, "instant", 3)
	before := r.state("lb-shared")
	r.start()
	s := onShared(ofDomains("a.example.com:cert-2"))()
	r.create(s)
	r.eventuallyRight("it has a domain", sharedDomains("a.example.com:cert-2"), s)
	r.change(s, ofDomains("a.example.com:cert-1,b.example.com:cert-2"))
	r.eventuallyRight("it has two", sharedDomains("a.example.com:cert-1", "b.example.com:cert-2"), s)
	r.change(s, ofDomains(""))
	r.eventuallyRight("it has none", sharedDomains(), s)
	if _, err := r.eyes.CreateExtension(t.Context(), "lb-shared", 443, slb.Extension{Domain: "hand.example.com", Certificate: "cert-1"}); err != nil {
		t.Fatal(err)
	}
	r.change(s, with("request-timeout", "90"))
	r.eventually("the listener follows", func() bool { return r.read("lb-shared").Listener(https443).Attributes[slb.RequestTimeout] == "90" })
	r.settle()
	if err := sharedDomains("hand.example.com:cert-1")(r, s); err != nil {
		t.Errorf("a domain made by hand, where the Service names none: %v", err)
	}
	r.remove(s)
	r.eventuallyRight("all is gone", sharedLeft, s)
	if diff := cmp.Diff(before, r.state("lb-shared")); diff != "" {
		t.Errorf("the load balancer is not as before: %s", diff)
	}
}

func TestServicesUseIPv6LoadBalancersOfOthersOfTheirFamilyOnly(t *testing.T) {
	t.Parallel()
	ipv6 := func(s *corev1.Service) { s.Spec.IPFamilies = []corev1.IPFamily{corev1.IPv6Protocol} }
	both := dualStack(corev1.IPFamilyPolicyRequireDualStack)
	for name, c := range map[string]struct {
		change func(*corev1.Service)
		served bool
	}{
		"IPv6":                         {ipv6, true},
		"IPv4":                         {func(*corev1.Service) {}, false},
		"both":                         {both, false},
		"both, and IPv6 by annotation": {func(s *corev1.Service) { both(s); version(slb.IPv6)(s) }, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newDualRig(t, "instant", 3)
			seed := theirs()
			seed.AddressIPVersion, seed.Address = "ipv6", "2001:db8:2::77"
			r.seed(seed)
			before := r.state("lb-theirs")
			r.start()
			s := newService(1, with("id", "lb-theirs"), c.change, withSources("2001:db8:9::/48"))
			r.create(s)
			if c.served {
				r.eventually("the Service has the address", func() bool { return r.address(s) == "2001:db8:2::77" && len(r.addresses(s)) == 1 })
				if lists := r.lists(s); len(lists) != 1 || lists[0].IPVersion != slb.IPv6 {
					t.Errorf("lists %v", lists)
				}
			} else {
				r.eventually("it is refused", func() bool {
					return strings.Contains(strings.Join(r.recorded(event.LoadBalancerRefused), " "), "has the address family ipv6")
				})
			}
			r.remove(s)
			r.eventuallyRight("nothing is left", noListLeft, s)
			if diff := cmp.Diff(before, r.state("lb-theirs")); diff != "" {
				t.Errorf("the load balancer is not as before: %s", diff)
			}
		})
	}
}
