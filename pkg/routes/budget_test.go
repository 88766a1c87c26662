package routes

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/api"
)

// standard is the profile that budgets are measured with: 100 ms a call, one
// second a route operation.
func standard(n int) aliyunsim.Options {
	return aliyunsim.Options{Seed: aliyunsim.SmallRegion(n), Profile: "std"}
}

// newStandardRig is a rig that looks at routes in transition once a second.
func newStandardRig(t *testing.T, n int) *rig {
	t.Helper()
	r := newRigWith(t, standard(n))
	r.sim.Knobs(func(k *api.Knobs) { k.RouteOperation = time.Second })
	r.opts.Poll = time.Second
	return r
}

// within fails when an action was called more often than its budget, or any
// action that has none.
func (r *rig) within(budget map[string]int) {
	r.t.Helper()
	got := r.sim.Counts()
	var lines []string
	failed := false
	for _, action := range slices.Sorted(maps.Keys(got)) {
		line := action + ": " + strconv.Itoa(got[action]) + " of " + strconv.Itoa(budget[action])
		if got[action] > budget[action] {
			line, failed = line+" (too many)", true
		}
		lines = append(lines, line)
	}
	if failed {
		r.t.Errorf("calls over budget:\n%s", strings.Join(lines, "\n"))
	}
	r.t.Logf("calls:\n%s", strings.Join(lines, "\n"))
}

// The budget of N new Nodes: 2T⌈N/50⌉ for routes, T for the tables, ⌈N/100⌉ for
// the interfaces, C to switch their checks off; beside it ⌈N/100⌉ for the servers
// and two calls that learn the tables.
func TestBudgetOfFiftyNewNodes(t *testing.T) {
	r := newStandardRig(t, 50)
	r.addNodes(1, 50)
	began := time.Now()
	r.start()
	r.ready(1, 50)
	took := time.Since(began)
	r.quiet()
	r.within(map[string]int{
		"CreateRouteEntries": 1, "DescribeRouteEntryList": 2, "DescribeNetworkInterfaces": 1, "ModifyNetworkInterfaceAttribute": 50,
		"DescribeInstances": 1, "DescribeVSwitches": 1, "DescribeRouteTableList": 1,
	})
	if took > 5*time.Second {
		t.Errorf("50 nodes took %v", took)
	}
}

// Nodes that join one after the other are not all together in a call; the whole
// stays in the budget of "N nodes initialised and routed" all the same.
func TestBudgetOfFiftyNodesThatJoinOneAfterTheOther(t *testing.T) {
	r := newStandardRig(t, 50)
	r.start()
	r.addNodes(1, 50)
	r.ready(1, 50)
	r.quiet()
	total := 0
	for _, n := range r.sim.Counts() {
		total += n
	}
	if budget := 2*1 + 2*1 + 50 + 1 + 5; total > budget {
		t.Errorf("%d calls, budget %d: %v", total, budget, r.sim.Counts())
	}
}

// The interfaces of Nodes that are let in slowly are found in full pages.
func TestBudgetOfInterfacesOfNodesThatTrickleIn(t *testing.T) {
	const count = 150
	r := newRig(t, count)
	r.addNodes(1, count)
	r.prepare(func(ctx context.Context, c *Controller) error { c.RunEngine(ctx); return nil })
	for i := 1; i <= count; i++ {
		if err := r.controller.checker.check(t.Context(), node(i), fmt.Sprint("i-", i)); err != nil {
			t.Fatal(err)
		}
	}
	r.within(map[string]int{"DescribeNetworkInterfaces": 2, "ModifyNetworkInterfaceAttribute": count})
}

func TestBudgetOfARestartWithNothingChanged(t *testing.T) {
	r := newRigWith(t, aliyunsim.Options{Seed: aliyunsim.SmallRegion(150)})
	r.addNodes(1, 150)
	r.start()
	r.ready(1, 150)
	r.stop()
	r.sim.ResetCounters()
	r.start()
	r.quiet()
	r.within(map[string]int{
		"DescribeRouteEntryList": 2, "DescribeNetworkInterfaces": 2, "DescribeInstances": 2,
		"DescribeVSwitches": 1, "DescribeRouteTableList": 1,
	})
}

// T⌈R/100⌉ for the tables, and of the 2⌈N/100⌉ for servers and their interfaces
// the half; the listing of servers is not routes'.
func TestBudgetOfAnIdlePeriod(t *testing.T) {
	r := newRigWith(t, aliyunsim.Options{Seed: aliyunsim.SmallRegion(150)})
	r.addNodes(1, 150)
	const period = 2 * time.Second
	r.start(func(o *Options) { o.Period = period })
	r.ready(1, 150)
	r.eventually("an audit has begun since", r.nextAudit())
	r.quiet()
	r.sim.ResetCounters()
	r.eventually("the next audit", r.nextAudit())
	r.within(map[string]int{"DescribeRouteEntryList": 2, "DescribeNetworkInterfaces": 2})
}

// nextAudit returns a condition that holds once another whole reading of tables
// and interfaces came.
func (r *rig) nextAudit() func() bool {
	before := r.sim.Counts()
	return func() bool {
		now := r.sim.Counts()
		return now["DescribeRouteEntryList"] >= before["DescribeRouteEntryList"]+2 &&
			now["DescribeNetworkInterfaces"] >= before["DescribeNetworkInterfaces"]+2
	}
}

func TestBudgetOfNodesThatLeave(t *testing.T) {
	r := newRigWith(t, aliyunsim.Options{Seed: aliyunsim.SmallRegion(40)})
	r.addNodes(1, 40)
	r.start()
	r.ready(1, 40)
	r.quiet()
	r.sim.ResetCounters()
	for i := 1; i <= 20; i++ {
		r.delete(node(i).Name)
	}
	r.eventually("routes are gone", func() bool { return r.memory().custom() == 20 })
	// One fresh reading and one call to delete, and the wait for their end.
	r.within(map[string]int{"DeleteRouteEntries": 1, "DescribeRouteEntryList": 4})
}

// memory is the controller's memory of the small region's table.
func (r *rig) memory() *memory { return r.controller.engine.table(testTable).memory }
