package nodewatch

import (
	"testing"
	"time"

	"go.uber.org/goleak"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/cache"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		goleak.IgnoreTopFunction("k8s.io/klog/v2.(*flushDaemon).run.func1"),
	)
}

func node(name string, change func(*corev1.Node)) *corev1.Node {
	n := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name, UID: "1"}}
	if change != nil {
		change(n)
	}
	return n
}

func TestWhichUpdatesCount(t *testing.T) {
	for name, test := range map[string]struct {
		change           func(*corev1.Node)
		spec, everything bool
	}{
		"nothing":     {nil, false, false},
		"heartbeat":   {func(n *corev1.Node) { n.ResourceVersion = "2"; n.Status.Phase = "x" }, false, false},
		"provider ID": {func(n *corev1.Node) { n.Spec.ProviderID = "x" }, true, true},
		"label":       {func(n *corev1.Node) { n.Labels = map[string]string{"a": "b"} }, true, true},
		"taint":       {func(n *corev1.Node) { n.Spec.Taints = []corev1.Taint{{Key: "a"}} }, true, true},
		"cordon":      {func(n *corev1.Node) { n.Spec.Unschedulable = true }, true, true},
		"deletion":    {func(n *corev1.Node) { now := metav1.Now(); n.DeletionTimestamp = &now }, true, true},
		"another":     {func(n *corev1.Node) { n.UID = "2" }, true, true},
		"annotation":  {func(n *corev1.Node) { n.Annotations = map[string]string{"a": "b"} }, false, true},
		"address":     {func(n *corev1.Node) { n.Status.Addresses = []corev1.NodeAddress{{Address: "10.0.0.1"}} }, false, true},
		"readiness": {func(n *corev1.Node) {
			n.Status.Conditions = []corev1.NodeCondition{{Type: corev1.NodeReady, Status: corev1.ConditionTrue}}
		}, false, true},
	} {
		before, after := node("n", nil), node("n", test.change)
		if got := SpecChanged(before, after); got != test.spec {
			t.Errorf("%s: SpecChanged = %v", name, got)
		}
		if got := Changed(before, after); got != test.everything {
			t.Errorf("%s: Changed = %v", name, got)
		}
	}
}

func TestTransformDropsWhatNobodyReads(t *testing.T) {
	n := node("n", func(n *corev1.Node) {
		n.ManagedFields = []metav1.ManagedFieldsEntry{{Manager: "kubelet"}}
		n.Status.Images = []corev1.ContainerImage{{Names: []string{"a"}}}
		n.Status.VolumesInUse = []corev1.UniqueVolumeName{"v"}
	})
	out, err := Transform(n)
	if err != nil {
		t.Fatal(err)
	}
	got, ok := out.(*corev1.Node)
	if !ok || got.ManagedFields != nil || got.Status.Images != nil || len(got.Status.VolumesInUse) != 1 {
		t.Errorf("node = %+v", got)
	}
	if n.ManagedFields == nil || n.Status.Images == nil {
		t.Error("the delivered object was changed")
	}
}

func TestTransformPassesTombstones(t *testing.T) {
	tombstone := cache.DeletedFinalStateUnknown{Key: "n"}
	out, err := Transform(tombstone)
	if err != nil || out != tombstone {
		t.Errorf("Transform = %v, %v", out, err)
	}
}

// pass lets time go by, which takes none in a synctest bubble.
func pass(d time.Duration) { <-time.After(d) }
