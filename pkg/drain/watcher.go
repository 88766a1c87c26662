package drain

import (
	"context"
	"fmt"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	corelisters "k8s.io/client-go/listers/core/v1"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/klog/v2"
)

const (
	// poll is how often the Pods of an announced Node are looked at until it is empty.
	poll = time.Second
	// workers look at Nodes side by side: those that go together are known together.
	workers = 8
)

// Watcher follows the Nodes that are announced to go. It is safe for concurrent
// use.
type Watcher struct {
	client  kubernetes.Interface
	nodes   corelisters.NodeLister
	emptied func()
	queue   workqueue.TypedDelayingInterface[string]

	mu sync.Mutex
	// drained are the Nodes that were seen empty after they were announced.
	drained map[string]types.UID
}

// NewWatcher puts a handler on the Node informer. emptied is called, by Run,
// when an announced Node was seen empty for the first time.
func NewWatcher(client kubernetes.Interface, informer cache.SharedIndexInformer, emptied func()) (*Watcher, error) {
	w := &Watcher{
		client: client, nodes: corelisters.NewNodeLister(informer.GetIndexer()), emptied: emptied,
		queue:   workqueue.NewTypedDelayingQueueWithConfig(workqueue.TypedDelayingQueueConfig[string]{Name: "drain"}),
		drained: map[string]types.UID{},
	}
	see := func(obj any) {
		if node, ok := obj.(*corev1.Node); ok && (Announced(node) || w.known(node.Name)) {
			w.queue.Add(node.Name)
		}
	}
	_, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    see,
		UpdateFunc: func(_, obj any) { see(obj) },
		DeleteFunc: func(obj any) {
			if name, err := cache.DeletionHandlingMetaNamespaceKeyFunc(obj); err == nil {
				w.forget(name)
			}
		},
	})
	if err != nil {
		return nil, fmt.Errorf("watch nodes that are drained: %w", err)
	}
	return w, nil
}

// Run looks at the Pods of announced Nodes until ctx ends.
func (w *Watcher) Run(ctx context.Context) {
	var wg sync.WaitGroup
	defer wg.Wait()
	for range workers {
		wg.Go(func() {
			for {
				name, stopped := w.queue.Get()
				if stopped {
					return
				}
				w.look(ctx, name)
				w.queue.Done(name)
			}
		})
	}
	<-ctx.Done()
	w.queue.ShutDown()
}

// Drained reports whether the Node is announced to go and was seen empty since.
func (w *Watcher) Drained(node *corev1.Node) bool {
	if !Announced(node) {
		return false
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.drained[node.Name] == node.UID
}

func (w *Watcher) look(ctx context.Context, name string) {
	node, err := w.nodes.Get(name)
	switch {
	case apierrors.IsNotFound(err) || (err == nil && !Announced(node)):
		w.forget(name)
		return
	case err != nil || w.Drained(node):
		return
	}
	empty, err := Emptied(ctx, w.client, name)
	if err != nil || !empty {
		if err != nil && ctx.Err() == nil {
			klog.FromContext(ctx).V(2).Info("Cannot tell whether a node is drained; it is asked again", "node", name, "err", err)
		}
		w.queue.AddAfter(name, poll)
		return
	}
	w.mu.Lock()
	w.drained[name] = node.UID
	w.mu.Unlock()
	w.emptied()
}

func (w *Watcher) known(name string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	_, ok := w.drained[name]
	return ok
}

func (w *Watcher) forget(name string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.drained, name)
}
