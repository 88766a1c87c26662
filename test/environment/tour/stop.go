package tour

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/kube-aliyun/kube-aliyun/test/environment/cloud"
)

// shutdownTaint is on the Nodes of stopped servers.
const shutdownTaint = "node.cloudprovider.kubernetes.io/shutdown"

// serverStopsAndStarts switches a server off and on.
func (t *tour) serverStopsAndStarts(ctx context.Context) error {
	id := t.joined[0]
	t.Console.Say("Server %s is switched off. Kubernetes finds its Node silent after %s; the controller asks the cloud why, "+
		"and taints the Node as shut down. It does not delete it: the server exists.", id, t.Grace)
	if err := t.Region.StopServer(ctx, id); err != nil {
		return fmt.Errorf("stopping %s: %w", id, err)
	}
	// The node monitor looks at Nodes every fifth of the grace period, and the
	// controller for the reason within 10 s.
	limit := patience(2*t.Grace) + usual
	if err := t.until(ctx, limit, "the Node of "+id+" is not Ready and carries the shutdown taint", func(w world) string {
		node := w.node(id)
		switch {
		case node == nil:
			return "it has no Node"
		case condition(node, corev1.NodeReady) == corev1.ConditionTrue:
			return "Node " + node.Name + " is still Ready"
		case !hasTaint(node, shutdownTaint):
			return "Node " + node.Name + " has the taints " + taints(node)
		}
		return ""
	}); err != nil {
		return err
	}
	if err := t.showNodes(ctx); err != nil {
		return err
	}
	t.Console.Line("")
	t.Console.Say("It is switched on again.")
	if _, err := t.Console.Until(ctx, time.Minute, "the region has begun to start "+id, func(ctx context.Context) (string, error) {
		return "", t.Region.StartServer(ctx, id)
	}); err != nil {
		return err
	}
	return t.until(ctx, usual, "it runs, the taint is off, the Node Ready, and everything as before",
		func(w world) string { return otherThan(w.Servers, cloud.Running) }, initialised, routed, balanced)
}
