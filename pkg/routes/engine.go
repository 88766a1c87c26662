package routes

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"sync"
	"time"

	"k8s.io/utils/clock"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/apierror"
	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/transport"
	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/vpc"
	"github.com/kube-aliyun/kube-aliyun/pkg/batch"
	"github.com/kube-aliyun/kube-aliyun/pkg/metric"
)

const (
	// Writes wait a little longer for company than other batches do: while one runs,
	// for a second or more, the API takes no other in the VPC.
	writeIdle    = 100 * time.Millisecond
	writeLongest = 500 * time.Millisecond
	// writeTimeout bounds one shared write with the wait for its outcome.
	writeTimeout = 90 * time.Second
	// settleTimeout bounds the wait for entries to become Available or to go.
	settleTimeout = 60 * time.Second
)

// errContradicted: an answer does not fit the memory. Read again, plan again.
var errContradicted = errors.New("the route table is not as it was read")

// engine talks to the route tables of one VPC.
type engine struct {
	cloud       Network
	clusterID   string
	clusterName string
	clock       clock.WithTicker
	interval    time.Duration

	// mutation is held during a write and until its entries have settled: the API
	// takes one at a time in a VPC.
	mutation chan struct{}
	renames  chan rename

	mu     sync.Mutex
	tables map[string]*table
	// added are tables that run has not started yet; wake tells it.
	added []*table
	wake  chan struct{}
}

// table is a route table with its memory and its shared calls.
type table struct {
	*memory
	watch   *watch
	creates *batch.Batcher[vpc.NewEntry, Entry]
	deletes *batch.Batcher[removal, struct{}]
	// reads takes how urgent a whole reading is.
	reads *batch.Batcher[transport.Priority, struct{}]
}

// removal is an entry to delete.
type removal struct {
	entry Entry
	// still is asked once more with the entry as it was read just before the call.
	still func(Entry) bool
}

func newEngine(cloud Network, clusterID, clusterName string, c clock.WithTicker, interval time.Duration) *engine {
	return &engine{
		cloud: cloud, clusterID: clusterID, clusterName: clusterName, clock: c, interval: interval,
		mutation: make(chan struct{}, 1), renames: make(chan rename, maxRenames), tables: map[string]*table{}, wake: make(chan struct{}, 1),
	}
}

// run makes the shared calls until ctx ends, and waits for those in flight.
func (e *engine) run(ctx context.Context) {
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() { e.takeOver(ctx) })
	for {
		e.mu.Lock()
		added := e.added
		e.added = nil
		e.mu.Unlock()
		for _, t := range added {
			wg.Go(func() { t.watch.run(ctx) })
			wg.Go(func() { t.creates.Run(ctx) })
			wg.Go(func() { t.deletes.Run(ctx) })
			wg.Go(func() { t.reads.Run(ctx) })
		}
		select {
		case <-e.wake:
		case <-ctx.Done():
			return
		}
	}
}

// table returns the table with this id, which is added when it is new.
func (e *engine) table(id string) *table {
	e.mu.Lock()
	defer e.mu.Unlock()
	if t, ok := e.tables[id]; ok {
		return t
	}
	m := newMemory(id)
	t := &table{memory: m, watch: newWatch(e.cloud, m, e.interval)}
	t.creates = batch.New(batch.Options[vpc.NewEntry, Entry]{
		Call: func(ctx context.Context, items []vpc.NewEntry) ([]batch.Result[Entry], error) {
			return e.create(ctx, t, items)
		},
		Size: vpc.MaxBatch, Idle: writeIdle, Longest: writeLongest, Timeout: writeTimeout, Split: oneBadItem,
	})
	t.deletes = batch.New(batch.Options[removal, struct{}]{
		Call: func(ctx context.Context, items []removal) ([]batch.Result[struct{}], error) {
			return e.remove(ctx, t, items)
		},
		Size: vpc.MaxBatch, Idle: writeIdle, Longest: writeLongest, Timeout: writeTimeout, Split: oneBadItem,
	})
	t.reads = batch.New(batch.Options[transport.Priority, struct{}]{
		Call: func(ctx context.Context, items []transport.Priority) ([]batch.Result[struct{}], error) {
			return make([]batch.Result[struct{}], len(items)), e.read(transport.WithPriority(ctx, mostUrgent(items)), t.memory)
		},
		Size: maxReaders, Timeout: writeTimeout,
	})
	e.tables[id] = t
	e.added = append(e.added, t)
	select {
	case e.wake <- struct{}{}:
	default:
	}
	return t
}

// maxReaders is how many callers share one whole reading of a table.
const maxReaders = 1 << 16

// mostUrgent is the priority of a call that callers of these share.
func mostUrgent(all []transport.Priority) transport.Priority {
	for _, p := range []transport.Priority{transport.Urgent, transport.Normal} {
		if slices.Contains(all, p) {
			return p
		}
	}
	return transport.Audit
}

// oneBadItem says whether a refusal of a whole call may be due to one item.
func oneBadItem(err error) bool {
	return errors.Is(err, apierror.ErrInvalid) || errors.Is(err, apierror.ErrNotFound) || errors.Is(err, apierror.ErrConflict)
}

// read reads a whole table into its memory.
func (e *engine) read(ctx context.Context, m *memory) error {
	mark, at := m.begin(), e.clock.Now()
	list, err := e.cloud.RouteEntries(ctx, m.id)
	if err == nil && len(list) == 0 {
		err = nothing(m.id)
	}
	if err != nil {
		m.failed()
		return err
	}
	m.replace(list, mark, at)
	return nil
}

// ensure reads the table unless its memory may still be acted on. Callers share
// one reading.
func (e *engine) ensure(ctx context.Context, t *table, age time.Duration) error {
	if t.trusted(e.clock.Now(), age) {
		return nil
	}
	_, err := t.reads.Do(ctx, transport.Normal)
	return err
}

// lock waits for the VPC's turn to be written to.
func (e *engine) lock(ctx context.Context) (unlock func(), err error) {
	select {
	case e.mutation <- struct{}{}:
		return func() { <-e.mutation }, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// create makes entries in one call and waits until they are Available.
func (e *engine) create(ctx context.Context, t *table, items []vpc.NewEntry) ([]batch.Result[Entry], error) {
	unlock, err := e.lock(ctx)
	if err != nil {
		return nil, err
	}
	defer unlock()
	writing, done := graceful(ctx)
	answers, err := e.cloud.CreateRouteEntries(writing, items)
	done()
	if err != nil {
		t.doubtAfter(err)
		count("create", len(items), err)
		return nil, err
	}
	out := make([]batch.Result[Entry], len(items))
	err = each(ctx, len(items), func(ctx context.Context, i int) {
		prefix, _ := parseCIDR(items[i].CIDR)
		if out[i].Err = answers[i].Err; out[i].Err != nil {
			t.doubtAfter(out[i].Err)
		} else if out[i].Err = t.watch.settle(ctx, prefix, available); out[i].Err != nil {
			t.doubt()
		} else {
			out[i].Value, _ = t.get(prefix)
		}
		count("create", 1, out[i].Err)
	})
	return out, err
}

// doubtAfter ends the trust unless the failed call certainly changed nothing.
func (t *table) doubtAfter(err error) {
	switch apierror.KindOf(err) {
	case apierror.Throttled, apierror.Busy, apierror.Quota, apierror.Denied:
		if !apierror.MaybeExecuted(err) {
			return
		}
	case apierror.Unknown, apierror.NotFound, apierror.Conflict, apierror.Invalid, apierror.Unavailable:
	}
	t.doubt()
}

// available holds for an entry that carries traffic.
func available(e Entry, exists bool) bool { return exists && e.Status == vpc.Available }

// gone holds for an entry that is no more.
func gone(_ Entry, exists bool) bool { return !exists }

// steady holds for an entry that no operation runs on.
func steady(e Entry, exists bool) bool { return !exists || !e.moving() }

// remove deletes entries in one call, each only if it still is what was decided
// about, and waits until they are gone.
func (e *engine) remove(ctx context.Context, t *table, items []removal) ([]batch.Result[struct{}], error) {
	unlock, err := e.lock(ctx)
	if err != nil {
		return nil, err
	}
	defer unlock()
	prefixes := make([]netip.Prefix, len(items))
	for i := range items {
		prefixes[i] = items[i].entry.Prefix
	}
	if err := readTo(ctx, e.cloud, t.memory, prefixes); err != nil {
		return nil, err
	}
	out := make([]batch.Result[struct{}], len(items))
	var doomed []vpc.RouteEntry
	var which []int
	failed := map[string]error{} // by id; two callers may want the same entry gone
	for i := range items {
		now, exists := t.get(prefixes[i])
		switch {
		case !exists:
		case now.ID != items[i].entry.ID || !items[i].still(now):
			out[i].Err = errContradicted
		case now.Status == vpc.Deleting:
			which = append(which, i) // somebody else's deletion: wait for it
		default:
			if _, twice := failed[now.ID]; !twice {
				doomed = append(doomed, now.RouteEntry)
			}
			failed[now.ID] = nil
			which = append(which, i)
		}
	}
	if len(which) == 0 {
		return out, nil
	}
	if len(doomed) > 0 {
		writing, done := graceful(ctx)
		answers, err := e.cloud.DeleteRouteEntries(writing, doomed)
		done()
		if err != nil {
			t.doubtAfter(err)
			count("delete", len(doomed), err)
			return nil, err
		}
		for j := range answers {
			failed[doomed[j].ID] = answers[j].Err
		}
	}
	err = each(ctx, len(which), func(ctx context.Context, j int) {
		i := which[j]
		if out[i].Err = failed[items[i].entry.ID]; out[i].Err == nil {
			out[i].Err = t.watch.settle(ctx, prefixes[i], gone)
		}
		if out[i].Err != nil {
			t.doubt()
		}
		count("delete", 1, out[i].Err)
	})
	return out, err
}

// each calls f for 0 to n-1 side by side, bounded in time.
func each(ctx context.Context, n int, f func(ctx context.Context, i int)) error {
	inner, cancel := context.WithTimeout(ctx, settleTimeout)
	defer cancel()
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { f(inner, i) })
	}
	wg.Wait()
	return context.Cause(ctx)
}

func count(operation string, n int, err error) {
	result := "success"
	if err != nil {
		result = "error"
	}
	metric.RouteChanges.WithLabelValues(operation, result).Add(float64(n))
}
