package cloud

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/admin"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/journal"
)

// Calls are API calls with one action.
type Calls struct {
	Action string
	Writes bool
	Count  int
	// Failed counts those that were answered with an error, or not at all.
	Failed int
}

// Count sums up the region's calls after a number, by action, writes last. last
// is the number of the latest call.
func Count(ctx context.Context, client *admin.Client, after int64) (calls []Calls, last int64, err error) {
	entries, err := client.Journal(ctx, after)
	if err != nil {
		return nil, after, fmt.Errorf("reading the region's journal: %w", err)
	}
	calls, last = count(entries, after)
	return calls, last, nil
}

func count(entries []journal.Entry, after int64) (calls []Calls, last int64) {
	byAction := map[string]Calls{}
	last = after
	for _, e := range entries {
		c := byAction[e.Action]
		c.Action, c.Writes = e.Action, e.Mutating
		c.Count++
		if e.Code != journal.OK && e.Code != journal.Pending {
			c.Failed++
		}
		byAction[e.Action] = c
		last = max(last, e.Seq)
	}
	return slices.SortedFunc(maps.Values(byAction), func(a, b Calls) int {
		if a.Writes != b.Writes {
			if b.Writes {
				return -1
			}
			return 1
		}
		return cmp.Compare(a.Action, b.Action)
	}), last
}

// Sum adds up calls: all of them, those that write, and those that failed.
func Sum(calls []Calls) (all, writes, failed int) {
	for _, c := range calls {
		all += c.Count
		failed += c.Failed
		if c.Writes {
			writes += c.Count
		}
	}
	return all, writes, failed
}
