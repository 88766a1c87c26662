package integration

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/api"
	"github.com/kube-aliyun/kube-aliyun/test/rig"
)

// release releases a server as DeleteInstance with Force does, and returns the
// code of the refusal, or "".
func release(r *rig.Rig, number int) string {
	r.T.Helper()
	err := r.Sim.Region.ReleaseServer(rig.ServerID(number), true)
	var refusal *api.Error
	switch {
	case errors.As(err, &refusal):
		return refusal.Code
	case err != nil:
		r.T.Fatal(err)
	}
	return ""
}

// traffic lists the routes and backends that lead to a server.
func traffic(r *rig.Rig, number int) []string {
	r.T.Helper()
	var lines []string
	for _, e := range r.Routes() {
		if e.NextHop == rig.ServerID(number) {
			lines = append(lines, "route "+e.Destination)
		}
	}
	all := r.LoadBalancers()
	for i := range all {
		if slices.ContainsFunc(all[i].Backends, func(b rig.Backend) bool { return b.ServerID == rig.ServerID(number) }) {
			lines = append(lines, all[i].String())
		}
	}
	return lines
}

// taint puts a taint on a Node.
func taint(r *rig.Rig, name string, taint corev1.Taint) {
	r.T.Helper()
	n := node(r, name)
	patch := fmt.Sprintf(`[{"op":"add","path":"/spec/taints","value":%s}]`, mustJSON(r, append(n.Spec.Taints, taint)))
	if _, err := r.Client.CoreV1().Nodes().Patch(r.T.Context(), name, types.JSONPatchType, []byte(patch), metav1.PatchOptions{}); err != nil {
		r.T.Fatal(err)
	}
}

// tolerant is a Pod that any Node may run.
func tolerant(app string) corev1.PodTemplateSpec {
	return corev1.PodTemplateSpec{
		ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"app": app}},
		Spec: corev1.PodSpec{
			Tolerations: []corev1.Toleration{{Operator: corev1.TolerationOpExists}},
			Containers:  []corev1.Container{{Name: "main", Image: "example.com/none"}},
		},
	}
}

// startDaemon puts a Pod of a DaemonSet on every Node.
func startDaemon(r *rig.Rig, count int) {
	r.T.Helper()
	labels := map[string]string{"app": "daemon"}
	set := &appsv1.DaemonSet{
		ObjectMeta: metav1.ObjectMeta{Name: "daemon"},
		Spec:       appsv1.DaemonSetSpec{Selector: &metav1.LabelSelector{MatchLabels: labels}, Template: tolerant("daemon")},
	}
	if _, err := r.Client.AppsV1().DaemonSets(r.Namespace).Create(r.T.Context(), set, metav1.CreateOptions{}); err != nil {
		r.T.Fatal(err)
	}
	r.Eventually(15*time.Second, "every Node has a Pod of the DaemonSet", func() (bool, string) {
		pods, err := r.Client.CoreV1().Pods(r.Namespace).List(r.T.Context(), metav1.ListOptions{LabelSelector: "app=daemon"})
		if err != nil {
			return false, err.Error()
		}
		bound := 0
		for i := range pods.Items {
			if pods.Items[i].Spec.NodeName != "" {
				bound++
			}
		}
		return bound == count, fmt.Sprint(bound, " Pods")
	})
}

// runPod puts a Pod of nobody on a Node.
func runPod(r *rig.Rig, name, nodeName string) {
	r.T.Helper()
	template := tolerant(name)
	template.Spec.NodeName = nodeName
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: template.Labels}, Spec: template.Spec}
	if _, err := r.Client.CoreV1().Pods(r.Namespace).Create(r.T.Context(), pod, metav1.CreateOptions{}); err != nil {
		r.T.Fatal(err)
	}
}

// TestServersCanBeReleasedOnceTheirNodesLeave releases three servers, each after
// another sign that its Node goes.
func TestServersCanBeReleasedOnceTheirNodesLeave(t *testing.T) {
	r := fresh(t, rig.Options{Servers: 4})
	r.StartController().WaitReady()
	awaitInitialised(r)
	awaitRouted(r)
	r.CreateService("web", nil, rig.Port(80))
	r.AwaitAddress("web", 10*time.Second)
	startDaemon(r, 4)
	for number := 1; number <= 4; number++ {
		if lines := traffic(r, number); len(lines) != 2 {
			t.Fatalf("to server %d leads %q", number, lines)
		}
	}
	within := func(r *rig.Rig, number int) {
		r.T.Helper()
		took := r.Eventually(10*time.Second, "nothing leads to the server", func() (bool, string) {
			lines := traffic(r, number)
			return len(lines) == 0, fmt.Sprint(lines)
		})
		if r.T.Logf("nothing leads to the server %s after the sign", took.Round(100*time.Millisecond)); took > 5*time.Second {
			r.T.Errorf("routes and backends went after %s, want at most 5 s", took)
		}
		if code := release(r, number); code != "" {
			r.T.Errorf("the release is refused: %s", code)
		}
	}

	t.Run("Node deleted", func(t *testing.T) {
		r := in(r, t)
		if code := release(r, 1); code != "DependencyViolation.RouteEntry" {
			t.Errorf("before, the release is answered by %q", code)
		}
		if err := r.Fleet.Remove(t.Context(), rig.NodeName(1)); err != nil {
			t.Fatal(err)
		}
		within(r, 1)
	})
	t.Run("cluster autoscaler", func(t *testing.T) {
		r := in(r, t)
		runPod(r, "guest", rig.NodeName(2))
		taint(r, rig.NodeName(2), corev1.Taint{Key: "ToBeDeletedByClusterAutoscaler", Value: "1700000000", Effect: corev1.TaintEffectNoSchedule})
		r.Never(4*time.Second, "the route went while a Pod is left", func() (bool, string) { return !hasRoute(r, 2), r.Events(rig.NodeName(2)) })
		if code := release(r, 2); code != "DependencyViolation.RouteEntry" {
			t.Errorf("before, the release is answered by %q", code)
		}
		now := int64(0)
		if err := r.Client.CoreV1().Pods(r.Namespace).Delete(t.Context(), "guest", metav1.DeleteOptions{GracePeriodSeconds: &now}); err != nil {
			t.Fatal(err)
		}
		within(r, 2)
	})
	t.Run("out of service", func(t *testing.T) {
		r := in(r, t)
		if code := release(r, 3); code != "DependencyViolation.RouteEntry" {
			t.Errorf("before, the release is answered by %q", code)
		}
		taint(r, rig.NodeName(3), corev1.Taint{Key: corev1.TaintNodeOutOfService, Value: "nodeshutdown", Effect: corev1.TaintEffectNoExecute})
		within(r, 3)
	})

	if lines := traffic(r, 4); len(lines) != 2 {
		t.Errorf("to the server that stays leads %q", lines)
	}
}

func hasRoute(r *rig.Rig, number int) bool {
	return slices.ContainsFunc(r.Routes(), func(e rig.Route) bool { return e.NextHop == rig.ServerID(number) })
}

func mustJSON(r *rig.Rig, value any) []byte {
	r.T.Helper()
	raw, err := json.Marshal(value)
	if err != nil {
		r.T.Fatal(err)
	}
	return raw
}
