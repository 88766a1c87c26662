package kubelet

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/kube-aliyun/kube-aliyun/test/images"
	"github.com/kube-aliyun/kube-aliyun/test/images/echo"
	"github.com/kube-aliyun/kube-aliyun/test/sandbox"
)

// eventually waits until the condition holds, or fails the test.
func eventually(t *testing.T, what string, condition func(ctx context.Context) error) {
	t.Helper()
	var last error
	err := wait.PollUntilContextTimeout(t.Context(), 100*time.Millisecond, time.Minute, true, func(ctx context.Context) (bool, error) {
		ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
		defer cancel()
		last = condition(ctx)
		return last == nil, nil
	})
	if err != nil {
		t.Fatalf("waiting until %s: %v", what, last)
	}
}

func networkPod(name, node string, labels map[string]string) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: metav1.NamespaceDefault, Labels: labels},
		Spec: corev1.PodSpec{
			NodeName:                      node,
			TerminationGracePeriodSeconds: new(int64),
			// No cloud controller initialises the Nodes here.
			Tolerations: []corev1.Toleration{{Operator: corev1.TolerationOpExists}},
			Containers: []corev1.Container{{
				Name: "network", Image: images.Network, ImagePullPolicy: corev1.PullNever,
				Env: []corev1.EnvVar{{Name: "NODE_NAME", ValueFrom: &corev1.EnvVarSource{FieldRef: &corev1.ObjectFieldSelector{FieldPath: "spec.nodeName"}}}},
			}},
		},
	}
}

// runPod runs a network-test Pod on a node until the test's end, and returns its
// address.
func (w *world) runPod(t *testing.T, name string, node *Node, labels map[string]string) string {
	t.Helper()
	pods := w.cluster.Client().CoreV1().Pods(metav1.NamespaceDefault)
	if _, err := pods.Create(t.Context(), networkPod(name, node.Name(), labels), metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := pods.Delete(context.WithoutCancel(t.Context()), name, *metav1.NewDeleteOptions(0)); err != nil {
			t.Error(err)
		}
	})
	var address string
	eventually(t, "Pod "+name+" runs", func(ctx context.Context) error {
		pod, err := pods.Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return err
		}
		if address = pod.Status.PodIP; address == "" || pod.Status.Phase != corev1.PodRunning {
			return fmt.Errorf("%w: %s", errNotRunning, pod.Status.String())
		}
		return nil
	})
	return address
}

var errNotRunning = errors.New("not running")

// routePods leads the ranges of all nodes to them.
func (w *world) routePods(t *testing.T) {
	t.Helper()
	for i, n := range w.nodes {
		node, err := w.cluster.Client().CoreV1().Nodes().Get(t.Context(), n.Name(), metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if err := w.route(netip.MustParsePrefix(node.Spec.PodCIDR), serverAddress(i)); err != nil {
			t.Fatal(err)
		}
	}
}

// from dials out of a network namespace.
func from(n *sandbox.Namespace) echo.Dial {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		return n.Dial(ctx, net.Dialer{}, network, address)
	}
}

// kubectl runs it as the admin and returns what it prints.
func (w *world) kubectl(ctx context.Context, arguments ...string) ([]byte, error) {
	command := exec.CommandContext(ctx, filepath.Join(w.cluster.Binaries(), "kubectl"), append([]string{"--kubeconfig=" + w.cluster.Kubeconfig()}, arguments...)...)
	return command.Output()
}

// ask has a Pod ask, by exec.
func (w *world) ask(ctx context.Context, pod string, arguments ...string) (echo.Answer, error) {
	output, err := w.kubectl(ctx, append([]string{"exec", pod, "--", images.NetworkProgram}, arguments...)...)
	if err != nil {
		return echo.Answer{}, err
	}
	return echo.Decode(output)
}

func TestPodsAnswerAtTheirAddressesAcrossNodes(t *testing.T) {
	w := two(t)
	w.routePods(t)
	address := w.runPod(t, "answering", w.nodes[0], nil)
	asking := w.runPod(t, "asking", w.nodes[1], nil)

	eventually(t, "the client reaches the Pod", func(ctx context.Context) error {
		answer, err := echo.Get(ctx, from(w.client), "http://"+address+":8080/")
		if err == nil && (answer.Host != "answering" || answer.Node != w.nodes[0].Name() || answer.Client.Addr().String() != clientAddress) {
			t.Errorf("answered %+v", answer)
		}
		return err
	})
	for _, protocol := range []string{"tcp", "udp"} {
		answer, err := w.ask(t.Context(), "asking", protocol, address+":8081", "hello")
		if err != nil {
			t.Errorf("from the other node's Pod over %s: %v", protocol, err)
		} else if answer.Host != "answering" || answer.Client.Addr().String() != asking {
			t.Errorf("from %s over %s, answered %+v", asking, protocol, answer)
		}
	}
}

func TestLogsAndExecReachTheNodes(t *testing.T) {
	w := two(t)
	for i, n := range w.nodes {
		name := "talking-" + []string{"one", "two"}[i]
		w.runPod(t, name, n, nil)
		if _, err := w.kubectl(t.Context(), "logs", name); err != nil {
			t.Errorf("logs from %s: %v", n.Name(), err)
		}
		eventually(t, "exec reaches "+n.Name(), func(ctx context.Context) error {
			answer, err := w.ask(ctx, name, "get", "http://127.0.0.1:8080/self")
			if err == nil && answer.Host != name {
				t.Errorf("%s answered %+v", name, answer)
			}
			return err
		})
	}
}

func TestStaticPodRuns(t *testing.T) {
	w := two(t)
	path := "/etc/kubernetes/manifests/static.json"
	if err := w.nodes[1].Write(File{Path: path, Content: staticPod(), Mode: 0o600}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		host, err := w.nodes[1].HostPath(path)
		if err == nil {
			err = os.Remove(host)
		}
		if err != nil {
			t.Error(err)
		}
	})
	eventually(t, "it answers at the server's address", func(ctx context.Context) error {
		_, err := echo.Get(ctx, from(w.client), "http://"+serverAddress(1)+":18080/")
		return err
	})
	eventually(t, "its mirror is there", func(ctx context.Context) error {
		_, err := w.cluster.Client().CoreV1().Pods(metav1.NamespaceDefault).Get(ctx, "static-"+w.nodes[1].Name(), metav1.GetOptions{})
		return err
	})
}
