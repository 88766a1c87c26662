package source

import (
	"context"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"

	"github.com/kube-aliyun/kube-aliyun/pkg/hostroutes/plan"
)

// readTimeout bounds a reading of all Nodes.
const readTimeout = time.Minute

// page is how many objects a reading asks for at once.
const page = 500

// Nodes is the Source that watches the Nodes.
type Nodes struct {
	client     kubernetes.Interface
	store      cache.Store
	controller cache.Controller
	changed    func()
}

// NewNodes returns a Source over the client's Nodes. It keeps of a Node only
// what routing needs. The rights it needs are get, list and watch on nodes.
func NewNodes(client kubernetes.Interface) *Nodes {
	n := &Nodes{client: client}
	n.store, n.controller = cache.NewInformerWithOptions(cache.InformerOptions{
		ListerWatcher: nodeLister(client),
		ObjectType:    &corev1.Node{},
		Transform:     prune,
		Handler: cache.ResourceEventHandlerFuncs{
			AddFunc:    func(any) { n.changed() },
			DeleteFunc: func(any) { n.changed() },
			UpdateFunc: func(before, after any) {
				if differ(before, after) {
					n.changed()
				}
			},
		},
	})
	return n
}

func nodeLister(client kubernetes.Interface) cache.ListerWatcher {
	return cache.ToListWatcherWithWatchListSemantics(&cache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
			return client.CoreV1().Nodes().List(ctx, o)
		},
		WatchFuncWithContext: func(ctx context.Context, o metav1.ListOptions) (watch.Interface, error) {
			return client.CoreV1().Nodes().Watch(ctx, o)
		},
	}, client)
}

// Run follows the Nodes until ctx ends.
func (n *Nodes) Run(ctx context.Context, changed func()) {
	n.changed = changed
	n.controller.RunWithContext(ctx)
}

// Nodes are all Nodes as last heard of.
func (n *Nodes) Nodes() ([]plan.Node, bool) {
	if !n.controller.HasSynced() {
		return nil, false
	}
	objects := n.store.List()
	nodes := make([]plan.Node, 0, len(objects))
	for _, o := range objects {
		if node, ok := o.(*corev1.Node); ok {
			nodes = append(nodes, fromNode(node))
		}
	}
	return nodes, true
}

// Fresh reads all Nodes anew, past every cache.
func (n *Nodes) Fresh(ctx context.Context) ([]plan.Node, error) {
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	var nodes []plan.Node
	options := metav1.ListOptions{Limit: page}
	for {
		list, err := n.client.CoreV1().Nodes().List(ctx, options)
		if err != nil {
			return nil, fmt.Errorf("list Nodes: %w", err)
		}
		for i := range list.Items {
			nodes = append(nodes, fromNode(&list.Items[i]))
		}
		if list.Continue == "" {
			return nodes, nil
		}
		options.Continue = list.Continue
	}
}

// prune keeps of a Node what routing needs.
func prune(object any) (any, error) {
	node, ok := object.(*corev1.Node)
	if !ok {
		return object, nil
	}
	small := &corev1.Node{ObjectMeta: metav1.ObjectMeta{
		Name: node.Name, UID: node.UID, ResourceVersion: node.ResourceVersion, CreationTimestamp: node.CreationTimestamp,
	}}
	small.Spec.PodCIDR, small.Spec.PodCIDRs = node.Spec.PodCIDR, slices.Clone(node.Spec.PodCIDRs)
	for _, a := range node.Status.Addresses {
		if a.Type == corev1.NodeInternalIP {
			small.Status.Addresses = append(small.Status.Addresses, a)
		}
	}
	return small, nil
}

func differ(before, after any) bool {
	a, ok := before.(*corev1.Node)
	b, also := after.(*corev1.Node)
	return !ok || !also || a.UID != b.UID || a.Spec.PodCIDR != b.Spec.PodCIDR ||
		!slices.Equal(a.Spec.PodCIDRs, b.Spec.PodCIDRs) || !slices.Equal(a.Status.Addresses, b.Status.Addresses)
}

func fromNode(node *corev1.Node) plan.Node {
	n := plan.Node{Name: node.Name, UID: node.UID, Created: node.CreationTimestamp.Time, PodCIDRs: node.Spec.PodCIDRs}
	if len(n.PodCIDRs) == 0 && node.Spec.PodCIDR != "" {
		n.PodCIDRs = []string{node.Spec.PodCIDR}
	}
	for _, a := range node.Status.Addresses {
		if a.Type == corev1.NodeInternalIP {
			n.InternalIPs = append(n.InternalIPs, a.Address)
		}
	}
	return n
}
