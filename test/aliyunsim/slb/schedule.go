package slb

import (
	"container/heap"
	"time"
)

// event is something that happens by itself at a time. Events are derived from
// the state (a due time in an object), so that a restored state has them again.
type event struct {
	at  time.Time
	run func()
}

// schedule is a heap of events, earliest first.
type schedule []event

func (s schedule) Len() int           { return len(s) }
func (s schedule) Less(i, j int) bool { return s[i].at.Before(s[j].at) }
func (s schedule) Swap(i, j int)      { s[i], s[j] = s[j], s[i] }

// Push implements heap.Interface.
func (s *schedule) Push(x any) { *s = append(*s, x.(event)) }

// Pop implements heap.Interface.
func (s *schedule) Pop() any {
	last := len(*s) - 1
	x := (*s)[last]
	*s = (*s)[:last]
	return x
}

// add makes run happen at a time. run must check that it is still wanted.
func (s *schedule) add(at time.Time, run func()) {
	heap.Push(s, event{at: at, run: run})
}

// run makes everything happen that is due, and returns the time of what comes next.
func (s *schedule) run(now time.Time) time.Time {
	for len(*s) > 0 && !(*s)[0].at.After(now) {
		heap.Pop(s).(event).run()
	}
	if len(*s) == 0 {
		return time.Time{}
	}
	return (*s)[0].at
}
