package loadbalancer

import (
	"time"

	corev1 "k8s.io/api/core/v1"
)

// gatePrefix and a Service's name are the readiness gate of Pods that wait until the
// Service's load balancer finds them healthy.
const gatePrefix = "service.readiness.alibabacloud.com/"

// gate is a Pod's readiness gate for a Service.
type gate struct {
	exists bool
	// open: the Pod's condition is True.
	open bool
	// containersReady: the Pod waits for its gates alone.
	containersReady bool
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
			g.open = c.Status == corev1.ConditionTrue
		case corev1.ContainersReady:
			g.containersReady = c.Status == corev1.ConditionTrue
		}
	}
}

// registers reports whether the Pod becomes a backend although it is not ready:
// the gate opens only behind the load balancer.
func (g *gate) registers() bool { return g.exists && g.containersReady }
