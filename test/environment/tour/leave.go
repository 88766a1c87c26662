package tour

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/util/retry"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/admin"
)

const (
	// leavingTaint is what the cluster autoscaler puts on a Node that it drains
	// and then releases the server of.
	leavingTaint = "ToBeDeletedByClusterAutoscaler"
	// promisedLeave is within what time routes and backends of such a Node go.
	promisedLeave = 5 * time.Second
)

var (
	errNotRefused = errors.New("the release was not refused because of the route")
	errSlow       = errors.New("that is slower than promised")
)

// serverLeaves releases a server in the order of the cluster autoscaler.
func (t *tour) serverLeaves(ctx context.Context) error {
	id := t.joined[len(t.joined)-1]
	t.Console.Say("The cloud refuses to release a server while a route points at it. So when a Node is about to go (deleted, " +
		"out of service, or tainted by the cluster autoscaler), its routes and backends go first; the routes as soon as no Pod needs them.")
	if err := t.releaseIsRefused(ctx, id); err != nil {
		return err
	}
	w, err := t.look(ctx)
	if err != nil {
		return err
	}
	name := w.node(id).Name
	if err := t.taint(ctx, name); err != nil {
		return err
	}
	t.Console.Step("Node %s is tainted with %s", name, leavingTaint)
	if err := t.drain(ctx, name); err != nil {
		return err
	}
	took, err := t.measure(ctx, brief, "no route and no load balancer leads to "+id, func(w world) string { return w.leadsTo(id) })
	if err != nil {
		return err
	}
	if took > promisedLeave {
		return fmt.Errorf("routes and backends of %s went after %.1f s, promised are %s: %w", id, took.Seconds(), promisedLeave, errSlow)
	}
	if err := t.Region.ReleaseServer(ctx, id, true); err != nil {
		return fmt.Errorf("releasing %s, to which no route leads: %w", id, err)
	}
	t.Console.Step("the cloud has released %s", id)
	t.joined = t.joined[:len(t.joined)-1]
	// The controller deletes a Node on proof alone: two listings a minute apart,
	// and never one that is younger than five minutes. A tour does not wait so long.
	if err := t.Kube.CoreV1().Nodes().Delete(ctx, name, metav1.DeleteOptions{}); err != nil {
		return fmt.Errorf("deleting Node %s: %w", name, err)
	}
	t.Console.Step("Node %s is deleted by hand: the controller does that on proof, after minutes", name)
	if err := t.until(ctx, brief, "all other Nodes have their routes, and are behind each load balancer", initialised, routed, balanced); err != nil {
		return err
	}
	return t.showRoutes(ctx)
}

// releaseIsRefused shows that the cloud protects the next hops of routes.
func (t *tour) releaseIsRefused(ctx context.Context, id string) error {
	err := t.Region.ReleaseServer(ctx, id, true)
	var refusal *admin.RefusedError
	if !errors.As(err, &refusal) || refusal.Code != "DependencyViolation.RouteEntry" {
		return fmt.Errorf("releasing %s, to which a route leads, got %v: %w", id, err, errNotRefused) //nolint:errorlint // the refusal is a finding, not a cause
	}
	t.Console.Step("the cloud refuses to release %s: %s", id, refusal.Code)
	return nil
}

func (t *tour) taint(ctx context.Context, name string) error {
	err := retry.RetryOnConflict(retry.DefaultRetry, func() error {
		node, err := t.Kube.CoreV1().Nodes().Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return err
		}
		node.Spec.Taints = append(node.Spec.Taints, corev1.Taint{
			Key: leavingTaint, Value: strconv.FormatInt(time.Now().Unix(), 10), Effect: corev1.TaintEffectNoSchedule,
		})
		_, err = t.Kube.CoreV1().Nodes().Update(ctx, node, metav1.UpdateOptions{})
		return err
	})
	if err != nil {
		return fmt.Errorf("tainting Node %s: %w", name, err)
	}
	return nil
}

// drain makes a real Node's Pods go elsewhere, as the cluster autoscaler does after
// it has put its taint.
func (t *tour) drain(ctx context.Context, name string) error {
	if t.Real == nil {
		return nil
	}
	command := exec.CommandContext(ctx, t.Kubectl, "--kubeconfig="+t.Kubeconfig, "drain", name, "--ignore-daemonsets", "--timeout=60s")
	if output, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("kubectl drain %s: %w: %s", name, err, output)
	}
	t.Console.Step("kubectl drain %s: its Pods have gone to other servers", name)
	return nil
}

// leadsTo says what still leads to a server.
func (w world) leadsTo(server string) string {
	if routes := w.RoutesTo(server); len(routes) > 0 {
		return fmt.Sprintf("the route to %s still does (%s)", routes[0].Destination, routes[0].Status)
	}
	for _, lb := range w.LoadBalancers {
		if slices.Contains(lb.Attached(), server) {
			return fmt.Sprintf("load balancer %s still does", lb.ID)
		}
	}
	return ""
}
