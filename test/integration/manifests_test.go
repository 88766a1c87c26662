package integration

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kube-aliyun/kube-aliyun/test/cluster"
)

// kubectl runs kubectl as the administrator and returns what it prints.
func kubectl(t *testing.T, args ...string) (string, error) {
	t.Helper()
	folder := os.Getenv("KUBEBUILDER_ASSETS")
	if folder == "" {
		folder = filepath.Join("..", "..", "bin", "kubernetes")
	}
	args = append([]string{"--kubeconfig", cluster.Shared(t).Kubeconfig()}, args...)
	out, err := exec.CommandContext(t.Context(), filepath.Join(folder, "kubectl"), args...).CombinedOutput()
	return string(out), err
}

const manifests = "../../deploy/controller"

func TestAPIServerTakesTheDaemonSetsStrictly(t *testing.T) {
	for _, folder := range []string{manifests, "../../deploy/hardened"} {
		t.Run(filepath.Base(folder), func(t *testing.T) { takesDaemonSet(t, folder) })
	}
}

func takesDaemonSet(t *testing.T, folder string) {
	t.Helper()
	client := cluster.Shared(t).Client()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 30*time.Second)
		defer cancel()
		err := client.AppsV1().DaemonSets(metav1.NamespaceSystem).Delete(ctx, "aliyun-controller", metav1.DeleteOptions{})
		if err != nil && !apierrors.IsNotFound(err) {
			t.Error(err)
		}
	})
	// The shared control plane's rights were applied by other tests, and not on the server.
	out, err := kubectl(t, "apply", "--server-side", "--force-conflicts", "--validate=strict", "-k", folder)
	if err != nil {
		t.Fatalf("kubectl apply: %v\n%s", err, out)
	}
	set, err := client.AppsV1().DaemonSets(metav1.NamespaceSystem).Get(t.Context(), "aliyun-controller", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	spec := set.Spec.Template.Spec
	settings := spec.Volumes[0].ConfigMap.Name
	if _, err := client.CoreV1().ConfigMaps(metav1.NamespaceSystem).Get(t.Context(), settings, metav1.GetOptions{}); err != nil {
		t.Errorf("settings of the DaemonSet: %v", err)
	}
	if _, err := client.CoreV1().ServiceAccounts(metav1.NamespaceSystem).Get(t.Context(), spec.ServiceAccountName, metav1.GetOptions{}); err != nil {
		t.Errorf("service account of the DaemonSet: %v", err)
	}
}

func TestAPIServerTakesTheStaticPodStrictly(t *testing.T) {
	out, err := kubectl(t, "create", "--dry-run=server", "--validate=strict", "-f", filepath.Join(manifests, "static-pod.yaml"))
	if err != nil {
		t.Errorf("kubectl create: %v\n%s", err, out)
	}
	// A misspelt field, which a kubelet takes in silence, does not get past this test.
	content, err := os.ReadFile(filepath.Join(manifests, "static-pod.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	misspelt := filepath.Join(t.TempDir(), "misspelt.yaml")
	if err := os.WriteFile(misspelt, []byte(strings.Replace(string(content), "hostNetwork:", "hostNetwrk:", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := kubectl(t, "create", "--dry-run=server", "--validate=strict", "-f", misspelt); err == nil || !strings.Contains(out, "hostNetwrk") {
		t.Errorf("a misspelt field is taken: %v\n%s", err, out)
	}
}
