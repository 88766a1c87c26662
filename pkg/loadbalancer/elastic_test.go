package loadbalancer

import (
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	cloudprovider "k8s.io/cloud-provider"
	"k8s.io/utils/clock"

	"github.com/kube-aliyun/kube-aliyun/pkg/event"
	"github.com/kube-aliyun/kube-aliyun/pkg/loadbalancer/annotation"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim"
)

const callEIPs = "DescribeEipAddresses"

// ahead is a clock that a test puts forward.
type ahead struct {
	clock.RealClock
	by atomic.Int64
}

func (a *ahead) Now() time.Time                  { return a.RealClock.Now().Add(time.Duration(a.by.Load())) }
func (a *ahead) Since(t time.Time) time.Duration { return a.Now().Sub(t) }
func (a *ahead) put(d time.Duration)             { a.by.Add(int64(d)) }

// bind binds an elastic IP to a load balancer as somebody does in the console.
func (r *rig) bind(address, id string) {
	r.t.Helper()
	r.sim.Do(func(region *aliyunsim.Region) {
		if err := region.VPC.AttachEIP(time.Now(), address, id, "SlbInstance"); err != nil {
			r.t.Error(err)
		}
	})
}

func elastic(s *corev1.Service) {
	annotate(s, annotation.AddressType, "intranet")
	annotate(s, annotation.ExternalIPType, "eip")
}

// elasticDesk is a desk with one intranet load balancer that shows its elastic IP.
func elasticDesk(t *testing.T) (*desk, *ahead, *corev1.Service) {
	t.Helper()
	x := newDesk(t, "")
	now := &ahead{}
	x.controller.stop()
	x.controller = x.start(x.lists, func(o *Options) { o.Clock = now }).surveyed()
	return x, now, newService(1, elastic)
}

// shows gives the Service to the controller, which shows an address then and lists
// the elastic IPs so many times.
func (x *desk) shows(s *corev1.Service, want string, lists int) {
	x.t.Helper()
	if _, err := x.ensure(s); err != nil {
		x.t.Fatalf("%v; events %q", err, x.events)
	}
	if got := x.statuses[s.Name].Ingress; len(got) != 1 || got[0].IP != want {
		x.t.Errorf("the status shows %v, want %s", got, want)
	}
	if n := x.sim.Counts()[callEIPs]; n != lists {
		x.t.Errorf("%d listings of elastic IPs, want %d", n, lists)
	}
}

func TestTheElasticIPOfALoadBalancerIsShownOnceItIsBound(t *testing.T) {
	t.Parallel()
	x, now, s := elasticDesk(t)
	if _, err := x.ensure(s); err != nil {
		t.Fatal(err)
	}
	lb := x.only(s).Instance
	if told := x.recorded(event.LoadBalancerNoElasticIP); len(told) != 1 || !strings.Contains(told[0], lb.ID) {
		t.Errorf("told %q", told)
	}
	x.shows(s, lb.Address, 0) // it was looked for a moment ago
	x.bind("47.96.1.1", lb.ID)
	now.put(elasticAgain)
	x.shows(s, "47.96.1.1", 1)
	x.shows(s, "47.96.1.1", 0)

	other := newService(2, elastic)
	if _, err := x.ensure(other); err != nil {
		t.Fatal(err)
	}
	if n := x.sim.Counts()[callEIPs]; n != 0 {
		t.Errorf("another Service cost %d listings", n)
	}
	annotate(other, annotation.ExternalIPType, "")
	if _, err := x.ensure(other); err != nil { // else it looks for its own when the clock is put forward
		t.Fatal(err)
	}

	x.sim.Do(func(region *aliyunsim.Region) { region.VPC.TargetReleased(lb.ID) })
	now.put(10 * time.Minute)
	x.shows(s, lb.Address, 1)

	annotate(s, annotation.ExternalIPType, "EIP")
	if _, err := x.ensure(s); !errors.Is(err, cloudprovider.ImplementedElsewhere) {
		t.Errorf("a wrong value: %v", err)
	}
	annotate(s, annotation.ExternalIPType, "")
	now.put(10 * time.Minute)
	x.shows(s, lb.Address, 0)
}

func TestTheStatusFollowsAnElasticIPWithoutAChangeOfTheService(t *testing.T) {
	t.Parallel()
	r := newRig(t, "instant", 3)
	now := &ahead{}
	c := r.start(func(o *Options) { o.Clock = now })
	s := newService(1, elastic)
	r.create(s)
	r.eventually("it shows its own address", func() bool { return r.address(s) != "" })
	lb := r.only(s).Instance
	r.bind("47.96.1.1", lb.ID)
	now.put(elasticAgain)
	c.queue.Add(s.UID, reasonElastic)
	r.eventually("it shows the elastic IP", func() bool { return r.address(s) == "47.96.1.1" })
	c.stop()
	second := r.start().surveyed()
	r.eventually("the next life has seen it", func() bool { return second.memory.idOf(key{s.UID, roles[0]}) == lb.ID })
	if got, all := r.address(s), r.all(s); got != "47.96.1.1" || len(all) != 1 {
		t.Errorf("after a restart the status shows %s of %d load balancers", got, len(all))
	}
	r.remove(s)
	r.eventually("the finalizer is gone", func() bool { return r.removed(s) })
	if lbs := r.all(s); len(lbs) > 0 {
		t.Errorf("load balancers are left: %v", lbs)
	}
	r.sim.Do(func(region *aliyunsim.Region) {
		if target, bound := region.VPC.EIPTarget("47.96.1.1"); bound {
			t.Errorf("the elastic IP is bound to %s, which is gone", target)
		}
	})
	for _, e := range r.sim.Journal() {
		if e.Mutating && strings.Contains(e.Action, "Eip") {
			t.Errorf("the user's elastic IP was touched: %s", e.Action)
		}
	}
}

func TestElasticIPsThatCannotBeShownAreRefused(t *testing.T) {
	t.Parallel()
	x := newDesk(t, "")
	public := newService(1, func(s *corev1.Service) { annotate(s, annotation.ExternalIPType, "eip") })
	x.refuses("of a public one", annotated{key: annotation.ExternalIPType}, public, event.LoadBalancerRefused)
	if lbs := x.all(public); len(lbs) > 0 {
		t.Errorf("load balancers %v", lbs)
	}

	x.controller.stop()
	x.controller = x.start(x.lists, func(o *Options) { o.APIEndpoints = []string{"47.96.1.1"} }).surveyed()
	s := newService(2, func(s *corev1.Service) { annotate(s, annotation.AddressType, "intranet") })
	if _, err := x.ensure(s); err != nil {
		t.Fatal(err)
	}
	x.bind("47.96.1.1", x.only(s).Instance.ID)
	elastic(s)
	x.statuses = map[string]corev1.LoadBalancerStatus{}
	if _, err := x.ensure(s); !errors.Is(err, cloudprovider.ImplementedElsewhere) || len(x.statuses) > 0 {
		t.Errorf("that of the API server: %v, %v", err, x.statuses)
	}
	if told := x.recorded(event.LoadBalancerRefused); !slices.ContainsFunc(told, func(text string) bool { return strings.Contains(text, "47.96.1.1") }) {
		t.Errorf("told %q", told)
	}
}

func TestALoadBalancerWhoseElasticIPOrNameIsShownIsTakenOver(t *testing.T) {
	t.Parallel()
	for name, ingress := range map[string]corev1.LoadBalancerIngress{"elastic IP": {IP: "47.96.1.1"}, "host name": {Hostname: "web.example.com"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, "instant", 3)
			s := newService(1, served)
			if ingress.IP != "" {
				elastic(s)
			} else {
				annotate(s, annotation.Hostname, ingress.Hostname)
			}
			s.Status.LoadBalancer.Ingress = []corev1.LoadBalancerIngress{ingress}
			seed := official(s)
			if ingress.IP != "" {
				seed.AddressType, seed.Address, seed.VSwitch = "intranet", "192.168.0.240", aliyunsim.SmallVSwitchH
			}
			r.seed(seed)
			r.bind("47.96.1.1", seed.ID)
			r.create(s)
			r.start()
			r.eventually("it is taken over", func() bool { return len(r.recorded(event.LoadBalancerTakenOver)) == 1 && len(r.all(s)) == 1 })
			r.eventually("the status is kept", func() bool {
				got := r.service(s).Status.LoadBalancer.Ingress
				return len(got) == 1 && got[0].IP == ingress.IP && got[0].Hostname == ingress.Hostname && len(got[0].Ports) == 1
			})
			if n := r.sim.Counts()[callCreate]; n > 0 {
				t.Errorf("%d load balancers were created beside it", n)
			}
		})
	}
}
