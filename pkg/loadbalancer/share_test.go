package loadbalancer

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/slb"
	"github.com/kube-aliyun/kube-aliyun/pkg/event"
	"github.com/kube-aliyun/kube-aliyun/pkg/loadbalancer/annotation"
	"github.com/kube-aliyun/kube-aliyun/pkg/loadbalancer/audit"
	"github.com/kube-aliyun/kube-aliyun/pkg/loadbalancer/plan"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/api"
	simslb "github.com/kube-aliyun/kube-aliyun/test/aliyunsim/slb"
)

// theirs is a load balancer that somebody made by hand, with a listener on port
// 8080 that uses the default group and one on 9090 that uses a group.
func theirs() simslb.LoadBalancerSeed {
	return simslb.LoadBalancerSeed{
		ID: "lb-theirs", Name: "theirs", Address: "203.0.113.77", DeleteProtection: true, Tags: map[string]string{"team": "web"},
		Backends: []simslb.BackendSeed{{Server: "i-1"}},
		Groups:   []simslb.GroupSeed{{ID: "rsp-theirs", Name: "theirs", Backends: []simslb.BackendSeed{{Server: "i-2", Port: 9}}}},
		Listeners: []simslb.ListenerSeed{
			{Port: 8080, Protocol: "tcp", BackendPort: 8081, Settings: map[string]string{"Description": "by hand"}},
			{Port: 9090, Protocol: "tcp", Group: "rsp-theirs"},
		},
	}
}

// seed adds load balancers of others to the region.
func (r *rig) seed(lbs ...simslb.LoadBalancerSeed) {
	r.t.Helper()
	r.sim.Do(func(region *aliyunsim.Region) {
		if err := region.SLB.Seed(simslb.Seed{LoadBalancers: lbs}); err != nil {
			r.t.Error(err)
		}
	})
}

// state returns everything that the region knows of a load balancer, as text, for
// comparison; for how long it was busy last is left out.
func (r *rig) state(id string) string {
	r.t.Helper()
	dump, err := r.sim.Dump()
	if err != nil {
		r.t.Fatal(err)
	}
	var all struct {
		LoadBalancers []map[string]any `json:"loadBalancers"`
	}
	if err := json.Unmarshal(dump.Products[api.SLB], &all); err != nil {
		r.t.Fatal(err)
	}
	for _, lb := range all.LoadBalancers {
		if lb["id"] == id {
			delete(lb, "busyUntil")
			text, err := json.MarshalIndent(lb, "", " ")
			if err != nil {
				r.t.Fatal(err)
			}
			return string(text)
		}
	}
	return ""
}

// read returns a load balancer with its groups. That takes several calls: while the
// controller writes, one answer may contradict another, and all is read again.
func (r *rig) read(id string) (actual *plan.Actual) {
	r.t.Helper()
	r.eventually("reading "+id, func() bool {
		o, err := audit.Read(r.t.Context(), r.eyes, id, r.sim.Now)
		if err != nil || o.Actual == nil || audit.ReadGroups(r.t.Context(), r.eyes, o.Actual) != nil {
			return false
		}
		actual = o.Actual
		return true
	})
	return actual
}

// serving tells where a listener's traffic goes, as server:port.
func serving(a *plan.Actual, port int) string {
	l := a.Listener(slb.ListenerKey{Protocol: slb.TCP, Port: port})
	if l == nil {
		return "no listener"
	}
	for i := range a.Groups {
		if a.Groups[i].ID == l.GroupID {
			return backendsText(a.Groups[i].Backends)
		}
	}
	return "no group"
}

func backendsText(backends []slb.Backend) string {
	out := make([]string, 0, len(backends))
	for _, b := range backends {
		out = append(out, b.ServerID+":"+strconv.Itoa(b.Port)+"="+strconv.Itoa(b.Weight))
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}

// with returns a change of a Service that sets annotations of the documented family.
func with(pairs ...string) func(*corev1.Service) {
	return func(s *corev1.Service) {
		if s.Annotations == nil {
			s.Annotations = map[string]string{}
		}
		for i := 0; i < len(pairs); i += 2 {
			s.Annotations[annotation.Prefix+pairs[i]] = pairs[i+1]
		}
	}
}

func TestServiceUsesALoadBalancerOfOthersAndLeavesItAsItWas(t *testing.T) {
	t.Parallel()
	r := newRig(t, "instant", 3)
	r.seed(theirs())
	before := r.state("lb-theirs")
	r.start()
	s := newService(1, with("id", "lb-theirs"))
	r.create(s)
	r.eventually("the Service has the address", func() bool { return r.address(s) == "203.0.113.77" })
	if got, want := serving(r.read("lb-theirs"), 80), "i-1:30010=100 i-2:30010=100 i-3:30010=100"; got != want {
		t.Errorf("port 80 goes to %s, want %s", got, want)
	}
	r.removeNode(3)
	r.eventually("the server leaves", func() bool {
		return serving(r.read("lb-theirs"), 80) == "i-1:30010=100 i-2:30010=100"
	})
	r.change(s, func(s *corev1.Service) { s.Spec.Ports[0].NodePort = 30999 })
	r.eventually("the node port changes", func() bool { return serving(r.read("lb-theirs"), 80) == "i-1:30999=100 i-2:30999=100" })
	r.settle()
	r.remove(s)
	r.eventually("the finalizer is gone", func() bool { return r.removed(s) })
	if diff := cmp.Diff(before, r.state("lb-theirs")); diff != "" {
		t.Errorf("the load balancer is not as before: %s", diff)
	}
	if n := r.sim.Counts()["CreateLoadBalancer"] + r.sim.Counts()["TagResources"] + r.sim.Counts()["DeleteLoadBalancer"]; n > 0 {
		t.Errorf("calls %v", r.sim.Counts())
	}
}

func TestServicesOfTwoClustersShareALoadBalancer(t *testing.T) {
	t.Parallel()
	r := newRig(t, "instant", 2)
	r.seed(theirs())
	before := r.state("lb-theirs")
	r.start()
	other := r.sibling()
	other.start(func(o *Options) { o.ClusterID = "other-cluster" })
	port := func(port int32) func(*corev1.Service) {
		return func(s *corev1.Service) { s.Spec.Ports[0].Port = port }
	}
	a, b := newService(1, with("id", "lb-theirs")), newService(2, with("id", "lb-theirs"), port(81))
	c := newService(3, with("id", "lb-theirs"), port(82))
	r.create(a)
	r.create(b)
	other.create(c)
	for _, x := range []struct {
		rig *rig
		s   *corev1.Service
	}{{r, a}, {r, b}, {other, c}} {
		x.rig.eventually("Service "+x.s.Name+" has the address", func() bool { return x.rig.address(x.s) == "203.0.113.77" })
	}
	r.settle()
	lb := r.read("lb-theirs")
	for port, want := range map[int]string{80: "i-1:30010=100 i-2:30010=100", 81: "i-1:30020=100 i-2:30020=100", 82: "i-1:30030=100 i-2:30030=100"} {
		if got := serving(lb, port); got != want {
			t.Errorf("port %d goes to %s, want %s", port, got, want)
		}
	}
	r.remove(a)
	r.eventually("the finalizer is gone", func() bool { return r.removed(a) })
	lb = r.read("lb-theirs")
	if serving(lb, 80) != "no listener" || len(lb.Listeners) != 4 || len(lb.Groups) != 3 {
		t.Errorf("after one Service has gone: %+v", lb)
	}
	r.remove(b)
	other.remove(c)
	r.eventually("the finalizers are gone", func() bool { return r.removed(b) && other.removed(c) })
	if diff := cmp.Diff(before, r.state("lb-theirs")); diff != "" {
		t.Errorf("the load balancer is not as before: %s", diff)
	}
}

// sibling is another cluster with the same servers in the same region.
func (r *rig) sibling() *rig {
	r.t.Helper()
	other := &rig{t: r.t, sim: r.sim, eyes: r.eyes, window: r.window, kube: fake.NewClientset()}
	nodes, err := r.kube.CoreV1().Nodes().List(r.t.Context(), metav1.ListOptions{})
	if err != nil {
		r.t.Fatal(err)
	}
	for n := range nodes.Items {
		other.addNode(n + 1)
	}
	return other
}

func TestWhatMayNotBeNamedIsRefusedWithOneEventAndNoAddress(t *testing.T) {
	t.Parallel()
	tagged := func(pairs ...string) func(*simslb.LoadBalancerSeed) {
		return func(lb *simslb.LoadBalancerSeed) {
			for i := 0; i < len(pairs); i += 2 {
				lb.Tags[pairs[i]] = pairs[i+1]
			}
		}
	}
	cases := map[string]struct {
		change  func(*simslb.LoadBalancerSeed)
		service func(*corev1.Service)
		options func(*Options)
		want    string
	}{
		"of another Service": {
			change: tagged("kube-aliyun.io/cluster-id", testCluster, "kube-aliyun.io/service-uid", "u", "kube-aliyun.io/service", "bank/web"), want: "cluster test-cluster for Service bank/web",
		},
		"of another cluster, and allowed": {
			change: tagged("kube-aliyun.io/cluster-id", "c2", "kube-aliyun.io/allow", "*"), want: "made and kept by cluster c2",
		},
		"of the official controller": {change: tagged("ack.aliyun.com", "c3"), want: "made and kept by cluster c3"},
		"of the first kube-aliyun": {
			change: func(lb *simslb.LoadBalancerSeed) { lb.Name = "a0123456789abcdef0123456789abcdef"[:32] }, want: "as the load balancer of another Service",
		},
		"allowed for another namespace": {change: tagged("kube-aliyun.io/allow", "test-cluster/bank"), want: "does not list it"},
		"untagged where that is denied": {
			options: func(o *Options) { o.Settings.UntaggedReferences = "deny" }, want: "--untagged-references=deny",
		},
		"the API server's":               {options: func(o *Options) { o.APIEndpoints = []string{"203.0.113.77"} }, want: "API server"},
		"override without the allow tag": {service: with("force-override-listeners", "true"), want: "may not be overridden"},
		"one that does not exist":        {service: with("id", "lb-none"), want: "lb-none does not exist"},
		"a group that may not be named": {
			change: func(lb *simslb.LoadBalancerSeed) {
				lb.Groups[0].Tags = map[string]string{"kube-aliyun.io/allow": "test-cluster/bank"}
			},
			service: with("vgroup-port", "rsp-theirs:80"), want: "server group rsp-theirs may not be named",
		},
		"another Service's name":   {service: with("id", "", "name", "a0123456789abcdef0123456789abcde"), want: "another Service's default name"},
		"reserved tags":            {service: with("id", "", "additional-resource-tags", "kube-aliyun.io/cluster-id=x"), want: "reserved"},
		"a group without its port": {service: with("vgroup-port", "rsp-theirs:81"), want: "names a port that the Service does not have"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, "instant", 2)
			seed := theirs()
			if c.change != nil {
				c.change(&seed)
			}
			r.seed(seed)
			before := r.state("lb-theirs")
			r.start(func(o *Options) {
				if c.options != nil {
					c.options(o)
				}
			})
			s := newService(1, with("id", "lb-theirs"))
			if c.service != nil {
				c.service(s)
			}
			r.create(s)
			r.eventually("it is refused", func() bool { return len(r.recorded(event.LoadBalancerRefused)) > 0 })
			r.settle()
			told := r.recorded(event.LoadBalancerRefused)
			if len(told) != 1 || !strings.Contains(told[0], c.want) || r.address(s) != "" {
				t.Errorf("events %q, want one with %q; address %q", told, c.want, r.address(s))
			}
			if diff := cmp.Diff(before, r.state("lb-theirs")); diff != "" {
				t.Errorf("the load balancer was changed: %s", diff)
			}
			r.remove(s)
			r.eventually("the finalizer is gone", func() bool { return r.removed(s) })
			if diff := cmp.Diff(before, r.state("lb-theirs")); diff != "" {
				t.Errorf("the load balancer was changed by the deletion: %s", diff)
			}
		})
	}
}

func TestListenersOfOthersAreTakenOnlyWhenTheirOwnerAllowsIt(t *testing.T) {
	t.Parallel()
	r := newRig(t, "instant", 2)
	seed := theirs()
	seed.Tags["kube-aliyun.io/allow"] = testCluster + "/shop"
	seed.Listeners = append(seed.Listeners, simslb.ListenerSeed{
		Port: 81, Protocol: "tcp", Group: "rsp-theirs", Settings: map[string]string{"Description": "kube-aliyun/other/u/81/x/y"},
	})
	r.seed(seed)
	before := r.state("lb-theirs")
	r.start()
	s := newService(1, with("id", "lb-theirs"), func(s *corev1.Service) { s.Spec.Ports[0].Port = 8080 })
	r.create(s)
	r.eventually("it is told", func() bool { return len(r.recorded(event.LoadBalancerUnchangeable)) > 0 })
	r.settle()
	if r.address(s) != "" || r.state("lb-theirs") != before {
		t.Errorf("address %q; changed: %s", r.address(s), cmp.Diff(before, r.state("lb-theirs")))
	}
	r.change(s, with("force-override-listeners", "true"))
	r.eventually("the listener is taken over", func() bool { return r.address(s) != "" })
	if got := serving(r.read("lb-theirs"), 8080); got != "i-1:30010=100 i-2:30010=100" {
		t.Errorf("port 8080 goes to %s", got)
	}
	if n := r.sim.Counts()[callDeleteListener] + r.sim.Counts()[callCreateTCP]; n > 0 {
		t.Errorf("the listener was made again: %v", r.sim.Counts())
	}
	r.change(s, func(s *corev1.Service) { s.Spec.Ports[0].Port = 81 })
	r.eventually("another Service's is not", func() bool {
		return slices.ContainsFunc(r.recorded(event.LoadBalancerUnchangeable), func(e string) bool { return strings.Contains(e, "belongs to another Service") })
	})
}

func TestAdoptedLoadBalancerIsNotExchanged(t *testing.T) {
	t.Parallel()
	r := newRig(t, "instant", 2)
	second := theirs()
	second.ID, second.Address, second.Groups[0].ID, second.Listeners[1].Group = "lb-second", "203.0.113.78", "rsp-second", "rsp-second"
	r.seed(theirs(), second)
	first, other := r.state("lb-theirs"), r.state("lb-second")
	c := r.start()
	s := newService(1, with("id", "lb-theirs"))
	r.create(s)
	r.eventually("the Service has the address", func() bool { return r.address(s) == "203.0.113.77" })
	r.settle()
	r.change(s, with("id", "lb-second"))
	r.eventually("it is refused", func() bool { return len(r.recorded(event.LoadBalancerRefused)) > 0 })
	c.stop()
	r.start().surveyed()
	if r.state("lb-second") != other || r.address(s) != "203.0.113.77" {
		t.Errorf("address %q; changed: %s", r.address(s), cmp.Diff(other, r.state("lb-second")))
	}
	r.change(s, with("id", ""))
	r.settle()
	r.remove(s)
	r.eventually("the finalizer is gone", func() bool { return r.removed(s) })
	if diff := cmp.Diff(first, r.state("lb-theirs")); diff != "" {
		t.Errorf("after a restart and without the annotation, something is left: %s", diff)
	}
}

func TestServersJoinAGroupOfOthersBesideItsMembers(t *testing.T) {
	t.Parallel()
	r := newRig(t, "instant", 3)
	r.seed(theirs())
	before := r.state("lb-theirs")
	r.start()
	s := newService(1, with("id", "lb-theirs", "vgroup-port", "rsp-theirs:9090", "weight", "60"), func(s *corev1.Service) { s.Spec.Ports[0].Port = 9090 })
	r.create(s)
	r.eventually("the Service has the address", func() bool { return r.address(s) != "" })
	group := func() string { return serving(r.read("lb-theirs"), 9090) }
	if got, want := group(), "i-1:30010=20 i-2:30010=20 i-2:9=100 i-3:30010=20"; got != want {
		t.Errorf("the group has %s, want %s", got, want)
	}
	r.removeNode(3)
	r.eventually("the weight is spread anew", func() bool { return group() == "i-1:30010=30 i-2:30010=30 i-2:9=100" })
	r.change(s, with("weight", "0"))
	r.eventually("the Service takes no traffic", func() bool { return group() == "i-1:30010=0 i-2:30010=0 i-2:9=100" })
	r.change(s, with("weight", ""))
	r.eventually("each has its own weight", func() bool { return group() == "i-1:30010=100 i-2:30010=100 i-2:9=100" })
	r.settle()
	r.remove(s)
	r.eventually("the finalizer is gone", func() bool { return r.removed(s) })
	if diff := cmp.Diff(before, r.state("lb-theirs")); diff != "" {
		t.Errorf("the load balancer is not as before: %s", diff)
	}
}

func TestPreservedLoadBalancerKeepsEverythingButOurMarks(t *testing.T) {
	t.Parallel()
	r := newRig(t, "instant", 2)
	r.start()
	s := newService(1, with("preserve-lb-on-delete", "true"), withPorts(2))
	r.create(s)
	r.eventually("the Service has an address", func() bool { return r.address(s) != "" })
	id, address := r.only(s).Instance.ID, r.address(s)
	r.settle()
	r.remove(s)
	r.eventually("the finalizer is gone", func() bool { return r.removed(s) })
	lb := r.read(id)
	if len(lb.Listeners) != 2 || weightsOf(lb) != "i-1=100 i-2=100" || len(lb.Instance.Tags) > 0 || len(r.recorded(event.LoadBalancerPreserved)) != 1 {
		t.Errorf("load balancer %+v, events %q", lb, r.events)
	}
	// Another Service of the same ports takes it up where it was left.
	r.sim.Do(func(region *aliyunsim.Region) {
		if err := region.SLB.SetTag(id, "kube-aliyun.io/allow", testCluster+"/shop"); err != nil {
			t.Error(err)
		}
	})
	again := newService(2, with("id", id, "force-override-listeners", "true"), func(again *corev1.Service) {
		again.Spec.Ports = s.Spec.Ports
	})
	r.create(again)
	r.eventually("the address serves again", func() bool { return r.address(again) == address })
	if n := r.sim.Counts()[callDeleteListener]; n > 0 {
		t.Errorf("calls %v", r.sim.Counts())
	}
}

func TestAbsentUIDLetsListenersOfARestoredClusterBeTaken(t *testing.T) {
	t.Parallel()
	r := newRig(t, "instant", 2)
	seed := theirs()
	seed.Tags["kube-aliyun.io/allow"] = "*"
	seed.Listeners = []simslb.ListenerSeed{{
		Port: 80, Protocol: "tcp", BackendPort: 30001, Settings: map[string]string{"Description": "kube-aliyun/" + testCluster + "/" + "dead" + "/80/shop/web"},
	}}
	r.seed(seed)
	r.start()
	s := newService(1, with("id", "lb-theirs", "force-override-listeners", "true"))
	r.create(s)
	r.eventually("the Service has the address", func() bool { return r.address(s) == "203.0.113.77" })
}

func TestAdoptionSurvivesADeathAtEachCall(t *testing.T) {
	t.Parallel()
	for n := 1; n <= 8; n++ {
		for _, after := range []bool{false, true} {
			t.Run(fmt.Sprintf("call %d, after %t", n, after), func(t *testing.T) {
				t.Parallel()
				r := newRig(t, "instant", 2)
				r.seed(theirs())
				before := r.state("lb-theirs")
				d := &death{after: after, died: make(chan struct{})}
				c := r.start(func(o *Options) {
					d.inner = r.transport(nil)
					o.Cloud = slb.New(d)
				})
				c.surveyed()
				d.arm(n)
				s := newService(1, with("id", "lb-theirs"))
				r.create(s)
				select {
				case <-d.died:
				case <-time.After(testPatience):
					t.Fatal("the call is never made")
				}
				c.stop()
				r.start()
				r.eventually("the Service has the address", func() bool { return r.address(s) != "" })
				lb := r.read("lb-theirs")
				if got := serving(lb, 80); got != "i-1:30010=100 i-2:30010=100" || len(lb.Groups) != 2 || len(lb.Listeners) != 3 {
					t.Errorf("port 80 goes to %s, %d groups, %d listeners", got, len(lb.Groups), len(lb.Listeners))
				}
				r.remove(s)
				r.eventually("the finalizer is gone", func() bool { return r.removed(s) })
				if diff := cmp.Diff(before, r.state("lb-theirs")); diff != "" {
					t.Errorf("the load balancer is not as before: %s", diff)
				}
			})
		}
	}
}
