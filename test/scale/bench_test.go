//go:build bench

package scale

import (
	"testing"
	"time"

	"github.com/kube-aliyun/kube-aliyun/test/scale/tally"
)

// none is the budget of a row that promises nothing.
const none = -1

func callRows(s tally.Size) []row {
	joining := s
	joining.C = 1
	return []row{
		{nodesInitialised, float64(s.NodesInitialised()), "", "107 for N=50"},
		{serviceCreated, float64(s.ServiceCreated()), "", "4 + P(3 + ⌈B/40⌉)"},
		{serviceUntouched, 0, "", "3 + P"},
		{serviceDeleted, float64(s.ServiceDeleted()), "", "6 + P"},
		{manyCreated, float64(s.ServiceCreated()), "", "4 + P(3 + ⌈B/40⌉)"},
		{manyUntouched, 0, "", "S(3 + P)"},
		{nodeJoins, float64(joining.NodesJoin()), "", "S(3 + 2P), two or three times"},
		{nodeDrains, float64(s.NodesLeave()), "", "S(3 + 2P), two or three times"},
		{nodeLeaves, float64(s.NodesLeave()), "", "S(3 + 2P), two or three times"},
		{restarted, float64(s.Restart()), "", "309 for S=50, N=51"},
		{manyDeleted, float64(s.ServiceDeleted()), "", "6 + P"},
	}
}

// timeRows of a cluster; its budgets are those of fifty nodes, or of a thousand.
func timeRows(thousand bool) []row {
	rows := []row{
		{nodesSchedulable, 5, "s", "22.9 s"},
		{manyAddresses, 5, "s", "20 s"},
		{nodeServes, 3, "s", "7.7 s"},
		{restartedQuiet, 60, "s", "about 22 s"},
		{restartedCPU, none, "", "–"},
		{takeover, 3, "s", "18 s"},
		{takeoverWork, none, "", "–"},
		{manyGone, 4, "s", "13.9 s"},
		{residentMemory, none, "", "–"},
		{peakMemory, none, "", "–"},
	}
	if !thousand {
		return rows
	}
	budgets := map[string]row{
		restartedQuiet: {restartedQuiet, 60, "s", "–"},
		restartedCPU:   {restartedCPU, 10, "CPU-s", "–"},
		residentMemory: {residentMemory, 150, "MiB", "–"},
		peakMemory:     {peakMemory, 150, "MiB", "–"},
	}
	for i := range rows {
		if b, ok := budgets[rows[i].situation]; ok {
			rows[i] = b
		} else {
			rows[i].budget, rows[i].peer = none, "–"
		}
	}
	return rows
}

// whole makes every node a backend where that is possible, as the others do.
var whole = []string{"--backends-per-load-balancer=200", "--attachments-per-server=1000"}

func TestBenchFiftyNodesFiftyServices(t *testing.T) {
	s := sizes{N: 50, S: 50, limit: 5 * time.Minute, takeover: true}
	our := run(t, &ours{args: whole}, "std", s)
	naive := run(t, &simple{}, "std", s)
	size := tally.Size{N: 50, S: 50, P: 1, B: 51, G: 50, T: 1, R: 51, C: 50}
	publish(t, "N=50, S=50",
		table("Calls", callRows(size), our, naive)+table("Times, profile std", timeRows(false), our, naive),
		detail(callRows(size), our, naive))
}

// TestBenchThousandNodesFiveHundredServices gives the naive provider a cloud that
// answers at once, and no limit of its requests to the Kubernetes API but at the
// restart: with profile std its routes alone would take half an hour. Its calls
// can be compared, its times are far too good.
func TestBenchThousandNodesFiveHundredServices(t *testing.T) {
	s := sizes{N: 1000, S: 500, limit: 10 * time.Minute}
	// The situations last minutes here: the audit, which has a budget of its own,
	// would read some load balancers meanwhile.
	our := run(t, &ours{args: append([]string{"--load-balancer-audit-period=24h"}, whole...)}, "std", s)
	hurried := &simple{hurried: true}
	s.limit = 4 * time.Minute
	s.restartLimit, s.calm = 150*time.Second, func() { hurried.hurried = false }
	naive := run(t, hurried, "instant", s)
	size := tally.Size{N: 1000, S: 500, P: 1, B: 200, G: 500, T: 1, R: 1001, C: 1000}
	publish(t, "N=1,000, S=500",
		table("Calls", callRows(size), our, naive)+table("Times; ours with profile std, naive with a cloud that answers at once", timeRows(true), our, naive),
		detail(callRows(size), our, naive))
}
