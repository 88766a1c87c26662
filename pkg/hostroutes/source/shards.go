package source

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
	"k8s.io/klog/v2"

	"github.com/kube-aliyun/kube-aliyun/pkg/hostroutes/plan"
	"github.com/kube-aliyun/kube-aliyun/pkg/nodeshards"
)

// Shards is the Source that reads what the controller publishes of the Nodes. The
// right it needs is to list and watch ConfigMaps of the shards' namespace.
type Shards struct {
	client     kubernetes.Interface
	store      cache.Store
	controller cache.Controller
	changed    func()

	mu sync.Mutex
	// last is the last complete set; a set in the making does not count.
	last []plan.Node
	ok   bool
}

// NewShards returns a Source over the client's shards.
func NewShards(client kubernetes.Interface) *Shards {
	s := &Shards{client: client}
	s.store, s.controller = cache.NewInformerWithOptions(cache.InformerOptions{
		ListerWatcher: shardLister(client),
		ObjectType:    &corev1.ConfigMap{},
		Handler: cache.ResourceEventHandlerFuncs{
			AddFunc:    func(any) { s.changed() },
			DeleteFunc: func(any) { s.changed() },
			UpdateFunc: func(before, after any) {
				a, ok := before.(*corev1.ConfigMap)
				b, also := after.(*corev1.ConfigMap)
				if !ok || !also || !maps.Equal(a.Data, b.Data) {
					s.changed()
				}
			},
		},
	})
	return s
}

const ofShards = nodeshards.Label + "=true"

func shardLister(client kubernetes.Interface) cache.ListerWatcher {
	return cache.ToListWatcherWithWatchListSemantics(&cache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
			o.LabelSelector = ofShards
			return client.CoreV1().ConfigMaps(nodeshards.Namespace).List(ctx, o)
		},
		WatchFuncWithContext: func(ctx context.Context, o metav1.ListOptions) (watch.Interface, error) {
			o.LabelSelector = ofShards
			return client.CoreV1().ConfigMaps(nodeshards.Namespace).Watch(ctx, o)
		},
	}, client)
}

// Run follows the shards until ctx ends.
func (s *Shards) Run(ctx context.Context, changed func()) {
	s.changed = func() {
		if err := s.read(); err != nil {
			klog.FromContext(ctx).Error(err, "The published Nodes cannot be read; the last ones count")
		}
		changed()
	}
	s.controller.RunWithContext(ctx)
}

// read takes the store's shards when they are complete.
func (s *Shards) read() error {
	var shards []*corev1.ConfigMap
	for _, o := range s.store.List() {
		if c, ok := o.(*corev1.ConfigMap); ok {
			shards = append(shards, c)
		}
	}
	nodes, ok, err := decode(shards)
	if err != nil || !ok {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last, s.ok = nodes, true
	return nil
}

// Nodes are the Nodes of the last complete set of shards.
func (s *Shards) Nodes() ([]plan.Node, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.last, s.ok
}

var errIncomplete = errors.New("not all shards are there; does aliyun-controller run with --publish-node-shards?")

// Fresh reads all shards anew.
func (s *Shards) Fresh(ctx context.Context) ([]plan.Node, error) {
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	list, err := s.client.CoreV1().ConfigMaps(nodeshards.Namespace).List(ctx, metav1.ListOptions{LabelSelector: ofShards})
	if err != nil {
		return nil, fmt.Errorf("list the published Nodes: %w", err)
	}
	shards := make([]*corev1.ConfigMap, 0, len(list.Items))
	for i := range list.Items {
		shards = append(shards, &list.Items[i])
	}
	nodes, ok, err := decode(shards)
	if err == nil && !ok {
		err = errIncomplete
	}
	if err != nil {
		return nil, fmt.Errorf("read the published Nodes: %w", err)
	}
	return nodes, nil
}

func decode(shards []*corev1.ConfigMap) ([]plan.Node, bool, error) {
	published, ok, err := nodeshards.Decode(shards)
	if err != nil || !ok {
		return nil, false, err
	}
	nodes := make([]plan.Node, 0, len(published))
	for _, n := range published {
		nodes = append(nodes, plan.Node(n))
	}
	return nodes, true, nil
}
