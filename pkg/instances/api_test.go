package instances

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	nodecontroller "k8s.io/cloud-provider/controllers/node"
	controllersmetrics "k8s.io/component-base/metrics/prometheus/controllers"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/ecs"
	"github.com/kube-aliyun/kube-aliyun/pkg/nodewatch"
	"github.com/kube-aliyun/kube-aliyun/pkg/servers"
	"github.com/kube-aliyun/kube-aliyun/test/cluster"
)

// TestRealAPIServer holds what a fake API server cannot show: preconditions,
// resource versions, and what an update keeps of fields that it leaves out.
func TestRealAPIServer(t *testing.T) {
	client := cluster.StartForTest(t, cluster.Options{}).Client()
	t.Run("unchanged dual-stack Node is not written", func(t *testing.T) { unchangedNode(t, client) })
	t.Run("new Node of an old name survives", func(t *testing.T) { recreatedNode(t, client) })
}

func createNode(t *testing.T, client kubernetes.Interface, n *corev1.Node) *corev1.Node {
	t.Helper()
	status := n.Status
	n.ResourceVersion, n.UID = "", ""
	created, err := client.CoreV1().Nodes().Create(t.Context(), n, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	created.Status = status
	created, err = client.CoreV1().Nodes().UpdateStatus(t.Context(), created, metav1.UpdateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return created
}

func unchangedNode(t *testing.T, client kubernetes.Interface) {
	a := &answers{server: ecs.Server{ID: "i-1", Type: "ecs.g7.large", PrivateIPs: []string{"192.168.1.1"}, IPv6s: []string{"2001:db8:1::9"}}}
	joined := joining(1)
	joined.Status.Images = []corev1.ContainerImage{{Names: []string{"registry.example/pause:3.10"}}}
	createNode(t, client, joined)

	factory := informers.NewSharedInformerFactoryWithOptions(client, 0, informers.WithTransform(nodewatch.Transform))
	controller, err := nodecontroller.NewCloudNodeController(
		factory.Core().V1().Nodes(), client, framework{instances: newUnit(a).Instances}, time.Hour, 1, 1)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	factory.Start(ctx.Done())
	var done sync.WaitGroup
	done.Go(func() {
		controller.RunWithContext(ctx, controllersmetrics.NewControllerManagerMetrics("test"))
	})
	defer factory.Shutdown()
	defer done.Wait()
	defer cancel()

	live := func() *corev1.Node {
		n, err := client.CoreV1().Nodes().Get(t.Context(), joined.Name, metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	eventually(t, "the cache has the initialised Node", func() bool {
		n, err := factory.Core().V1().Nodes().Lister().Get(joined.Name)
		return err == nil && initialised(n) && len(n.Status.Addresses) == 3 && n.ResourceVersion == live().ResourceVersion
	})
	before := live()
	for range 3 {
		if err := controller.UpdateNodeStatus(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	after := live()
	if after.ResourceVersion != before.ResourceVersion {
		t.Errorf("the unchanged Node was written: version %s, then %s", before.ResourceVersion, after.ResourceVersion)
	}
	if len(after.Status.Images) != 1 || len(after.ManagedFields) == 0 {
		t.Errorf("images %v, %d managed fields: what the informer drops was lost", after.Status.Images, len(after.ManagedFields))
	}
	if got, want := fmt.Sprint(after.Status.Addresses), "[{InternalIP 192.168.1.1} {InternalIP 2001:db8:1::9} {Hostname node-1}]"; got != want {
		t.Errorf("addresses %s, want %s", got, want)
	}
}

func recreatedNode(t *testing.T, client kubernetes.Interface) {
	old := createNode(t, client, simNode(7, corev1.ConditionUnknown))
	u := newUnit(&answers{err: &servers.AbsentError{Server: "i-7", First: start.Add(-time.Minute), Last: start}})
	if exists, err := u.InstanceExists(t.Context(), withAge(old)); exists || err != nil {
		t.Fatalf("exists %v, %v", exists, err)
	}
	if err := client.CoreV1().Nodes().Delete(t.Context(), old.Name, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	fresh := createNode(t, client, simNode(7, corev1.ConditionUnknown))
	guarded := u.GuardDeletions(client).CoreV1().Nodes()
	if err := guarded.Delete(t.Context(), old.Name, metav1.DeleteOptions{}); !apierrors.IsConflict(err) {
		t.Errorf("delete by an old proof: %v", err)
	}
	if exists, err := u.InstanceExists(t.Context(), withAge(fresh)); exists || err != nil {
		t.Fatalf("exists %v, %v", exists, err)
	}
	if err := guarded.Delete(t.Context(), old.Name, metav1.DeleteOptions{}); err != nil {
		t.Errorf("delete by a new proof: %v", err)
	}
}

// withAge makes a Node an hour old for the unit's clock.
func withAge(n *corev1.Node) *corev1.Node {
	out := n.DeepCopy()
	out.CreationTimestamp = metav1.NewTime(start.Add(-time.Hour))
	return out
}
