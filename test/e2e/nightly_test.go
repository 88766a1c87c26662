//go:build nightly

package e2e

import (
	"fmt"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// rounds of what must never cost a request.
const rounds = 8

func TestRollingUpdatesCostNoRequestWhileTheControllerCrashes(t *testing.T) {
	deploy(t, "rounds", 3, graceful)
	address := expose(t, "rounds", "rounds", corev1.ServiceExternalTrafficPolicyLocal, tcpPort)
	everywhere(t, address, 2)
	l := load(t, address, 5*time.Second)
	for round := range rounds {
		patch := fmt.Sprintf(`{"spec": {"template": {"metadata": {"annotations": {"test.kube-aliyun.io/update": "%d"}}}}}`, round)
		_, err := theatre.Client().AppsV1().Deployments(namespace).Patch(t.Context(), "rounds", types.MergePatchType, []byte(patch), metav1.PatchOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if round%2 == 1 {
			restartController(t)
		}
		rolledOut(t, "rounds")
		pause(t, preStop+2*checkInterval)
	}
	report := l.Stop()
	t.Logf("%d rolling updates, %d crashes of the controller: %s", rounds, rounds/2, report)
	if len(report.Failures) > 0 {
		t.Errorf("%d requests failed", len(report.Failures))
	}
}

func TestNodesThatComeAndGoCostNoRequest(t *testing.T) {
	deploy(t, "coming", 3, graceful)
	address := expose(t, "coming", "coming", corev1.ServiceExternalTrafficPolicyLocal, tcpPort)
	everywhere(t, address, 2)
	l := load(t, address, 5*time.Second)
	for range rounds {
		server, err := theatre.Join(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if err := theatre.Kubectl(t.Context(), "drain", server.Name(), "--ignore-daemonsets", "--force", "--timeout=80s"); err != nil {
			t.Error(err)
		}
		leave(t, server)
	}
	rolledOut(t, "coming")
	report := l.Stop()
	t.Logf("%d nodes joined, were drained and left: %s", rounds, report)
	if len(report.Failures) > 0 {
		t.Errorf("%d requests failed", len(report.Failures))
	}
	nodes, err := theatre.Client().CoreV1().Nodes().List(t.Context(), metav1.ListOptions{})
	if err != nil || len(nodes.Items) != 3 {
		t.Errorf("%d Nodes are left: %v", len(nodes.Items), err)
	}
}
