package nodes

import (
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// runningStatus is what a kubelet reports once all containers of a Pod run and
// pass their probes. The Pod is Ready when its readiness gates are open too.
func runningStatus(pod *corev1.Pod, ips []corev1.PodIP, now time.Time) corev1.PodStatus {
	stamp := metav1.NewTime(now)
	open := corev1.ConditionTrue
	if !gatesOpen(pod) {
		open = corev1.ConditionFalse
	}
	status := corev1.PodStatus{
		Phase:     corev1.PodRunning,
		StartTime: &stamp,
		PodIPs:    ips,
		Conditions: []corev1.PodCondition{
			{Type: corev1.PodInitialized, Status: corev1.ConditionTrue, LastTransitionTime: stamp},
			{Type: corev1.ContainersReady, Status: corev1.ConditionTrue, LastTransitionTime: stamp},
			{Type: corev1.PodReady, Status: open, LastTransitionTime: stamp},
		},
	}
	if len(ips) > 0 {
		status.PodIP = ips[0].IP
	}
	started := true
	for _, container := range pod.Spec.Containers {
		status.ContainerStatuses = append(status.ContainerStatuses, corev1.ContainerStatus{
			Name:    container.Name,
			Image:   container.Image,
			ImageID: container.Image,
			Ready:   true,
			Started: &started,
			State:   corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: stamp}},
		})
	}
	return status
}

func gatesOpen(pod *corev1.Pod) bool {
	for _, gate := range pod.Spec.ReadinessGates {
		if conditionStatus(pod, gate.ConditionType) != corev1.ConditionTrue {
			return false
		}
	}
	return true
}

// podReady tells whether there is nothing to report: the Pod runs, and is Ready
// or waits for its gates.
func podReady(pod *corev1.Pod) bool {
	wanted := corev1.ConditionTrue
	if !gatesOpen(pod) {
		wanted = corev1.ConditionFalse
	}
	return pod.Status.Phase == corev1.PodRunning && conditionStatus(pod, corev1.PodReady) == wanted
}

func conditionStatus(pod *corev1.Pod, kind corev1.PodConditionType) corev1.ConditionStatus {
	for _, condition := range pod.Status.Conditions {
		if condition.Type == kind {
			return condition.Status
		}
	}
	return corev1.ConditionUnknown
}

// ended tells whether the containers have run to their end.
func ended(pod *corev1.Pod) bool {
	return pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed
}

func internalIP(node *corev1.Node) string {
	for _, address := range node.Status.Addresses {
		if address.Type == corev1.NodeInternalIP {
			return address.Address
		}
	}
	return ""
}
