package tour

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"

	"github.com/kube-aliyun/kube-aliyun/test/environment/cloud"
)

// podsHaveRoutes shows the route table.
func (t *tour) podsHaveRoutes(ctx context.Context) error {
	t.Console.Say("Kubernetes has given each Node a range of Pod addresses. The VPC must send each range to its server, " +
		"and the server's network interface must let it pass: the controller adds the entries, 50 a call, and " +
		"switches the source/destination check off.")
	if err := t.until(ctx, usual, "each range is routed to its server, and nothing else is", routed); err != nil {
		return err
	}
	return t.showRoutes(ctx)
}

func (t *tour) showRoutes(ctx context.Context) error {
	w, err := t.look(ctx)
	if err != nil {
		return err
	}
	rows := make([][]string, 0, len(w.Routes))
	for _, r := range w.Routes {
		node := ""
		if n := w.node(r.NextHop); n != nil {
			node = n.Name
		}
		rows = append(rows, []string{r.Table, r.Destination, r.NextHop, node, r.Status, r.Name})
	}
	t.Console.Table([]string{"ROUTE TABLE", "DESTINATION", "NEXT HOP", "NODE", "STATUS", "NAME"}, rows)
	return nil
}

// routed says which Node lacks a route, and which route lacks a Node.
func routed(w world) string {
	ours := map[string]bool{}
	for i := range w.nodes {
		node := &w.nodes[i]
		server, found := w.Server(serverOf(node))
		if !found {
			return fmt.Sprintf("Node %s has no server", node.Name)
		}
		if missing := routeMissing(w, node, server, ours); missing != "" {
			return fmt.Sprintf("Node %s: %s", node.Name, missing)
		}
	}
	for _, r := range w.Routes {
		if !ours[r.ID] {
			return fmt.Sprintf("the route %s to %s belongs to no Node", r.Destination, r.NextHop)
		}
	}
	return ""
}

func routeMissing(w world, node *corev1.Node, server cloud.Server, ours map[string]bool) string {
	if len(node.Spec.PodCIDRs) == 0 {
		return "it has no range of Pod addresses yet"
	}
	for _, cidr := range node.Spec.PodCIDRs {
		found := 0
		for _, r := range w.Routes {
			if r.Destination == cidr && r.NextHop == server.ID && r.Status == "Available" {
				ours[r.ID] = true
				found++
			}
		}
		if found != 1 {
			return fmt.Sprintf("%d available routes lead from %s to %s, not one", found, cidr, server.ID)
		}
	}
	if server.SourceDestCheck {
		return fmt.Sprintf("the source/destination check of %s is on", server.ID)
	}
	if status := condition(node, corev1.NodeNetworkUnavailable); status != corev1.ConditionFalse {
		return fmt.Sprintf("NetworkUnavailable is %q", status)
	}
	return ""
}
