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

func timeRows() []row {
	return []row{
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
}

func TestBenchFiftyNodesFiftyServices(t *testing.T) {
	s := sizes{N: 50, S: 50, limit: 5 * time.Minute, takeover: true}
	our := run(t, &ours{args: []string{"--backends-per-load-balancer=200", "--attachments-per-server=1000"}}, "std", s)
	naive := run(t, &simple{}, "std", s)
	size := tally.Size{N: 50, S: 50, P: 1, B: 51, G: 50, T: 1, R: 51, C: 50}
	publish(t, "N=50, S=50",
		table("Calls", callRows(size), our, naive)+table("Times", timeRows(), our, naive),
		detail(callRows(size), our, naive))
}
