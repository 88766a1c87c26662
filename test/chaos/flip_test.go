package chaos

import (
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/api"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/fault"
	"github.com/kube-aliyun/kube-aliyun/test/rig"
)

// lag is how late a new and a deleted load balancer show in these tests.
const lag = 2 * time.Second

// slowIndexes makes the region's listings late.
func (w *world) slowIndexes() {
	w.Sim.Knobs(func(k *api.Knobs) { k.GetLag, k.ListLag, k.TagLag, k.DeleteLag = lag, lag, lag, lag })
}

func (w *world) setType(name string, kind corev1.ServiceType) {
	w.T.Helper()
	w.ChangeService(name, func(s *corev1.Service) { s.Spec.Type = kind })
}

// killAtAction kills a replica after a call of an action was carried out.
func (w *world) killAtAction(victim *rig.Controller, action string) (struck <-chan struct{}) {
	dead := make(chan struct{})
	w.Sim.Fault(fault.Rule{Action: action, Count: 1, Kind: fault.DropReply, After: func(fault.Event) {
		victim.Kill()
		close(dead)
	}})
	return dead
}

// flip is a way to change a type there and back again.
type flip struct {
	late bool
	// deadly is the action after which the controller is killed; empty for none.
	deadly string
	// gone waits until the load balancer is deleted before the type changes back.
	gone bool
}

// turn plays a flip with a Service of its own, and returns how long it took to be
// whole again.
func (w *world) turn(c *rig.Controller, f flip) time.Duration {
	w.T.Helper()
	w.living("web", 2, rig.Port(80))
	var dead <-chan struct{}
	if f.deadly != "" {
		dead = w.killAtAction(c, f.deadly)
	}
	killed := func() {
		w.T.Helper()
		w.await(longEnough, "the controller is killed", func() string {
			if closed(dead) {
				return ""
			}
			return "it lives"
		})
		w.start(alone)
	}
	start := time.Now()
	w.setType("web", corev1.ServiceTypeClusterIP)
	switch {
	case f.gone:
		w.await(longEnough, "the load balancer is deleted", func() string { return describe(w.LoadBalancers()) })
	case dead != nil:
		// Changed back at once, the type may never be seen to have changed.
		killed()
	}
	w.setType("web", corev1.ServiceTypeLoadBalancer)
	if dead != nil && f.gone {
		killed()
	}
	w.await(longEnough, "the Service is whole again", func() string { return w.serviceWhole("web", servers(1, 2)...) })
	took := time.Since(start)
	w.Never(lag+time.Second, "later there is another number of load balancers than one", func() (bool, string) {
		all := w.LoadBalancers()
		return len(all) != 1, describe(all)
	})
	w.settle()
	if problem := w.serviceWhole("web", servers(1, 2)...); problem != "" {
		w.T.Error(problem)
	}
	return took
}

func playFlips(t *testing.T, flips map[string]flip) {
	t.Helper()
	for name, f := range flips {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, rig.Options{Servers: 2})
			c := w.startWhole()
			if f.late {
				w.slowIndexes()
			}
			t.Logf("whole again after %s", w.turn(c, f).Round(10*time.Millisecond))
		})
	}
}

func TestTypeChangedThereAndBackLeavesOneLivingLoadBalancer(t *testing.T) {
	playFlips(t, map[string]flip{
		"after the deletion, listings late":        {gone: true, late: true},
		"killed at the re-creation, listings late": {deadly: "CreateLoadBalancer", gone: true, late: true},
	})
}
