// Package batch lets concurrent callers share one call: group commit. Callers
// that arrive within a few milliseconds of each other ride together, each gets
// its own result, and an item that breaks the shared call harms itself only.
package batch

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"time"
)

const (
	// DefaultIdle is how long a batch waits for one more caller.
	DefaultIdle = 5 * time.Millisecond
	// DefaultLongest is how long the first caller of a batch waits at most.
	DefaultLongest = 50 * time.Millisecond
)

var (
	// ErrStopped is returned to callers when Run has ended.
	ErrStopped = errors.New("batch: stopped")
	// ErrPanic is returned to the callers of a batch whose call panicked.
	ErrPanic = errors.New("batch: the shared call panicked")
	// ErrResults is returned to the callers of a batch whose call did not answer
	// with one result for each item.
	ErrResults = errors.New("batch: wrong number of results")
)

// Result is the outcome of one item.
type Result[V any] struct {
	Value V
	Err   error
}

// Options configure a Batcher. Call and Size are required.
type Options[K, V any] struct {
	// Call does the work of a batch: one result for each item, in their order. An
	// error means that the call as a whole failed and is given to every caller.
	// Its context is Run's, not a caller's.
	Call func(ctx context.Context, items []K) ([]Result[V], error)
	// Size is how many items one call takes.
	Size int
	// Idle and Longest bound the window: a batch leaves when no caller came for
	// Idle, or Longest after its first one, or when it is full.
	Idle, Longest time.Duration
	// Parallel is how many calls may be in flight; 1 if zero.
	Parallel int
	// Timeout bounds one call; none if zero.
	Timeout time.Duration
	// Split says whether a failure of the whole call may be the fault of one item:
	// the batch is then halved and tried again, until the item stands alone. Nil
	// never splits.
	Split func(error) bool
}

// Batcher shares calls between callers. Make one with New; Do works while Run does.
type Batcher[K, V any] struct {
	opts    Options[K, V]
	in      chan *request[K, V]
	stopped chan struct{}
	slots   chan struct{}
}

type request[K, V any] struct {
	ctx  context.Context //nolint:containedctx // the caller's, asked once more before the batch leaves
	item K
	out  chan Result[V]
}

// New returns a batcher that is not running yet.
func New[K, V any](opts Options[K, V]) *Batcher[K, V] {
	if opts.Idle == 0 {
		opts.Idle = DefaultIdle
	}
	if opts.Longest == 0 {
		opts.Longest = DefaultLongest
	}
	opts.Size, opts.Parallel = max(opts.Size, 1), max(opts.Parallel, 1)
	return &Batcher[K, V]{
		opts:    opts,
		in:      make(chan *request[K, V]),
		stopped: make(chan struct{}),
		slots:   make(chan struct{}, opts.Parallel),
	}
}

// Do puts an item into the next batch and waits for its result. When ctx ends
// first, Do returns its error; an item that has not left yet is withdrawn, one
// in flight is finished without its caller.
func (b *Batcher[K, V]) Do(ctx context.Context, item K) (V, error) {
	var zero V
	r := &request[K, V]{ctx: ctx, item: item, out: make(chan Result[V], 1)}
	select {
	case b.in <- r:
	case <-b.stopped:
		return zero, ErrStopped
	case <-ctx.Done():
		return zero, context.Cause(ctx)
	}
	select {
	case res := <-r.out:
		return res.Value, res.Err
	case <-ctx.Done():
		return zero, context.Cause(ctx)
	}
}

// Run forms batches and makes their calls until ctx ends. Calls in flight see
// the end of ctx and are waited for; whoever waits then gets an error. Run may be
// called once.
func (b *Batcher[K, V]) Run(ctx context.Context) {
	var calls sync.WaitGroup
	defer calls.Wait()
	defer close(b.stopped)
	for {
		group := b.collect(ctx)
		if group == nil {
			return
		}
		select {
		case b.slots <- struct{}{}:
		case <-ctx.Done():
			answer(group, nil, context.Cause(ctx))
			return
		}
		calls.Go(func() {
			defer func() { <-b.slots }()
			b.commit(ctx, alive(group))
		})
		if b.opts.Parallel == 1 {
			calls.Wait() // whoever comes meanwhile waits at the channel and rides next
		}
	}
}

// collect waits for a first caller and then for those who come close behind. It
// returns nil when ctx ends before anybody came.
func (b *Batcher[K, V]) collect(ctx context.Context) []*request[K, V] {
	var group []*request[K, V]
	select {
	case r := <-b.in:
		group = append(group, r)
	case <-ctx.Done():
		return nil
	}
	longest := time.NewTimer(b.opts.Longest)
	defer longest.Stop()
	idle := time.NewTimer(b.opts.Idle)
	defer idle.Stop()
	for len(group) < b.opts.Size {
		select {
		case r := <-b.in:
			group = append(group, r)
			idle.Reset(b.opts.Idle)
		case <-idle.C:
			return group
		case <-longest.C:
			return group
		case <-ctx.Done():
			return group
		}
	}
	return group
}

// alive withdraws the items whose callers have gone.
func alive[K, V any](group []*request[K, V]) []*request[K, V] {
	out := make([]*request[K, V], 0, len(group))
	for _, r := range group {
		if r.ctx.Err() == nil {
			out = append(out, r)
		}
	}
	return out
}

// commit makes the call for a group and answers its callers.
func (b *Batcher[K, V]) commit(ctx context.Context, group []*request[K, V]) {
	if len(group) == 0 {
		return
	}
	if err := context.Cause(ctx); err != nil {
		answer(group, nil, err)
		return
	}
	results, err := b.call(ctx, group)
	if err != nil && len(group) > 1 && b.opts.Split != nil && b.opts.Split(err) {
		half := len(group) / 2
		b.commit(ctx, group[:half])
		b.commit(ctx, group[half:])
		return
	}
	answer(group, results, err)
}

func (b *Batcher[K, V]) call(ctx context.Context, group []*request[K, V]) (results []Result[V], err error) {
	if b.opts.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, b.opts.Timeout)
		defer cancel()
	}
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: %v\n%s", ErrPanic, p, debug.Stack())
		}
	}()
	items := make([]K, len(group))
	for i, r := range group {
		items[i] = r.item
	}
	results, err = b.opts.Call(ctx, items)
	if err == nil && len(results) != len(items) {
		err = fmt.Errorf("%w: %d for %d items", ErrResults, len(results), len(items))
	}
	return results, err
}

// answer gives every caller its result, or all of them the same error.
func answer[K, V any](group []*request[K, V], results []Result[V], err error) {
	for i, r := range group {
		if err != nil {
			r.out <- Result[V]{Err: err}
			continue
		}
		r.out <- results[i]
	}
}
