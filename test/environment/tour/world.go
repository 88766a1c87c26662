package tour

import (
	"context"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kube-aliyun/kube-aliyun/pkg/providerid"
	"github.com/kube-aliyun/kube-aliyun/test/environment/cloud"
)

// world is cluster and cloud at one moment.
type world struct {
	cloud.Cloud
	nodes []corev1.Node
	// services are those of the tour.
	services []corev1.Service
}

func (t *tour) look(ctx context.Context) (world, error) {
	region, err := cloud.Read(ctx, t.Region)
	if err != nil {
		return world{}, err
	}
	nodes, err := t.Kube.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
	if err != nil {
		return world{}, fmt.Errorf("listing Nodes: %w", err)
	}
	services, err := t.Kube.CoreV1().Services(namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return world{}, fmt.Errorf("listing Services: %w", err)
	}
	return world{Cloud: region, nodes: nodes.Items, services: services.Items}, nil
}

// until waits until none of the checks finds something missing in the world.
func (t *tour) until(ctx context.Context, limit patience, what string, checks ...func(world) string) error {
	_, err := t.measure(ctx, limit, what, checks...)
	return err
}

// node is the Node of a server, or nil.
func (w world) node(server string) *corev1.Node {
	i := slices.IndexFunc(w.nodes, func(n corev1.Node) bool { return serverOf(&n) == server })
	if i < 0 {
		return nil
	}
	return &w.nodes[i]
}

// serverOf is the id of a Node's server, or "" while it has no provider ID.
func serverOf(node *corev1.Node) string {
	_, id, err := providerid.Parse(node.Spec.ProviderID)
	if err != nil {
		return ""
	}
	return id
}

func condition(node *corev1.Node, kind corev1.NodeConditionType) corev1.ConditionStatus {
	for _, c := range node.Status.Conditions {
		if c.Type == kind {
			return c.Status
		}
	}
	return ""
}

func hasTaint(node *corev1.Node, key string) bool {
	return slices.ContainsFunc(node.Spec.Taints, func(taint corev1.Taint) bool { return taint.Key == key })
}
