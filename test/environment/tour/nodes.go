package tour

import (
	"context"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/kube-aliyun/kube-aliyun/pkg/providerid"
	"github.com/kube-aliyun/kube-aliyun/test/environment/cloud"
)

const region = "cn-hangzhou"

// serversBecomeNodes shows what the controller has written into the Nodes.
func (t *tour) serversBecomeNodes(ctx context.Context) error {
	t.Console.Say("The kubelets have registered their Nodes with nothing but a name and an address. The controller " +
		"finds the server behind each address, and writes provider ID, zone, type and addresses; the taint of an " +
		"uninitialised Node goes, and that of a Node without a route.")
	if err := t.until(ctx, usual, "every Node carries its server's truth, is Ready and takes Pods", initialised); err != nil {
		return err
	}
	w, err := t.look(ctx)
	if err != nil {
		return err
	}
	rows := make([][]string, 0, len(w.nodes))
	for i := range w.nodes {
		n := &w.nodes[i]
		rows = append(rows, []string{
			n.Name, n.Spec.ProviderID, n.Labels[corev1.LabelTopologyZone], n.Labels[corev1.LabelInstanceTypeStable],
			addresses(n), string(condition(n, corev1.NodeReady)),
		})
	}
	t.Console.Table([]string{"NODE", "PROVIDER ID", "ZONE", "TYPE", "ADDRESSES", "READY"}, rows)
	return nil
}

// addresses are the Node's addresses without its host name.
func addresses(node *corev1.Node) string {
	var list []string
	for _, a := range node.Status.Addresses {
		if a.Type == corev1.NodeInternalIP || a.Type == corev1.NodeExternalIP {
			list = append(list, a.Address)
		}
	}
	return strings.Join(list, " ")
}

// showNodes prints servers and their Nodes.
func (t *tour) showNodes(ctx context.Context) error {
	w, err := t.look(ctx)
	if err != nil {
		return err
	}
	rows := make([][]string, 0, len(w.Servers))
	for _, s := range w.Servers {
		row := []string{s.ID, s.Status, s.Zone, s.Type}
		if node := w.node(s.ID); node != nil {
			row = append(row, node.Name, string(condition(node, corev1.NodeReady)), taints(node))
		}
		rows = append(rows, row)
	}
	t.Console.Table([]string{"SERVER", "STATUS", "ZONE", "TYPE", "NODE", "READY", "TAINTS"}, rows)
	return nil
}

// taints are the last parts of the taints' keys.
func taints(node *corev1.Node) string {
	seen := map[string]bool{}
	var names []string
	for _, taint := range node.Spec.Taints {
		name := taint.Key[strings.LastIndex(taint.Key, "/")+1:]
		if !seen[name] {
			seen[name] = true
			names = append(names, name)
		}
	}
	return strings.Join(names, ",")
}

// initialised says what a running server's Node lacks.
func initialised(w world) string {
	for _, s := range w.Servers {
		if s.Status != cloud.Running {
			continue
		}
		node := w.node(s.ID)
		if node == nil {
			return "no Node has the provider ID of server " + s.ID
		}
		if missing := truth(node, s); missing != "" {
			return fmt.Sprintf("Node %s: %s", node.Name, missing)
		}
		if status := condition(node, corev1.NodeReady); status != corev1.ConditionTrue {
			return fmt.Sprintf("Node %s: Ready is %q", node.Name, status)
		}
		if others := slices.DeleteFunc(slices.Clone(node.Spec.Taints), ofMasters); len(others) > 0 {
			return fmt.Sprintf("Node %s has the taints %s", node.Name, taints(node))
		}
	}
	return ""
}

// masterKey is a label of masters, and the key of their taint.
const masterKey = "node-role.kubernetes.io/control-plane"

func ofMasters(taint corev1.Taint) bool { return taint.Key == masterKey }

// truth compares a Node with its server.
func truth(node *corev1.Node, s cloud.Server) string {
	internal := ""
	for _, address := range node.Status.Addresses {
		if address.Type == corev1.NodeInternalIP {
			internal = address.Address
		}
	}
	for _, c := range []struct{ what, got, want string }{
		{"provider ID", node.Spec.ProviderID, providerid.Format(region, s.ID)},
		{"region", node.Labels[corev1.LabelTopologyRegion], region},
		{"zone", node.Labels[corev1.LabelTopologyZone], s.Zone},
		{"type", node.Labels[corev1.LabelInstanceTypeStable], s.Type},
		{"InternalIP", internal, s.PrivateIP},
	} {
		if c.got != c.want {
			return fmt.Sprintf("%s is %q, not %q", c.what, c.got, c.want)
		}
	}
	return ""
}
