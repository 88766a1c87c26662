package source

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/fake"

	"github.com/kube-aliyun/kube-aliyun/pkg/hostroutes/plan"
	"github.com/kube-aliyun/kube-aliyun/pkg/nodeshards"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func node(number int) *corev1.Node {
	n := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprint("node-", number), ManagedFields: []metav1.ManagedFieldsEntry{{Manager: "x"}}}}
	n.Spec.PodCIDR = fmt.Sprintf("10.2.%d.0/24", number)
	n.Status.Addresses = []corev1.NodeAddress{{Type: corev1.NodeHostName, Address: "x"}, {Type: corev1.NodeInternalIP, Address: fmt.Sprint("10.99.0.", number)}}
	n.Status.Images = []corev1.ContainerImage{{Names: []string{"x"}}}
	return n
}

// run runs a source until the test's end; the channel tells its changes.
func run(t *testing.T, s Source) chan struct{} {
	t.Helper()
	changes, done := make(chan struct{}, 100), make(chan struct{})
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		defer close(done)
		s.Run(ctx, func() { changes <- struct{}{} })
	}()
	t.Cleanup(func() { cancel(); <-done })
	return changes
}

func await(t *testing.T, s Source, want string) {
	t.Helper()
	got := ""
	for began := time.Now(); got != want; <-time.After(5 * time.Millisecond) {
		if nodes, ok := s.Nodes(); ok {
			got = text(nodes)
		}
		if time.Since(began) > 10*time.Second {
			t.Fatalf("Nodes %q, want %q", got, want)
		}
	}
}

func text(nodes []plan.Node) string {
	lines := make([]string, 0, len(nodes))
	for _, n := range nodes {
		lines = append(lines, fmt.Sprintf("%s%v%v", n.Name, n.PodCIDRs, n.InternalIPs))
	}
	slices.Sort(lines)
	return strings.Join(lines, " ")
}

func TestNodesAreFollowedAndHeartbeatsAreNoNews(t *testing.T) {
	client := fake.NewClientset(node(1))
	s := NewNodes(client)
	if _, ok := s.Nodes(); ok {
		t.Error("complete before it has run")
	}
	changes := run(t, s)
	await(t, s, "node-1[10.2.1.0/24][10.99.0.1]")
	<-changes
	beat := node(1)
	beat.Status.Conditions = []corev1.NodeCondition{{Type: corev1.NodeReady}}
	if _, err := client.CoreV1().Nodes().UpdateStatus(t.Context(), beat, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := client.CoreV1().Nodes().Create(t.Context(), node(2), metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	await(t, s, "node-1[10.2.1.0/24][10.99.0.1] node-2[10.2.2.0/24][10.99.0.2]")
	<-changes
	if n := len(changes); n > 0 {
		t.Errorf("%d changes too many", n)
	}
	fresh, err := s.Fresh(t.Context())
	if err != nil || text(fresh) != "node-1[10.2.1.0/24][10.99.0.1] node-2[10.2.2.0/24][10.99.0.2]" {
		t.Errorf("fresh: %q, %v", text(fresh), err)
	}
}

func TestOnlyWhatRoutingNeedsIsKept(t *testing.T) {
	kept, err := prune(node(1))
	if err != nil {
		t.Fatal(err)
	}
	n, ok := kept.(*corev1.Node)
	if !ok || len(n.ManagedFields) > 0 || len(n.Status.Images) > 0 || len(n.Status.Addresses) != 1 || n.Spec.PodCIDR == "" {
		t.Errorf("kept %+v", kept)
	}
}

// publish writes shards as the controller does, except the last ones.
func publish(t *testing.T, client kubernetes.Interface, count, without int, nodes ...*corev1.Node) {
	t.Helper()
	var all []nodeshards.Node
	for _, n := range nodes {
		all = append(all, nodeshards.FromNode(n))
	}
	shards, err := nodeshards.Encode(all, count)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range shards[:count-without] {
		maps := client.CoreV1().ConfigMaps(nodeshards.Namespace)
		if _, err := maps.Update(t.Context(), c, metav1.UpdateOptions{}); err != nil {
			if _, err := maps.Create(t.Context(), c, metav1.CreateOptions{}); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestShardsAreFollowedAndASetInTheMakingDoesNotCount(t *testing.T) {
	client := fake.NewClientset()
	s := NewShards(client)
	run(t, s)
	if _, err := s.Fresh(t.Context()); !errors.Is(err, errIncomplete) {
		t.Errorf("fresh without shards: %v", err)
	}
	publish(t, client, 1, 0, node(1), node(2))
	const two = "node-1[10.2.1.0/24][10.99.0.1] node-2[10.2.2.0/24][10.99.0.2]"
	await(t, s, two)
	publish(t, client, 4, 1, node(1), node(2), node(3))
	if _, err := s.Fresh(t.Context()); !errors.Is(err, errIncomplete) {
		t.Errorf("fresh in the making: %v", err)
	}
	await(t, s, two)
	publish(t, client, 4, 0, node(1), node(2), node(3))
	await(t, s, two+" node-3[10.2.3.0/24][10.99.0.3]")
}
