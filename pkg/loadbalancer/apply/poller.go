package apply

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"k8s.io/utils/clock"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/slb"
)

const (
	// firstLook is when a listener that was started is looked at first, and how
	// long the next look is put off after one that was too early.
	firstLook = 250 * time.Millisecond
	// gather is how long a look waits for others to be due too.
	gather = 150 * time.Millisecond
	// perLook is how many load balancers one call looks at.
	perLook = 10
	// saved is how many looks of idle seconds may be made up for at once.
	saved = 2
)

// ErrPollerStopped says that nobody looks any more: the process ends.
var ErrPollerStopped = errors.New("the controller is stopping")

// ListenerReader lists the listeners of up to ten load balancers in one call.
type ListenerReader interface {
	Listeners(ctx context.Context, lbIDs ...string) ([]slb.Listener, error)
}

// Poller is the one place that waits for the state of listeners. All who wait
// share its looks: at most one a second for each ten load balancers.
type Poller struct {
	cloud ListenerReader
	clock clock.WithTicker
	wake  chan struct{}

	mu      sync.Mutex
	stopped bool
	waiting map[*waiter]bool
	tokens  float64
	refill  time.Time
}

// waiter is somebody who waits for listeners of a load balancer.
type waiter struct {
	id   string
	due  time.Time
	news chan look
}

// look is what a look at a load balancer gave.
type look struct {
	listeners []slb.Listener
	err       error
}

// NewPoller returns a poller; Run makes it work.
func NewPoller(cloud ListenerReader, c clock.WithTicker) *Poller {
	return &Poller{cloud: cloud, clock: c, wake: make(chan struct{}, 1), waiting: map[*waiter]bool{}, refill: c.Now()}
}

// Wait returns the listeners of a load balancer once those of the keys are
// running. It fails when one is missing or stopped for good, when looks keep
// failing, or when ctx ends.
func (p *Poller) Wait(ctx context.Context, lbID string, keys []slb.ListenerKey) ([]slb.Listener, error) {
	w := &waiter{id: lbID, due: p.clock.Now().Add(firstLook), news: make(chan look, 1)}
	p.mu.Lock()
	if p.stopped {
		p.mu.Unlock()
		return nil, ErrPollerStopped
	}
	p.waiting[w] = true
	p.mu.Unlock()
	p.poke()
	defer p.leave(w)
	stopped, failed := 0, 0
	var last []slb.Listener
	for {
		select {
		case <-ctx.Done():
			return last, fmt.Errorf("wait for listeners of %s: %w", lbID, errors.Join(notRunning(last, keys), ctx.Err()))
		case l := <-w.news:
			if l.err != nil {
				if failed++; failed >= maxFailed || errors.Is(l.err, ErrPollerStopped) {
					return last, fmt.Errorf("wait for listeners of %s: %w", lbID, l.err)
				}
				continue
			}
			last, failed = l.listeners, 0
			problem := notRunning(last, keys)
			if problem == nil {
				return last, nil
			}
			if !underway(last, keys) {
				// A listing may lag behind the call that started a listener.
				if stopped++; stopped >= maxStopped {
					return last, fmt.Errorf("wait for listeners of %s: %w", lbID, problem)
				}
			}
		}
	}
}

const (
	// maxStopped is how many looks may show a listener that is missing or stopped.
	maxStopped = 5
	// maxFailed is how many looks in a row may fail.
	maxFailed = 3
)

// notRunning names the listeners that are not running.
func notRunning(listeners []slb.Listener, keys []slb.ListenerKey) error {
	var problems []error
	for _, key := range keys {
		i := slices.IndexFunc(listeners, func(l slb.Listener) bool { return l.ListenerKey == key })
		switch {
		case i < 0:
			problems = append(problems, fmt.Errorf("listener %s is missing", key))
		case listeners[i].Status != slb.ListenerRunning:
			problems = append(problems, fmt.Errorf("listener %s is %s", key, listeners[i].Status))
		}
	}
	return errors.Join(problems...)
}

// underway reports whether every listener that is not running is on its way.
func underway(listeners []slb.Listener, keys []slb.ListenerKey) bool {
	for _, key := range keys {
		i := slices.IndexFunc(listeners, func(l slb.Listener) bool { return l.ListenerKey == key })
		if i < 0 || listeners[i].Status == slb.ListenerStopped || listeners[i].Status == slb.ListenerStopping {
			return false
		}
	}
	return true
}

func (p *Poller) leave(w *waiter) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.waiting, w)
}

func (p *Poller) poke() {
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// Run looks until ctx is done. Who still waits then is told so.
func (p *Poller) Run(ctx context.Context) {
	var looks sync.WaitGroup
	defer p.stop()
	defer looks.Wait()
	for {
		batch, wait := p.next()
		if len(batch) > 0 {
			looks.Go(func() { p.look(ctx, batch) })
			continue
		}
		timer := p.clock.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-p.wake:
			timer.Stop()
		case <-timer.C():
		}
	}
}

func (p *Poller) stop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stopped = true
	for w := range p.waiting {
		w.tell(look{err: ErrPollerStopped})
	}
}

// next returns the load balancers to look at now, or how long there is nothing
// to do.
func (p *Poller) next() (batch []*waiter, wait time.Duration) {
	const idle = time.Hour
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.clock.Now()
	if len(p.waiting) == 0 {
		return nil, idle
	}
	allowed := float64((len(p.waiting) + perLook - 1) / perLook) // a second
	p.tokens = min(allowed+saved, p.tokens+now.Sub(p.refill).Seconds()*allowed)
	p.refill = now
	queue := make([]*waiter, 0, len(p.waiting))
	for w := range p.waiting {
		queue = append(queue, w)
	}
	slices.SortFunc(queue, func(a, b *waiter) int { return a.due.Compare(b.due) })
	if last := queue[min(perLook, len(queue))-1].due; last.After(now) {
		// Not a full call yet: wait for more, but not for long.
		if wait := min(last.Sub(now), queue[0].due.Add(gather).Sub(now)); wait > 0 {
			return nil, wait
		}
	}
	if p.tokens < 1 {
		return nil, max(time.Duration((1-p.tokens)/allowed*float64(time.Second)), time.Millisecond)
	}
	p.tokens--
	// Others that wait come along, though it is early: the call costs the same.
	batch = queue[:min(perLook, len(queue))]
	for _, w := range batch {
		if !w.due.After(now) {
			w.due = now.Add(firstLook)
		}
	}
	return batch, 0
}

// look makes one call and hands each waiter its listeners.
func (p *Poller) look(ctx context.Context, batch []*waiter) {
	ids := make([]string, 0, len(batch))
	for _, w := range batch {
		ids = append(ids, w.id)
	}
	slices.Sort(ids)
	listeners, err := p.cloud.Listeners(ctx, slices.Compact(ids)...)
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, w := range batch {
		l := look{err: err}
		for _, listener := range listeners {
			if listener.LoadBalancerID == w.id {
				listener.Attributes = maps.Clone(listener.Attributes) // each waiter's own
				l.listeners = append(l.listeners, listener)
			}
		}
		w.tell(l)
	}
}

// tell puts the newest look in place of an unread one.
func (w *waiter) tell(l look) {
	select {
	case <-w.news:
	default:
	}
	w.news <- l
}
