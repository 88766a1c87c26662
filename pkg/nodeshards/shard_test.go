package nodeshards

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes/fake"
	k8stesting "k8s.io/client-go/testing"
)

func node(number int) *corev1.Node {
	n := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("10.99.%d.%d", number/200, number%200), UID: "6f0c1a1e-8f4c-4a53-9a51-0d6f4f2f9a10"}}
	n.Spec.PodCIDRs = []string{fmt.Sprintf("10.%d.%d.0/24", 110+number/256, number%256)}
	n.Status.Addresses = []corev1.NodeAddress{{Type: corev1.NodeHostName, Address: n.Name}, {Type: corev1.NodeInternalIP, Address: n.Name}}
	return n
}

func many(n int) []Node {
	nodes := make([]Node, 0, n)
	for number := range n {
		nodes = append(nodes, FromNode(node(number)))
	}
	return nodes
}

func TestShardsHoldAllNodesAndStaySmall(t *testing.T) {
	for _, n := range []int{0, 1, 250, 251, 5000} {
		nodes := many(n)
		shards, err := Encode(nodes, Count(n, 0))
		if err != nil {
			t.Fatal(err)
		}
		largest := 0
		for _, s := range shards {
			largest = max(largest, len(s.Data[keyNodes]))
		}
		got, ok, err := Decode(shards)
		if err != nil || !ok || len(got) != n || largest > 64<<10 {
			t.Errorf("%d Nodes: %d read back, complete %v, %v; the largest has %d bytes", n, len(got), ok, err, largest)
		}
		slices.SortFunc(got, func(a, b Node) int { return strings.Compare(a.Name, b.Name) })
		slices.SortFunc(nodes, func(a, b Node) int { return strings.Compare(a.Name, b.Name) })
		if fmt.Sprint(got) != fmt.Sprint(nodes) {
			t.Errorf("%d Nodes: they differ", n)
		}
		t.Logf("%d Nodes: %d shards, the largest of %d bytes", n, len(shards), largest)
	}
}

func TestNumberOfShardsStaysWhileItFits(t *testing.T) {
	for _, c := range []struct{ nodes, present, want int }{
		{0, 0, 1}, {250, 0, 1}, {251, 0, 2}, {251, 1, 2}, {5000, 0, 32}, {10, 1, 1}, {260, 2, 2}, {200, 2, 2}, {126, 2, 2}, {125, 2, 1}, {1000, 4, 4}, {1001, 4, 8},
	} {
		if got := Count(c.nodes, c.present); got != c.want {
			t.Errorf("%d Nodes, %d shards: %d, want %d", c.nodes, c.present, got, c.want)
		}
	}
}

func TestSetInTheMakingIsNotComplete(t *testing.T) {
	one, err := Encode(many(300), 1)
	if err != nil {
		t.Fatal(err)
	}
	two, err := Encode(many(300), 2)
	if err != nil {
		t.Fatal(err)
	}
	for what, shards := range map[string][]*corev1.ConfigMap{"nothing": nil, "one of two": two[:1], "the other of two": two[1:]} {
		if _, ok, err := Decode(shards); ok || err != nil {
			t.Errorf("%s: complete %v, %v", what, ok, err)
		}
	}
	if nodes, ok, _ := Decode([]*corev1.ConfigMap{one[0], two[1]}); !ok || len(nodes) != 300 {
		t.Errorf("one whole set and a leftover: %d Nodes, complete %v", len(nodes), ok)
	}
}

func TestPublisherWritesWhatDiffersAndNothingElse(t *testing.T) {
	client := fake.NewClientset()
	factory := informers.NewSharedInformerFactory(client, 0)
	nodes := factory.Core().V1().Nodes()
	p := NewPublisher(nodes.Lister(), nodes.Informer(), client.CoreV1())
	store := nodes.Informer().GetStore()
	sync := func(want string) {
		t.Helper()
		client.ClearActions()
		if _, err := p.Sync(t.Context()); err != nil {
			t.Fatal(err)
		}
		var writes []string
		for _, a := range client.Actions() {
			if a.GetVerb() == "list" {
				continue
			}
			if named, ok := a.(k8stesting.CreateAction); ok && a.GetVerb() != "delete" {
				if c, ok := named.GetObject().(*corev1.ConfigMap); ok {
					writes = append(writes, a.GetVerb()+" "+c.Name)
					continue
				}
			}
			writes = append(writes, a.GetVerb())
		}
		if got := strings.Join(writes, ", "); got != want {
			t.Errorf("writes %q, want %q", got, want)
		}
	}
	put := func(n *corev1.Node) {
		if err := store.Add(n); err != nil {
			t.Fatal(err)
		}
	}
	put(node(1))
	put(node(2))
	sync("create nodes-0")
	sync("")
	busy := node(2)
	busy.Status.Conditions = []corev1.NodeCondition{{Type: corev1.NodeReady}}
	put(busy)
	sync("")
	put(node(3))
	sync("update nodes-0")
	for number := range 300 {
		put(node(number))
	}
	sync("update nodes-0, create nodes-1")
	for number := 100; number < 300; number++ {
		if err := store.Delete(node(number)); err != nil {
			t.Fatal(err)
		}
	}
	sync("update nodes-0, delete")
}

func TestPublisherFollowsNodesUntilItsContextEnds(t *testing.T) {
	client := fake.NewClientset(node(1))
	factory := informers.NewSharedInformerFactory(client, 0)
	nodes := factory.Core().V1().Nodes()
	p := NewPublisher(nodes.Lister(), nodes.Informer(), client.CoreV1())
	ctx, cancel := context.WithCancel(t.Context())
	factory.Start(ctx.Done())
	factory.WaitForCacheSync(ctx.Done())
	done := make(chan error, 1)
	go func() { done <- p.Run(ctx) }()
	holds := func(text string) bool {
		c, err := client.CoreV1().ConfigMaps(Namespace).Get(t.Context(), "nodes-0", metav1.GetOptions{})
		return err == nil && strings.Contains(c.Data[keyNodes], text)
	}
	eventually(t, func() bool { return holds("10.99.0.1") })
	if _, err := client.CoreV1().Nodes().Create(ctx, node(2), metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() bool { return holds("10.99.0.2") })
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	factory.Shutdown()
}
