package drain

import (
	"context"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes/fake"
)

func announced(name string) *corev1.Node {
	return &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: name, UID: "1"},
		Spec:       corev1.NodeSpec{Taints: []corev1.Taint{{Key: TaintAutoscaler, Effect: corev1.TaintEffectNoSchedule}}},
	}
}

func pod(name, node string, change func(*corev1.Pod)) *corev1.Pod {
	p := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: "default"}, Spec: corev1.PodSpec{NodeName: node}}
	if change != nil {
		change(p)
	}
	return p
}

func ofDaemonSet(p *corev1.Pod) {
	yes := true
	p.OwnerReferences = []metav1.OwnerReference{{Kind: "DaemonSet", Name: "d", Controller: &yes}}
}

func TestWhichPodsHoldANode(t *testing.T) {
	for name, test := range map[string]struct {
		pod   *corev1.Pod
		empty bool
	}{
		"a plain Pod":                            {pod("a", "n", nil), false},
		"a Pod elsewhere":                        {pod("a", "other", nil), true},
		"a DaemonSet's Pod":                      {pod("a", "n", ofDaemonSet), true},
		"a static Pod":                           {pod("a", "n", func(p *corev1.Pod) { p.Annotations = map[string]string{corev1.MirrorPodAnnotationKey: "x"} }), true},
		"a ReplicaSet's Pod":                     {pod("a", "n", func(p *corev1.Pod) { ofDaemonSet(p); p.OwnerReferences[0].Kind = "ReplicaSet" }), false},
		"a Pod that is owned but not controlled": {pod("a", "n", func(p *corev1.Pod) { ofDaemonSet(p); p.OwnerReferences[0].Controller = nil }), false},
		"a Pod that failed":                      {pod("a", "n", func(p *corev1.Pod) { p.Status.Phase = corev1.PodFailed }), true},
		"a Pod that finished":                    {pod("a", "n", func(p *corev1.Pod) { p.Status.Phase = corev1.PodSucceeded }), true},
	} {
		got, err := Emptied(t.Context(), fake.NewClientset(test.pod), "n")
		if err != nil || got != test.empty {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
}

func TestNodeIsDrainedWhenItsLastPodIsGone(t *testing.T) {
	n := announced("n")
	client := fake.NewClientset(n, pod("a", "n", nil), pod("d", "n", ofDaemonSet))
	factory := informers.NewSharedInformerFactory(client, 0)
	told := make(chan struct{}, 1)
	w, err := NewWatcher(client, factory.Core().V1().Nodes().Informer(), func() { told <- struct{}{} })
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { w.Run(ctx) })
	t.Cleanup(func() { cancel(); running.Wait(); factory.Shutdown() })
	factory.Start(ctx.Done())

	looked := func() bool {
		for _, action := range client.Actions() {
			if action.Matches("list", "pods") {
				return true
			}
		}
		return false
	}
	if err := wait.PollUntilContextTimeout(ctx, 5*time.Millisecond, 10*time.Second, true, func(context.Context) (bool, error) { return looked(), nil }); err != nil {
		t.Fatal("the Pods were never looked at")
	}
	if w.Drained(n) {
		t.Error("drained while a Pod runs")
	}
	if err := client.CoreV1().Pods("default").Delete(ctx, "a", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	select {
	case <-told:
	case <-time.After(10 * time.Second):
		t.Fatal("nobody was told")
	}
	if !w.Drained(n) {
		t.Error("not drained although only a DaemonSet's Pod is left")
	}
	again := announced("n")
	again.UID = "2"
	if w.Drained(again) {
		t.Error("another Node of that name is taken for the drained one")
	}
}
