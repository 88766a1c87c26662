package integration

import (
	"fmt"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	cloudproviderapi "k8s.io/cloud-provider/api"

	"github.com/kube-aliyun/kube-aliyun/test/rig"
)

// node reads a Node.
func node(r *rig.Rig, name string) *corev1.Node {
	r.T.Helper()
	n, err := r.Client.CoreV1().Nodes().Get(r.T.Context(), name, metav1.GetOptions{})
	if err != nil {
		r.T.Fatal(err)
	}
	return n
}

func hasTaint(n *corev1.Node, key string) bool {
	for _, taint := range n.Spec.Taints {
		if taint.Key == key {
			return true
		}
	}
	return false
}

// awaitInitialised waits until every Node has lost the taint of the uninitialised.
func awaitInitialised(r *rig.Rig) {
	r.T.Helper()
	r.Eventually(60*time.Second, "every Node is initialised", func() (bool, string) {
		list, err := r.Client.CoreV1().Nodes().List(r.T.Context(), metav1.ListOptions{})
		if err != nil {
			return false, err.Error()
		}
		for i := range list.Items {
			if n := &list.Items[i]; hasTaint(n, cloudproviderapi.TaintExternalCloudProvider) {
				return false, n.Name + " is not"
			}
		}
		return true, ""
	})
}

func TestNodesGetTheCloudsTruth(t *testing.T) {
	r := rig.New(t, rig.Options{Servers: 3})
	r.StartController().WaitReady()
	awaitInitialised(r)

	n := node(r, rig.NodeName(2))
	got := fmt.Sprint(n.Spec.ProviderID, " ", n.Labels[corev1.LabelTopologyZone], " ", n.Labels[corev1.LabelTopologyRegion])
	if want := "cn-hangzhou." + rig.ServerID(2) + " cn-hangzhou-i cn-hangzhou"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got := r.Sim.Counts()["DescribeInstances"]; got > 2 {
		t.Errorf("%d calls of DescribeInstances for three Nodes: %v", got, r.Sim.Counts())
	}
}
