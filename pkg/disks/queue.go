package disks

import (
	"context"
	"fmt"
	"sync"
)

// queue lets so many operations at a time work on one key. ECS does one attach
// or detach at a time for each server of an ordinary account; whoever detaches
// goes first, because that makes room.
type queue struct {
	limit int
	mu    sync.Mutex
	lines map[string]*line
}

type line struct {
	busy           int
	urgent, normal []chan struct{}
}

func newQueue(limit int) *queue { return &queue{limit: max(limit, 1), lines: map[string]*line{}} }

// acquire waits for a place. The caller calls release once, when it is done.
func (q *queue) acquire(ctx context.Context, key string, urgent bool) (release func(), err error) {
	q.mu.Lock()
	l := q.lines[key]
	if l == nil {
		l = &line{}
		q.lines[key] = l
	}
	if l.busy < q.limit {
		l.busy++
		q.mu.Unlock()
		return func() { q.release(key) }, nil
	}
	turn := make(chan struct{})
	if urgent {
		l.urgent = append(l.urgent, turn)
	} else {
		l.normal = append(l.normal, turn)
	}
	q.mu.Unlock()
	select {
	case <-turn:
		return func() { q.release(key) }, nil
	case <-ctx.Done():
	}
	if !q.withdraw(key, turn) {
		q.release(key) // the turn came at the same moment
	}
	return nil, fmt.Errorf("waiting for other operations on %s: %w", key, context.Cause(ctx))
}

// release hands the place on.
func (q *queue) release(key string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	l := q.lines[key]
	for _, waiting := range []*[]chan struct{}{&l.urgent, &l.normal} {
		if len(*waiting) > 0 {
			close((*waiting)[0])
			*waiting = (*waiting)[1:]
			return
		}
	}
	l.busy--
	if l.busy == 0 {
		delete(q.lines, key)
	}
}

// withdraw takes a waiter out of its line; false: its turn has come.
func (q *queue) withdraw(key string, turn chan struct{}) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	l := q.lines[key]
	if l == nil {
		return false
	}
	for _, waiting := range []*[]chan struct{}{&l.urgent, &l.normal} {
		for i, c := range *waiting {
			if c == turn {
				*waiting = append((*waiting)[:i], (*waiting)[i+1:]...)
				return true
			}
		}
	}
	return false
}
