package tour

import (
	"context"
	"errors"
	"fmt"
	"slices"
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

// joined is the price of new servers: one call a load balancer, and for each
// server two look-ups, two calls for its route and one for its network interface
// (less when their Nodes register at the same moment).
func joined(w world, servers int) price {
	p := price{what: fmt.Sprintf("%d servers joining", servers), most: len(w.LoadBalancers) + 5*servers}
	for i := range w.services {
		// Each Service is done over, and then once more when the Node turns Ready.
		p.other += 2 * (3 + 2*len(w.services[i].Spec.Ports))
	}
	return p
}

// deleted is the price of taking the Services' load balancers away.
func deleted(w world) price {
	p := price{}
	for i := range w.services {
		if lb, found := w.loadBalancer(&w.services[i]); found {
			p.most += 3
			p.other += 6 + len(lb.Listeners)
		}
	}
	p.what = fmt.Sprintf("deleting %d load balancers", p.most/3)
	return p
}

func divideUp(a, b int) int { return (a + b - 1) / b }

// polls are the reads by which the controller waits until the cloud has done what
// it was told. How many there are is up to the cloud; they are no part of a price.
var polls = []string{"DescribeLoadBalancerListeners", "DescribeRouteEntryList"}

var errDear = errors.New("that is more than promised")

// compare prints the calls after a number beside the price, and fails when there
// were more than promised.
func (t *tour) compare(ctx context.Context, after int64, p price) error {
	calls, _, err := cloud.Count(ctx, t.Region, after)
	if err != nil {
		return err
	}
	all, _, _ := cloud.Sum(calls)
	waits := 0
	for _, c := range calls {
		if slices.Contains(polls, c.Action) {
			waits += c.Count
		}
	}
	t.Console.Line("")
	t.Console.Table([]string{"CALLS FOR", "HERE", "PROMISED", "OFFICIAL CONTROLLER v2.14.0", "AND TO WAIT"}, [][]string{
		{p.what, strconv.Itoa(all - waits), "at most " + strconv.Itoa(p.most), "about " + strconv.Itoa(p.other), strconv.Itoa(waits)},
	})
	t.Console.Quote("%s", list(calls))
	if all-waits > p.most {
		return fmt.Errorf("%s took %d calls, at most %d were told: %w", p.what, all-waits, p.most, errDear)
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
