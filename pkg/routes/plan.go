// Package routes keeps the Pod routes of the cluster's Nodes in the VPC's route
// tables, and the source/destination check of their interfaces off.
//
// What should be is computed without the cloud (Build), per Node and table, out
// of the Nodes and a memory of the tables' entries. Only engine talks: writes are
// shared between Nodes, one is in flight per VPC, and each is waited for by one
// shared read per table and second. The Controller feeds Nodes into both.
package routes

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/kube-aliyun/kube-aliyun/pkg/event"
)

// Action is what a step does.
type Action string

// The actions.
const (
	// Create makes an entry.
	Create Action = "create"
	// Delete removes an entry.
	Delete Action = "delete"
	// Replace removes an entry and makes another one with the same destination.
	Replace Action = "replace"
	// TakeOver marks an entry that is right as ours.
	TakeOver Action = "take over"
	// Report tells a person of what is not ours to change.
	Report Action = "report"
	// SwitchOff switches a source/destination check off.
	SwitchOff Action = "switch off"
)

// Step is one thing to do.
type Step struct {
	Action Action
	Table  string
	CIDR   netip.Prefix
	// Node is the Node that the step is for, or empty.
	Node string
	// Server is the next hop of an entry to make.
	Server string
	// Entry is the entry to delete, replace, take over or report.
	Entry Entry
	// Interface is what SwitchOff is about.
	Interface string
	// Reason is the event of a Report.
	Reason *event.Reason
	Why    string
}

// String tells the step in a line.
func (s *Step) String() string {
	var b strings.Builder
	b.WriteString(string(s.Action))
	if s.Interface != "" {
		fmt.Fprintf(&b, " source/destination check of %s", s.Interface)
	} else {
		fmt.Fprintf(&b, " route %s in %s", s.CIDR, s.Table)
	}
	if s.Entry.ID != "" {
		fmt.Fprintf(&b, " (%s to %s)", s.Entry.ID, cmp.Or(s.Entry.NextHopID, "several next hops"))
	}
	if s.Server != "" {
		fmt.Fprintf(&b, " to %s", s.Server)
	}
	if s.Node != "" {
		fmt.Fprintf(&b, " for node %s", s.Node)
	}
	if s.Why != "" {
		fmt.Fprintf(&b, ": %s", s.Why)
	}
	return b.String()
}

// Plan is what to do, in the order of tables and destinations.
type Plan []Step

// String tells the plan, a line for each step.
func (p Plan) String() string {
	if len(p) == 0 {
		return "routes: nothing to do\n"
	}
	var b strings.Builder
	for i := range p {
		b.WriteString(p[i].String())
		b.WriteByte('\n')
	}
	return b.String()
}

// Writes counts the steps that change the cloud.
func (p Plan) Writes() int {
	n := 0
	for i := range p {
		if p[i].Action != Report {
			n++
		}
	}
	return n
}

func (p Plan) sort() {
	slices.SortStableFunc(p, func(a, b Step) int {
		return cmp.Or(cmp.Compare(a.Table, b.Table), a.CIDR.Addr().Compare(b.CIDR.Addr()), cmp.Compare(a.CIDR.Bits(), b.CIDR.Bits()))
	})
}
