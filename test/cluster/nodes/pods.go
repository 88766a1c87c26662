package nodes

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	corelisters "k8s.io/client-go/listers/core/v1"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/util/workqueue"
)

// WithPods lets the Pods bound to living Nodes appear to run: they become Ready
// with an address out of their Node's range, and end when they are deleted.
// Without it such Pods stay Pending.
func WithPods() Option {
	return func(f *Fleet) {
		f.pods = &kubelets{
			fleet:     f,
			pods:      f.informers.Core().V1().Pods().Lister(),
			nodes:     f.informers.Core().V1().Nodes().Lister(),
			addresses: addresses{holders: map[netip.Addr]string{}},
			queue: workqueue.NewTypedRateLimitingQueue(
				workqueue.NewTypedItemExponentialFailureRateLimiter[string](50*time.Millisecond, 2*time.Second)),
		}
	}
}

// kubelets plays the part of all Nodes' kubelets towards Pods.
type kubelets struct {
	fleet     *Fleet
	addresses addresses
	// queue holds "namespace/name" of the Pods to look at.
	queue workqueue.TypedRateLimitingInterface[string]

	pods  corelisters.PodLister
	nodes corelisters.NodeLister
}

var errNoRange = errors.New("the node has no range of Pod addresses yet")

func (k *kubelets) handlers() cache.ResourceEventHandler {
	return cache.ResourceEventHandlerFuncs{
		AddFunc:    k.seen,
		UpdateFunc: func(_, updated any) { k.seen(updated) },
		DeleteFunc: func(object any) {
			if name, err := cache.DeletionHandlingMetaNamespaceKeyFunc(object); err == nil {
				k.addresses.free(name)
			}
		},
	}
}

func (k *kubelets) seen(object any) {
	pod, ok := object.(*corev1.Pod)
	if !ok || pod.Spec.NodeName == "" {
		return
	}
	name := pod.Namespace + "/" + pod.Name
	if !pod.Spec.HostNetwork {
		for _, ip := range pod.Status.PodIPs {
			if address, err := netip.ParseAddr(ip.IP); err == nil {
				k.addresses.hold(address, name)
			}
		}
	}
	k.queue.Add(name)
}

// wake looks at all Pods of a Node, whose machine has started.
func (k *kubelets) wake(node string) {
	if k == nil {
		return
	}
	pods, err := k.pods.List(labels.Everything())
	if err != nil {
		return
	}
	for _, pod := range pods {
		if pod.Spec.NodeName == node {
			k.queue.Add(pod.Namespace + "/" + pod.Name)
		}
	}
}

func (k *kubelets) work(ctx context.Context) {
	for {
		name, quit := k.queue.Get()
		if quit {
			return
		}
		if err := k.step(ctx, name); err != nil {
			if ctx.Err() == nil {
				k.fleet.log.V(2).Info("Pod not served, trying again", "pod", name, "err", err)
			}
			k.queue.AddRateLimited(name)
		} else {
			k.queue.Forget(name)
		}
		k.queue.Done(name)
	}
}

func (k *kubelets) step(ctx context.Context, key string) error {
	namespace, name, err := cache.SplitMetaNamespaceKey(key)
	if err != nil {
		return fmt.Errorf("reading the Pod's key: %w", err)
	}
	pod, err := k.pods.Pods(namespace).Get(name)
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("reading Pod %s: %w", key, err)
	}
	switch {
	case !k.fleet.isAlive(pod.Spec.NodeName), ended(pod) && pod.DeletionTimestamp == nil:
		return nil
	case pod.DeletionTimestamp != nil:
		return k.finish(ctx, pod)
	case podReady(pod):
		return nil
	}
	return k.start(ctx, pod)
}

// finish tells that the containers of a deleted Pod have ended.
func (k *kubelets) finish(ctx context.Context, pod *corev1.Pod) error {
	options := metav1.NewDeleteOptions(0)
	options.Preconditions = metav1.NewUIDPreconditions(string(pod.UID))
	err := k.fleet.client.CoreV1().Pods(pod.Namespace).Delete(ctx, pod.Name, *options)
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("ending Pod %s/%s: %w", pod.Namespace, pod.Name, err)
	}
	return nil
}

// start tells that the containers of a Pod run and are ready.
func (k *kubelets) start(ctx context.Context, pod *corev1.Pod) error {
	node, err := k.nodes.Get(pod.Spec.NodeName)
	if err != nil {
		return fmt.Errorf("reading node %s: %w", pod.Spec.NodeName, err)
	}
	ips, err := k.podIPs(pod, node)
	if err != nil {
		return err
	}
	status := runningStatus(pod, ips, time.Now())
	status.HostIP = internalIP(node)
	patch, err := json.Marshal(map[string]any{
		"metadata": map[string]any{"uid": pod.UID},
		"status":   status,
	})
	if err != nil {
		return fmt.Errorf("encoding the status of Pod %s/%s: %w", pod.Namespace, pod.Name, err)
	}
	_, err = k.fleet.client.CoreV1().Pods(pod.Namespace).
		Patch(ctx, pod.Name, types.StrategicMergePatchType, patch, metav1.PatchOptions{}, "status")
	// A conflict: another Pod of that name has taken its place.
	if err != nil && !apierrors.IsNotFound(err) && !apierrors.IsConflict(err) {
		return fmt.Errorf("reporting Pod %s/%s running: %w", pod.Namespace, pod.Name, err)
	}
	return nil
}

func (k *kubelets) podIPs(pod *corev1.Pod, node *corev1.Node) ([]corev1.PodIP, error) {
	if pod.Spec.HostNetwork {
		if ip := internalIP(node); ip != "" {
			return []corev1.PodIP{{IP: ip}}, nil
		}
		return nil, nil
	}
	if len(node.Spec.PodCIDRs) == 0 {
		return nil, fmt.Errorf("%s: %w", node.Name, errNoRange)
	}
	ips := make([]corev1.PodIP, 0, len(node.Spec.PodCIDRs))
	for _, cidr := range node.Spec.PodCIDRs {
		address, err := k.addresses.take(cidr, pod.Namespace+"/"+pod.Name)
		if err != nil {
			return nil, err
		}
		ips = append(ips, corev1.PodIP{IP: address.String()})
	}
	return ips, nil
}
