package loadbalancer

import (
	"fmt"
	"maps"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/slb"
	"github.com/kube-aliyun/kube-aliyun/pkg/loadbalancer/build"
	"github.com/kube-aliyun/kube-aliyun/pkg/nodewatch"
)

// The calls that budgets are made of.
const (
	callList      = "DescribeLoadBalancers"
	callListeners = "DescribeLoadBalancerListeners"
	callGet       = "DescribeLoadBalancerAttribute"
	callCreate    = "CreateLoadBalancer"
	callAdd       = "AddBackendServers"
	callSet       = "SetBackendServers"
	callRemove    = "RemoveBackendServers"
	callCreateTCP = "CreateLoadBalancerTCPListener"
	callCreateUDP = "CreateLoadBalancerUDPListener"
	callStart     = "StartLoadBalancerListener"
	callUnprotect = "SetLoadBalancerDeleteProtection"
	callDelete    = "DeleteLoadBalancer"
)

// spent compares the calls since the last reset with a budget, the shared looks
// at listeners that are waited for apart when waits is set.
func (r *rig) spent(what string, waits bool, want map[string]int) {
	r.t.Helper()
	calls := maps.Clone(r.sim.Counts())
	if waits {
		delete(calls, callListeners)
	}
	for action, n := range want {
		if n == 0 {
			delete(want, action)
		}
	}
	if diff := cmp.Diff(want, calls); diff != "" {
		r.t.Errorf("%s: calls differ from the budget (-budget +spent):\n%s", what, diff)
	}
}

func TestCreateAndDeleteKeepTheirBudgets(t *testing.T) {
	for _, servers := range []int{3, 50, 200, 400} {
		for _, ports := range []int{1, 5, 10} {
			t.Run(fmt.Sprintf("N=%d,P=%d", servers, ports), func(t *testing.T) {
				t.Parallel()
				keepsBudgets(t, servers, ports)
			})
		}
	}
}

func keepsBudgets(t *testing.T, servers, ports int) {
	r := newRig(t, "std", servers)
	r.start(func(o *Options) { o.Settings.BackendsPerLoadBalancer = build.MaxBackends }).surveyed()
	r.sim.ResetCounters()
	s := newService(1, withPorts(ports))
	begin := time.Now()
	r.create(s)
	r.eventually("the Service has an address", func() bool { return r.address(s) != "" })
	t.Logf("it has an address after %.1f s", time.Since(begin).Seconds())
	waiting := r.sim.Counts()[callListeners]
	if waiting > 3 {
		t.Errorf("%d looks at listeners that start within 300 ms", waiting)
	}
	r.settle()
	const perCall = slb.MaxBackends
	r.spent("create", true, map[string]int{
		callList: 1, callCreate: 1, callAdd: (min(servers, build.MaxBackends) + perCall - 1) / perCall,
		callCreateTCP: (ports + 1) / 2, callCreateUDP: ports / 2, callStart: ports,
	})
	r.sim.ResetCounters()
	r.change(s, func(s *corev1.Service) { s.Annotations = map[string]string{"example.com/unrelated": "x"} })
	r.settle()
	r.spent("resync", false, map[string]int{})
	r.remove(s)
	r.eventually("the finalizer is gone", func() bool { return r.removed(s) })
	r.spent("delete", false, map[string]int{callList: 1, callUnprotect: 1, callDelete: 1})
}

func TestNodeChangesCostOneCallForEachGroup(t *testing.T) {
	const services = 8
	t.Parallel()
	r := newRig(t, "std", 30)
	r.window = nodewatch.Window{Quiet: 2 * time.Second, Max: 10 * time.Second}
	for n := 11; n <= 30; n++ {
		r.removeNode(n)
	}
	r.start()
	all := make([]*corev1.Service, 0, services)
	for n := range services {
		s := newService(n+1, withPorts(2))
		all = append(all, s)
		r.create(s)
	}
	r.eventually("all have addresses", func() bool {
		for _, s := range all {
			if r.address(s) == "" {
				return false
			}
		}
		return true
	})
	r.settle()
	step := func(what string, change func(n int), want map[string]int) {
		r.sim.ResetCounters()
		for n := 11; n <= 30; n++ {
			change(n)
		}
		r.eventually(what, func() bool { return r.total() >= services })
		r.settle()
		r.spent(what, false, want)
	}
	step("20 nodes join", r.addNode, map[string]int{callAdd: services})
	step("20 nodes drain", func(n int) {
		r.changeNode(n, func(node *corev1.Node) {
			node.Spec.Taints = append(node.Spec.Taints, corev1.Taint{Key: taintToBeDeleted, Effect: corev1.TaintEffectNoSchedule})
		})
	}, map[string]int{callSet: services})
	step("20 nodes leave", r.removeNode, map[string]int{callRemove: services})
}

func TestRestartReadsOnceAndWritesNothing(t *testing.T) {
	const services = 23
	t.Parallel()
	r := newRig(t, "instant", 5)
	first := r.start()
	all := make([]*corev1.Service, 0, services)
	for n := range services {
		s := newService(n+1, withPorts(2))
		all = append(all, s)
		r.create(s)
	}
	ready := func() bool {
		for _, s := range all {
			if r.address(s) == "" {
				return false
			}
		}
		return true
	}
	r.eventually("all have addresses", ready)
	first.stop()
	r.sim.ResetCounters()
	r.start()
	r.eventually("the survey is over", func() bool { return r.sim.Counts()[callGet] >= services })
	r.settle()
	r.spent("restart", false, map[string]int{callList: 1, callListeners: (services + 9) / 10, callGet: services})
}

func TestIdleAuditKeepsItsBudget(t *testing.T) {
	const services = 23
	t.Parallel()
	r := newRig(t, "instant", 5)
	all := make([]*corev1.Service, 0, services)
	period := 2500 * time.Millisecond
	r.start(func(o *Options) { o.Settings.AuditPeriod = period })
	for n := range services {
		s := newService(n + 1)
		all = append(all, s)
		r.create(s)
	}
	r.eventually("all have addresses", func() bool {
		for _, s := range all {
			if r.address(s) == "" {
				return false
			}
		}
		return true
	})
	timer := time.NewTimer(period) // a whole rotation, so that all take turns
	<-timer.C
	r.sim.ResetCounters()
	timer.Reset(period)
	<-timer.C
	calls := r.sim.Counts()
	if calls[callList] > 1 || calls[callListeners] > (services+9)/10+1 || calls[callGet] > services+10 || calls[callGet] == 0 || len(calls) > 3 {
		t.Errorf("calls in a period: %v", calls)
	}
}
