package tally

import (
	"math"
	"slices"
	"strings"
	"time"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/journal"
)

// Times are how long the simulated region takes.
type Times struct {
	// Listener is how long a listener takes to run after the reply to the call
	// that started or changed it.
	Listener time.Duration
	// Route is how long an entry takes to become Available, or to be gone, after
	// the call arrived.
	Route time.Duration
}

// Standard are the times of profile std.
var Standard = Times{Listener: 300 * time.Millisecond, Route: time.Second}

// perRead is how many load balancers one waiting read covers.
const perRead = 10

// pending is the time during which an object is on its way.
type pending struct {
	from, settled time.Time
	// until is when somebody knew, zero: nobody yet.
	until time.Time
}

// objects are the pendings of load balancers, or of route tables.
type objects map[string][]*pending

// waits sorts out the reads that wait.
type waits struct {
	// reads holds the indices of waiting reads.
	reads                 map[int]bool
	loadBalancers, tables objects
	latestEntry           time.Time
}

// newWaits goes through the calls in the order of their beginnings.
func newWaits(entries []journal.Entry, times Times) *waits {
	w := &waits{reads: map[int]bool{}, loadBalancers: objects{}, tables: objects{}}
	order := make([]int, len(entries))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return entries[a].Time.Compare(entries[b].Time) })
	for _, i := range order {
		e := &entries[i]
		end := e.Time.Add(e.Duration)
		w.latestEntry = latest(w.latestEntry, end)
		switch {
		case e.Code != journal.OK:
		case e.Action == "DescribeLoadBalancerListeners":
			w.read(i, w.loadBalancers, values(e.Params, "LoadBalancerId"), e.Time, end)
		case e.Action == "DescribeRouteEntryList":
			w.read(i, w.tables, []string{e.Params["RouteTableId"]}, e.Time, end)
		case setsOffListener(e.Action):
			w.loadBalancers.begin(e.Params["LoadBalancerId"], e.Time, end.Add(times.Listener))
		case setsOffRoute(e.Action):
			for _, table := range values(e.Params, "RouteEntries") {
				w.tables.begin(table, e.Time, e.Time.Add(times.Route))
			}
		}
	}
	return w
}

func latest(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// setsOffListener: these leave a listener starting or configuring.
func setsOffListener(action string) bool {
	return action == "StartLoadBalancerListener" ||
		(strings.HasPrefix(action, "SetLoadBalancer") && strings.HasSuffix(action, "ListenerAttribute"))
}

// setsOffRoute: these leave entries Pending or Deleting.
func setsOffRoute(action string) bool {
	return action == "CreateRouteEntries" || action == "DeleteRouteEntries"
}

// values are the distinct values of a repeated parameter: "Name.1", or for items
// of the route calls "Name.1.RouteTableId".
func values(params map[string]string, name string) []string {
	var out []string
	for key, value := range params {
		rest, ok := strings.CutPrefix(key, name+".")
		if !ok || (strings.Contains(rest, ".") && !strings.HasSuffix(rest, ".RouteTableId")) {
			continue
		}
		if !slices.Contains(out, value) {
			out = append(out, value)
		}
	}
	return out
}

// begin notes that an object is on its way. A second change before the first is
// known to have settled prolongs it.
func (o objects) begin(id string, from, settled time.Time) {
	if list := o[id]; len(list) > 0 && list[len(list)-1].until.IsZero() {
		p := list[len(list)-1]
		p.settled = latest(p.settled, settled)
		return
	}
	o[id] = append(o[id], &pending{from: from, settled: settled})
}

// read notes a reading of objects: it waits if one of them is on its way, and
// settles those that had the time.
func (w *waits) read(index int, o objects, ids []string, from, until time.Time) {
	for _, id := range ids {
		for _, p := range o[id] {
			if p.from.After(from) || (!p.until.IsZero() && p.until.Before(from)) {
				continue
			}
			w.reads[index] = true
			if p.until.IsZero() && !from.Before(p.settled) {
				p.until = until
			}
		}
	}
}

// allowance is one read a second for each ten load balancers and for each table,
// over the time that they were on their way, and a first one.
func (w *waits) allowance() int {
	sum := w.allowed(w.loadBalancers, perRead)
	for id, list := range w.tables {
		sum += w.allowed(objects{id: list}, 1)
	}
	return sum
}

// allowed integrates over time how many groups of objects are on their way.
func (w *waits) allowed(o objects, group int) int {
	type change struct {
		at    time.Time
		delta int
	}
	var changes []change
	for _, list := range o {
		for _, p := range list {
			until := p.until
			if until.IsZero() {
				until = w.latestEntry
			}
			changes = append(changes, change{p.from, 1}, change{until, -1})
		}
	}
	slices.SortFunc(changes, func(a, b change) int { return a.at.Compare(b.at) })
	sum, number, most, area := 0, 0, 0, 0.0
	for i, c := range changes {
		if number > 0 {
			groups := (number + group - 1) / group
			most = max(most, groups)
			area += float64(groups) * c.at.Sub(changes[i-1].at).Seconds()
		}
		number += c.delta
		if number == 0 {
			sum += most + int(math.Ceil(area))
			most, area = 0, 0
		}
	}
	return sum
}
