package bootstrap

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/kube-aliyun/kube-aliyun/pkg/bootstrap/clusterfile"
	"github.com/kube-aliyun/kube-aliyun/test/bootstrap/bare"
	"github.com/kube-aliyun/kube-aliyun/test/images"
	"github.com/kube-aliyun/kube-aliyun/test/images/echo"
)

const (
	// startLimit is for a Service that answers, from servers that are off.
	startLimit = 180 * time.Second
	// readyLimit is for the API behind the load balancer, and all Nodes Ready.
	readyLimit = 90 * time.Second
	patience   = 4 * time.Minute

	namespace = metav1.NamespaceDefault
	webPort   = 8080
	echoPort  = 8081
)

var errNotYet = errors.New("not yet")

// until waits until the condition holds.
func until(ctx context.Context, condition func(ctx context.Context) error) error {
	var last error
	err := wait.PollUntilContextTimeout(ctx, 100*time.Millisecond, patience, true, func(ctx context.Context) (bool, error) {
		ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
		defer cancel()
		last = condition(ctx)
		return last == nil, nil
	})
	return errors.Join(err, last)
}

// eventually waits until the condition holds, or fails the test; it tells how long
// that took.
func eventually(t *testing.T, what string, condition func(ctx context.Context) error) time.Duration {
	t.Helper()
	begin := time.Now()
	if err := until(t.Context(), condition); err != nil {
		t.Fatalf("waiting until %s: %v", what, err)
	}
	return time.Since(begin)
}

// apiReady asks the API server through the load balancer.
func apiReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	status, body, err := bare.Get(ctx, world.Region.Operator.Dial, world.Cluster.BalancerURL()+"/readyz")
	if err != nil || status != 200 {
		return fmt.Errorf("%w: %d %s: %w", errNotYet, status, body, err)
	}
	return nil
}

// nodesReady tells of a Node that is missing or not Ready.
func nodesReady(ctx context.Context) error {
	nodes, err := world.Client.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
	if err != nil {
		return err
	}
	if want := len(world.Of(clusterfile.Master)) + len(world.Of(clusterfile.Node)); len(nodes.Items) != want {
		return fmt.Errorf("%w: %d of %d Nodes", errNotYet, len(nodes.Items), want)
	}
	for i := range nodes.Items {
		for _, c := range nodes.Items[i].Status.Conditions {
			if c.Type == corev1.NodeReady && c.Status != corev1.ConditionTrue {
				return fmt.Errorf("%w: %s: %s", errNotYet, nodes.Items[i].Name, c.Message)
			}
		}
	}
	return nil
}

// deploy runs network-test Pods, one on each node, and then makes a load balancer
// before them.
func deploy(ctx context.Context, name string) error {
	labels := map[string]string{"app": name}
	replicas := int32(len(world.Of(clusterfile.Node)))
	_, err := world.Client.AppsV1().Deployments(namespace).Create(ctx, &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: appsv1.DeploymentSpec{
			Replicas: &replicas, Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels}, Spec: podSpec(labels)},
		},
	}, metav1.CreateOptions{})
	if err != nil && !apierrors.IsAlreadyExists(err) {
		return err
	}
	// kube-proxy v1.37.2 may fail to give a Service its first endpoint ("nftables sync
	// failed ... delete element") and try again only 30 s later.
	made, err := world.Client.AppsV1().Deployments(namespace).Get(ctx, name, metav1.GetOptions{})
	if err != nil || made.Status.ReadyReplicas != replicas {
		return fmt.Errorf("%w: Pods of %s: %w", errNotYet, name, err)
	}
	_, err = world.Client.CoreV1().Services(namespace).Create(ctx, &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: corev1.ServiceSpec{Type: corev1.ServiceTypeLoadBalancer, Selector: labels, Ports: []corev1.ServicePort{
			{Name: "echo", Port: 80, TargetPort: intstr.FromInt32(echoPort)},
		}},
	}, metav1.CreateOptions{})
	if err != nil && !apierrors.IsAlreadyExists(err) {
		return err
	}
	return nil
}

// podSpec is a network-test Pod that says where it runs.
func podSpec(labels map[string]string) corev1.PodSpec {
	var none int64
	return corev1.PodSpec{
		TerminationGracePeriodSeconds: &none,
		TopologySpreadConstraints: []corev1.TopologySpreadConstraint{{
			MaxSkew: 1, TopologyKey: corev1.LabelHostname, WhenUnsatisfiable: corev1.DoNotSchedule, LabelSelector: &metav1.LabelSelector{MatchLabels: labels},
		}},
		Containers: []corev1.Container{{
			Name: "network", Image: images.Network, ImagePullPolicy: corev1.PullNever,
			Env: []corev1.EnvVar{
				{Name: "NODE_NAME", ValueFrom: &corev1.EnvVarSource{FieldRef: &corev1.ObjectFieldSelector{FieldPath: "spec.nodeName"}}},
				{Name: "POD_NAME", ValueFrom: &corev1.EnvVarSource{FieldRef: &corev1.ObjectFieldSelector{FieldPath: "metadata.name"}}},
			},
		}},
	}
}

// ask asks a Service's load balancer from the internet.
func ask(ctx context.Context, name string) (echo.Answer, error) {
	service, err := world.Client.CoreV1().Services(namespace).Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return echo.Answer{}, err
	}
	if len(service.Status.LoadBalancer.Ingress) == 0 {
		return echo.Answer{}, fmt.Errorf("%w: no address", errNotYet)
	}
	target := net.JoinHostPort(service.Status.LoadBalancer.Ingress[0].IP, "80")
	return echo.Ask(ctx, world.Region.Internet.Dial, "tcp", target, "hello")
}

// finish is the operator's last step, with the article's own command for the keys.
func finish(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
	defer cancel()
	if _, err := world.OperatorRun(ctx, filepath.Join(world.Folder, "finish")); err != nil {
		return err
	}
	_, err := world.Kubectl(ctx, "create", "secret", "generic", "aliyun-creds", "--namespace=kube-system",
		"--from-literal=accessKey="+bare.AccessKey, "--from-literal=accessKeySecret="+bare.AccessKeySecret)
	if err != nil && strings.Contains(err.Error(), "already exists") {
		return nil
	}
	return err
}

// memory is what all servers' programs hold, in bytes, without the page cache.
func memory() (sum int64) {
	for _, m := range world.Machines {
		pids, err := m.Processes()
		if err != nil {
			continue
		}
		for _, pid := range pids {
			content, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
			if err != nil {
				continue // it has ended meanwhile
			}
			for line := range strings.Lines(string(content)) {
				var kilobytes int64
				if _, err := fmt.Sscanf(line, "RssAnon: %d kB", &kilobytes); err == nil {
					sum += kilobytes << 10
				}
			}
		}
	}
	return sum
}

// start is what the cold start took, from servers that were off.
var start struct {
	api, ready, answered time.Duration
	memory               int64
}

// coldStart powers all servers on, in a random order, and does the operator's part.
func coldStart(ctx context.Context) error {
	machines := slices.Clone(world.Machines)
	rand.Shuffle(len(machines), func(i, j int) { machines[i], machines[j] = machines[j], machines[i] })
	begin := time.Now()
	tell := func(format string, values ...any) time.Duration {
		took := time.Since(begin)
		fmt.Fprintf(os.Stderr, "%6.1fs  %s\n", took.Seconds(), fmt.Sprintf(format, values...))
		return took
	}
	group, starting := errgroup.WithContext(ctx)
	for _, m := range machines {
		tell("power on: %s %s", m.Server.Role, m.Server.Address)
		group.Go(func() error { return world.PowerOn(starting, m) })
		// Nobody presses seven buttons at once.
		select {
		case <-ctx.Done():
		case <-time.After(time.Duration(rand.IntN(1000)) * time.Millisecond):
		}
	}
	if err := group.Wait(); err != nil {
		return err
	}
	tell("user-data is applied everywhere")
	if err := until(ctx, apiReady); err != nil {
		return err
	}
	start.api = tell("the API answers through the load balancer")
	if err := until(ctx, nodesReady); err != nil {
		return err
	}
	start.ready = tell("all Nodes are Ready")
	if err := until(ctx, finish); err != nil {
		return err
	}
	tell("the operator has finished")
	if err := until(ctx, func(ctx context.Context) error { return deploy(ctx, "web") }); err != nil {
		return err
	}
	err := until(ctx, func(ctx context.Context) error {
		_, err := ask(ctx, "web")
		return err
	})
	start.answered = tell("a Service answers on the internet")
	start.memory = memory()
	return err
}

func TestR16ColdStartInAnyOrderNeedsNoIntervention(t *testing.T) {
	t.Logf("the API answers after %.1f s, all Nodes are Ready after %.1f s, a Service answers on the internet after %.1f s, %d MiB",
		start.api.Seconds(), start.ready.Seconds(), start.answered.Seconds(), start.memory>>20)
	if start.ready > readyLimit || start.answered > startLimit {
		t.Errorf("more than %s until Nodes are Ready, or more than %s in all", readyLimit, startLimit)
	}
	if start.memory > 4<<30 {
		t.Error("more than 4 GiB")
	}
}
