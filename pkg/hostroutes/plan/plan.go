package plan

import (
	"cmp"
	"net/netip"
	"slices"
)

// Plan is what is to be done to have what is wanted. Every step may be the last
// one: what a plan of the state then says leads to the same end.
type Plan struct {
	// Harmful are own routes to the host's own Pods; they go first.
	Harmful []Route
	// Add are missing routes whose place is free.
	Add []Route
	// Beside are missing routes whose place one of ours holds, which goes after.
	Beside []Route
	// Outdated are own routes to destinations that have a better one by now.
	Outdated []Route
	// Obsolete are own routes to destinations that nobody has any more. Whoever
	// applies the plan makes sure of that first.
	Obsolete []Route
	// Shadowed are wanted routes without effect, because of routes of others,
	// which are never changed.
	Shadowed []Shadow
	// Installed counts own routes, the harmful ones apart; Foreign counts
	// routes of others.
	Installed, Foreign int
}

// Shadow is a wanted route that one of others stands before.
type Shadow struct {
	Wanted, Other Route
	// Blocks tells that the other one has the very place, so that ours cannot
	// even be added.
	Blocks bool
}

// Compare plans the way from the routes of a host's main table to the wanted ones.
func Compare(want Wanted, actual []Route, protocol int) Plan {
	var p Plan
	wanted := make(map[Route]bool, len(want.Routes))
	destinations := make(map[netip.Prefix]bool, len(want.Routes))
	for _, r := range want.Routes {
		wanted[r], destinations[r.Destination] = true, true
	}
	present := make(map[Route]bool, len(want.Routes))
	held := make(map[slot]bool)
	others := make(map[netip.Prefix]Route)
	foreign := make(map[slot]bool)
	for _, r := range actual {
		switch {
		case r.Protocol != protocol:
			p.Foreign++
			if destinations[r.Destination] {
				foreign[r.slot()] = true
			}
			if best, found := others[r.Destination]; destinations[r.Destination] && (!found || r.Metric < best.Metric) {
				others[r.Destination] = r
			}
		case wanted[r]:
			p.Installed++
			present[r] = true
		case slices.ContainsFunc(want.OwnRanges, r.Destination.Overlaps):
			p.Harmful = append(p.Harmful, r)
		case destinations[r.Destination]:
			p.Installed++
			held[r.slot()] = true
			p.Outdated = append(p.Outdated, r)
		default:
			p.Installed++
			p.Obsolete = append(p.Obsolete, r)
		}
	}
	for _, r := range want.Routes {
		blocked := foreign[r.slot()] && !present[r]
		if other, found := others[r.Destination]; found && (blocked || other.Metric <= r.Metric) {
			p.Shadowed = append(p.Shadowed, Shadow{Wanted: r, Other: other, Blocks: blocked})
		}
		switch {
		case present[r], blocked:
		case held[r.slot()]:
			p.Beside = append(p.Beside, r)
		default:
			p.Add = append(p.Add, r)
		}
	}
	for _, routes := range [][]Route{p.Harmful, p.Add, p.Beside, p.Outdated, p.Obsolete} {
		slices.SortFunc(routes, func(a, b Route) int {
			return cmp.Or(a.Destination.Addr().Compare(b.Destination.Addr()), a.Metric-b.Metric)
		})
	}
	return p
}

// Operation is what a step does.
type Operation string

// The operations, which are also the values of a metric's label.
const (
	Add    Operation = "add"
	Append Operation = "append"
	Delete Operation = "delete"
)

// Step is one change of the kernel's routes.
type Step struct {
	Operation Operation
	Route     Route
}

// Steps are the plan's steps in their order, the obsolete routes' apart.
func (p Plan) Steps() []Step {
	var steps []Step
	for _, part := range []struct {
		operation Operation
		routes    []Route
	}{{Delete, p.Harmful}, {Add, p.Add}, {Append, p.Beside}, {Delete, p.Outdated}} {
		for _, r := range part.routes {
			steps = append(steps, Step{part.operation, r})
		}
	}
	return steps
}

// Guard tells which plans remove too much to be believed at once.
type Guard struct {
	// Ratio is the part of the own routes whose removal is confirmed first.
	Ratio float64
	// Free is how many may always be removed at once.
	Free int
}

// Holds tells whether the obsolete routes must not be removed before a second
// look at the Nodes.
func (g Guard) Holds(p Plan) bool {
	n := len(p.Obsolete)
	return n > g.Free && float64(n) >= g.Ratio*float64(p.Installed)
}
