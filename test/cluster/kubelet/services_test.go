package kubelet

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/kube-aliyun/kube-aliyun/test/images/echo"
)

// serve makes a Service of type LoadBalancer, which has node ports too, over the Pods with a label of its name,
// until the test's end.
func (w *world) serve(t *testing.T, name string, policy corev1.ServiceExternalTrafficPolicy) *corev1.Service {
	t.Helper()
	services := w.cluster.Client().CoreV1().Services(metav1.NamespaceDefault)
	service, err := services.Create(t.Context(), &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: corev1.ServiceSpec{
			Type: corev1.ServiceTypeLoadBalancer, Selector: map[string]string{"app": name}, ExternalTrafficPolicy: policy,
			Ports: []corev1.ServicePort{
				{Name: "web", Port: 80, TargetPort: intstr.FromInt32(8080)},
				{Name: "udp", Port: 81, TargetPort: intstr.FromInt32(8081), Protocol: corev1.ProtocolUDP},
			},
		},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := services.Delete(context.WithoutCancel(t.Context()), name, metav1.DeleteOptions{}); err != nil {
			t.Error(err)
		}
	})
	return service
}

func TestServiceIsReachedFromPodsOnEveryNode(t *testing.T) {
	w := two(t)
	w.routePods(t)
	w.runPod(t, "inner", w.nodes[0], map[string]string{"app": "inner"})
	w.runPod(t, "neighbour", w.nodes[0], nil)
	w.runPod(t, "stranger", w.nodes[1], nil)
	service := w.serve(t, "inner", corev1.ServiceExternalTrafficPolicyCluster)
	// The Pod that serves reaches itself only by a hairpin, its neighbour only
	// by rules on bridged packets.
	for _, pod := range []string{"stranger", "neighbour", "inner"} {
		eventually(t, pod+" reaches the Service", func(ctx context.Context) error {
			answer, err := w.ask(ctx, pod, "get", "http://"+service.Spec.ClusterIP+"/")
			if err == nil && answer.Host != "inner" {
				t.Errorf("answered %+v", answer)
			}
			return err
		})
	}
	answer, err := w.ask(t.Context(), "stranger", "udp", service.Spec.ClusterIP+":81", "hello")
	if err != nil || answer.Host != "inner" {
		t.Errorf("over UDP: %+v, %v", answer, err)
	}
}

func TestNodePortIsReachedOnEveryNode(t *testing.T) {
	w := two(t)
	w.routePods(t)
	w.runPod(t, "outer", w.nodes[0], map[string]string{"app": "outer"})
	service := w.serve(t, "outer", corev1.ServiceExternalTrafficPolicyCluster)
	for i := range w.nodes {
		eventually(t, "the client reaches "+serverAddress(i), func(ctx context.Context) error {
			_, err := echo.Get(ctx, from(w.client), nodePort(i, service))
			return err
		})
		answer, err := echo.Ask(t.Context(), from(w.client), "udp4", fmt.Sprintf("%s:%d", serverAddress(i), service.Spec.Ports[1].NodePort), "hello")
		if err != nil || answer.Host != "outer" {
			t.Errorf("over UDP: %+v, %v", answer, err)
		}
	}
}

func TestLocalNodePortKeepsTheClientsAddress(t *testing.T) {
	w := two(t)
	w.routePods(t)
	w.runPod(t, "local", w.nodes[0], map[string]string{"app": "local"})
	service := w.serve(t, "local", corev1.ServiceExternalTrafficPolicyLocal)
	eventually(t, "the client reaches the Pod's node", func(ctx context.Context) error {
		answer, err := echo.Get(ctx, from(w.client), nodePort(0, service))
		if err == nil && answer.Client.Addr() != netip.MustParseAddr(clientAddress) {
			t.Errorf("answered %+v, want the client %s", answer, clientAddress)
		}
		return err
	})
}

func TestHealthIsToldToLoadBalancers(t *testing.T) {
	w := two(t)
	for i := range w.nodes {
		eventually(t, "kube-proxy is healthy", func(ctx context.Context) error { return w.healthy(ctx, i, 10256) })
	}
	w.runPod(t, "balanced", w.nodes[0], map[string]string{"app": "balanced"})
	service := w.serve(t, "balanced", corev1.ServiceExternalTrafficPolicyLocal)
	check := int(service.Spec.HealthCheckNodePort)
	eventually(t, "the Pod's node is healthy", func(ctx context.Context) error { return w.healthy(ctx, 0, check) })
	eventually(t, "a node without a Pod of the Service is unhealthy", func(ctx context.Context) error {
		if err := w.healthy(ctx, 1, check); !errors.Is(err, errUnhealthy) {
			return fmt.Errorf("%w: %v", errHealthy, err) //nolint:errorlint // nil when it is healthy
		}
		return nil
	})
}

var (
	errHealthy   = errors.New("not told unhealthy")
	errUnhealthy = errors.New("not healthy")
)

// healthy asks a server for its health, as a load balancer does.
func (w *world) healthy(ctx context.Context, server, port int) error {
	url := "http://" + net.JoinHostPort(serverAddress(server), strconv.Itoa(port)) + "/healthz"
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	response, err := (&http.Client{Transport: &http.Transport{DialContext: from(w.client), DisableKeepAlives: true}}).Do(request)
	if err != nil {
		return err
	}
	if err := response.Body.Close(); err != nil || response.StatusCode == http.StatusOK {
		return err
	}
	return fmt.Errorf("%w: %s", errUnhealthy, response.Status)
}

func nodePort(server int, service *corev1.Service) string {
	return "http://" + net.JoinHostPort(serverAddress(server), strconv.Itoa(int(service.Spec.Ports[0].NodePort))) + "/"
}
