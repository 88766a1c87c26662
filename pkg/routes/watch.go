package routes

import (
	"context"
	"errors"
	"net/netip"
	"sync"
	"time"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/apierror"
	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/vpc"
)

// errSlow is returned when an entry does not reach the awaited state in time.
var errSlow = errors.New("the route entry is still in transition")

// watch waits for entries of one table to settle: all who wait share one reading
// a second, which asks for their destinations alone.
type watch struct {
	cloud    Network
	memory   *memory
	interval time.Duration

	mu      sync.Mutex
	waiting map[*wait]struct{}
	wake    chan struct{}
}

// wait is one caller's interest.
type wait struct {
	prefix netip.Prefix
	done   func(e Entry, exists bool) bool
	// err receives nil when done says so, or why it cannot be known.
	err chan error
}

func newWatch(cloud Network, m *memory, interval time.Duration) *watch {
	return &watch{cloud: cloud, memory: m, interval: interval, waiting: map[*wait]struct{}{}, wake: make(chan struct{}, 1)}
}

// run reads while somebody waits, until ctx ends.
func (w *watch) run(ctx context.Context) {
	for {
		select {
		case <-w.wake:
		case <-ctx.Done():
			return
		}
		for w.busy() {
			select {
			case <-time.After(w.interval):
			case <-ctx.Done():
				return
			}
			w.read(ctx)
		}
	}
}

func (w *watch) busy() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.waiting) > 0
}

// settle waits until done holds for the entry with this destination, or ctx ends.
// The memory holds the entry as it was read last.
func (w *watch) settle(ctx context.Context, prefix netip.Prefix, done func(Entry, bool) bool) error {
	me := &wait{prefix: prefix, done: done, err: make(chan error, 1)}
	w.mu.Lock()
	w.waiting[me] = struct{}{}
	w.mu.Unlock()
	select {
	case w.wake <- struct{}{}:
	default:
	}
	defer func() {
		w.mu.Lock()
		delete(w.waiting, me)
		w.mu.Unlock()
	}()
	select {
	case err := <-me.err:
		return err
	case <-ctx.Done():
		return errors.Join(errSlow, context.Cause(ctx))
	}
}

// read asks once for everybody and answers those who are done.
func (w *watch) read(ctx context.Context) {
	w.mu.Lock()
	waits := make([]*wait, 0, len(w.waiting))
	prefixes := make([]netip.Prefix, 0, len(w.waiting))
	for me := range w.waiting {
		waits = append(waits, me)
		prefixes = append(prefixes, me.prefix)
	}
	w.mu.Unlock()
	if len(waits) == 0 {
		return
	}
	err := readTo(ctx, w.cloud, w.memory, prefixes)
	if err != nil && apierror.IsRetryable(err) {
		return // read again next time; the callers' time is bounded
	}
	for _, me := range waits {
		e, exists := w.memory.get(me.prefix)
		if err == nil && !me.done(e, exists) {
			continue
		}
		w.mu.Lock()
		delete(w.waiting, me)
		w.mu.Unlock()
		me.err <- err
	}
}

// readTo reads what some destinations hold into the memory. An answer that holds
// nothing at all proves nothing, since that is also what a caller without
// permission may get to see; so an entry of the system, which is always there, is
// asked for along with the others where the call has room, else by itself.
func readTo(ctx context.Context, cloud Network, m *memory, prefixes []netip.Prefix) error {
	wanted := make(map[netip.Prefix]bool, len(prefixes))
	cidrs := make([]string, 0, len(prefixes)+1)
	for _, p := range prefixes {
		if !wanted[p] {
			wanted[p] = true
			cidrs = append(cidrs, p.String())
		}
	}
	witness := m.witness()
	if witness != "" && len(cidrs)%vpc.MaxBatch != 0 {
		cidrs = append(cidrs, witness)
	}
	found, err := cloud.RouteEntriesTo(ctx, m.id, cidrs)
	if err == nil && len(found) == 0 && witness != "" {
		found, err = cloud.RouteEntriesTo(ctx, m.id, []string{witness})
	}
	if err != nil {
		return err
	}
	if len(found) == 0 {
		return nothing(m.id)
	}
	for _, raw := range found {
		if e, ok := newEntry(raw); ok && wanted[e.Prefix] {
			delete(wanted, e.Prefix)
			m.set(e.Prefix, &e)
		}
	}
	for p := range wanted {
		m.set(p, nil)
	}
	return nil
}

// nothing is the error for an empty answer: every route table has entries of the
// system.
func nothing(tableID string) error {
	return &apierror.Error{
		Product: "Vpc", Action: "DescribeRouteEntryList", Kind: apierror.Unavailable,
		Message: "no entries in " + tableID + ", not even those of the system; the access key may lack permission",
	}
}
