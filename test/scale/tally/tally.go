package tally

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/apierror"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/journal"
)

// Tally is how many calls were made, by action. The keys of Refused are action
// and code.
type Tally struct {
	Work, Waiting, Refused map[string]int
	// Writes are the mutating calls among Work.
	Writes map[string]int
	// Allowance is how many waiting reads there may be.
	Allowance int
}

// retried reports whether an answer makes a client send the same call again.
// Others, such as a quota that is used up, are results.
func retried(e *journal.Entry) bool {
	switch e.Code {
	case journal.OK:
		return false
	case journal.Pending, journal.DroppedReply, journal.Reset, journal.Gone:
		return true
	}
	switch apierror.Classify(string(e.Product), e.Action, e.Code, e.Message, e.Status) {
	case apierror.Throttled, apierror.Busy, apierror.Unavailable:
		return true
	case apierror.Unknown, apierror.NotFound, apierror.Conflict, apierror.Denied, apierror.Quota, apierror.Invalid:
	}
	return false
}

func count(entries []journal.Entry, times Times) Tally {
	t := Tally{Work: map[string]int{}, Waiting: map[string]int{}, Refused: map[string]int{}, Writes: map[string]int{}}
	waits := newWaits(entries, times)
	for i := range entries {
		e := &entries[i]
		switch {
		case retried(e):
			t.Refused[e.Action+" "+e.Code]++
		case waits.reads[i]:
			t.Waiting[e.Action]++
		default:
			t.Work[e.Action]++
			if e.Mutating {
				t.Writes[e.Action]++
			}
		}
	}
	t.Allowance = waits.allowance()
	return t
}

// Sum adds up counts.
func Sum(counts map[string]int) int {
	sum := 0
	for _, n := range counts {
		sum += n
	}
	return sum
}

// Total is the number of calls that budgets limit.
func (t Tally) Total() int { return Sum(t.Work) }

// String lists everything, an action a line.
func (t Tally) String() string {
	var b strings.Builder
	list := func(title string, counts map[string]int) {
		if len(counts) == 0 {
			return
		}
		fmt.Fprintf(&b, "%s: %d\n", title, Sum(counts))
		for _, action := range slices.Sorted(maps.Keys(counts)) {
			fmt.Fprintf(&b, "  %5d %s\n", counts[action], action)
		}
	}
	list("calls", t.Work)
	list(fmt.Sprintf("reads that wait (at most %d)", t.Allowance), t.Waiting)
	list("refused and repeated", t.Refused)
	if b.Len() == 0 {
		return "no calls\n"
	}
	return b.String()
}
