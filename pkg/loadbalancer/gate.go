package loadbalancer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/slb"
	"github.com/kube-aliyun/kube-aliyun/pkg/event"
	"github.com/kube-aliyun/kube-aliyun/pkg/loadbalancer/plan"
	"github.com/kube-aliyun/kube-aliyun/pkg/ownership"
)

// gatePrefix and a Service's name are the readiness gate of Pods that wait until the
// Service's load balancer finds them healthy. Gate and reasons are those of the
// official controller.
const (
	gatePrefix          = "service.readiness.alibabacloud.com/"
	conditionRegistered = "ServerRegistered"
	conditionInvalid    = "ServerInvalidServer"
)

// gate is a Pod's readiness gate for a Service.
type gate struct {
	exists bool
	// open: the Pod's condition is True; told is its message.
	open bool
	told string
	// containersReady: the Pod waits for its gates alone.
	containersReady bool
	// useless says why the Pod cannot be a backend.
	useless string
	// since is when it was seen waiting first.
	since time.Time
}

// see enters what a Pod that was just read says.
func (g *gate) see(pod *corev1.Pod, service string) {
	condition := corev1.PodConditionType(gatePrefix + service)
	for _, r := range pod.Spec.ReadinessGates {
		g.exists = g.exists || r.ConditionType == condition
	}
	for i := range pod.Status.Conditions {
		c := &pod.Status.Conditions[i]
		switch c.Type { //nolint:exhaustive // the others do not matter
		case condition:
			g.open, g.told = c.Status == corev1.ConditionTrue, c.Message
		case corev1.ContainersReady:
			g.containersReady = c.Status == corev1.ConditionTrue
		}
	}
}

// registers reports whether the Pod becomes a backend although it is not ready:
// the gate opens only behind the load balancer.
func (g *gate) registers() bool { return g.exists && g.containersReady }

// waiting is a Pod whose readiness gate for the Service is closed.
type waiting struct {
	*endpoint
	fact *fact
}

func waitingPods(endpoints []*endpoint, facts map[podKey]*fact) []waiting {
	var out []waiting
	for _, e := range endpoints {
		if f := facts[e.podKey]; f.gate.exists && !f.gate.open && !e.terminating {
			out = append(out, waiting{e, f})
		}
	}
	return out
}

// How often the Service is looked at while Pods wait. One call tells the health of
// one load balancer: with more of them each is asked more seldom, so that all
// together make no more than one call a second for ten.
const (
	gatePeriod     = 2 * time.Second
	mostGatePeriod = 10 * time.Second
	// impatience is when a Pod that waits so long is looked at every lateGatePeriod.
	impatience     = 2 * time.Minute
	lateGatePeriod = 30 * time.Second
)

// openGates marks the Pods that wait for the load balancer and that it finds
// healthy. Where nobody waits it costs nothing. What fails is told and tried again:
// the load balancer itself is right all the same.
func (b *Balancers) openGates(ctx context.Context, o *owner, service *corev1.Service) {
	services := b.memory.waits(o.uid, len(o.pods.waiting) > 0)
	if len(o.pods.waiting) == 0 {
		return
	}
	now := b.options.Clock.Now()
	if err := b.tryGates(ctx, o, service, now); err != nil && ctx.Err() == nil {
		b.options.Events.Event(service, event.LoadBalancerGateClosed, "Pods go on waiting for their readiness gate %s%s, and it is tried again: %v", gatePrefix, service.Name, err)
	}
	var newest time.Time
	closed := 0
	for _, w := range o.pods.waiting {
		if w.fact.gate.open {
			continue
		}
		closed++
		if w.fact.gate.since.IsZero() {
			w.fact.gate.since = now
		}
		if w.fact.gate.since.After(newest) {
			newest = w.fact.gate.since
		}
	}
	switch period := min(max(time.Duration(services)*time.Second, gatePeriod), mostGatePeriod); {
	case closed == 0:
		b.memory.waits(o.uid, false)
	case now.Sub(newest) > impatience:
		b.queue.AddAfter(o.uid, reasonGates, lateGatePeriod)
	default:
		b.queue.AddAfter(o.uid, reasonGates, period)
	}
}

// tryGates asks for the health of the load balancer, if some Pod may have become
// healthy, and writes what the Pods' conditions should be.
func (b *Balancers) tryGates(ctx context.Context, o *owner, service *corev1.Service, now time.Time) error {
	st := o.states[ownership.RoleLoadBalancer]
	var healths []slb.Health
	asked := false
	var problems []error
	for _, w := range o.pods.waiting {
		g := &w.fact.gate
		if g.useless != "" {
			problems = append(problems, b.mark(ctx, service, w, corev1.ConditionFalse, conditionInvalid, "the Pod cannot be a backend: "+g.useless, now))
			continue
		}
		if !g.containersReady || st == nil || st.actual == nil || !registered(st.actual, w) {
			continue
		}
		if !asked {
			var err error
			if healths, err = b.options.Cloud.Health(ctx, st.id()); err != nil {
				return errors.Join(append(problems, err)...)
			}
			asked = true
		}
		if healthy(st.actual, w, healths) {
			problems = append(problems, b.mark(ctx, service, w, corev1.ConditionTrue, conditionRegistered, "load balancer "+st.id()+" finds the Pod healthy", now))
		}
	}
	return errors.Join(problems...)
}

// behind calls f for each listener that sends to a Pod, with the port there.
func behind(a *plan.Actual, w waiting, f func(l *slb.Listener, port int)) {
	for i := range a.Listeners {
		l := &a.Listeners[i]
		for j := range a.Groups {
			if l.GroupID == "" || a.Groups[j].ID != l.GroupID {
				continue
			}
			for _, m := range a.Groups[j].Backends {
				if m.ServerID == w.fact.inter && m.ServerIP == w.address {
					f(l, m.Port)
				}
			}
		}
	}
}

// registered reports whether some listener sends to the Pod.
func registered(a *plan.Actual, w waiting) (found bool) {
	behind(a, w, func(*slb.Listener, int) { found = true })
	return found
}

// healthy reports whether each listener that sends to the Pod, and that checks its
// backends, finds it so.
func healthy(a *plan.Actual, w waiting, healths []slb.Health) bool {
	well := map[slb.Health]bool{}
	for _, h := range healths {
		if h.Status == "normal" {
			h.Status = ""
			well[h] = true
		}
	}
	all := true
	behind(a, w, func(l *slb.Listener, port int) {
		wanted := slb.Health{ListenerKey: l.ListenerKey, ServerID: w.fact.inter, ServerIP: w.address, Port: port}
		all = all && (l.Attributes[slb.HealthCheck] == "off" || well[wanted])
	})
	return all
}

// mark writes the condition of a Pod's readiness gate, unless it is so.
func (b *Balancers) mark(ctx context.Context, service *corev1.Service, w waiting, status corev1.ConditionStatus, reason, message string, now time.Time) error {
	if status == corev1.ConditionFalse && w.fact.gate.told == message {
		return nil
	}
	patch, err := json.Marshal(map[string]any{
		"metadata": map[string]any{"uid": w.uid}, // another Pod of that name is refused
		"status": map[string]any{"conditions": []corev1.PodCondition{{
			Type: corev1.PodConditionType(gatePrefix + service.Name), Status: status, Reason: reason, Message: message,
			LastTransitionTime: metav1.NewTime(now),
		}}},
	})
	if err != nil {
		return fmt.Errorf("encode the Pod's condition: %w", err)
	}
	_, err = b.options.Pods.Pods(service.Namespace).Patch(ctx, w.pod, types.StrategicMergePatchType, patch, metav1.PatchOptions{}, "status")
	if err != nil && !apierrors.IsNotFound(err) && !apierrors.IsConflict(err) {
		return fmt.Errorf("open the readiness gate of Pod %s: %w", w.pod, err)
	}
	w.fact.gate.open, w.fact.gate.told = status == corev1.ConditionTrue, message
	return nil
}
