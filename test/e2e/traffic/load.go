package traffic

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/kube-aliyun/kube-aliyun/test/images/echo"
)

// Options are those of a Load.
type Options struct {
	// Ask asks once, on a connection of its own.
	Ask func(ctx context.Context) (echo.Answer, error)
	// Rate is how often a second. Default: 100.
	Rate int
	// Timeout is when a request has failed. Default: 5 s.
	Timeout time.Duration
}

// Load is a client that asks at a steady rate, whether or not it is answered.
type Load struct {
	options Options
	stop    context.CancelFunc
	running sync.WaitGroup

	mu sync.Mutex
	// report is guarded by mu.
	report Report
}

// Report is what a Load has seen.
type Report struct {
	// Sent are the requests, Failures those that were not answered in time, in the
	// order of their beginnings.
	Sent     int
	Failures []Failure
	// Answers are those of each node.
	Answers map[string]int
	// Slowest is the longest time until an answer.
	Slowest time.Duration
}

// Failure is a request without an answer.
type Failure struct {
	// Begun is when it was sent, Ended when it was known to fail.
	Begun, Ended time.Time
	Err          error
}

// Start begins to ask. The load ends with Stop; ctx ends it too, and its requests.
func Start(ctx context.Context, o Options) *Load {
	if o.Rate == 0 {
		o.Rate = 100
	}
	if o.Timeout == 0 {
		o.Timeout = 5 * time.Second
	}
	l := &Load{options: o, report: Report{Answers: map[string]int{}}}
	sending, stop := context.WithCancel(ctx)
	l.stop = stop
	l.running.Go(func() { l.send(ctx, sending.Done()) })
	return l
}

// send begins requests until stopped. Those that are under way go on.
func (l *Load) send(ctx context.Context, stopped <-chan struct{}) {
	tick := time.NewTicker(time.Second / time.Duration(l.options.Rate))
	defer tick.Stop()
	for {
		select {
		case <-stopped:
			return
		case <-tick.C:
			l.running.Go(func() { l.ask(ctx) })
		}
	}
}

func (l *Load) ask(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, l.options.Timeout)
	defer cancel()
	begun := time.Now()
	answer, err := l.options.Ask(ctx)
	ended := time.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.report.Sent++
	if err != nil {
		l.report.Failures = append(l.report.Failures, Failure{Begun: begun, Ended: ended, Err: err})
		return
	}
	l.report.Answers[answer.Node]++
	l.report.Slowest = max(l.report.Slowest, ended.Sub(begun))
}

// Stop ends the load, waits for the requests that are under way, and tells.
func (l *Load) Stop() Report {
	l.stop()
	l.running.Wait()
	return l.SoFar()
}

// SoFar tells of the requests that have ended.
func (l *Load) SoFar() Report {
	l.mu.Lock()
	defer l.mu.Unlock()
	r := l.report
	r.Failures = slices.SortedFunc(slices.Values(r.Failures), func(a, b Failure) int { return a.Begun.Compare(b.Begun) })
	r.Answers = map[string]int{}
	for node, n := range l.report.Answers {
		r.Answers[node] = n
	}
	return r
}

// After is how long after a moment the last request began that failed; 0 when none
// has failed since.
func (r Report) After(moment time.Time) time.Duration {
	var last time.Duration
	for _, f := range r.Failures {
		last = max(last, f.Begun.Sub(moment))
	}
	return last
}

// String sums it up.
func (r Report) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d requests, %d failed, the slowest answer after %s, answers by node %v", r.Sent, len(r.Failures), r.Slowest.Round(time.Millisecond), r.Answers)
	if n := len(r.Failures); n > 0 {
		first, last := r.Failures[0], r.Failures[n-1]
		fmt.Fprintf(&b, "; failures for %s, the first: %v", last.Begun.Sub(first.Begun).Round(10*time.Millisecond), first.Err)
	}
	return b.String()
}
