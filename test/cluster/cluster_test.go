package cluster

import (
	"context"
	"os"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"
)

// eventually waits until the condition holds, or fails the test.
func eventually(t *testing.T, what string, condition func(ctx context.Context) (bool, error)) {
	t.Helper()
	err := wait.PollUntilContextTimeout(t.Context(), 50*time.Millisecond, 30*time.Second, true, condition)
	if err != nil {
		t.Fatalf("waiting until %s: %v", what, err)
	}
}

func createNode(t *testing.T, c *Cluster, name string) {
	t.Helper()
	node := &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Status: corev1.NodeStatus{
			Allocatable: corev1.ResourceList{corev1.ResourcePods: resource.MustParse("10")},
			Conditions: []corev1.NodeCondition{{
				Type: corev1.NodeReady, Status: corev1.ConditionTrue,
				LastHeartbeatTime: metav1.Now(), LastTransitionTime: metav1.Now(),
			}},
		},
	}
	if _, err := c.Client().CoreV1().Nodes().Create(t.Context(), node, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		err := c.Client().CoreV1().Nodes().Delete(context.WithoutCancel(t.Context()), name, metav1.DeleteOptions{})
		if err != nil && !apierrors.IsNotFound(err) {
			t.Error(err)
		}
	})
}

func TestEveryProgramIsUp(t *testing.T) {
	c := Shared(t)
	processes := c.Processes()
	for _, process := range processes {
		if !process.Alive {
			t.Errorf("%s (pid %d) does not run", process.Name, process.PID)
		}
	}
	if got, want := len(processes), 4; got != want {
		t.Errorf("programs %v: got %d, want %d", processes, got, want)
	}
}

func TestServerTellsTheVersionItWasBuiltFrom(t *testing.T) {
	version, err := Shared(t).Client().Discovery().ServerVersion()
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(version.GitVersion, "v1.") || version.Minor == "0" {
		t.Errorf("server version: got %+v", version)
	}
}

func TestNodeGetsItsRange(t *testing.T) {
	c := Shared(t)
	createNode(t, c, "range-1")
	eventually(t, "the node has a range of Pod addresses", func(ctx context.Context) (bool, error) {
		node, err := c.Client().CoreV1().Nodes().Get(ctx, "range-1", metav1.GetOptions{})
		return err == nil && strings.HasPrefix(node.Spec.PodCIDR, "10.244.") && strings.HasSuffix(node.Spec.PodCIDR, "/24"), err
	})
}

func TestPodIsScheduled(t *testing.T) {
	c := Shared(t)
	createNode(t, c, "scheduled-1")
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "scheduled", Namespace: metav1.NamespaceDefault},
		Spec: corev1.PodSpec{
			Containers:  []corev1.Container{{Name: "one", Image: "example.invalid/one"}},
			Tolerations: []corev1.Toleration{{Operator: corev1.TolerationOpExists}},
		},
	}
	pods := c.Client().CoreV1().Pods(metav1.NamespaceDefault)
	if _, err := pods.Create(t.Context(), pod, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		err := pods.Delete(context.WithoutCancel(t.Context()), pod.Name, *metav1.NewDeleteOptions(0))
		if err != nil && !apierrors.IsNotFound(err) {
			t.Error(err)
		}
	})
	eventually(t, "the Pod is bound to the node", func(ctx context.Context) (bool, error) {
		got, err := pods.Get(ctx, pod.Name, metav1.GetOptions{})
		return err == nil && got.Spec.NodeName != "", err
	})
}

func TestClientCertificateIsSubjectToRBAC(t *testing.T) {
	c := Shared(t)
	path, err := c.KubeconfigFor("jane", "readers")
	if err != nil {
		t.Fatal(err)
	}
	config, err := RESTConfigFor(path)
	if err != nil {
		t.Fatal(err)
	}
	jane, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := jane.CoreV1().Nodes().List(t.Context(), metav1.ListOptions{}); !apierrors.IsForbidden(err) {
		t.Errorf("listing nodes without a role: got %v, want forbidden", err)
	}

	bindings := c.Client().RbacV1().ClusterRoleBindings()
	_, err = bindings.Create(t.Context(), &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: "readers"},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "system:node-problem-detector"},
		Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.GroupKind, Name: "readers"}},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := bindings.Delete(context.WithoutCancel(t.Context()), "readers", metav1.DeleteOptions{}); err != nil {
			t.Error(err)
		}
	})
	eventually(t, "the group's role counts", func(ctx context.Context) (bool, error) {
		_, err := jane.CoreV1().Nodes().Get(ctx, "absent", metav1.GetOptions{})
		if apierrors.IsForbidden(err) {
			return false, nil
		}
		return apierrors.IsNotFound(err), nil
	})
}

func TestLogsAreWritten(t *testing.T) {
	for name, path := range Shared(t).Logs() {
		info, err := os.Stat(path)
		if err != nil {
			t.Error(err)
			continue
		}
		if info.Size() == 0 && name != etcdName {
			t.Errorf("the log of %s is empty", name)
		}
	}
}

func TestOtherClustersCertificateIsRefused(t *testing.T) {
	c := Shared(t)
	stranger, err := newAuthority(clusterCA)
	if err != nil {
		t.Fatal(err)
	}
	issued, err := stranger.issue(identity{user: "admin", groups: []string{adminGroup}})
	if err != nil {
		t.Fatal(err)
	}
	config := c.RESTConfig()
	config.CertData, config.KeyData = issued.cert, issued.key
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.CoreV1().Nodes().List(t.Context(), metav1.ListOptions{}); !apierrors.IsUnauthorized(err) {
		t.Errorf("listing nodes with a stranger's certificate: got %v, want unauthorized", err)
	}
}
