package kubelet

import (
	"context"
	"time"

	"k8s.io/klog/v2"
)

// proxyPause is between an end of kube-proxy and its next start.
const proxyPause = time.Second

// startProxy starts kube-proxy and keeps it running until the node ends:
// kube-proxy ends by itself when its Node is deleted or has another range of Pod
// addresses, and counts on being started again.
func (n *Node) startProxy(ctx context.Context) error {
	start := func(ctx context.Context) error {
		return n.run(ctx, KubeProxy, n.kubeProxyPath(), []string{"--config=/var/lib/kube-proxy/config.yaml"})
	}
	if err := start(ctx); err != nil {
		return err
	}
	ctx, n.letProxyEnd = context.WithCancel(context.WithoutCancel(ctx))
	n.keeping.Go(func() {
		for n.proxyEnded(ctx) {
			if err := start(ctx); err != nil {
				klog.FromContext(ctx).Error(err, "The node is without kube-proxy", "node", n.options.Name)
				return
			}
		}
	})
	return nil
}

// proxyEnded waits until kube-proxy has ended and is to be started again; false
// when the node ends.
func (n *Node) proxyEnded(ctx context.Context) bool {
	n.mu.Lock()
	p := n.running[KubeProxy]
	n.mu.Unlock()
	select {
	case <-ctx.Done():
		return false
	case <-p.Done():
	}
	select {
	case <-ctx.Done():
		return false
	case <-time.After(proxyPause):
		return true
	}
}
