package e2e

import (
	"context"
	"fmt"
	"net/netip"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/kube-aliyun/kube-aliyun/test/cluster/kubelet"
	"github.com/kube-aliyun/kube-aliyun/test/e2e/stage"
	"github.com/kube-aliyun/kube-aliyun/test/e2e/traffic"
	"github.com/kube-aliyun/kube-aliyun/test/environment/cloud"
)

// Health checks of a Service with the Local policy, as they are by default.
const (
	checkInterval = 2 * time.Second
	checkTimeout  = 5 * time.Second
	threshold     = 3
	// slack is for a machine that is busy.
	slack = 2 * time.Second
)

// unnoticed is for how long a load balancer may send to a server that has failed:
// the last check that succeeded may be one interval old, and each that fails takes
// its time-out.
const unnoticed = threshold*checkTimeout + threshold*checkInterval

// extra is a third worker for the test, with a load balancer whose policy is Local
// before Pods on all workers; it answers from everywhere.
func extra(t *testing.T, name string) (server *stage.Server, address string) {
	t.Helper()
	begin := time.Now()
	server, err := theatre.Join(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%s joined after %.1f s", server.Name(), time.Since(begin).Seconds())
	t.Cleanup(func() { leave(t, server) })
	deploy(t, name, 3, nil)
	address = expose(t, name, name, corev1.ServiceExternalTrafficPolicyLocal, tcpPort)
	everywhere(t, address, len(theatre.Workers()))
	return server, address
}

// everywhere waits until a load balancer's answers come from so many nodes.
func everywhere(t *testing.T, address string, nodes int) {
	t.Helper()
	eventually(t, fmt.Sprintf("%d nodes answer", nodes), func(ctx context.Context) error {
		seen := map[string]bool{}
		for range 10 * nodes {
			answer, err := client("tcp4", address, echoPort)(ctx)
			if err != nil {
				return err
			}
			seen[answer.Node] = true
		}
		if len(seen) != nodes {
			return fmt.Errorf("%w: %v", errNotYet, seen)
		}
		return nil
	})
}

// leave takes a server out of the cluster and the region, whatever has become of it.
func leave(t *testing.T, server *stage.Server) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), patience)
	defer cancel()
	err := theatre.Client().CoreV1().Nodes().Delete(ctx, server.Name(), metav1.DeleteOptions{})
	if err != nil && !apierrors.IsNotFound(err) {
		t.Error(err)
	}
	if err := server.PowerOff(ctx); err != nil {
		t.Error(err)
	}
	for {
		now, err := cloud.Read(ctx, theatre.Region())
		if err == nil {
			if _, there := now.Server(server.ID); !there {
				return
			}
			err = theatre.Release(ctx, server)
		}
		if err == nil {
			return
		}
		select {
		case <-ctx.Done():
			t.Error(err)
			return
		case <-time.After(time.Second):
		}
	}
}

// load asks a Service a hundred times a second, with little patience.
func load(t *testing.T, address string, timeout time.Duration) *traffic.Load {
	t.Helper()
	return traffic.Start(t.Context(), traffic.Options{Ask: client("tcp4", address, echoPort), Timeout: timeout})
}

// pause lets traffic flow for a while.
func pause(t *testing.T, d time.Duration) {
	t.Helper()
	select {
	case <-t.Context().Done():
	case <-time.After(d):
	}
}

func TestJoiningNodeGetsPodTrafficAndClients(t *testing.T) {
	server, _ := extra(t, "joining")
	address := runPod(t, "newcomer", server)
	runPod(t, "resident", theatre.Workers()[0])
	eventually(t, "a Pod on the new node is reached", func(ctx context.Context) error {
		_, err := fromPod(ctx, "resident", "tcp", address)
		return err
	})
}

func TestStoppedServerLosesItsClientsAndGetsThemBack(t *testing.T) {
	server, address := extra(t, "stopping")
	l := load(t, address, time.Second)
	pause(t, 2*time.Second)
	stopped := time.Now()
	if err := theatre.Stop(t.Context(), server); err != nil {
		t.Fatal(err)
	}
	pause(t, unnoticed+slack+2*time.Second)
	report := l.Stop()
	last := report.After(stopped)
	t.Logf("server stopped: clients saw failures for %.1f s of at most %s; %s", last.Seconds(), unnoticed, report)
	if last > unnoticed+slack {
		t.Errorf("failures until %s after the server was stopped", last)
	}
	eventually(t, "the Node says that it is off", func(ctx context.Context) error {
		node, err := theatre.Client().CoreV1().Nodes().Get(ctx, server.Name(), metav1.GetOptions{})
		if err != nil {
			return err
		}
		for _, taint := range node.Spec.Taints {
			if taint.Key == "node.cloudprovider.kubernetes.io/shutdown" {
				return nil
			}
		}
		return fmt.Errorf("%w: %v", errNotYet, node.Spec.Taints)
	})
	if err := theatre.StartAgain(t.Context(), server); err != nil {
		t.Fatal(err)
	}
	if err := theatre.WaitUsable(t.Context()); err != nil {
		t.Fatal(err)
	}
	everywhere(t, address, len(theatre.Workers()))
}

func TestFailedServerIsNoticedByTheHealthCheck(t *testing.T) {
	server, address := extra(t, "failing")
	l := load(t, address, time.Second)
	pause(t, 2*time.Second)
	failed := time.Now()
	if err := theatre.Fail(t.Context(), server); err != nil {
		t.Fatal(err)
	}
	pause(t, unnoticed+slack+2*time.Second)
	report := l.Stop()
	last := report.After(failed)
	t.Logf("server failed: the last failure began %.1f s later, of at most %s; %s", last.Seconds(), unnoticed, report)
	if last == 0 || last > unnoticed+slack {
		t.Errorf("the last failure is %s after the server's", last)
	}
}

func TestReleasedServerLeavesNoRouteAndNoBackend(t *testing.T) {
	server, address := extra(t, "releasing")
	if err := theatre.Release(t.Context(), server); err == nil {
		t.Error("the cloud releases a server that a route leads to")
	}
	if err := theatre.Kubectl(t.Context(), "drain", server.Name(), "--ignore-daemonsets", "--timeout=60s"); err != nil {
		t.Fatal(err)
	}
	begin := time.Now()
	if err := theatre.Client().CoreV1().Nodes().Delete(t.Context(), server.Name(), metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	took := eventually(t, "nothing in the cloud leads to the server", func(ctx context.Context) error {
		now, err := cloud.Read(ctx, theatre.Region())
		if err != nil {
			return err
		}
		for _, lb := range now.LoadBalancers {
			for _, id := range lb.Attached() {
				if id == server.ID {
					return fmt.Errorf("%w: it is behind %s", errNotYet, lb.ID)
				}
			}
		}
		if routes := now.RoutesTo(server.ID); len(routes) > 0 {
			return fmt.Errorf("%w: %v", errNotYet, routes)
		}
		return nil
	})
	t.Logf("routes and backends went after %.1f s", took.Seconds())
	if err := server.PowerOff(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := theatre.Release(t.Context(), server); err != nil {
		t.Fatal(err)
	}
	t.Logf("the server was released after %.1f s", time.Since(begin).Seconds())
	everywhere(t, address, len(theatre.Workers()))
}

func TestDrainedNodeCostsNoRequest(t *testing.T) {
	deploy(t, "draining", 3, graceful)
	address := expose(t, "draining", "draining", corev1.ServiceExternalTrafficPolicyLocal, tcpPort)
	everywhere(t, address, 2)
	server := theatre.Workers()[0]
	l := load(t, address, 5*time.Second)
	pause(t, time.Second)
	t.Cleanup(func() {
		if err := theatre.Kubectl(context.WithoutCancel(t.Context()), "uncordon", server.Name()); err != nil {
			t.Error(err)
		}
	})
	begin := time.Now()
	if err := theatre.Kubectl(t.Context(), "drain", server.Name(), "--ignore-daemonsets", "--force", "--timeout=80s"); err != nil {
		t.Error(err)
	}
	drained := time.Since(begin)
	rolledOut(t, "draining")
	report := l.Stop()
	t.Logf("drained after %.1f s: %s", drained.Seconds(), report)
	if len(report.Failures) > 0 {
		t.Errorf("%d requests failed", len(report.Failures))
	}
}

// preStop is how long a Pod goes on serving after it was told to end: until every
// load balancer has noticed.
const preStop = threshold*checkInterval + checkTimeout

// graceful is a Deployment whose Pods end when nobody asks them any more.
func graceful(d *appsv1.Deployment) {
	spec := &d.Spec.Template.Spec
	grace := int64(30)
	spec.TerminationGracePeriodSeconds = &grace
	spec.Containers[0].Lifecycle = &corev1.Lifecycle{PreStop: &corev1.LifecycleHandler{
		Sleep: &corev1.SleepAction{Seconds: int64(preStop / time.Second)},
	}}
	d.Spec.Strategy = appsv1.DeploymentStrategy{
		Type:          appsv1.RollingUpdateDeploymentStrategyType,
		RollingUpdate: &appsv1.RollingUpdateDeployment{MaxUnavailable: new(intstr.FromInt32(0)), MaxSurge: new(intstr.FromInt32(1))},
	}
}

func TestNodeThatRegistersAnewIsRoutedToItsNewPodCIDR(t *testing.T) {
	server, err := theatre.Join(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { leave(t, server) })
	nodes := theatre.Client().CoreV1().Nodes()
	old, err := nodes.Get(t.Context(), server.Name(), metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if err := nodes.Delete(t.Context(), server.Name(), metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the route to the Node is gone", func(ctx context.Context) error {
		now, err := cloud.Read(ctx, theatre.Region())
		if err == nil && len(now.RoutesTo(server.ID)) > 0 {
			err = errNotYet
		}
		return err
	})
	if err := server.Node.Restart(t.Context(), kubelet.Kubelet); err != nil {
		t.Fatal(err)
	}
	if err := theatre.WaitUsable(t.Context()); err != nil {
		t.Fatal(err)
	}
	anew, err := nodes.Get(t.Context(), server.Name(), metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if anew.Spec.PodCIDR == old.Spec.PodCIDR {
		t.Fatalf("the Node has %s again", old.Spec.PodCIDR)
	}
	routes := region(t).RoutesTo(server.ID)
	if len(routes) != 1 || routes[0].Destination != anew.Spec.PodCIDR {
		t.Errorf("routes %+v, want one to %s alone", routes, anew.Spec.PodCIDR)
	}
	address := runPod(t, "anew", server)
	if prefix := netip.MustParsePrefix(anew.Spec.PodCIDR); !prefix.Contains(netip.MustParseAddr(address)) {
		t.Errorf("a Pod of %s has the address %s", prefix, address)
	}
	runPod(t, "asking", theatre.Workers()[0])
	eventually(t, "the Pod is reached", func(ctx context.Context) error {
		_, err := fromPod(ctx, "asking", "tcp", address)
		return err
	})
}
