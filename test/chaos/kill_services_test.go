package chaos

import (
	"fmt"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/api"
	"github.com/kube-aliyun/kube-aliyun/test/rig"
)

func serviceName(n int) string { return fmt.Sprintf("web-%d", n) }

// creating is the creation of a Service with these ports over all servers.
func (w *world) creating(name string, count int, ports ...corev1.ServicePort) scenario {
	return scenario{
		name: name, product: api.SLB, more: 2 + 2*len(ports),
		act: func(n int) { w.CreateService(serviceName(n), nil, ports...) },
		problem: func(n int) string {
			// The earlier ones must stay right, too.
			for i := 1; i <= n; i++ {
				if problem := w.serviceWhole(serviceName(i), servers(1, count)...); problem != "" {
					return problem
				}
			}
			if all := w.LoadBalancers(); len(all) != n {
				return fmt.Sprintf("%d load balancers for %d Services: %s", len(all), n, describe(all))
			}
			return ""
		},
	}
}

// living makes a Service with these ports, and waits until it is whole.
func (w *world) living(name string, count int, ports ...corev1.ServicePort) types.UID {
	w.T.Helper()
	s := w.CreateService(name, nil, ports...)
	w.await(longEnough, "Service "+name+" is whole", func() string { return w.serviceWhole(name, servers(1, count)...) })
	return s.UID
}

// deleting is the deletion of a Service with these ports over all servers.
func (w *world) deleting(name string, count int, ports ...corev1.ServicePort) scenario {
	uids := map[int]types.UID{}
	return scenario{
		name: name, product: api.SLB, more: 2,
		prepare: func(n int) { uids[n] = w.living(serviceName(n), count, ports...) },
		act:     func(n int) { w.DeleteService(serviceName(n)) },
		problem: func(n int) string {
			if all := w.LoadBalancers(); len(all) > 0 {
				return "left over: " + describe(all)
			}
			return w.serviceGone(serviceName(n), uids[n])
		},
	}
}

func TestServiceCreationSurvivesADeathAfterEachCall(t *testing.T) {
	w := newWorld(t, rig.Options{Servers: 3})
	w.killAtEachCall(w.creating("a new Service", 3, rig.Port(80)), unanswered)
}

// The death after the deletion itself is in the long table: the successor then
// waits until no listing can be late any more.
func TestServiceDeletionSurvivesADeathBeforeEachCall(t *testing.T) {
	w := newWorld(t, rig.Options{Servers: 3})
	w.killAtEachCall(w.deleting("a deleted Service", 3, rig.Port(80)), unheard)
}
