package e2e

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/kube-aliyun/kube-aliyun/test/e2e/stage"
	"github.com/kube-aliyun/kube-aliyun/test/environment/cloud"
	"github.com/kube-aliyun/kube-aliyun/test/images"
	"github.com/kube-aliyun/kube-aliyun/test/images/echo"
)

const namespace = metav1.NamespaceDefault

// patience is for what takes seconds, on a machine that is busy.
const patience = 90 * time.Second

// Ports of the network-test image.
const (
	webPort  = 8080
	echoPort = 8081
)

var errNotYet = errors.New("not yet")

// eventually waits until the condition holds, or fails the test; it tells how long
// that took.
func eventually(t *testing.T, what string, condition func(ctx context.Context) error) time.Duration {
	t.Helper()
	return within(t, patience, what, condition)
}

// within is eventually for what may take as long as the limit.
func within(t *testing.T, limit time.Duration, what string, condition func(ctx context.Context) error) time.Duration {
	t.Helper()
	begin := time.Now()
	var last error
	err := wait.PollUntilContextTimeout(t.Context(), 100*time.Millisecond, limit, true, func(ctx context.Context) (bool, error) {
		ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
		defer cancel()
		last = condition(ctx)
		return last == nil, nil
	})
	if err != nil {
		t.Fatalf("waiting until %s: %v", what, last)
	}
	return time.Since(begin)
}

// client asks from the internet.
func client(network, address string, port int32) func(ctx context.Context) (echo.Answer, error) {
	target := net.JoinHostPort(address, strconv.Itoa(int(port)))
	return func(ctx context.Context) (echo.Answer, error) {
		return echo.Ask(ctx, theatre.Internet().Dial, network, target, "hello")
	}
}

// podSpec is a network-test Pod that says where it runs.
func podSpec() corev1.PodSpec {
	return corev1.PodSpec{
		Containers: []corev1.Container{{
			Name: "network", Image: images.Network, ImagePullPolicy: corev1.PullNever,
			Env: []corev1.EnvVar{{Name: "NODE_NAME", ValueFrom: &corev1.EnvVarSource{FieldRef: &corev1.ObjectFieldSelector{FieldPath: "spec.nodeName"}}}},
			ReadinessProbe: &corev1.Probe{
				ProbeHandler:  corev1.ProbeHandler{TCPSocket: &corev1.TCPSocketAction{Port: intstr.FromInt32(echoPort)}},
				PeriodSeconds: 1, TimeoutSeconds: 5,
			},
		}},
	}
}

// runPod runs a Pod on a server until the test's end, and returns its address.
func runPod(t *testing.T, name string, server *stage.Server) string {
	t.Helper()
	spec := podSpec()
	spec.NodeName = server.Name()
	spec.TerminationGracePeriodSeconds = new(int64)
	spec.Tolerations = []corev1.Toleration{{Operator: corev1.TolerationOpExists}}
	pods := theatre.Client().CoreV1().Pods(namespace)
	_, err := pods.Create(t.Context(), &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{"app": name}}, Spec: spec,
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := pods.Delete(context.WithoutCancel(t.Context()), name, *metav1.NewDeleteOptions(0)); err != nil {
			t.Error(err)
		}
	})
	var address string
	eventually(t, "Pod "+name+" is ready", func(ctx context.Context) error {
		pod, err := pods.Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return err
		}
		address = pod.Status.PodIP
		for _, c := range pod.Status.Conditions {
			if c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue {
				return nil
			}
		}
		return fmt.Errorf("%w: %s", errNotYet, pod.Status.String())
	})
	return address
}

// fromPod asks from a Pod.
func fromPod(ctx context.Context, pod, network, address string) (echo.Answer, error) {
	output, err := theatre.KubectlOutput(ctx, "exec", pod, "--", images.NetworkProgram, network, net.JoinHostPort(address, strconv.Itoa(echoPort)), "hello")
	if err != nil {
		return echo.Answer{}, err
	}
	return echo.Decode(output)
}

// deploy runs a Deployment of network-test Pods, spread over the workers, until the
// test's end, and waits until it is there.
func deploy(t *testing.T, name string, replicas int32, change func(*appsv1.Deployment)) {
	t.Helper()
	labels := map[string]string{"app": name}
	spec := podSpec()
	spec.TerminationGracePeriodSeconds = new(int64)
	spec.TopologySpreadConstraints = []corev1.TopologySpreadConstraint{{
		MaxSkew: 1, TopologyKey: corev1.LabelHostname, WhenUnsatisfiable: corev1.ScheduleAnyway,
		LabelSelector: &metav1.LabelSelector{MatchLabels: labels}, MatchLabelKeys: []string{"pod-template-hash"},
	}}
	d := &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: appsv1.DeploymentSpec{
			Replicas: &replicas, Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels}, Spec: spec},
		},
	}
	if change != nil {
		change(d)
	}
	deployments := theatre.Client().AppsV1().Deployments(namespace)
	if _, err := deployments.Create(t.Context(), d, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := deployments.Delete(context.WithoutCancel(t.Context()), name, metav1.DeleteOptions{}); err != nil {
			t.Error(err)
		}
	})
	rolledOut(t, name)
}

// rolledOut waits until a Deployment's Pods are all of its present form and ready.
func rolledOut(t *testing.T, name string) {
	t.Helper()
	eventually(t, "Deployment "+name+" is rolled out", func(ctx context.Context) error {
		d, err := theatre.Client().AppsV1().Deployments(namespace).Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return err
		}
		want, s := *d.Spec.Replicas, d.Status
		if s.ObservedGeneration < d.Generation || s.UpdatedReplicas != want || s.AvailableReplicas != want || s.Replicas != want {
			return fmt.Errorf("%w: %s", errNotYet, s.String())
		}
		return nil
	})
}

// port is a Service's.
func port(name string, number int32, protocol corev1.Protocol, target int32) corev1.ServicePort {
	return corev1.ServicePort{Name: name, Port: number, Protocol: protocol, TargetPort: intstr.FromInt32(target)}
}

var tcpPort = []corev1.ServicePort{port("echo", echoPort, corev1.ProtocolTCP, echoPort)}

// expose makes a load balancer before the Pods with a label until the test's end,
// and returns its address.
func expose(t *testing.T, name, app string, policy corev1.ServiceExternalTrafficPolicy, ports []corev1.ServicePort) string {
	t.Helper()
	return offer(t, name, app, func(s *corev1.Service) {
		s.Spec.ExternalTrafficPolicy, s.Spec.Ports = policy, ports
	})
}

// offer makes a load balancer with tcpPort before the Pods with a label until the
// test's end, changed before it is created, and returns its first address.
func offer(t *testing.T, name, app string, change func(*corev1.Service)) string {
	t.Helper()
	s := &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec:       corev1.ServiceSpec{Type: corev1.ServiceTypeLoadBalancer, Selector: map[string]string{"app": app}, Ports: tcpPort},
	}
	change(s)
	if _, err := theatre.Client().CoreV1().Services(namespace).Create(t.Context(), s, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unexpose(t, name) })
	return addressOf(t, name)
}

// addressOf waits for a Service's address.
func addressOf(t *testing.T, name string) string {
	t.Helper()
	var address string
	eventually(t, "Service "+name+" has an address", func(ctx context.Context) error {
		s, err := theatre.Client().CoreV1().Services(namespace).Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return err
		}
		if len(s.Status.LoadBalancer.Ingress) == 0 {
			return errNotYet
		}
		address = s.Status.LoadBalancer.Ingress[0].IP
		return nil
	})
	return address
}

// unexpose deletes a Service, if it is there, and waits until it is gone.
func unexpose(t *testing.T, name string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), patience)
	defer cancel()
	if err := theatre.Kubectl(ctx, "delete", "service", name, "--namespace="+namespace, "--ignore-not-found", "--timeout=80s"); err != nil {
		t.Error(err)
	}
}

// region reads what the cloud has.
func region(t *testing.T) cloud.Cloud {
	t.Helper()
	c, err := cloud.Read(t.Context(), theatre.Region())
	if err != nil {
		t.Fatal(err)
	}
	return c
}
