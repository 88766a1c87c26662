package apply

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"k8s.io/utils/clock"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/slb"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// listeners is a cloud whose listeners run from some look on.
type listeners struct {
	mu      sync.Mutex
	looks   int
	largest int
	running int // the look from which listeners run
	missing bool
	err     error
}

func (l *listeners) Listeners(_ context.Context, ids ...string) ([]slb.Listener, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.looks++
	l.largest = max(l.largest, len(ids))
	if l.err != nil {
		return nil, l.err
	}
	if l.missing {
		return nil, nil
	}
	status := slb.ListenerStarting
	if l.looks >= l.running {
		status = slb.ListenerRunning
	}
	out := make([]slb.Listener, 0, len(ids))
	for _, id := range ids {
		out = append(out, slb.Listener{LoadBalancerID: id, ListenerKey: key80, Status: status})
	}
	return out, nil
}

var key80 = slb.ListenerKey{Protocol: slb.TCP, Port: 80}

func startPoller(t *testing.T, cloud *listeners) *Poller {
	t.Helper()
	p := NewPoller(cloud, clock.RealClock{})
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { p.Run(ctx) })
	t.Cleanup(func() {
		cancel()
		running.Wait()
	})
	return p
}

func TestAllWhoWaitShareTheLooks(t *testing.T) {
	t.Parallel()
	const waiters = 30
	cloud := &listeners{running: 7}
	p := startPoller(t, cloud)
	var all sync.WaitGroup
	start := time.Now()
	for n := range waiters {
		all.Go(func() {
			if _, err := p.Wait(t.Context(), fmt.Sprintf("lb-%d", n), []slb.ListenerKey{key80}); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	seconds := time.Since(start).Seconds()
	if most := int(seconds*waiters/perLook) + waiters/perLook + saved + 1; cloud.looks > most || cloud.largest > perLook {
		t.Errorf("%d looks in %.1f s, %d at most; the largest at %d load balancers", cloud.looks, seconds, most, cloud.largest)
	}
}

func TestListenerThatIsMissingIsToldAfterSomeLooks(t *testing.T) {
	t.Parallel()
	p := startPoller(t, &listeners{missing: true})
	if _, err := p.Wait(t.Context(), "lb-1", []slb.ListenerKey{key80}); err == nil {
		t.Error("a missing listener was waited for without an error")
	}
}

func TestFailingLooksAreToldAndOneFailureIsNot(t *testing.T) {
	t.Parallel()
	failure := errors.New("test failure")
	p := startPoller(t, &listeners{err: failure})
	if _, err := p.Wait(t.Context(), "lb-1", []slb.ListenerKey{key80}); !errors.Is(err, failure) {
		t.Errorf("error = %v", err)
	}
}

func TestWhoWaitsIsReleasedAtTheEnd(t *testing.T) {
	t.Parallel()
	p := NewPoller(&listeners{running: 1000}, clock.RealClock{})
	ctx, cancel := context.WithCancel(t.Context())
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		p.Run(ctx)
	}()
	answer := make(chan error, 1)
	go func() {
		_, err := p.Wait(t.Context(), "lb-1", []slb.ListenerKey{key80})
		answer <- err
	}()
	cancel()
	<-stopped
	if err := <-answer; !errors.Is(err, ErrPollerStopped) {
		t.Errorf("error = %v", err)
	}
	if _, err := p.Wait(t.Context(), "lb-1", []slb.ListenerKey{key80}); !errors.Is(err, ErrPollerStopped) {
		t.Errorf("afterwards: error = %v", err)
	}
}
