package routes

import (
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
)

// pod puts a Pod on a Node; kind is its controller's, empty for none.
func (r *rig) pod(name, node, kind string) {
	r.t.Helper()
	p := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: name},
		Spec:       corev1.PodSpec{NodeName: node}, Status: corev1.PodStatus{Phase: corev1.PodRunning},
	}
	if kind != "" {
		p.OwnerReferences = []metav1.OwnerReference{{Kind: kind, Name: "owner", UID: "owner", Controller: ptr.To(true)}}
	}
	if _, err := r.client.CoreV1().Pods("default").Create(r.t.Context(), p, metav1.CreateOptions{}); err != nil {
		r.t.Fatal(err)
	}
}

func TestAnAnnouncedNodeLosesItsRouteWhenOnlyDaemonsAreLeft(t *testing.T) {
	for _, taint := range []string{"ToBeDeletedByClusterAutoscaler", corev1.TaintNodeOutOfService} {
		t.Run(taint, func(t *testing.T) {
			r := newRig(t, 2)
			r.addNodes(1, 2)
			r.pod("proxy", "node-1", "DaemonSet")
			r.pod("app", "node-1", "ReplicaSet")
			r.pod("other", "node-2", "ReplicaSet")
			r.start()
			r.ready(1, 2)
			r.update("node-1", func(n *corev1.Node) {
				n.Spec.Taints = append(n.Spec.Taints, corev1.Taint{Key: taint, Effect: corev1.TaintEffectNoSchedule})
			})
			lists := func() int {
				n := 0
				for _, a := range r.client.Actions() {
					if a.Matches("list", "pods") {
						n++
					}
				}
				return n
			}
			r.eventually("the node's Pods are looked at", func() bool { return lists() > 0 })
			if len(r.entries()) != 2 {
				t.Fatal("the route went while a Pod was left")
			}
			if err := r.client.CoreV1().Pods("default").Delete(t.Context(), "app", metav1.DeleteOptions{}); err != nil {
				t.Fatal(err)
			}
			began := time.Now()
			r.eventually("the route is gone", func() bool { return len(r.entries()) == 1 })
			if took := time.Since(began); took > 5*time.Second {
				t.Errorf("took %v", took)
			}
			r.eventually("the node is unavailable", func() bool { return r.condition("node-1").Reason == "RouteRemoved" })
			r.released("i-1")
		})
	}
}

func TestANodeThatStaysAfterAllGetsItsRouteBack(t *testing.T) {
	r := newRig(t, 2)
	n := node(1)
	n.Spec.Taints = []corev1.Taint{{Key: "ToBeDeletedByClusterAutoscaler", Effect: corev1.TaintEffectNoSchedule}}
	r.add(n)
	r.addNodes(2, 2)
	r.start()
	r.ready(2, 2)
	if len(r.entries()) != 1 {
		t.Errorf("entries %v", r.entries())
	}
	r.update("node-1", func(n *corev1.Node) { n.Spec.Taints = nil })
	r.ready(1, 1)
}
