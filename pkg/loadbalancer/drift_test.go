package loadbalancer

import (
	"strings"
	"sync/atomic"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/clock"

	"github.com/kube-aliyun/kube-aliyun/pkg/event"
	"github.com/kube-aliyun/kube-aliyun/pkg/ownership"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/fault"
	simslb "github.com/kube-aliyun/kube-aliyun/test/aliyunsim/slb"
)

// audited shortens the audit's period.
func audited(o *Options) { o.Settings.AuditPeriod = time.Second }

// living starts a controller and makes one Service with a load balancer.
func (r *rig) living(s *corev1.Service, change ...func(*Options)) *controller {
	r.t.Helper()
	c := r.start(change...)
	r.create(s)
	r.eventually("the Service has an address", func() bool { return r.address(s) != "" })
	return c
}

func TestChangesByHandAreSetRight(t *testing.T) {
	cases := map[string]func(p *simslb.Product, id string) error{
		"listener stopped": func(p *simslb.Product, id string) error { return p.StopListener(id, 80, "tcp") },
		"listener removed": func(p *simslb.Product, id string) error { return p.RemoveListener(id, 80, "tcp") },
		"scheduler changed": func(p *simslb.Product, id string) error {
			return p.SetListener(id, 80, "tcp", map[string]string{"Scheduler": "rr"})
		},
		"backend removed":     func(p *simslb.Product, id string) error { return p.RemoveBackend(id, "i-1") },
		"weight changed":      func(p *simslb.Product, id string) error { return p.SetWeight(id, "i-1", 7) },
		"service tag removed": func(p *simslb.Product, id string) error { return p.RemoveTag(id, ownership.TagService) },
		"owner tags removed": func(p *simslb.Product, id string) error {
			if err := p.RemoveTag(id, ownership.TagServiceUID); err != nil {
				return err
			}
			return p.RemoveTag(id, ownership.TagClusterID)
		},
	}
	for name, change := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, "instant", 3)
			s := newService(1)
			r.living(s, audited)
			id := r.only(s).Instance.ID
			r.sim.Do(func(region *aliyunsim.Region) {
				if err := change(region.SLB, id); err != nil {
					t.Error(err)
				}
			})
			r.eventually("it is set right", func() bool { return len(r.recorded(event.LoadBalancerDriftRepaired)) > 0 })
			r.eventually("it is whole", func() bool { return whole(3)(r, s) == nil })
			lb := r.only(s)
			if weightsOf(lb) != "i-1=100 i-2=100 i-3=100" || lb.Listeners[0].Attributes["Scheduler"] != "wrr" || lb.Instance.ID != id {
				t.Errorf("after the repair: %+v", lb)
			}
		})
	}
}

// TestRepairIsToldWhicheverReadingShowsTheChange: an audit is not the only one that
// may be the first to read what was changed, or to repair it.
func TestRepairIsToldWhicheverReadingShowsTheChange(t *testing.T) {
	for name, read := range map[string]func(r *rig, c *controller, s *corev1.Service, clock *shifted){
		"a pass that trusts its memory no more": func(_ *rig, c *controller, _ *corev1.Service, clock *shifted) {
			clock.by.Store(int64(c.options.Settings.AuditPeriod + c.slack + time.Second))
			c.NodesChanged()
		},
		"a pass that looks for a second load balancer": func(_ *rig, c *controller, s *corev1.Service, _ *shifted) {
			c.memory.stray(key{uid: s.UID, role: ownership.RoleLoadBalancer})
			c.queue.Add(s.UID, reasonAudit)
		},
		"a pass whose repair fails": func(r *rig, c *controller, _ *corev1.Service, clock *shifted) {
			r.sim.Fault(fault.Rule{Kind: fault.Deny, Action: callAdd, Count: 1})
			clock.by.Store(int64(c.options.Settings.AuditPeriod + c.slack + time.Second))
			c.NodesChanged()
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, "instant", 3)
			clock := &shifted{}
			s := newService(1)
			c := r.living(s, func(o *Options) { o.Clock = clock })
			r.settle()
			id := r.only(s).Instance.ID
			r.sim.Do(func(region *aliyunsim.Region) {
				if err := region.SLB.RemoveBackend(id, "i-1"); err != nil {
					t.Error(err)
				}
			})
			read(r, c, s, clock)
			r.eventually("it is whole", func() bool { return whole(3)(r, s) == nil })
			r.eventually("it is told", func() bool { return len(r.recorded(event.LoadBalancerDriftRepaired)) == 1 })
		})
	}
}

// shifted is the real clock, ahead by something.
type shifted struct {
	clock.RealClock
	by atomic.Int64
}

func (s *shifted) Now() time.Time                       { return time.Now().Add(time.Duration(s.by.Load())) }
func (s *shifted) Since(moment time.Time) time.Duration { return s.Now().Sub(moment) }

func TestListenersAndTagsOfOthersStay(t *testing.T) {
	t.Parallel()
	r := newRig(t, "instant", 3)
	s := newService(1)
	r.living(s, audited)
	id := r.only(s).Instance.ID
	r.sim.Do(func(region *aliyunsim.Region) {
		if err := region.SLB.SetTag(id, "cost-centre", "42"); err != nil {
			t.Error(err)
		}
		if err := region.SLB.AddListener(id, simslb.ListenerSeed{Port: 8080, Protocol: "tcp", BackendPort: 30099}); err != nil {
			t.Error(err)
		}
	})
	r.eventually("it is told", func() bool {
		return strings.Contains(strings.Join(r.recorded(event.LoadBalancerNotAsAsked), " "), "tcp/8080 was made by hand")
	})
	r.settle()
	lb := r.only(s)
	if lb.Instance.Tags["cost-centre"] != "42" || len(lb.Listeners) != 2 || len(r.recorded(event.LoadBalancerDriftRepaired)) > 0 {
		t.Errorf("load balancer %+v", lb)
	}
}

func TestLoadBalancerDeletedByHandIsMadeAgain(t *testing.T) {
	t.Parallel()
	r := newRig(t, "instant", 3)
	s := newService(1)
	r.living(s, audited)
	old := r.only(s).Instance.ID
	r.sim.Do(func(region *aliyunsim.Region) {
		if err := region.SLB.RemoveLoadBalancer(old); err != nil {
			t.Error(err)
		}
	})
	r.eventually("there is another one, and the status shows it", func() bool { return whole(3)(r, s) == nil })
	if id := r.only(s).Instance.ID; id == old {
		t.Errorf("it still is %s", id)
	}
	if len(r.recorded(event.LoadBalancerVanished)) != 1 {
		t.Errorf("events %q", r.events)
	}
}

func TestLoadBalancerThatSomebodyTookIsLeftAlone(t *testing.T) {
	t.Parallel()
	r := newRig(t, "instant", 3)
	s := newService(1)
	c := r.living(s)
	id := r.only(s).Instance.ID
	c.stop()
	r.sim.Do(func(region *aliyunsim.Region) {
		if err := region.SLB.SetTag(id, ownership.TagClusterID, "another-cluster"); err != nil {
			t.Error(err)
		}
	})
	r.start()
	r.eventually("it is told", func() bool { return len(r.recorded(event.LoadBalancerNotOurs)) > 0 })
	r.remove(s)
	r.eventually("the finalizer is gone", func() bool { return r.removed(s) })
	if lb, err := r.eyes.Get(t.Context(), id); err != nil || !lb.DeleteProtection {
		t.Errorf("the other cluster's load balancer: %+v, %v", lb, err)
	}
}

func TestOrphansAreDeletedOnlyWhenWantedAndProven(t *testing.T) {
	for name, c := range map[string]struct {
		deletes bool
		want    *event.Reason
	}{"reported": {false, event.LoadBalancerOrphaned}, "deleted": {true, event.LoadBalancerOrphanDeleted}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, "instant", 3)
			s, other := newService(1), newService(2)
			c1 := r.living(s)
			r.create(other)
			r.eventually("the other has an address", func() bool { return r.address(other) != "" })
			c1.stop()
			if err := r.kube.CoreV1().Services(s.Namespace).Delete(t.Context(), s.Name, deleteNow); err != nil {
				t.Fatal(err)
			}
			r.start(func(o *Options) { o.DeleteOrphans = c.deletes })
			r.eventually("it is told", func() bool { return len(r.recorded(c.want)) == 1 })
			if left := len(r.all(s)); left > 0 == c.deletes {
				t.Errorf("%d load balancers of the gone Service", left)
			}
			if err := whole(3)(r, other); err != nil {
				t.Errorf("the other Service: %v", err)
			}
		})
	}
}

func TestSecondLoadBalancerOfAServiceIsDeleted(t *testing.T) {
	t.Parallel()
	r := newRig(t, "instant", 3)
	s := newService(1)
	r.living(s, audited)
	kept := r.only(s).Instance
	w := newWantedTwin(kept)
	if _, err := r.eyes.Create(t.Context(), w); err != nil {
		t.Fatal(err)
	}
	if n := len(r.all(s)); n != 2 {
		t.Fatalf("%d load balancers", n)
	}
	r.eventually("one is deleted", func() bool { return len(r.all(s)) == 1 })
	if id := r.only(s).Instance.ID; id != kept.ID || len(r.recorded(event.LoadBalancerDuplicateDeleted)) != 1 {
		t.Errorf("%s is left; events %q", id, r.events)
	}
}
