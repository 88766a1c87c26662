package hostroutes

import (
	"context"
	"sync"
	"time"

	"k8s.io/klog/v2"

	"github.com/kube-aliyun/kube-aliyun/pkg/hostroutes/plan"
	"github.com/kube-aliyun/kube-aliyun/pkg/hostroutes/source"
)

// confirmation is a second look at the Nodes, apart from the passes: it may take
// long, and they must not.
type confirmation struct {
	mu      sync.Mutex
	running bool
	nodes   []plan.Node
}

// start asks for a second look after a pause, unless one is on its way. It is
// tried until it succeeds; then done is called.
func (c *confirmation) start(ctx context.Context, running *sync.WaitGroup, pause time.Duration, from source.Source, done func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.running {
		return
	}
	c.running = true
	running.Go(func() {
		for {
			select {
			case <-ctx.Done():
				return
			case <-time.After(pause):
			}
			nodes, err := from.Fresh(ctx)
			if err != nil {
				klog.FromContext(ctx).Info("The second list of Nodes failed; no route is removed, and it is tried again", "err", err)
				continue
			}
			c.mu.Lock()
			c.running, c.nodes = false, nodes
			c.mu.Unlock()
			done()
			return
		}
	})
}

// take returns what the second look saw, once; nil for nothing.
func (c *confirmation) take() []plan.Node {
	c.mu.Lock()
	defer c.mu.Unlock()
	nodes := c.nodes
	c.nodes = nil
	return nodes
}
