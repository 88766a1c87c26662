package bootstrap

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
)

// writer makes an object ten times a second through the load balancer, with little
// patience, and remembers what was acknowledged.
type writer struct {
	prefix  string
	client  kubernetes.Interface
	stop    context.CancelFunc
	running sync.WaitGroup

	mu           sync.Mutex
	acknowledged []string
	sent, failed int
	// last is when a write was acknowledged last, gap the longest time between two.
	last time.Time
	gap  time.Duration
}

// writeTimeout is how long a write may take.
const writeTimeout = 2 * time.Second

// write begins to write until the test's end.
func write(t *testing.T, prefix string) *writer {
	t.Helper()
	config := rest.CopyConfig(world.Admin)
	config.Timeout = writeTimeout
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	w := &writer{prefix: prefix, client: client, stop: cancel, last: time.Now()}
	w.running.Go(func() { w.run(ctx) })
	t.Cleanup(func() {
		cancel()
		w.running.Wait()
	})
	return w
}

func (w *writer) run(ctx context.Context) {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for number := 0; ; number++ {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		w.running.Go(func() { w.one(ctx, fmt.Sprintf("%s-%d", w.prefix, number)) })
	}
}

func (w *writer) one(ctx context.Context, name string) {
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	_, err := w.client.CoreV1().ConfigMaps(namespace).Create(ctx, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{"writer": w.prefix}}}, metav1.CreateOptions{})
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sent++
	if err != nil {
		w.failed++
		return
	}
	w.acknowledged = append(w.acknowledged, name)
	w.gap, w.last = max(w.gap, time.Since(w.last)), time.Now()
}

// end ends the writes and tells what was lost of the acknowledged ones.
func (w *writer) end(t *testing.T) (gap time.Duration) {
	t.Helper()
	w.stop()
	w.running.Wait()
	there := map[string]bool{}
	eventually(t, "what was written can be read", func(ctx context.Context) error {
		list, err := world.Client.CoreV1().ConfigMaps(namespace).List(ctx, metav1.ListOptions{LabelSelector: "writer=" + w.prefix})
		if err != nil {
			return err
		}
		for i := range list.Items {
			there[list.Items[i].Name] = true
		}
		return nil
	})
	lost := 0
	for _, name := range w.acknowledged {
		if !there[name] {
			lost++
		}
	}
	t.Logf("%d writes, %d failed, at most %.1f s without one that succeeded; of %d acknowledged ones %d are lost",
		w.sent, w.failed, w.gap.Seconds(), len(w.acknowledged), lost)
	if lost > 0 || len(w.acknowledged) == 0 {
		t.Error("what was acknowledged is lost")
	}
	return w.gap
}
