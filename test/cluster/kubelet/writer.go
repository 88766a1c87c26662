package kubelet

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
	"k8s.io/klog/v2"
)

// registerTimeout is for kubelet to make its Node, on a machine that is busy.
const registerTimeout = time.Minute

// conflistPath is the node's CNI configuration.
const conflistPath = "/etc/cni/net.d/10-kubernetes.conflist"

var errNotRegistered = errors.New("kubelet has not registered its Node")

// networkWriter keeps a node's CNI configuration to the range of Pod addresses
// that its Node has. Until there is one, there is no configuration, and kubelet
// says that the network is not ready.
type networkWriter struct {
	filesystem *filesystem
	// fixed is Options.PodRange.
	fixed      string
	registered chan struct{}
	once       sync.Once
	factory    informers.SharedInformerFactory
	cancel     context.CancelFunc
	// written is what the file was last written for, by the informer's only
	// handler.
	written []string
}

// followNode starts a writer. It ends with Stop, not with the context.
func followNode(ctx context.Context, client kubernetes.Interface, name, fixed string, filesystem *filesystem) *networkWriter {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	w := &networkWriter{filesystem: filesystem, fixed: fixed, registered: make(chan struct{}), cancel: cancel}
	w.factory = informers.NewSharedInformerFactoryWithOptions(client, 0, informers.WithTweakListOptions(func(o *metav1.ListOptions) {
		o.FieldSelector = fields.OneTermEqualSelector(metav1.ObjectNameField, name).String()
	}))
	log := klog.FromContext(ctx)
	_, err := w.factory.Core().V1().Nodes().Informer().AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    func(object any) { w.handle(log, object) },
		UpdateFunc: func(_, object any) { w.handle(log, object) },
	})
	if err != nil {
		log.Error(err, "Will not follow the Node", "node", name) // only a stopped informer refuses
	}
	w.factory.StartWithContext(ctx)
	return w
}

// Stop ends the writer. A second Stop does nothing.
func (w *networkWriter) Stop() {
	w.cancel()
	w.factory.Shutdown()
}

func (w *networkWriter) handle(log klog.Logger, object any) {
	node, ok := object.(*corev1.Node)
	if !ok {
		return
	}
	w.once.Do(func() { close(w.registered) })
	ranges := node.Spec.PodCIDRs
	if w.fixed != "" {
		ranges = []string{w.fixed}
	}
	if len(ranges) == 0 || slices.Equal(ranges, w.written) {
		return
	}
	if err := writeConflist(w.filesystem, ranges, w.fixed != ""); err != nil {
		log.Error(err, "The node's Pods have no network", "node", node.Name)
		return
	}
	w.written = ranges
}

// writeConflist configures the network of Pods with addresses out of the ranges: on a
// bridge, or, where these are in the range of the servers' own, each on a link to the
// server, which routes to it.
func writeConflist(filesystem *filesystem, ranges []string, routed bool) error {
	values := network{PodCIDRs: ranges}
	if !routed {
		values.Bridge = bridge
	}
	for _, r := range ranges {
		route := "0.0.0.0/0"
		if strings.Contains(r, ":") {
			route = "::/0"
		}
		values.Routes = append(values.Routes, route)
	}
	content, err := render("kubernetes.conflist", values)
	if err != nil {
		return err
	}
	if err := filesystem.Write(File{Path: conflistPath, Content: content, Mode: 0o600}); err != nil {
		return err
	}
	// containerd watches the folder, but takes a new file for one that is yet to
	// be written. The whole file is there already, so it is never read in parts.
	path, err := filesystem.HostPath(conflistPath)
	if err != nil {
		return err
	}
	file, err := os.OpenFile(path, os.O_WRONLY, 0) // #nosec G304 -- the node's own
	if err != nil {
		return fmt.Errorf("network of Pods: %w", err)
	}
	_, err = file.Write(content)
	if err = errors.Join(err, file.Close()); err != nil {
		return fmt.Errorf("network of Pods: %w", err)
	}
	return nil
}

// waitRegistered waits until the Node is there; failed tells when it never will.
func (w *networkWriter) waitRegistered(ctx context.Context, failed func() error) error {
	ctx, cancel := context.WithTimeout(ctx, registerTimeout)
	defer cancel()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-w.registered:
			return nil
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", errNotRegistered, ctx.Err())
		case <-tick.C:
			if err := failed(); err != nil {
				return err
			}
		}
	}
}
