package loadbalancer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/ecs"
	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/slb"
	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/transport"
	"github.com/kube-aliyun/kube-aliyun/pkg/loadbalancer/annotation"
	"github.com/kube-aliyun/kube-aliyun/pkg/loadbalancer/classes"
	"github.com/kube-aliyun/kube-aliyun/pkg/loadbalancer/plan"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/api"
)

// death is a transport that dies with its process at one call: before it is sent,
// or after it was carried out and before its answer is heard.
type death struct {
	inner transport.Doer
	after bool
	died  chan struct{}

	mu    sync.Mutex
	armed bool
	left  int
	dead  bool
}

var errDead = errors.New("the process is dead")

// arm lets the process die at the n-th call from now on.
func (d *death) arm(n int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.armed, d.left = true, n
}

// strikes reports whether this call is the last one; gone, that it is too late.
func (d *death) strikes() (strikes, gone bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.dead {
		return false, true
	}
	if d.armed {
		d.left--
		d.dead = d.left == 0
	}
	return d.dead, false
}

func (d *death) Do(ctx context.Context, call transport.Call) error {
	strikes, gone := d.strikes()
	if gone {
		return errDead
	}
	if !strikes {
		return d.inner.Do(ctx, call)
	}
	defer close(d.died)
	if d.after {
		return errors.Join(errDead, d.inner.Do(ctx, call))
	}
	return errDead
}

// scenario is something that happens to a Service, whatever becomes of the
// controller meanwhile.
type scenario struct {
	// rig makes the region; nil: newRig.
	rig     func(t testing.TB, profile string, servers int) *rig
	service func() *corev1.Service
	// options change those of the controllers.
	options func(*Options)
	// living: the Service's load balancer is there and right before act.
	living bool
	act    func(r *rig, s *corev1.Service)
	// right reports whether everything is as it should be in the end.
	right func(r *rig, s *corev1.Service) error
}

// whole reports why a Service's load balancer is not the only one, complete and
// running, with nothing left over.
func whole(servers int) func(r *rig, s *corev1.Service) error {
	return func(r *rig, s *corev1.Service) error {
		lb, err := r.look(s)
		if err != nil {
			return err
		}
		now := r.service(s)
		if r.address(s) != lb.Instance.Address {
			return fmt.Errorf("the status shows %q, the load balancer has %q", r.address(s), lb.Instance.Address)
		}
		if len(lb.Listeners) != len(now.Spec.Ports) {
			return fmt.Errorf("%d listeners for %d ports", len(lb.Listeners), len(now.Spec.Ports))
		}
		used := map[string]bool{}
		for i := range now.Spec.Ports {
			p := &now.Spec.Ports[i]
			key := slb.ListenerKey{Protocol: slb.TCP, Port: int(p.Port)}
			if p.Protocol == corev1.ProtocolUDP {
				key.Protocol = slb.UDP
			}
			if err := serves(lb, key, int(p.NodePort), servers); err != nil {
				return err
			}
			used[lb.Listener(key).GroupID] = true
		}
		if !used[""] && len(lb.Backends) > 0 {
			return errors.New("the default group is not used and not empty")
		}
		groups, err := r.eyes.Groups(r.t.Context(), lb.Instance.ID)
		if err != nil {
			return err
		}
		for _, g := range groups {
			if !used[g.ID] {
				return fmt.Errorf("group %s is left over", g.Name)
			}
		}
		return nil
	}
}

// serves reports why a listener does not send to so many servers at a port.
func serves(lb *plan.Actual, key slb.ListenerKey, port, servers int) error {
	l := lb.Listener(key)
	if l == nil || l.Status != slb.ListenerRunning {
		return fmt.Errorf("listener %s is %+v", key, l)
	}
	members := lb.Backends
	if l.GroupID == "" && l.BackendPort != port {
		return fmt.Errorf("listener %s sends to port %d, not %d", key, l.BackendPort, port)
	}
	if l.GroupID != "" {
		i := slices.IndexFunc(lb.Groups, func(g slb.Group) bool { return g.ID == l.GroupID })
		if i < 0 {
			return fmt.Errorf("listener %s uses the unknown group %s", key, l.GroupID)
		}
		members = lb.Groups[i].Backends
		if slices.ContainsFunc(members, func(b slb.Backend) bool { return b.Port != port }) {
			return fmt.Errorf("listener %s sends to %v, not to port %d", key, members, port)
		}
	}
	if len(members) != servers {
		return fmt.Errorf("listener %s has %d servers, not %d", key, len(members), servers)
	}
	return nil
}

func nothingLeft(r *rig, s *corev1.Service) error {
	if !r.removed(s) {
		return errors.New("the finalizer is there")
	}
	if left := r.all(s); len(left) > 0 {
		return fmt.Errorf("load balancers are left: %v", left)
	}
	return nil
}

var table = map[string]scenario{
	"create": {
		service: func() *corev1.Service { return newService(1, withPorts(2)) },
		act:     func(r *rig, s *corev1.Service) { r.create(s) },
		right:   whole(3),
	},
	"delete": {
		service: func() *corev1.Service { return newService(1) }, living: true,
		act:   func(r *rig, s *corev1.Service) { r.remove(s) },
		right: nothingLeft,
	},
	"type changed": {
		service: func() *corev1.Service { return newService(1) }, living: true,
		act: func(r *rig, s *corev1.Service) {
			r.change(s, func(s *corev1.Service) { s.Spec.Type = corev1.ServiceTypeClusterIP })
		},
		right: nothingLeft,
	},
	"port added and removed": {
		service: func() *corev1.Service { return newService(1, withPorts(2)) }, living: true,
		act: func(r *rig, s *corev1.Service) {
			r.change(s, func(s *corev1.Service) {
				s.Spec.Ports[0].Port = 8080
			})
		},
		right: whole(3),
	},
	"node port changed": {
		service: func() *corev1.Service { return newService(1) }, living: true,
		act: func(r *rig, s *corev1.Service) {
			r.change(s, func(s *corev1.Service) { s.Spec.Ports[0].NodePort = 32111 })
		},
		right: whole(3),
	},
	"create of our class": {
		service: func() *corev1.Service { return newService(1, ofClass(classes.Class)) },
		act:     func(r *rig, s *corev1.Service) { r.create(s) },
		right:   whole(3),
	},
	"delete of our class": {
		service: func() *corev1.Service { return newService(1, ofClass(classes.Class)) }, living: true,
		act:   func(r *rig, s *corev1.Service) { r.remove(s) },
		right: nothingLeft,
	},
	"two families created": {
		rig: newDualRig, service: func() *corev1.Service { return newService(1, dualStack(corev1.IPFamilyPolicyRequireDualStack)) },
		act:   func(r *rig, s *corev1.Service) { r.create(s) },
		right: wholeFamilies(slb.IPv4, slb.IPv6),
	},
	"family given up": {
		rig: newDualRig, service: func() *corev1.Service { return newService(1, dualStack(corev1.IPFamilyPolicyRequireDualStack)) }, living: true,
		act:   func(r *rig, s *corev1.Service) { r.change(s, singleStack) },
		right: wholeFamilies(slb.IPv4),
	},
	"two families deleted": {
		rig: newDualRig, service: func() *corev1.Service { return newService(1, dualStack(corev1.IPFamilyPolicyRequireDualStack)) }, living: true,
		act:   func(r *rig, s *corev1.Service) { r.remove(s) },
		right: nothingLeft,
	},
	"protocol changed": {
		rig: newWebRig, service: func() *corev1.Service { return newService(1, redirecting("http:80,https:443", "")) }, living: true,
		act:   annotating(annotation.ProtocolPort, "tcp:80,https:443"),
		right: listensAs("https/443 tcp/80", "cert-1"),
	},
	"redirect changed": {
		rig: newWebRig, service: func() *corev1.Service { return newService(1, redirecting("http:80,https:443,https:8443", "80:443")) }, living: true,
		act:   annotating(annotation.ForwardPort, "80:8443"),
		right: listensAs("http/80>8443 https/443 https/8443", "cert-1"),
	},
	"certificate swapped": {
		rig: newWebRig, service: func() *corev1.Service { return newService(1, redirecting("http:80,https:443", "80:443")) }, living: true,
		act:   annotating(annotation.CertID, "cert-2"),
		right: listensAs("http/80>443 https/443", "cert-2"),
	},
	"nodes changed": {
		service: func() *corev1.Service { return newService(1) }, living: true,
		act: func(r *rig, _ *corev1.Service) {
			r.removeNode(1)
			r.removeNode(2)
		},
		right: whole(1),
	},
}

// never is a call that no scenario reaches.
const never = 1000

func TestDeathAtAnyCallLeavesOneLoadBalancerOrNone(t *testing.T) {
	for name, sc := range table {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			diesEverywhere(t, sc)
		})
	}
}

// diesEverywhere plays a scenario with a death before and after each of its calls.
func diesEverywhere(t *testing.T, sc scenario) {
	t.Helper()
	calls := play(t, sc, never, false)
	if calls < 1 || calls > 30 {
		t.Fatalf("the scenario makes %d calls", calls)
	}
	for n := 1; n <= calls; n++ {
		for _, after := range []bool{false, true} {
			t.Run(fmt.Sprintf("call=%d,done=%t", n, after), func(t *testing.T) {
				t.Parallel()
				play(t, sc, n, after)
			})
		}
	}
}

// play plays a scenario in which the process dies at the n-th call and another one
// takes over. It returns how many calls the first process made.
func play(t *testing.T, sc scenario, n int, after bool) int {
	t.Helper()
	region := sc.rig
	if region == nil {
		region = newRig
	}
	r := region(t, "instant", 3)
	r.sim.Knobs(func(k *api.Knobs) { k.TagLag, k.ListLag = 100*time.Millisecond, 100*time.Millisecond })
	s := sc.service()
	d := &death{inner: r.transport(nil), after: after, died: make(chan struct{})}
	options := func(o *Options) {
		if sc.options != nil {
			sc.options(o)
		}
	}
	first := r.start(options, func(o *Options) { o.Cloud, o.Interfaces = slb.New(d), ecs.New(d) })
	if sc.living {
		r.create(s)
		r.eventually("the Service has an address", func() bool { return r.address(s) != "" })
		r.settle()
	} else {
		r.eventually("the survey is over", func() bool { return r.sim.Counts()[callList] > 0 })
	}
	d.arm(n)
	sc.act(r, s)
	r.eventually("the process dies or finishes", func() bool { return d.struck() || sc.right(r, s) == nil })
	if !d.struck() {
		r.settle()
	}
	first.stop()
	if !d.struck() {
		if n != never {
			return 0 // fewer calls than in the first play: looks at listeners vary
		}
		return d.made()
	}
	r.start(options)
	r.eventually("all is right after the take-over", func() bool { return sc.right(r, s) == nil })
	r.settle()
	if err := sc.right(r, s); err != nil {
		t.Errorf("after the take-over: %v", err)
	}
	return 0
}

func (d *death) struck() bool {
	select {
	case <-d.died:
		return true
	default:
		return false
	}
}

// made is how many calls were made since the process was armed.
func (d *death) made() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return never - d.left
}
