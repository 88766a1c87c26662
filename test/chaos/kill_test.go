package chaos

import (
	"fmt"
	"time"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/api"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/fault"
	"github.com/kube-aliyun/kube-aliyun/test/rig"
)

// moment is when in the life of a call the process dies.
type moment bool

const (
	// unheard: the call never reaches the region.
	unheard moment = false
	// unanswered: the call is carried out, and its answer never heard.
	unanswered moment = true
)

func (m moment) String() string {
	if m == unanswered {
		return "after"
	}
	return "before"
}

// death is a kill -9 that comes with a call.
type death struct {
	rule int
	// struck is closed when the victim is dead; action is what it called.
	struck chan struct{}
	action string
}

// killAt kills a replica at its n-th call of a product from now on.
func (w *world) killAt(victim *rig.Controller, n int, when moment, product api.Product) *death {
	d := &death{struck: make(chan struct{})}
	strike := func(e fault.Event) {
		victim.Kill()
		d.action = e.Action
		close(d.struck)
	}
	rule := fault.Rule{Product: product, Skip: n - 1, Count: 1}
	switch when {
	case unheard:
		rule.Kind, rule.Before = fault.Reset, strike
	case unanswered:
		rule.Kind, rule.After = fault.DropReply, strike
	}
	d.rule = w.Sim.Fault(rule)
	return d
}

// scenario is something that happens n times over, and ends right each time,
// whatever becomes of the controller meanwhile.
type scenario struct {
	name    string
	product api.Product
	// prepare makes what act needs; nil for nothing.
	prepare func(n int)
	act     func(n int)
	// problem tells what is not yet as it should be in the end.
	problem func(n int) string
	// args are the controller's.
	args []string
	// more is how many calls are made at least; a table that ends earlier has
	// not seen the scenario.
	more int
}

// killAtEachCall lets a scenario happen again and again, and kills the
// controller at the first, the second, ... call of it, until it goes through
// unharmed. A new controller mends what the dead one has left.
func (w *world) killAtEachCall(sc scenario, when moment) {
	w.T.Helper()
	c := w.startWhole(sc.args...)
	start := time.Now()
	var actions []string
	for n := 1; ; n++ {
		if sc.prepare != nil {
			sc.prepare(n)
			w.settle()
		}
		d := w.killAt(c, n, when, sc.product)
		sc.act(n)
		what := fmt.Sprintf("%s is right, or the controller dies %s call %d", sc.name, when, n)
		var quiet time.Time
		w.Eventually(60*time.Second, what, func() (bool, string) {
			problem := sc.problem(n)
			if problem != "" || quiet.IsZero() {
				quiet = time.Now()
			}
			return closed(d.struck) || time.Since(quiet) > time.Second, problem
		})
		if !closed(d.struck) {
			w.Sim.ClearFault(d.rule)
			break
		}
		c = w.start(append([]string{alone}, sc.args...)...)
		what = fmt.Sprintf("%s is right after a death %s call %d, %s", sc.name, when, n, d.action)
		took := w.await(60*time.Second, what, func() string { return sc.problem(n) })
		actions = append(actions, fmt.Sprintf("%s %.1fs", d.action, took.Seconds()))
		w.awaitWorking(c)
		w.settle()
		if problem := sc.problem(n); problem != "" {
			w.T.Errorf("later it does not hold that %s: %s", what, problem)
		}
	}
	w.T.Logf("%s: killed %s each of %d calls in %s: %v", sc.name, when, len(actions), time.Since(start).Round(time.Second), actions)
	if len(actions) < sc.more {
		w.T.Errorf("%s made %d calls, so the table has holes", sc.name, len(actions))
	}
}
