//go:build nightly

package chaos

import (
	"fmt"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/api"
	"github.com/kube-aliyun/kube-aliyun/test/rig"
)

// many are more servers than one call can add to a load balancer.
const many = 25

// mixed are ports of both protocols, also on one number.
func mixed() []corev1.ServicePort {
	return []corev1.ServicePort{rig.Port(80), rig.UDPPort(80), rig.Port(443), rig.UDPPort(53)}
}

// changing changes one Service after the other, each a new one.
func (w *world) changing(name string, more int, change func(n int, s *corev1.Service)) scenario {
	return scenario{
		name: name, product: api.SLB, more: more,
		prepare: func(n int) { w.living(serviceName(n), 3, mixed()...) },
		act:     func(n int) { w.ChangeService(serviceName(n), func(s *corev1.Service) { change(n, s) }) },
		problem: func(n int) string {
			if all := w.LoadBalancers(); len(all) != n {
				return fmt.Sprintf("%d load balancers for %d Services: %s", len(all), n, describe(all))
			}
			return w.serviceWhole(serviceName(n), servers(1, 3)...)
		},
	}
}

// crowding are many Nodes that join at once, and become backends of a Service.
func (w *world) crowding() scenario {
	return scenario{
		name: "Nodes that join", product: api.SLB, more: 2, args: []string{"--backends-per-load-balancer=200"},
		prepare: func(n int) {
			if n == 1 {
				w.AddNodes(1, 3)
				w.living("web", 3, mixed()...)
			}
		},
		act: func(n int) { w.AddNodes(3+many*(n-1)+1, 3+many*n) },
		problem: func(n int) string {
			if all := w.LoadBalancers(); len(all) != 1 {
				return "too many: " + describe(all)
			}
			return w.serviceWhole("web", servers(1, 3+many*n)...)
		},
	}
}

// retyping is the change of a Service's type to one without a load balancer.
func (w *world) retyping() scenario {
	uids := map[int]types.UID{}
	return scenario{
		name: "a Service that becomes internal", product: api.SLB, more: 2,
		prepare: func(n int) { uids[n] = w.living(serviceName(n), 3, mixed()...) },
		act:     func(n int) { w.setType(serviceName(n), corev1.ServiceTypeClusterIP) },
		problem: func(n int) string {
			if all := w.LoadBalancers(); len(all) > 0 {
				return "left over: " + describe(all)
			}
			if s := w.Service(serviceName(n)); len(s.Finalizers) > 0 || len(s.Status.LoadBalancer.Ingress) > 0 {
				return fmt.Sprintf("Service %s has %v and %v", s.Name, s.Finalizers, s.Status.LoadBalancer.Ingress)
			}
			return ""
		},
	}
}

// leaving is a Node that is deleted; the others must stay whole.
func (w *world) leaving(last int) scenario {
	return scenario{
		name: "a deleted Node", product: api.VPC, more: 2,
		act: func(n int) {
			if err := w.Fleet.Remove(w.T.Context(), rig.NodeName(last+1-n)); err != nil {
				w.T.Fatal(err)
			}
		},
		problem: func(int) string { return w.nodesWhole() },
	}
}

// table are all scenarios, each over a region of its own.
var table = map[string]struct {
	options rig.Options
	make    func(w *world) scenario
}{
	"create": {rig.Options{Servers: many}, func(w *world) scenario { return w.creating("a new Service", many, mixed()...) }},
	"delete": {rig.Options{Servers: many}, func(w *world) scenario { return w.deleting("a deleted Service", many, mixed()...) }},
	"retype": {rig.Options{Servers: 3}, func(w *world) scenario { return w.retyping() }},
	"node port": {rig.Options{Servers: 3}, func(w *world) scenario {
		return w.changing("a changed node port", 4, func(n int, s *corev1.Service) { s.Spec.Ports[0].NodePort = int32(30000 + n) })
	}},
	"all node ports": {rig.Options{Servers: 3}, func(w *world) scenario {
		return w.changing("changed node ports", 4, func(n int, s *corev1.Service) {
			for i := range s.Spec.Ports {
				s.Spec.Ports[i].NodePort = int32(30000 + 10*n + i)
			}
		})
	}},
	"port": {rig.Options{Servers: 3}, func(w *world) scenario {
		return w.changing("a port exchanged for another", 3, func(n int, s *corev1.Service) { s.Spec.Ports[0].Port = int32(8000 + n) })
	}},
	"nodes join":         {rig.Options{Servers: 180, NoNodes: true}, func(w *world) scenario { return w.crowding() }},
	"node join, routes":  {rig.Options{Servers: 30, NoNodes: true}, func(w *world) scenario { return w.joining(api.VPC, 2) }},
	"node join, servers": {rig.Options{Servers: 30, NoNodes: true}, func(w *world) scenario { return w.joining(api.ECS, 3) }},
	"node leave":         {rig.Options{Servers: 12}, func(w *world) scenario { return w.leaving(12) }},
}

func TestDeathAtEachCallOfEverything(t *testing.T) {
	for name, row := range table {
		for _, when := range []moment{unheard, unanswered} {
			t.Run(fmt.Sprintf("%s, %s", name, when), func(t *testing.T) {
				w := newWorld(t, row.options)
				w.killAtEachCall(row.make(w), when)
			})
		}
	}
}
