package bootstrap

import (
	"context"
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/kube-aliyun/kube-aliyun/pkg/bootstrap"
	"github.com/kube-aliyun/kube-aliyun/pkg/bootstrap/clusterfile"
	"github.com/kube-aliyun/kube-aliyun/pkg/bootstrap/token"
	"github.com/kube-aliyun/kube-aliyun/test/bootstrap/bare"
)

// letIn makes a token and brings it to the API server, as the guide says.
func letIn(t *testing.T) token.Token {
	t.Helper()
	made, _, err := bootstrap.NewToken(world.Cluster, world.Folder, bare.Group, time.Now(), time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	if err := world.Render(); err != nil {
		t.Fatal(err)
	}
	if _, err := world.Kubectl(t.Context(), "apply", "-f", filepath.Join(world.Folder, "pki", token.File(bare.Group))); err != nil {
		t.Fatal(err)
	}
	return made
}

// joinedReady tells of a Node that has not joined, or is not Ready or initialised.
func joinedReady(ctx context.Context) error {
	node, err := world.Client.CoreV1().Nodes().Get(ctx, bare.JoiningAddress, metav1.GetOptions{})
	if err != nil {
		return err
	}
	for _, taint := range node.Spec.Taints {
		if taint.Key == "node.cloudprovider.kubernetes.io/uninitialized" {
			return fmt.Errorf("%w: %s is not initialised", errNotYet, node.Name)
		}
	}
	for _, c := range node.Status.Conditions {
		if c.Type == corev1.NodeReady && c.Status == corev1.ConditionTrue {
			return nil
		}
	}
	return fmt.Errorf("%w: %s is not Ready", errNotYet, node.Name)
}

// leave releases the server, so that the next test finds the cluster as it was.
func leave(t *testing.T) {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	if err := world.Joining.PowerOff(ctx); err != nil {
		t.Error(err)
	}
	if err := world.Client.CoreV1().Nodes().Delete(ctx, bare.JoiningAddress, metav1.DeleteOptions{}); err != nil && !apierrors.IsNotFound(err) {
		t.Error(err)
	}
}

func TestServerOfAGroupJoinsWithATokenAlone(t *testing.T) {
	made := letIn(t)
	t.Cleanup(func() { leave(t) })
	if err := world.PowerOn(t.Context(), world.Joining); err != nil {
		t.Fatal(err)
	}
	took := eventually(t, "the node is Ready and initialised", joinedReady)
	t.Logf("the node is Ready and initialised %.1f s after its user-data was applied", took.Seconds())
	node, err := world.Client.CoreV1().Nodes().Get(t.Context(), bare.JoiningAddress, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if node.Labels[clusterfile.GroupLabel] != bare.Group || node.Labels["example.com/spot"] != "true" || node.Spec.ProviderID != "cn-hangzhou.i-10-99-0-41" {
		t.Errorf("labels %v, provider ID %s", node.Labels, node.Spec.ProviderID)
	}
	// A Pod on it is asked through its kubelet, whose certificate the API server
	// believes, and asks a Service, which its kube-proxy brings about.
	spec := podSpec(map[string]string{"app": "joined"})
	spec.NodeSelector = map[string]string{clusterfile.GroupLabel: bare.Group}
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "joined", Labels: map[string]string{"app": "joined"}}, Spec: spec}
	if _, err := world.Client.CoreV1().Pods(namespace).Create(t.Context(), pod, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		var now int64
		_ = world.Client.CoreV1().Pods(namespace).Delete(context.WithoutCancel(t.Context()), pod.Name, metav1.DeleteOptions{GracePeriodSeconds: &now})
	})
	service, err := world.Client.CoreV1().Services(namespace).Get(t.Context(), "web", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "a Pod on it reaches a Service", func(ctx context.Context) error {
		answer, err := fromPod(ctx, pod.Name, "tcp", net.JoinHostPort(service.Spec.ClusterIP, "80"))
		if err == nil && answer.Node == "" {
			return errNotYet
		}
		return err
	})
	if _, err := world.Kubectl(t.Context(), "logs", pod.Name); err != nil {
		t.Errorf("logs: %v", err)
	}
	// The token is worth no Node that is there, and nothing else.
	for what, arguments := range map[string][]string{
		"Nodes": {"get", "nodes"}, "Secrets": {"-n", "kube-system", "get", "secrets"}, "Pods": {"get", "pods"},
	} {
		output, err := withToken(t, made, arguments...)
		if err == nil || !strings.Contains(err.Error(), "orbidden") {
			t.Errorf("a token reads %s: %s, %v", what, output, err)
		}
	}
}

func withToken(t *testing.T, made token.Token, arguments ...string) (string, error) {
	t.Helper()
	return world.OperatorRun(t.Context(), "kubectl", append([]string{
		"--kubeconfig=/dev/null", "--server=" + world.Cluster.BalancerURL(),
		"--certificate-authority=" + filepath.Join(world.Folder, "pki", "ca.crt"), "--token=" + made.String(),
	}, arguments...)...)
}

func TestTokenThatHasEndedLetsNobodyIn(t *testing.T) {
	ended, err := token.New(bare.Group, time.Now().Add(-time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	manifest, err := ended.Manifest()
	if err != nil {
		t.Fatal(err)
	}
	secret := &corev1.Secret{}
	if err := yaml.UnmarshalStrict(manifest, secret); err != nil {
		t.Fatal(err)
	}
	if _, err := world.Client.CoreV1().Secrets(metav1.NamespaceSystem).Create(t.Context(), secret, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	if output, err := withToken(t, ended, "get", "--raw=/version"); err == nil || !strings.Contains(err.Error(), "nauthorized") {
		t.Errorf("it is taken: %s, %v", output, err)
	}
	eventually(t, "the Secret is removed", func(ctx context.Context) error {
		_, err := world.Client.CoreV1().Secrets(metav1.NamespaceSystem).Get(ctx, ended.Name(), metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			return nil
		}
		return fmt.Errorf("%w: %w", errNotYet, err)
	})
}
