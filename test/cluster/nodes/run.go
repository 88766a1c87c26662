package nodes

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	corelisters "k8s.io/client-go/listers/core/v1"
	"k8s.io/client-go/tools/cache"
	"k8s.io/utils/ptr"
)

// leaseSeconds is what a kubelet writes as the duration of its lease.
const leaseSeconds = 40

// Run keeps the fleet's Nodes alive until the context ends: one lease renewal
// per Node and period, spread evenly over the period, and a status report where
// Kubernetes does not hold a living Node for Ready. It can run once.
func (f *Fleet) Run(ctx context.Context) error {
	informer := f.informers.Core().V1().Nodes()
	_, err := informer.Informer().AddEventHandler(cache.ResourceEventHandlerFuncs{
		UpdateFunc: func(_, updated any) { f.react(updated) },
		DeleteFunc: f.react,
	})
	if err != nil {
		return fmt.Errorf("watching nodes: %w", err)
	}
	synced := []cache.InformerSynced{informer.Informer().HasSynced}
	if f.pods != nil {
		registration, err := f.informers.Core().V1().Pods().Informer().AddEventHandler(f.pods.handlers())
		if err != nil {
			return fmt.Errorf("watching Pods: %w", err)
		}
		synced = append(synced, registration.HasSynced)
	}
	f.informers.Start(ctx.Done())
	defer f.informers.Shutdown()

	var workers sync.WaitGroup
	defer workers.Wait()
	defer f.shutDown()
	if !cache.WaitForCacheSync(ctx.Done(), synced...) {
		return nil
	}
	for range parallel {
		workers.Go(func() { f.work(ctx, informer.Lister()) })
		if f.pods != nil {
			workers.Go(func() { f.pods.work(ctx) })
		}
	}
	<-ctx.Done()
	return nil
}

func (f *Fleet) shutDown() {
	f.queue.ShutDown()
	if f.pods != nil {
		f.pods.queue.ShutDown()
	}
}

// trim drops what the fleet does not read.
func trim(object any) (any, error) {
	if node, ok := object.(*corev1.Node); ok {
		node.ManagedFields = nil
		node.Status.Images = nil
	}
	return object, nil
}

// react makes a heartbeat due for a living Node that was deleted or is not
// Ready.
func (f *Fleet) react(object any) {
	if node, ok := object.(*corev1.Node); ok && isReady(node) && node.DeletionTimestamp == nil {
		return
	}
	name, err := cache.DeletionHandlingMetaNamespaceKeyFunc(object)
	if err == nil && f.isAlive(name) {
		f.queue.Add(name)
	}
}

func (f *Fleet) work(ctx context.Context, lister corelisters.NodeLister) {
	for {
		name, quit := f.queue.Get()
		if quit {
			return
		}
		f.step(ctx, lister, name)
		f.queue.Done(name)
	}
}

// step is one heartbeat of one Node.
func (f *Fleet) step(ctx context.Context, lister corelisters.NodeLister, name string) {
	m := f.living(name)
	if m == nil || ctx.Err() != nil {
		return
	}
	m.beating.Lock()
	defer m.beating.Unlock()
	if f.living(name) != m {
		return
	}
	first, err := f.beat(ctx, lister, name, m)
	if err != nil {
		if ctx.Err() == nil {
			f.log.V(2).Info("heartbeat failed, trying again", "node", name, "err", err)
		}
		f.queue.AddRateLimited(name)
		return
	}
	f.queue.Forget(name)
	next := f.heartbeat
	if first {
		// Nodes that were added together spread over the period.
		next = rand.N(f.heartbeat)
	}
	f.queue.AddAfter(name, next)
}

// beat reports a Node Ready where that is not known, and renews its lease. It
// tells whether this was the first renewal.
func (f *Fleet) beat(ctx context.Context, lister corelisters.NodeLister, name string, m *member) (first bool, err error) {
	node, err := lister.Get(name)
	if apierrors.IsNotFound(err) {
		// Gone, or so new that the informer has not seen it.
		node, err = f.client.CoreV1().Nodes().Get(ctx, name, metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			f.log.V(2).Info("node was deleted, its heartbeats end", "node", name)
			f.lose(name)
			return false, nil
		}
	}
	if err != nil {
		return false, fmt.Errorf("reading node %s: %w", name, err)
	}
	if !isReady(node) {
		if err := f.reportReady(ctx, name); err != nil {
			return false, err
		}
	}
	first = m.lease == nil
	m.lease, err = f.renew(ctx, node, m.lease)
	return first, err
}

func (f *Fleet) reportReady(ctx context.Context, name string) error {
	patch, err := json.Marshal(map[string]any{"status": map[string]any{"conditions": healthy(time.Now())}})
	if err != nil {
		return fmt.Errorf("encoding the status of node %s: %w", name, err)
	}
	_, err = f.client.CoreV1().Nodes().Patch(ctx, name, types.StrategicMergePatchType, patch, metav1.PatchOptions{}, "status")
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("reporting node %s ready: %w", name, err)
	}
	return nil
}

// renew writes the time into a Node's lease, last seen as given, and returns it
// as it is now. It returns nil when the lease must be read again: somebody has
// changed or deleted it.
func (f *Fleet) renew(ctx context.Context, node *corev1.Node, last *coordinationv1.Lease) (*coordinationv1.Lease, error) {
	leases := f.client.CoordinationV1().Leases(corev1.NamespaceNodeLease)
	if last == nil {
		found, err := leases.Get(ctx, node.Name, metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			return f.makeLease(ctx, node)
		}
		if err != nil {
			return nil, fmt.Errorf("reading the lease of node %s: %w", node.Name, err)
		}
		last = found
	}
	last.Spec.RenewTime = ptr.To(metav1.NewMicroTime(time.Now()))
	renewed, err := leases.Update(ctx, last, metav1.UpdateOptions{})
	if err != nil {
		return nil, fmt.Errorf("renewing the lease of node %s: %w", node.Name, err)
	}
	return renewed, nil
}

func (f *Fleet) makeLease(ctx context.Context, node *corev1.Node) (*coordinationv1.Lease, error) {
	made, err := f.client.CoordinationV1().Leases(corev1.NamespaceNodeLease).Create(ctx, &coordinationv1.Lease{
		ObjectMeta: metav1.ObjectMeta{
			Name: node.Name,
			OwnerReferences: []metav1.OwnerReference{{
				APIVersion: corev1.SchemeGroupVersion.String(), Kind: "Node", Name: node.Name, UID: node.UID,
			}},
		},
		Spec: coordinationv1.LeaseSpec{
			HolderIdentity:       ptr.To(node.Name),
			LeaseDurationSeconds: ptr.To[int32](leaseSeconds),
			RenewTime:            ptr.To(metav1.NewMicroTime(time.Now())),
		},
	}, metav1.CreateOptions{})
	if err != nil {
		return nil, fmt.Errorf("making the lease of node %s: %w", node.Name, err)
	}
	return made, nil
}
