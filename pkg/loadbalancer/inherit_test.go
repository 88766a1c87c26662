package loadbalancer

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/slb"
	"github.com/kube-aliyun/kube-aliyun/pkg/event"
	"github.com/kube-aliyun/kube-aliyun/pkg/ownership"
	simslb "github.com/kube-aliyun/kube-aliyun/test/aliyunsim/slb"
)

// official is the load balancer of Service web-1 as the official controller makes
// it, with a weight that somebody has set since.
func official(s *corev1.Service) simslb.LoadBalancerSeed {
	weight := 40
	const mark = "/web-1/shop/clusterid"
	return simslb.LoadBalancerSeed{
		ID: "lb-official", Name: ownership.LoadBalancerName(string(s.UID)), Address: "203.0.113.88", DeleteProtection: true, ModificationProtection: true,
		Tags: map[string]string{"kubernetes.do.not.delete": ownership.LoadBalancerName(string(s.UID)), "ack.aliyun.com": "clusterid", "team": "web"},
		Groups: []simslb.GroupSeed{{ID: "rsp-official", Name: "k8s/30010" + mark, Backends: []simslb.BackendSeed{
			{Server: "i-1", Port: 30010, Weight: &weight}, {Server: "i-2", Port: 30010}, {Server: "i-3", Port: 30010},
		}}},
		Listeners: []simslb.ListenerSeed{{Port: 80, Protocol: "tcp", Group: "rsp-official", Settings: map[string]string{
			"Description": "k8s/80" + mark, "Scheduler": "rr", "HealthCheckInterval": "7", "HealthCheckConnectTimeout": "8",
		}}},
	}
}

// first is the same as the kube-aliyun of 2017 makes it.
func first(s *corev1.Service) simslb.LoadBalancerSeed {
	lb := official(s)
	lb.ID, lb.Tags, lb.Groups = "lb-first", nil, nil
	lb.Backends = []simslb.BackendSeed{{Server: "i-1"}, {Server: "i-2"}, {Server: "i-3"}}
	lb.Listeners = []simslb.ListenerSeed{{Port: 80, Protocol: "tcp", BackendPort: 30010, Settings: map[string]string{"Scheduler": "rr", "HealthCheckInterval": "7", "HealthCheckConnectTimeout": "8"}}}
	return lb
}

// served gives a Service the status and the marks that the other controller left.
func served(s *corev1.Service) {
	s.Status.LoadBalancer.Ingress = []corev1.LoadBalancerIngress{{IP: "203.0.113.88"}}
	s.Finalizers = []string{officialFinalizer}
	s.Labels = map[string]string{officialHash: "abc", officialID: "lb-official", "app": "web"}
}

func TestLoadBalancersOfOtherControllersAreTakenOverAsTheyAre(t *testing.T) {
	t.Parallel()
	for name, seed := range map[string]func(*corev1.Service) simslb.LoadBalancerSeed{"official": official, "2017": first} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, "instant", 3)
			s := newService(1, served)
			id := seed(s).ID
			r.seed(seed(s))
			before := r.read(id)
			r.create(s)
			r.start()
			r.eventually("it is taken over", func() bool { return len(r.recorded(event.LoadBalancerTakenOver)) == 1 && len(r.all(s)) == 1 })
			r.settle()
			lb := r.read(id)
			key := slb.ListenerKey{Protocol: slb.TCP, Port: 80}
			was, is := before.Listener(key), lb.Listener(key)
			delete(was.Attributes, slb.Description)
			delete(is.Attributes, slb.Description)
			if diff := cmp.Diff(was, is); diff != "" {
				t.Errorf("the listener is changed: %s", diff)
			}
			if diff := cmp.Diff(before.Groups, lb.Groups) + cmp.Diff(before.Backends, lb.Backends); diff != "" {
				t.Errorf("the servers are changed: %s", diff)
			}
			for _, entry := range r.sim.Journal() {
				for _, harmful := range []string{"Create", "Delete", "Stop", "Backend", "InternetSpec", "ChargeType"} {
					if strings.Contains(entry.Action, harmful) {
						t.Errorf("%s was called", entry.Action)
					}
				}
			}
			tags := lb.Instance.Tags
			if tags["team"] != before.Instance.Tags["team"] || tags["ack.aliyun.com"] != "" || tags["kubernetes.do.not.delete"] != "" {
				t.Errorf("tags %v", tags)
			}
			if name == "official" {
				r.eventually("the other controller's marks are gone", func() bool {
					now := r.service(s)
					return !slices.Contains(now.Finalizers, officialFinalizer) && len(now.Labels) == 1 && len(now.Finalizers) == 1
				})
			}
			// From now on it follows the Service.
			r.change(s, with("health-check-interval", "9"))
			r.eventually("what is asked for is set", func() bool {
				l := r.read(id).Listener(key)
				return l.Attributes[slb.HealthCheckInterval] == "9" && l.Attributes[slb.Scheduler] == "rr"
			})
			r.removeNode(3)
			r.eventually("the server leaves", func() bool {
				lb := r.read(id)
				return len(lb.Backends)+len(lb.Groups)*2 == 2 && (len(lb.Groups) == 0 || len(lb.Groups[0].Backends) == 2)
			})
			r.change(s, func(s *corev1.Service) { s.Finalizers = []string{"service.kubernetes.io/load-balancer-cleanup"} })
			r.remove(s)
			r.eventually("the finalizer is gone", func() bool { return r.removed(s) })
			if r.state(id) != "" {
				t.Error("the load balancer is left")
			}
		})
	}
}

func TestNothingIsTakenOverWhileTheOtherControllerWorks(t *testing.T) {
	t.Parallel()
	r := newRig(t, "instant", 3)
	s := newService(1, served)
	r.seed(official(s))
	before := r.state("lb-official")
	r.create(s)
	c := r.start(func(o *Options) {
		o.Predecessors = func(context.Context) (string, error) { return "lease kube-system/ccm", nil }
	})
	r.eventually("it is told", func() bool { return len(r.recorded(event.LoadBalancerTakeOverWaits)) == 1 })
	plan, err := c.Plan(t.Context(), r.service(s))
	if err != nil || !strings.Contains(plan, "taken over as it is") || !strings.Contains(plan, "untag load balancer ack.aliyun.com") || strings.Contains(plan, "create") {
		t.Errorf("plan %q, error %v", plan, err)
	}
	r.settle()
	if diff := cmp.Diff(before, r.state("lb-official")); diff != "" || r.address(s) != "203.0.113.88" || r.sim.Counts()["CreateLoadBalancer"] > 0 {
		t.Errorf("address %q, calls %v, changed: %s", r.address(s), r.sim.Counts(), diff)
	}
}

func TestLoadBalancerOfAnotherServiceIsNotTakenOver(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*simslb.LoadBalancerSeed){
		"the official controller's tag names another one": func(lb *simslb.LoadBalancerSeed) { lb.Tags["kubernetes.do.not.delete"] = "a0000" },
		"the official controller reused it":               func(lb *simslb.LoadBalancerSeed) { delete(lb.Tags, "kubernetes.do.not.delete") },
		"another cluster marked it":                       func(lb *simslb.LoadBalancerSeed) { lb.Tags["kube-aliyun.io/cluster-id"] = "c2" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, "instant", 2)
			s := newService(1, served)
			seed := official(s)
			change(&seed)
			r.seed(seed)
			before := r.state("lb-official")
			r.create(s)
			r.start()
			r.eventually("it is told", func() bool { return len(r.recorded(event.LoadBalancerNotOurs)) > 0 })
			if diff := cmp.Diff(before, r.state("lb-official")); diff != "" {
				t.Errorf("changed: %s", diff)
			}
		})
	}
}

func TestTakeOverSurvivesADeathAtEachCall(t *testing.T) {
	t.Parallel()
	for n := 1; n <= 6; n++ {
		r := newRig(t, "instant", 3)
		s := newService(1, served)
		r.seed(official(s))
		r.create(s)
		d := &death{after: n%2 == 0, died: make(chan struct{})}
		c := r.start(func(o *Options) {
			d.inner = r.transport(nil)
			o.Cloud = slb.New(d)
		})
		d.arm(n)
		select {
		case <-d.died:
		case <-time.After(testPatience):
			t.Fatal("the call is never made")
		}
		c.stop()
		r.start()
		r.eventually("it is taken over", func() bool {
			lb := r.read("lb-official")
			return len(r.all(s)) == 1 && lb.Instance.Tags["ack.aliyun.com"] == "" && serving(lb, 80) == "i-1:30010=40 i-2:30010=100 i-3:30010=100"
		})
		if n := r.sim.Counts()["CreateLoadBalancer"] + r.sim.Counts()[callCreateTCP]; n > 0 {
			t.Errorf("calls %v", r.sim.Counts())
		}
	}
}
