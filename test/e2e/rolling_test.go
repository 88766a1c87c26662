package e2e

import (
	"slices"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kube-aliyun/kube-aliyun/test/e2e/stage"
)

// calls lists the controller's calls after one of the journal, and tells the last.
func calls(t *testing.T, after int64) (actions []string, last int64) {
	t.Helper()
	entries, err := theatre.Region().Journal(t.Context(), after)
	if err != nil {
		t.Fatal(err)
	}
	last = after
	for _, e := range entries {
		last = max(last, e.Seq)
		if e.Key == stage.ControllerKey {
			actions = append(actions, e.Action)
		}
	}
	return actions, last
}

// quiet waits until the controller has called nothing for a while, and returns where
// the journal is.
func quiet(t *testing.T) (last int64) {
	t.Helper()
	_, last = calls(t, 0)
	for since := time.Now(); time.Since(since) < 5*time.Second; {
		pause(t, 500*time.Millisecond)
		actions, now := calls(t, last)
		if last = now; len(actions) > 0 {
			since = time.Now()
		}
	}
	return last
}

func TestRollingUpdateCostsNoRequestAndNoCall(t *testing.T) {
	// Its periodic look at everything is ten minutes off then.
	restartController(t)
	deploy(t, "rolling", 3, graceful)
	address := expose(t, "rolling", "rolling", corev1.ServiceExternalTrafficPolicyLocal, tcpPort)
	everywhere(t, address, 2)
	before := pods(t, "rolling")
	position := quiet(t)

	l := load(t, address, 5*time.Second)
	pause(t, 2*time.Second)
	begin := time.Now()
	patch := `{"spec": {"template": {"metadata": {"annotations": {"test.kube-aliyun.io/update": "1"}}}}}`
	_, err := theatre.Client().AppsV1().Deployments(namespace).Patch(t.Context(), "rolling", types.MergePatchType, []byte(patch), metav1.PatchOptions{})
	if err != nil {
		t.Fatal(err)
	}
	rolledOut(t, "rolling")
	rolled := time.Since(begin)
	// The old Pods go on for their preStop, and the load balancer notices.
	pause(t, preStop+2*checkInterval)
	actions, _ := calls(t, position)
	report := l.Stop()

	for _, name := range pods(t, "rolling") {
		if slices.Contains(before, name) {
			t.Errorf("Pod %s was not replaced", name)
		}
	}
	t.Logf("3 replicas replaced after %.1f s, preStop %s: %s; calls to the cloud: %d", rolled.Seconds(), preStop, report, len(actions))
	if len(report.Failures) > 0 {
		t.Errorf("%d requests failed", len(report.Failures))
	}
	if len(actions) > 0 {
		t.Errorf("the controller called %q", actions)
	}
}

// pods are the names of those that are to stay.
func pods(t *testing.T, app string) []string {
	t.Helper()
	list, err := theatre.Client().CoreV1().Pods(namespace).List(t.Context(), metav1.ListOptions{LabelSelector: "app=" + app})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for i := range list.Items {
		if list.Items[i].DeletionTimestamp == nil {
			names = append(names, list.Items[i].Name)
		}
	}
	return names
}
