package integration

import (
	"fmt"
	"slices"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kube-aliyun/kube-aliyun/test/rig"
)

// networkReady says whether a Node's network is declared available.
func networkReady(n *corev1.Node) bool {
	for _, c := range n.Status.Conditions {
		if c.Type == corev1.NodeNetworkUnavailable {
			return c.Status == corev1.ConditionFalse
		}
	}
	return false
}

// awaitRouted waits until every Node's network is declared available.
func awaitRouted(r *rig.Rig) {
	r.T.Helper()
	r.Eventually(60*time.Second, "every Node's network is available", func() (bool, string) {
		list, err := r.Client.CoreV1().Nodes().List(r.T.Context(), metav1.ListOptions{})
		if err != nil {
			return false, err.Error()
		}
		for i := range list.Items {
			if n := &list.Items[i]; !networkReady(n) {
				return false, fmt.Sprintf("%s: Pod CIDR %q, conditions %v", n.Name, n.Spec.PodCIDR, n.Status.Conditions)
			}
		}
		return true, ""
	})
}

func TestEveryNodeGetsARouteToItsServer(t *testing.T) {
	r := rig.New(t, rig.Options{Servers: 3})
	r.StartController().WaitReady()
	awaitInitialised(r)
	awaitRouted(r)
	routes := fmt.Sprint(r.Routes())
	for number := 1; number <= 3; number++ {
		n := node(r, rig.NodeName(number))
		if !slices.ContainsFunc(r.Routes(), func(e rig.Route) bool {
			return e.Destination == n.Spec.PodCIDR && e.NextHop == rig.ServerID(number) && e.Status == "Available"
		}) {
			t.Errorf("no route from %s to %s in %s", n.Spec.PodCIDR, rig.ServerID(number), routes)
		}
	}
}
