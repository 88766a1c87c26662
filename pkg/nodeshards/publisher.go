package nodeshards

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	v1core "k8s.io/client-go/kubernetes/typed/core/v1"
	corelisters "k8s.io/client-go/listers/core/v1"
	"k8s.io/client-go/tools/cache"
	"k8s.io/klog/v2"
	"k8s.io/utils/clock"

	"github.com/kube-aliyun/kube-aliyun/pkg/nodewatch"
)

// Times of the publisher.
const (
	// period finds what others have changed.
	period = 5 * time.Minute
	// callTimeout bounds a request.
	callTimeout = 30 * time.Second
	retryAfter  = 5 * time.Second
)

// Publisher keeps the shards.
type Publisher struct {
	nodes  corelisters.NodeLister
	client v1core.ConfigMapInterface
	// synced and subscribe belong to the Nodes' informer.
	informer cache.SharedIndexInformer
}

// NewPublisher returns a Publisher of the informer's Nodes.
func NewPublisher(nodes corelisters.NodeLister, informer cache.SharedIndexInformer, client v1core.ConfigMapsGetter) *Publisher {
	return &Publisher{nodes: nodes, informer: informer, client: client.ConfigMaps(Namespace)}
}

// Run keeps the shards until ctx ends. The informer's first list is there.
func (p *Publisher) Run(ctx context.Context) error {
	due := make(chan struct{}, 1)
	d := nodewatch.NewDebouncer(ctx, clock.RealClock{}, nodewatch.DefaultWindow, func() {
		select {
		case due <- struct{}{}:
		default:
		}
	})
	registration, err := p.informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    func(any) { d.Trigger() },
		DeleteFunc: func(any) { d.Trigger() },
		UpdateFunc: func(before, after any) {
			if differ(before, after) {
				d.Trigger()
			}
		},
	})
	if err != nil {
		return fmt.Errorf("watch Nodes: %w", err)
	}
	defer func() { _ = p.informer.RemoveEventHandler(registration) }()
	for {
		wait := period
		if written, err := p.Sync(ctx); err != nil {
			if ctx.Err() != nil {
				return nil
			}
			klog.FromContext(ctx).Error(err, "The shards of the Nodes are not up to date; tried again", "after", retryAfter)
			wait = retryAfter
		} else if written > 0 {
			klog.FromContext(ctx).V(2).Info("Published the Nodes", "shards", written)
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
		case <-due:
		case <-timer.C:
		}
		timer.Stop()
		if ctx.Err() != nil {
			return nil
		}
	}
}

func differ(before, after any) bool {
	a, ok := before.(*corev1.Node)
	b, also := after.(*corev1.Node)
	if !ok || !also {
		return true
	}
	x, y := FromNode(a), FromNode(b)
	return x.UID != y.UID || !slices.Equal(x.PodCIDRs, y.PodCIDRs) || !slices.Equal(x.InternalIPs, y.InternalIPs)
}

// Sync makes the shards those of the Nodes now, and returns how many were written.
func (p *Publisher) Sync(ctx context.Context) (int, error) {
	objects, err := p.nodes.List(labels.Everything())
	if err != nil {
		return 0, fmt.Errorf("list Nodes: %w", err)
	}
	nodes := make([]Node, 0, len(objects))
	for _, o := range objects {
		nodes = append(nodes, FromNode(o))
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	present, err := p.client.List(ctx, metav1.ListOptions{LabelSelector: Label + "=true"})
	if err != nil {
		return 0, fmt.Errorf("list ConfigMaps in namespace %s (is it there? deploy/hostroutes/shards makes it): %w", Namespace, err)
	}
	wanted, err := Encode(nodes, Count(len(nodes), len(present.Items)))
	if err != nil {
		return 0, err
	}
	return p.write(ctx, wanted, present.Items)
}

// write creates and updates what differs, and then deletes what is too much: the
// set of shards is never complete with Nodes missing.
func (p *Publisher) write(ctx context.Context, wanted []*corev1.ConfigMap, present []corev1.ConfigMap) (int, error) {
	have := make(map[string]*corev1.ConfigMap, len(present))
	for i := range present {
		have[present[i].Name] = &present[i]
	}
	written := 0
	for _, w := range wanted {
		old := have[w.Name]
		delete(have, w.Name)
		var err error
		switch {
		case old == nil:
			_, err = p.client.Create(ctx, w, metav1.CreateOptions{})
		case !maps.Equal(old.Data, w.Data):
			// A newer leader's writing is not overwritten.
			w.ResourceVersion = old.ResourceVersion
			_, err = p.client.Update(ctx, w, metav1.UpdateOptions{})
		default:
			continue
		}
		if err != nil {
			return written, fmt.Errorf("write ConfigMap %s/%s: %w", Namespace, w.Name, err)
		}
		written++
	}
	for name := range have {
		if err := p.client.Delete(ctx, name, metav1.DeleteOptions{}); err != nil && !apierrors.IsNotFound(err) {
			return written, fmt.Errorf("delete ConfigMap %s/%s: %w", Namespace, name, err)
		}
		written++
	}
	return written, nil
}
