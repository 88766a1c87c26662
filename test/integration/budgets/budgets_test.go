package budgets

import (
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/kube-aliyun/kube-aliyun/test/rig"
	"github.com/kube-aliyun/kube-aliyun/test/scale/tally"
)

func TestCallsStayWithinTheBudgets(t *testing.T) {
	const nodes, joining, services = 50, 20, 12
	c := newCosts(t, nodes+2*joining, nil)
	size := tally.Size{N: nodes, S: services, P: 2, B: nodes, G: services, T: 1, R: nodes, C: nodes}

	t.Run("new Nodes are initialised and routed", func(t *testing.T) {
		c.spends(t, size.NodesInitialised(), func() {
			c.AddNodes(1, nodes)
			c.start()
			c.routed()
		})
	})
	ports := []corev1.ServicePort{rig.Port(80), rig.UDPPort(53)}
	t.Run("a Service is created", func(t *testing.T) {
		c.spends(t, size.ServiceCreated(), func() { c.serves(names(1, 1), ports...) })
	})
	t.Run("many Services are created at once", func(t *testing.T) {
		c.spends(t, (services-1)*size.ServiceCreated(), func() { c.serves(names(2, services), ports...) })
	})
	t.Run("nothing that matters changes", func(t *testing.T) {
		c.spends(t, 0, func() {
			for _, name := range names(1, services) {
				c.ChangeService(name, func(s *corev1.Service) {
					s.Labels = map[string]string{"example.com/label": "touched"}
					s.Annotations = map[string]string{"example.com/annotation": "touched"}
				})
			}
		})
	})
	t.Run("20 nodes join", func(t *testing.T) {
		c.T = t
		joined := size
		joined.C = joining
		// What comes together shares calls if it comes within some tenths of a
		// second; a machine that is busy with something else gets a second chance.
		err := c.joins(nodes+1, nodes+joining, joined.NodesJoin())
		if err != nil {
			t.Logf("once more with other nodes, because: %v", err)
			err = c.joins(nodes+joining+1, nodes+2*joining, joined.NodesJoin())
		} else {
			c.AddNodes(nodes+joining+1, nodes+2*joining)
			c.routed()
			c.settle()
		}
		if err != nil {
			t.Error(err)
		}
		size.N, size.R, size.B = nodes+2*joining, nodes+2*joining, nodes+2*joining
	})
	t.Run("20 nodes drain", func(t *testing.T) {
		c.T = t
		from := c.log.Mark()
		c.atOnce(func() {
			for number := size.N - joining + 1; number <= size.N; number++ {
				c.taint(t.Context(), number)
			}
		})
		c.weights(size.N, -1)
		c.settle()
		c.left(t, from, size)
	})
	t.Run("drained nodes are deleted", func(t *testing.T) {
		c.spends(t, 0, func() { c.remove(size.N-joining+1, size.N) })
	})
	t.Run("20 nodes leave", func(t *testing.T) {
		c.T = t
		from := c.log.Mark()
		last := size.N - joining
		c.atOnce(func() { c.remove(last-joining+1, last) })
		c.weights(last, -1)
		c.settle()
		c.left(t, from, size)
		size.N, size.R = last-joining, last-joining
	})
	t.Run("a restart finds everything as it was", func(t *testing.T) {
		c.T = t
		c.controller.Terminate()
		c.settle()
		start := time.Now()
		calls := c.spends(t, size.Restart(), func() { c.start() })
		if took := time.Since(start); took > time.Minute {
			t.Errorf("quiet after %s, want 60 s at most", took)
		}
		if len(calls.Writes) > 0 {
			t.Errorf("a restart that found nothing to do has written: %v", calls.Writes)
		}
	})
	t.Run("nothing happens", func(t *testing.T) {
		c.T = t
		c.controller.Terminate()
		// The periods of ten minutes and of five, ten times as fast. What was read at
		// the start is audited a period later.
		c.start("--route-reconciliation-period=1m", "--load-balancer-audit-period=1m", "--node-status-update-frequency=30s", "--min-resync-period=5s")
		c.watch(12 * time.Second)
		from := c.log.Mark()
		c.watch(58 * time.Second)
		calls := c.spent(t, from, size.Idle()+leftLists, nil)
		if len(calls.Writes) > 0 {
			t.Errorf("an idle controller has written: %v", calls.Writes)
		}
		for _, action := range []string{"DescribeRouteEntryList", "DescribeLoadBalancers", "DescribeLoadBalancerAttribute"} {
			if calls.Work[action] == 0 {
				t.Errorf("an idle controller looks for drift with %s too:\n%s", action, calls)
			}
		}
	})
	t.Run("Services are deleted", func(t *testing.T) {
		c.T = t
		c.controller.Terminate()
		c.start()
		c.settle()
		c.spends(t, size.ServiceDeleted(), func() { c.gone(names(1, 1)...) })
		c.spends(t, (services-1)*size.ServiceDeleted(), func() { c.gone(names(2, services)...) })
		if left := c.LoadBalancers(); len(left) > 0 {
			t.Errorf("load balancers are left over: %v", left)
		}
	})
}

// leftLists is the one listing of access control lists in a process's life, in a
// cluster that has none; it is in the first audit period.
const leftLists = 1
