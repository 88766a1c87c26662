package routes

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/vpc"
	"github.com/kube-aliyun/kube-aliyun/pkg/event"
	"github.com/kube-aliyun/kube-aliyun/pkg/ownership"
)

const testCluster = "c1"

func prefix(s string) netip.Prefix { return netip.MustParsePrefix(s) }

// made returns an Available entry to a server with the mark of a cluster and
// Node, or none where cluster is empty.
func made(cidr, server, cluster, node string) vpc.RouteEntry {
	e := vpc.RouteEntry{
		ID: "rte-" + cidr, TableID: "vtb-1", CIDR: cidr, Status: vpc.Available, Custom: true,
		NextHopType: vpc.NextHopInstance, NextHopID: server,
	}
	if cluster != "" {
		e.Name, e.Description = ownership.RouteName(cluster), ownership.RouteDescription(cluster, "", node)
	}
	return e
}

func tableOf(entries ...vpc.RouteEntry) Table {
	t := Table{ID: "vtb-1", Needed: true, Entries: map[netip.Prefix]Entry{}}
	for _, raw := range entries {
		e, _ := newEntry(raw)
		t.Entries[e.Prefix] = e
	}
	return t
}

// factsOf are the facts that follow from the Nodes alone: earlier Nodes are older.
func factsOf(nodes []Node) *Facts {
	return &Facts{
		ClusterID: testCluster, ClusterCIDRs: []netip.Prefix{prefix("10.0.0.0/16")}, Orphans: len(nodes) > 0,
		Reserved: []Block{{prefix("10.0.200.0/24"), "vSwitch vsw-1"}},
		Claimant: func(p netip.Prefix) (string, bool) {
			i := slices.IndexFunc(nodes, func(n Node) bool { return slices.Contains(n.CIDRs, p) })
			if i < 0 {
				return "", false
			}
			return nodes[i].Name, true
		},
		NodeOf: func(server string) (string, bool) {
			i := slices.IndexFunc(nodes, func(n Node) bool { return n.Server == server })
			if i < 0 {
				return "", false
			}
			return nodes[i].Name, true
		},
		Gone: func(server string) bool { return server == "i-gone" },
	}
}

func nodeAt(name, server string, standing Standing, cidrs ...string) Node {
	n := Node{Name: name, Server: server, Standing: standing}
	for _, c := range cidrs {
		n.CIDRs = append(n.CIDRs, prefix(c))
	}
	return n
}

func TestBuild(t *testing.T) {
	const cidr = "10.0.1.0/24"
	n1 := nodeAt("n1", "i-1", Routed, cidr)
	n2 := nodeAt("n2", "i-2", Routed, "10.0.2.0/24")
	right2 := made("10.0.2.0/24", "i-2", testCluster, "n2")
	deleting := made(cidr, "i-1", testCluster, "n1")
	deleting.Status = vpc.Deleting
	gateway := made(cidr, "ngw-1", "", "")
	gateway.NextHopType = "NatGateway"
	system := made(cidr, "", "", "")
	system.Custom, system.NextHopType = false, "local"
	local := made("10.0.200.0/24", "", "", "")
	local.Custom, local.NextHopType = false, "local"
	tests := map[string]struct {
		nodes   []Node
		entries []vpc.RouteEntry
		change  func(*Facts, *Table)
		// want holds "action cidr" or "report cidr Reason".
		want []string
	}{
		"missing":                   {[]Node{n1}, nil, nil, []string{"create 10.0.1.0/24"}},
		"right":                     {[]Node{n1}, []vpc.RouteEntry{made(cidr, "i-1", testCluster, "n1")}, nil, nil},
		"being deleted":             {[]Node{n1}, []vpc.RouteEntry{deleting}, nil, nil},
		"missing, not needed":       {[]Node{n1}, nil, func(_ *Facts, t *Table) { t.Needed = false }, nil},
		"server unknown":            {[]Node{nodeAt("n1", "", Unknown, cidr)}, []vpc.RouteEntry{made(cidr, "i-9", testCluster, "n1")}, nil, nil},
		"collides with a vSwitch":   {[]Node{nodeAt("n1", "i-1", Routed, "10.0.200.0/25")}, nil, nil, []string{"report 10.0.200.0/25 PodCIDRCollides"}},
		"equals a vSwitch":          {[]Node{nodeAt("n1", "i-1", Routed, "10.0.200.0/24")}, []vpc.RouteEntry{local}, nil, []string{"report 10.0.200.0/24 PodCIDRCollides"}},
		"ours to another server":    {[]Node{n1}, []vpc.RouteEntry{made(cidr, "i-9", testCluster, "n1")}, nil, []string{"replace 10.0.1.0/24"}},
		"ours of another node":      {[]Node{n1}, []vpc.RouteEntry{made(cidr, "i-1", testCluster, "old")}, nil, []string{"take over 10.0.1.0/24"}},
		"unmarked and right":        {[]Node{n1}, []vpc.RouteEntry{made(cidr, "i-1", "", "")}, nil, []string{"take over 10.0.1.0/24"}},
		"right, of another cluster": {[]Node{n1}, []vpc.RouteEntry{made(cidr, "i-1", "c2", "n1")}, nil, []string{"report 10.0.1.0/24 RouteOfOtherCluster"}},
		"foreign to a stranger":     {[]Node{n1}, []vpc.RouteEntry{made(cidr, "i-9", "", "")}, nil, []string{"report 10.0.1.0/24 RouteConflict"}},
		"of another cluster":        {[]Node{n1}, []vpc.RouteEntry{made(cidr, "i-9", "c2", "x")}, nil, []string{"report 10.0.1.0/24 RouteConflict"}},
		"foreign to our server":     {[]Node{n1, n2}, []vpc.RouteEntry{made(cidr, "i-2", "", ""), right2}, nil, []string{"replace 10.0.1.0/24"}},
		"foreign, server gone":      {[]Node{n1}, []vpc.RouteEntry{made(cidr, "i-gone", "", "")}, nil, []string{"replace 10.0.1.0/24"}},
		"foreign to a gateway":      {[]Node{n1}, []vpc.RouteEntry{gateway}, nil, []string{"report 10.0.1.0/24 RouteConflict"}},
		"of the system":             {[]Node{n1}, []vpc.RouteEntry{system}, nil, []string{"report 10.0.1.0/24 RouteConflict"}},
		"claimed twice": {
			[]Node{n1, nodeAt("n9", "i-9", Routed, cidr)},
			[]vpc.RouteEntry{made(cidr, "i-1", testCluster, "n1")}, nil, []string{"report 10.0.1.0/24 PodCIDRClaimedTwice"},
		},
		"leaving":             {[]Node{nodeAt("n1", "i-1", Leaving, cidr)}, []vpc.RouteEntry{made(cidr, "i-1", testCluster, "n1")}, nil, []string{"delete 10.0.1.0/24"}},
		"leaving, unmarked":   {[]Node{nodeAt("n1", "i-1", Leaving, cidr)}, []vpc.RouteEntry{made(cidr, "i-1", "", "")}, nil, []string{"delete 10.0.1.0/24"}},
		"leaving, foreign":    {[]Node{nodeAt("n1", "i-1", Leaving, cidr)}, []vpc.RouteEntry{made(cidr, "i-9", "", "")}, nil, nil},
		"leaving, gone":       {[]Node{nodeAt("n1", "i-1", Leaving, cidr)}, nil, nil, nil},
		"orphan":              {[]Node{n2}, []vpc.RouteEntry{right2, made(cidr, "i-1", testCluster, "n1")}, nil, []string{"delete 10.0.1.0/24"}},
		"orphan, no nodes":    {nil, []vpc.RouteEntry{made(cidr, "i-1", testCluster, "n1")}, nil, nil},
		"orphan outside":      {[]Node{n2}, []vpc.RouteEntry{right2, made("172.16.0.0/24", "i-1", testCluster, "n1")}, nil, []string{"delete 172.16.0.0/24"}},
		"stranger's":          {[]Node{n2}, []vpc.RouteEntry{right2, made(cidr, "i-1", "c2", "n1")}, nil, nil},
		"unmarked":            {[]Node{n2}, []vpc.RouteEntry{right2, made(cidr, "i-1", "", "")}, nil, []string{"report 10.0.1.0/24 RouteUnmarked"}},
		"unmarked outside":    {[]Node{n2}, []vpc.RouteEntry{right2, made("172.16.0.0/24", "i-1", "", "")}, nil, nil},
		"unmarked, allowed":   {[]Node{n2}, []vpc.RouteEntry{right2, made(cidr, "i-1", "", "")}, func(f *Facts, _ *Table) { f.DeleteUnmarked = true }, []string{"delete 10.0.1.0/24"}},
		"unmarked, not known": {nil, []vpc.RouteEntry{made(cidr, "i-1", "", "")}, func(f *Facts, _ *Table) { f.DeleteUnmarked = true }, []string{"report 10.0.1.0/24 RouteUnmarked"}},
		"dual stack": {
			[]Node{nodeAt("n1", "i-1", Routed, cidr, "fd00:10::/64")}, []vpc.RouteEntry{made(cidr, "i-1", testCluster, "n1")}, nil,
			[]string{"create fd00:10::/64"},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			facts, table := factsOf(tt.nodes), tableOf(tt.entries...)
			if tt.change != nil {
				tt.change(facts, &table)
			}
			var got []string
			for _, s := range Build(facts, tt.nodes, []Table{table}) {
				line := fmt.Sprintf("%s %s", s.Action, s.CIDR)
				if s.Action == Report {
					line += " " + s.Reason.Name
				}
				got = append(got, line)
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

// applyPlan does what the engine does, on paper.
func applyPlan(plan Plan, tables []Table) {
	for i := range plan {
		s := &plan[i]
		for _, t := range tables {
			if t.ID != s.Table {
				continue
			}
			switch s.Action {
			case Delete:
				delete(t.Entries, s.CIDR)
			case Replace:
				delete(t.Entries, s.CIDR)
				if !t.Needed {
					continue
				}
				fallthrough
			case Create, TakeOver:
				server := s.Server
				if s.Action == TakeOver {
					server = s.Entry.NextHopID
				}
				e, _ := newEntry(made(s.CIDR.String(), server, testCluster, s.Node))
				t.Entries[s.CIDR] = e
			case Report, SwitchOff:
			}
		}
	}
}

func TestAppliedPlanLeavesNothingToDo(t *testing.T) {
	for seed := range uint64(3000) {
		r := rand.New(rand.NewPCG(seed, 1))
		var nodes []Node
		for i := range r.IntN(6) {
			n := nodeAt(fmt.Sprintf("n%d", i), fmt.Sprintf("i-%d", i), Standing(r.IntN(3)))
			for range r.IntN(3) {
				n.CIDRs = append(n.CIDRs, prefix(fmt.Sprintf("10.0.%d.0/24", r.IntN(8))))
			}
			slices.SortFunc(n.CIDRs, func(a, b netip.Prefix) int { return strings.Compare(a.String(), b.String()) })
			n.CIDRs = slices.Compact(n.CIDRs)
			nodes = append(nodes, n)
		}
		var tables []Table
		for i := range 1 + r.IntN(3) {
			var entries []vpc.RouteEntry
			for third := range 10 {
				if r.IntN(2) == 0 {
					continue
				}
				server := []string{"i-0", "i-1", "i-2", "i-9", "i-gone"}[r.IntN(5)]
				cluster := []string{"", testCluster, "c2"}[r.IntN(3)]
				entries = append(entries, made(fmt.Sprintf("10.0.%d.0/24", third), server, cluster, fmt.Sprintf("n%d", r.IntN(7))))
			}
			table := tableOf(entries...)
			table.ID, table.Needed = fmt.Sprintf("vtb-%d", i), r.IntN(4) > 0
			tables = append(tables, table)
		}
		facts := factsOf(nodes)
		facts.DeleteUnmarked = r.IntN(2) == 0
		first := Build(facts, nodes, tables)
		applyPlan(first, tables)
		second := Build(facts, nodes, tables)
		if second.Writes() != 0 {
			t.Fatalf("seed %d: after\n%sthere is still\n%s", seed, first, second)
		}
		reported := map[string]bool{}
		for i := range second {
			reported[second[i].Table+second[i].CIDR.String()] = true
		}
		for _, table := range tables {
			for _, n := range nodes {
				for _, cidr := range n.CIDRs {
					e, ok := table.Entries[cidr]
					if owner, _ := facts.Claimant(cidr); owner != n.Name || reported[table.ID+cidr.String()] {
						continue
					}
					if n.Standing == Routed && table.Needed && (!ok || !e.leadsTo(n.Server)) {
						t.Fatalf("seed %d: %s has no route in %s after\n%s", seed, n.Name, table.ID, first)
					}
					if n.Standing == Leaving && ok && e.ours(testCluster) {
						t.Fatalf("seed %d: leaving %s still has a route in %s after\n%s", seed, n.Name, table.ID, first)
					}
				}
			}
		}
	}
}

func TestAPlanNeverWritesWhatBelongsToAnotherClusterWithALivingServer(t *testing.T) {
	for seed := range uint64(1000) {
		r := rand.New(rand.NewPCG(seed, 2))
		nodes := []Node{nodeAt("n1", "i-1", Standing(r.IntN(3)), "10.0.1.0/24"), nodeAt("n2", "i-2", Routed, "10.0.2.0/24")}
		var entries []vpc.RouteEntry
		for third := range 5 {
			entries = append(entries, made(fmt.Sprintf("10.0.%d.0/24", third), fmt.Sprintf("i-other-%d", third), "c2", "n1"))
		}
		facts := factsOf(nodes)
		facts.DeleteUnmarked = true
		for _, s := range Build(facts, nodes, []Table{tableOf(entries...)}) {
			if s.Action != Report {
				t.Fatalf("seed %d: %s", seed, s.String())
			}
		}
	}
}

func TestAPlanIsPrintable(t *testing.T) {
	e, _ := newEntry(made("10.0.1.0/24", "i-9", testCluster, "n1"))
	plan := Plan{
		{Action: Replace, Table: "vtb-1", CIDR: e.Prefix, Node: "n1", Server: "i-1", Entry: e, Why: "it leads to another server"},
		{Action: SwitchOff, Interface: "eni-1", Node: "n1"},
		{Action: Report, Table: "vtb-1", CIDR: e.Prefix, Reason: event.RouteUnmarked},
	}
	want := "replace route 10.0.1.0/24 in vtb-1 (rte-10.0.1.0/24 to i-9) to i-1 for node n1: it leads to another server\n" +
		"switch off source/destination check of eni-1 for node n1\n" +
		"report route 10.0.1.0/24 in vtb-1\n"
	if got := plan.String(); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	if plan.Writes() != 2 {
		t.Errorf("%d writes", plan.Writes())
	}
}
