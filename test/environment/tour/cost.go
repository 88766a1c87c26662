package tour

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/kube-aliyun/kube-aliyun/test/environment/cloud"
)

// price is how many calls something takes.
type price struct {
	what string
	// most is what this project promises, other what the official controller
	// v2.14.0 was measured to need, by the same kind of formula.
	most, other int
}

// created is the price of the Services of the tour: each a load balancer, its
// servers in twenties, and two calls a port.
func created(w world) price {
	p := price{what: "creating these Services"}
	backends := len(w.eligible())
	for i := range w.services {
		ports := len(w.services[i].Spec.Ports)
		p.most += 2 + divideUp(backends, 20) + 2*ports
		p.other += 4 + ports*(3+divideUp(backends, 40))
	}
	return p
}

// joined is the price of new servers: one call a load balancer, and per route
// table and network interface what has no call for many.
func joined(w world, servers int) price {
	p := price{what: fmt.Sprintf("%d servers joining", servers), most: len(w.LoadBalancers) + 2 + 2 + servers}
	for i := range w.services {
		// Each Service is done over, and then once more when the Node turns Ready.
		p.other += 2 * (3 + 2*len(w.services[i].Spec.Ports))
	}
	return p
}

func divideUp(a, b int) int { return (a + b - 1) / b }

// compare prints the calls after a number beside the price, and fails when there
// were more writes than promised. Reads that wait for the cloud are told apart in
// the budgets of the project's tests; here they are only shown.
func (t *tour) compare(ctx context.Context, after int64, p price) error {
	calls, _, err := cloud.Count(ctx, t.Region, after)
	if err != nil {
		return err
	}
	all, writes, _ := cloud.Sum(calls)
	t.Console.Line("")
	t.Console.Table([]string{"CALLS FOR", "HERE", "WRITES", "PROMISED", "OFFICIAL CONTROLLER v2.14.0"}, [][]string{
		{p.what, strconv.Itoa(all), strconv.Itoa(writes), "at most " + strconv.Itoa(p.most), "about " + strconv.Itoa(p.other)},
	})
	t.Console.Quote("%s", list(calls))
	if writes > p.most {
		return fmt.Errorf("%s took %d writes, promised were at most %d calls: %s", p.what, writes, p.most, list(calls))
	}
	return nil
}

func list(calls []cloud.Calls) string {
	parts := make([]string, 0, len(calls))
	for _, c := range calls {
		parts = append(parts, fmt.Sprintf("%s %d", c.Action, c.Count))
	}
	return strings.Join(parts, ", ")
}

// callsAreCounted shows all calls so far.
func (t *tour) callsAreCounted(ctx context.Context) error {
	t.Console.Say("Every call went over HTTP, signed by the vendor's SDK, and the region has kept a journal. Nothing is " +
		"read that is known, and nothing is written that is so.")
	calls, _, err := cloud.Count(ctx, t.Region, t.begin)
	if err != nil {
		return err
	}
	rows := make([][]string, 0, len(calls)+1)
	for _, c := range calls {
		kind := "read"
		if c.Writes {
			kind = "write"
		}
		rows = append(rows, []string{c.Action, kind, strconv.Itoa(c.Count), strconv.Itoa(c.Failed)})
	}
	all, _, failed := cloud.Sum(calls)
	rows = append(rows, []string{"in all", "", strconv.Itoa(all), strconv.Itoa(failed)})
	t.Console.Table([]string{"ACTION", "KIND", "CALLS", "FAILED"}, rows)
	if all == 0 {
		return fmt.Errorf("the region was never called: %w", errUnlikely)
	}
	return t.quiet(ctx)
}
