package routes

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/vpc"
	"github.com/kube-aliyun/kube-aliyun/pkg/event"
)

// Standing is how a Node stands towards its routes.
type Standing int

// The standings.
const (
	// Unknown: the Node's server could not be found out. Nothing is concluded, its
	// routes stay as they are.
	Unknown Standing = iota
	// Routed Nodes have routes.
	Routed
	// Leaving Nodes have none, so that their servers can be released.
	Leaving
)

// Node is what routes need to know of a Node.
type Node struct {
	Name     string
	CIDRs    []netip.Prefix
	Server   string
	VSwitch  string
	Standing Standing
}

// Table is a route table.
type Table struct {
	ID string
	// Needed tables get the routes of all Nodes. In others nothing is created; what
	// is ours there is maintained until its Node goes.
	Needed  bool
	Entries map[netip.Prefix]Entry
}

// Block is a range that cannot be a destination.
type Block struct {
	Prefix netip.Prefix
	What   string
}

// Facts are what a plan depends on beside Nodes and tables.
type Facts struct {
	ClusterID    string
	ClusterCIDRs []netip.Prefix
	Reserved     []Block
	// Claimant returns the Node that a Pod CIDR belongs to.
	Claimant func(netip.Prefix) (node string, ok bool)
	// NodeOf returns the Node whose server this is.
	NodeOf func(server string) (node string, ok bool)
	// Gone reports that a server is proved to be released.
	Gone func(server string) bool
	// Orphans says that an entry without a Node may be believed to have none. It is
	// false while no Node at all is known.
	Orphans bool
	// DeleteUnmarked allows to delete unmarked entries without a Node.
	DeleteUnmarked bool
}

// Build returns the plan for all Nodes and tables. Applied, it leaves a state for
// which Build returns nothing but reports.
func Build(f *Facts, nodes []Node, tables []Table) Plan {
	plan := make(Plan, 0, len(nodes))
	for _, t := range tables {
		for _, n := range nodes {
			plan = append(plan, forNode(f, &n, &t)...)
		}
		plan = append(plan, forNobody(f, &t)...)
	}
	plan.sort()
	return plan
}

// forNode returns the steps for one Node in one table.
func forNode(f *Facts, n *Node, t *Table) Plan {
	if n.Standing == Unknown {
		return nil
	}
	plan := make(Plan, 0, len(n.CIDRs))
	for _, cidr := range n.CIDRs {
		if other, ok := f.Claimant(cidr); ok && other != n.Name {
			plan = append(plan, Step{
				Action: Report, Table: t.ID, CIDR: cidr, Node: n.Name, Reason: event.PodCIDRClaimedTwice,
				Why: "node " + other + " has the same Pod CIDR and is older",
			})
			continue
		}
		entry, exists := t.Entries[cidr]
		var step Step
		switch {
		case n.Standing == Leaving:
			step = leave(f, n, entry, exists)
		case exists && t.Needed && !entry.Custom && f.collides(cidr):
			step = create(f, cidr) // the system's own entry of a vSwitch: told as the collision that it is
		case exists && (t.Needed || entry.ours(f.ClusterID)):
			step = keep(f, n, entry)
		case exists: // somebody else's, in a table that is none of our business
		case t.Needed:
			step = create(f, cidr)
		}
		if step.Action != "" {
			step.Table, step.CIDR, step.Node = t.ID, cidr, n.Name
			if step.Action == Create || step.Action == Replace {
				step.Server = n.Server
			}
			plan = append(plan, step)
		}
	}
	return plan
}

// leave removes what keeps a leaving Node's server from being released: what is
// ours, and the unmarked entry that would have been taken over.
func leave(f *Facts, n *Node, e Entry, exists bool) Step {
	switch {
	case !exists || e.Status == vpc.Deleting:
		return Step{}
	case e.ours(f.ClusterID) || !e.Marked && e.leadsTo(n.Server):
		return Step{Action: Delete, Entry: e, Why: "the node is leaving"}
	}
	return Step{}
}

// create makes the missing entry, unless the API would refuse it.
func create(f *Facts, cidr netip.Prefix) Step {
	for _, b := range f.Reserved {
		if b.Prefix.Overlaps(cidr) {
			return Step{
				Action: Report, Reason: event.PodCIDRCollides,
				Why: fmt.Sprintf("it overlaps %s (%s): give the cluster another Pod CIDR, or move what is there", b.What, b.Prefix),
			}
		}
	}
	return Step{Action: Create}
}

// collides says whether a range cannot be routed in this VPC at all.
func (f *Facts) collides(cidr netip.Prefix) bool {
	return slices.ContainsFunc(f.Reserved, func(b Block) bool { return b.Prefix.Overlaps(cidr) })
}

// keep decides about an entry that has a Node's Pod CIDR.
func keep(f *Facts, n *Node, e Entry) Step {
	ours := e.ours(f.ClusterID)
	switch {
	case e.Status == vpc.Deleting:
		return Step{} // waited for
	case e.leadsTo(n.Server) && ours && e.Mark.IsNode(n.Name):
		return Step{}
	case e.leadsTo(n.Server) && ours:
		return Step{Action: TakeOver, Entry: e, Why: "it is marked for another node"}
	case e.leadsTo(n.Server) && !e.Marked:
		return Step{Action: TakeOver, Entry: e, Why: "it is right and unmarked"}
	case e.leadsTo(n.Server):
		return Step{
			Action: Report, Entry: e, Reason: event.RouteOfOtherCluster,
			Why: "it is marked by cluster " + e.Mark.ClusterID,
		}
	case ours:
		return Step{Action: Replace, Entry: e, Why: "it leads to another server"}
	}
	if e.NextHopType == vpc.NextHopInstance && e.Custom {
		if other, ok := f.NodeOf(e.NextHopID); ok {
			return Step{Action: Replace, Entry: e, Why: "it leads to the server of node " + other}
		}
		if f.Gone(e.NextHopID) {
			return Step{Action: Replace, Entry: e, Why: "its server is released"}
		}
	}
	return Step{
		Action: Report, Entry: e, Reason: event.RouteConflict,
		Why: fmt.Sprintf("it is not ours and leads to %s %s", cmp.Or(e.NextHopType, "several next hops"), e.NextHopID),
	}
}

// forName returns the steps for entries that are marked for a Node of this name
// and have no Node's Pod CIDR: the Node is gone, or made anew with other CIDRs.
// They are among those of forNobody.
func forName(f *Facts, name string, t *Table) Plan {
	var plan Plan
	for cidr, e := range t.Entries {
		if !e.ours(f.ClusterID) || !e.Mark.IsNode(name) || e.Status == vpc.Deleting {
			continue
		}
		if _, claimed := f.Claimant(cidr); claimed {
			continue
		}
		plan = append(plan, Step{
			Action: Delete, Table: t.ID, CIDR: cidr, Node: name, Entry: e, Why: "no node has its destination as Pod CIDR",
		})
	}
	return plan
}

// forNobody returns the steps for the entries of a table that no Node claims.
func forNobody(f *Facts, t *Table) Plan {
	var plan Plan
	for cidr, e := range t.Entries {
		if _, claimed := f.Claimant(cidr); claimed || !e.Custom || e.Status == vpc.Deleting {
			continue
		}
		step := Step{Table: t.ID, CIDR: cidr, Entry: e}
		switch {
		case e.ours(f.ClusterID):
			if !f.Orphans {
				continue
			}
			step.Action, step.Why = Delete, "its node is gone"
		case e.Marked || e.NextHopType != vpc.NextHopInstance || !f.inCluster(cidr):
			continue
		case f.DeleteUnmarked && f.Orphans:
			step.Action, step.Why = Delete, "it is unmarked and has no node"
		default:
			step.Action, step.Reason, step.Why = Report, event.RouteUnmarked, "it is unmarked and has no node"
			step.Node, _ = f.NodeOf(e.NextHopID)
		}
		plan = append(plan, step)
	}
	return plan
}

// inCluster reports whether a destination lies inside a cluster CIDR.
func (f *Facts) inCluster(cidr netip.Prefix) bool {
	return slices.ContainsFunc(f.ClusterCIDRs, func(c netip.Prefix) bool {
		return c.Overlaps(cidr) && c.Bits() <= cidr.Bits()
	})
}

// forGone returns the steps for a Node that is no more: what is marked for it,
// and what is ours or unmarked and leads from its last Pod CIDRs to its server.
func forGone(f *Facts, last *Node, t *Table) Plan {
	plan := forName(f, last.Name, t)
	for _, cidr := range last.CIDRs {
		e, exists := t.Entries[cidr]
		if _, claimed := f.Claimant(cidr); claimed || !exists || e.ours(f.ClusterID) && e.Mark.IsNode(last.Name) {
			continue
		}
		if step := leave(f, last, e, exists); step.Action != "" {
			step.Table, step.CIDR, step.Node = t.ID, cidr, last.Name
			plan = append(plan, step)
		}
	}
	return plan
}
