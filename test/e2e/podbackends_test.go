package e2e

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kube-aliyun/kube-aliyun/test/e2e/stage"
)

// podBackends makes Pods the backends of a Service, which has no node port.
func podBackends(s *corev1.Service) {
	s.Annotations = map[string]string{"service.beta.kubernetes.io/backend-type": "eni"}
	s.Spec.AllocateLoadBalancerNodePorts = new(bool)
}

// gated are Pods that are ready when the load balancer of a Service finds them so,
// and that serve for a while after they were told to end.
func gated(service string) func(d *appsv1.Deployment) {
	return func(d *appsv1.Deployment) {
		graceful(d)
		d.Spec.Template.Spec.ReadinessGates = []corev1.PodReadinessGate{{
			ConditionType: corev1.PodConditionType("service.readiness.alibabacloud.com/" + service),
		}}
	}
}

// podAddresses are those of the Pods that are to stay, by their names.
func podAddresses(t *testing.T, app string) map[string]string {
	t.Helper()
	list, err := theatre.Client().CoreV1().Pods(namespace).List(t.Context(), metav1.ListOptions{LabelSelector: "app=" + app})
	if err != nil {
		t.Fatal(err)
	}
	addresses := map[string]string{}
	for i := range list.Items {
		if list.Items[i].DeletionTimestamp == nil {
			addresses[list.Items[i].Name] = list.Items[i].Status.PodIP
		}
	}
	return addresses
}

// memberAddresses are those of interfaces that the region's only load balancer sends
// new connections to.
func memberAddresses(t *testing.T) []string {
	t.Helper()
	balancers := region(t).LoadBalancers
	if len(balancers) != 1 {
		t.Fatalf("the region has %d load balancers", len(balancers))
	}
	if len(balancers[0].Backends) > 0 {
		t.Errorf("servers are backends: %+v", balancers[0].Backends)
	}
	var addresses []string
	for _, group := range balancers[0].Groups {
		for _, m := range group.Members {
			if m.Type != "eni" || m.Port != echoPort {
				t.Errorf("a member is %+v", m)
			}
			if m.Weight > 0 {
				addresses = append(addresses, m.IP)
			}
		}
	}
	slices.Sort(addresses)
	return addresses
}

func TestPodsAreBackendsWithoutNodePortAndRollWithoutLoss(t *testing.T) {
	on(t, stage.Options{PodAddresses: true})
	const replicas = 3
	begin := time.Now()
	// The Service is the first: a Pod with the gate is not ready without it.
	address := offer(t, "direct", "direct", podBackends)
	deploy(t, "direct", replicas, gated("direct"))
	ready := time.Since(begin)
	service, err := theatre.Client().CoreV1().Services(namespace).Get(t.Context(), "direct", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if number := service.Spec.Ports[0].NodePort; number != 0 {
		t.Errorf("the Service has the node port %d", number)
	}
	before := podAddresses(t, "direct")
	if diff := cmp.Diff(slices.Sorted(maps.Values(before)), memberAddresses(t)); diff != "" {
		t.Errorf("Pods and members (-Pods +members):\n%s", diff)
	}
	seen := map[string]bool{}
	eventually(t, "every Pod answers", func(ctx context.Context) error {
		answer, err := client("tcp4", address, echoPort)(ctx)
		if err != nil {
			return err
		}
		if from := answer.Client.Addr().String(); from != theatre.Internet().Address {
			t.Errorf("Pod %s sees the client as %s", answer.Host, from)
		}
		if seen[answer.Host] = true; len(seen) < replicas {
			return fmt.Errorf("%w: %v", errNotYet, seen)
		}
		return nil
	})

	l := load(t, address, 5*time.Second)
	pause(t, 2*time.Second)
	rolling := time.Now()
	patch := `{"spec": {"template": {"metadata": {"annotations": {"test.kube-aliyun.io/update": "1"}}}}}`
	if _, err := theatre.Client().AppsV1().Deployments(namespace).Patch(t.Context(), "direct", types.MergePatchType, []byte(patch), metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
	rolledOut(t, "direct")
	rolled := time.Since(rolling)
	// The old Pods go on for their preStop.
	pause(t, preStop+slack)
	report := l.Stop()
	after := podAddresses(t, "direct")
	for name := range after {
		if _, old := before[name]; old {
			t.Errorf("Pod %s was not replaced", name)
		}
	}
	if diff := cmp.Diff(slices.Sorted(maps.Values(after)), memberAddresses(t)); diff != "" {
		t.Errorf("Pods and members after the update (-Pods +members):\n%s", diff)
	}
	t.Logf("%d Pods with the gate ready after %.1f s; replaced after %.1f s: %s", replicas, ready.Seconds(), rolled.Seconds(), report)
	if len(report.Failures) > 0 {
		t.Errorf("%d requests failed", len(report.Failures))
	}
}
