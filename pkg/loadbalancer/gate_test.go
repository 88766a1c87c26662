package loadbalancer

import (
	"fmt"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kube-aliyun/kube-aliyun/pkg/event"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/api"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/fault"
)

const callHealth = "DescribeHealthStatus"

// gated gives a Pod the readiness gate of Service web-1.
func gated(pod *corev1.Pod) {
	pod.Spec.ReadinessGates = append(pod.Spec.ReadinessGates, corev1.PodReadinessGate{ConditionType: gatePrefix + "web-1"})
}

// starting: the containers are not ready.
func starting(pod *corev1.Pod) { pod.Status.Conditions[0].Status = corev1.ConditionFalse }

func (r *rig) pod(name string) *corev1.Pod {
	r.t.Helper()
	pod, err := r.kube.CoreV1().Pods("shop").Get(r.t.Context(), name, metav1.GetOptions{})
	if err != nil {
		r.t.Fatal(err)
	}
	return pod
}

// gateOf returns the condition of a Pod's gate as status reason, or "".
func (r *rig) gateOf(name string) string {
	pod := r.pod(name)
	for i := range pod.Status.Conditions {
		if c := &pod.Status.Conditions[i]; c.Type == gatePrefix+"web-1" {
			return fmt.Sprintf("%s %s", c.Status, c.Reason)
		}
	}
	return ""
}

func TestReadinessGateOpensWhenTheLoadBalancerFindsThePodHealthy(t *testing.T) {
	t.Parallel()
	r := newPodRig(t, "instant", 2)
	r.sim.Knobs(func(k *api.Knobs) { k.HealthLag = time.Hour })
	s := newService(1, toPods)
	a, b := r.addPod(newPod("a", 1, podAddress(1, 0))), r.addPod(newPod("b", 2, podAddress(2, 0), gated))
	r.podEndpoints(s, ready(a), unready(b))
	r.living(s)
	r.sends("the Pod that waits for nothing else is a backend", s, member(1, 0, 8080, 100), member(2, 0, 8080, 100))
	r.eventually("its health is asked for", func() bool { return r.sim.Counts()[callHealth] >= 2 })
	if got := r.gateOf("b"); got != "" {
		t.Errorf("before the first checks the gate is %q", got)
	}
	r.sim.Knobs(func(k *api.Knobs) { k.HealthLag = 0 })
	r.eventually("the gate opens", func() bool { return r.gateOf("b") == "True ServerRegistered" })
	r.podEndpoints(s, ready(a), ready(b))
	r.settle()
	r.sim.ResetCounters()
	r.settleFor(2 * gatePeriod)
	r.spent("nobody waits", false, map[string]int{})
	if got := r.gateOf("a"); got != "" {
		t.Errorf("a Pod without the gate got %q", got)
	}
}

func TestPodIsNoBackendBeforeItsContainersAreReady(t *testing.T) {
	t.Parallel()
	r := newPodRig(t, "instant", 2)
	r.sim.Knobs(func(k *api.Knobs) { k.HealthLag = 0 })
	s := newService(1, toPods)
	a, b := r.addPod(newPod("a", 1, podAddress(1, 0))), r.addPod(newPod("b", 2, podAddress(2, 0), gated, starting))
	r.podEndpoints(s, ready(a), unready(b))
	r.living(s)
	r.settle()
	r.sends("the ready one alone", s, member(1, 0, 8080, 100))
	if n := r.sim.Counts()[callHealth]; n > 0 {
		t.Errorf("%d calls for the health of a Pod that is no backend", n)
	}
	// No EndpointSlice tells of this.
	now := r.pod("b")
	now.Status.Conditions[0].Status = corev1.ConditionTrue
	if _, err := r.kube.CoreV1().Pods("shop").UpdateStatus(t.Context(), now, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	r.eventually("the gate opens", func() bool { return r.gateOf("b") == "True ServerRegistered" })
	r.sends("both", s, member(1, 0, 8080, 100), member(2, 0, 8080, 100))
}

func TestReadinessGateStaysClosedForSickPods(t *testing.T) {
	t.Parallel()
	r := newPodRig(t, "instant", 2)
	r.sim.Knobs(func(k *api.Knobs) { k.HealthLag = 0 })
	s := newService(1, toPods)
	sick := r.addPod(newPod("sick", 2, podAddress(2, 0), gated))
	if err := r.sim.Region.SetUnhealthy("i-2", true); err != nil {
		t.Fatal(err)
	}
	r.podEndpoints(s, unready(sick))
	r.living(s)
	r.eventually("its health is asked for", func() bool { return r.sim.Counts()[callHealth] >= 2 })
	if got := r.gateOf("sick"); got != "" {
		t.Errorf("the gate is %q", got)
	}
	if err := r.sim.Region.SetUnhealthy("i-2", false); err != nil {
		t.Fatal(err)
	}
	r.eventually("the gate opens", func() bool { return r.gateOf("sick") == "True ServerRegistered" })
}

func TestPodThatCanBeNoBackendIsToldSo(t *testing.T) {
	t.Parallel()
	r := newPodRig(t, "instant", 2)
	s := newService(1, toPods)
	r.podEndpoints(s, unready(r.addPod(newPod("overlay", 2, "10.244.1.7", gated))))
	r.living(s)
	r.eventually("its condition says so", func() bool { return r.gateOf("overlay") == "False ServerInvalidServer" })
	for _, c := range r.pod("overlay").Status.Conditions {
		if c.Reason == conditionInvalid && !strings.Contains(c.Message, "no network interface") {
			t.Errorf("message %q", c.Message)
		}
	}
}

func TestHealthThatCannotBeReadIsToldAndTriedAgain(t *testing.T) {
	t.Parallel()
	r := newPodRig(t, "instant", 2)
	r.sim.Knobs(func(k *api.Knobs) { k.HealthLag = 0 })
	denied := r.sim.Fault(fault.Rule{Kind: fault.Deny, Action: callHealth})
	s := newService(1, toPods)
	r.podEndpoints(s, unready(r.addPod(newPod("a", 2, podAddress(2, 0), gated))))
	r.living(s) // the load balancer is right all the same
	r.eventually("it is told", func() bool { return len(r.recorded(event.LoadBalancerGateClosed)) == 1 })
	r.sim.ClearFault(denied)
	r.eventually("the gate opens", func() bool { return r.gateOf("a") == "True ServerRegistered" })
}
