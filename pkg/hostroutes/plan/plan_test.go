package plan

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"
)

// model is a kernel's main table, in the order in which routes were added.
type model struct{ routes []Route }

func (m *model) do(s Step) {
	at := slices.Index(m.routes, s.Route)
	held := slices.ContainsFunc(m.routes, func(r Route) bool { return r.slot() == s.Route.slot() })
	switch {
	case s.Operation == Delete && at >= 0:
		m.routes = slices.Delete(m.routes, at, at+1)
	case s.Operation == Append && at < 0, s.Operation == Add && !held:
		m.routes = append(m.routes, s.Route)
	}
}

// next is the gateway to a destination: of the lowest metric, and the first added.
func (m *model) next(to netip.Prefix) netip.Addr {
	best := Route{Metric: 1 << 30}
	for _, r := range m.routes {
		if r.Destination == to && r.Metric < best.Metric {
			best = r
		}
	}
	return best.Gateway
}

func (m *model) foreign() []Route {
	return slices.DeleteFunc(slices.Clone(m.routes), func(r Route) bool { return r.Protocol == protocol })
}

// random is a table with own and others' routes of all kinds.
func random(r *rand.Rand) *model {
	m := &model{}
	for range r.IntN(30) {
		m.do(Step{[]Operation{Add, Append}[r.IntN(2)], Route{
			Destination: netip.MustParsePrefix(fmt.Sprintf("10.2.%d.0/24", 1+r.IntN(8))),
			Gateway:     netip.MustParseAddr(fmt.Sprintf("10.99.0.%d", 1+r.IntN(8))),
			Link:        2 + r.IntN(2), Metric: []int{0, metric, 1024}[r.IntN(3)], Protocol: []int{4, protocol, protocol}[r.IntN(3)],
		}})
	}
	return m
}

func all(p Plan) []Step {
	steps := p.Steps()
	for _, r := range p.Obsolete {
		steps = append(steps, Step{Delete, r})
	}
	return steps
}

func TestR34PlanLeadsToWhatIsWantedFromAnywhereAndTheNextOneIsEmpty(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for round := range 3000 {
		m := random(r)
		var nodes []Node
		for n := range 8 {
			if n == 0 || r.IntN(3) > 0 {
				nodes = append(nodes, node(n+1))
			}
		}
		want := Build(nodes, host(), settings())
		others := m.foreign()
		steps := all(Compare(want, m.routes, protocol))
		// The process dies after any step; the next one plans anew.
		died := r.IntN(len(steps) + 1)
		for _, s := range steps[:died] {
			m.do(s)
		}
		for _, s := range all(Compare(want, m.routes, protocol)) {
			m.do(s)
		}
		last := Compare(want, m.routes, protocol)
		if left := all(last); len(left) > 0 {
			t.Fatalf("round %d: a third plan has steps: %v", round, left)
		}
		if !slices.Equal(m.foreign(), others) {
			t.Fatalf("round %d: routes of others have changed", round)
		}
		for _, w := range want.Routes {
			blocked := slices.ContainsFunc(last.Shadowed, func(s Shadow) bool { return s.Wanted == w })
			if m.next(w.Destination) != w.Gateway && !blocked {
				t.Fatalf("round %d: %s leads to %s", round, w, m.next(w.Destination))
			}
		}
	}
}

func TestR34NoStepLeavesAWantedDestinationWithoutARoute(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for round := range 3000 {
		m := random(r)
		want := Build([]Node{node(1), node(2), node(3), node(4)}, host(), settings())
		had := map[netip.Prefix]bool{}
		for _, s := range all(Compare(want, m.routes, protocol)) {
			for _, w := range want.Routes {
				had[w.Destination] = had[w.Destination] || m.next(w.Destination).IsValid()
			}
			m.do(s)
			for to := range had {
				if had[to] && !m.next(to).IsValid() {
					t.Fatalf("round %d: %s %s leaves %s without a route", round, s.Operation, s.Route, to)
				}
			}
		}
	}
}

func TestMovedNodeGetsItsNewRouteBeforeTheOldOneGoes(t *testing.T) {
	moved := node(2)
	moved.InternalIPs = []string{"10.99.0.20"}
	before := Build([]Node{node(1), node(2)}, host(), settings())
	want := Build([]Node{node(1), moved}, host(), settings())
	got := fmt.Sprint(Compare(want, before.Routes, protocol).Steps())
	if w := "[{append 10.2.2.0/24 via 10.99.0.20 dev #2 proto 107 metric 512} {delete 10.2.2.0/24 via 10.99.0.2 dev #2 proto 107 metric 512}]"; got != w {
		t.Errorf("%s\nwant %s", got, w)
	}
}

func TestRoutesOfOthersAreToldWhereTheyStandBefore(t *testing.T) {
	other := Route{Destination: netip.MustParsePrefix("10.2.2.0/24"), Gateway: netip.MustParseAddr("10.99.0.9"), Link: 2, Protocol: 3}
	want := Build([]Node{node(1), node(2)}, host(), settings())
	for m, says := range map[int]string{0: "[add] before", metric: "[] blocks", metric + 1: "[add]"} {
		other.Metric = m
		p := Compare(want, []Route{other}, protocol)
		var operations []string
		for _, s := range p.Steps() {
			operations = append(operations, string(s.Operation))
		}
		got := fmt.Sprint(operations)
		for _, s := range p.Shadowed {
			got += map[bool]string{true: " blocks", false: " before"}[s.Blocks]
		}
		if got != says || p.Foreign != 1 {
			t.Errorf("metric %d: %s, want %s", m, got, says)
		}
	}
}

func TestR38GuardHoldsHalfOfTheRoutesButNotAFew(t *testing.T) {
	g := Guard{Ratio: 0.5, Free: 3}
	for _, c := range []struct {
		obsolete, installed int
		holds               bool
	}{{0, 0, false}, {3, 3, false}, {4, 4, true}, {4, 8, true}, {4, 9, false}, {10, 20, true}, {9, 20, false}} {
		if got := g.Holds(Plan{Obsolete: make([]Route, c.obsolete), Installed: c.installed}); got != c.holds {
			t.Errorf("%d of %d: %v", c.obsolete, c.installed, got)
		}
	}
}

func TestReasonsHaveNamesOfTheirOwn(t *testing.T) {
	seen := map[Reason]bool{}
	for _, r := range Reasons() {
		if seen[r] || r == "" || strings.ToLower(string(r)) != string(r) {
			t.Errorf("reason %q", r)
		}
		seen[r] = true
	}
}
