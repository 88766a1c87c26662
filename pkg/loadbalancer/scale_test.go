package loadbalancer

import (
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/kube-aliyun/kube-aliyun/pkg/loadbalancer/build"
)

// BenchmarkFiftyServices prints how long 50 Services take with 51 nodes and the
// profile "std": created at once, after a node joined, deleted at once.
func BenchmarkFiftyServices(b *testing.B) {
	const services, nodes = 50, 51
	for b.Loop() {
		r := newRig(b, "std", nodes)
		r.removeNode(nodes)
		c := r.start()
		r.settle()
		all := make([]*corev1.Service, 0, services)
		for n := range services {
			all = append(all, newService(n+1))
		}
		every := func(what string, condition func(*corev1.Service) bool) float64 {
			begin := time.Now()
			for _, s := range all {
				r.eventually(what, func() bool { return condition(s) })
			}
			return time.Since(begin).Seconds()
		}
		r.sim.ResetCounters()
		begin := time.Now()
		for _, s := range all {
			r.create(s)
		}
		every("created", func(s *corev1.Service) bool { return r.address(s) != "" })
		b.ReportMetric(time.Since(begin).Seconds(), "s-create")
		b.ReportMetric(float64(r.total()), "calls-create")
		b.ReportMetric(float64(r.sim.Counts()[callListeners]), "looks-create")
		r.settle()
		r.sim.ResetCounters()
		begin = time.Now()
		r.changeNode(1, func(n *corev1.Node) { n.Spec.Taints = append(n.Spec.Taints, corev1.Taint{Key: taintToBeDeleted}) })
		r.eventually("drained", func() bool { return r.sim.CountsByCode()[callSet]["OK"] == services })
		b.ReportMetric(time.Since(begin).Seconds(), "s-node")
		b.ReportMetric(float64(r.total()), "calls-node")
		r.settle()
		r.sim.ResetCounters()
		begin = time.Now()
		for _, s := range all {
			r.remove(s)
		}
		every("deleted", r.removed)
		b.ReportMetric(time.Since(begin).Seconds(), "s-delete")
		b.ReportMetric(float64(r.total()), "calls-delete")
		c.stop()
	}
}

// BenchmarkTenPortsTwoHundredServers prints how long one large Service takes with
// the profile "std".
func BenchmarkTenPortsTwoHundredServers(b *testing.B) {
	for b.Loop() {
		r := newRig(b, "std", build.MaxBackends)
		c := r.start(func(o *Options) { o.Settings.BackendsPerLoadBalancer = build.MaxBackends }).surveyed()
		s := newService(1, withPorts(10))
		r.sim.ResetCounters()
		begin := time.Now()
		r.create(s)
		r.eventually("created", func() bool { return r.address(s) != "" })
		b.ReportMetric(time.Since(begin).Seconds(), "s-create")
		b.ReportMetric(float64(r.total()), "calls-create")
		c.stop()
	}
}
