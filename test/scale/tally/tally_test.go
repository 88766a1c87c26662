package tally

import (
	"testing"
	"time"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/journal"
)

var zero = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// call is a call at so many milliseconds that took 100 ms.
func call(at int, action string, params map[string]string) journal.Entry {
	return journal.Entry{
		Time: zero.Add(time.Duration(at) * time.Millisecond), Duration: 100 * time.Millisecond,
		Action: action, Params: params, Code: journal.OK,
	}
}

func lb(id string) map[string]string { return map[string]string{"LoadBalancerId": id} }

func look(ids ...string) map[string]string {
	params := map[string]string{"MaxResults": "100"}
	for i, id := range ids {
		params["LoadBalancerId."+string(rune('1'+i))] = id
	}
	return params
}

func TestAReadOfAStartingListenerWaits(t *testing.T) {
	got := count([]journal.Entry{
		call(0, "DescribeLoadBalancerListeners", look("lb-1")),
		call(200, "StartLoadBalancerListener", lb("lb-1")),
		call(310, "DescribeLoadBalancerListeners", look("lb-1")),
		call(700, "DescribeLoadBalancerListeners", look("lb-1", "lb-2")),
		call(900, "DescribeLoadBalancerListeners", look("lb-1")),
	}, Standard)
	if got.Waiting["DescribeLoadBalancerListeners"] != 2 || got.Work["DescribeLoadBalancerListeners"] != 2 {
		t.Errorf("want the two reads before the listener was known to run to wait, and no others:\n%s", got)
	}
}

func TestAReadOfAnotherLoadBalancerIsWork(t *testing.T) {
	got := count([]journal.Entry{
		call(0, "StartLoadBalancerListener", lb("lb-1")),
		call(500, "DescribeLoadBalancerListeners", look("lb-2")),
	}, Standard)
	if got.Work["DescribeLoadBalancerListeners"] != 1 {
		t.Errorf("want one read that is work:\n%s", got)
	}
}

func TestAReadOfATableWithPendingEntriesWaits(t *testing.T) {
	table := map[string]string{"RouteTableId": "vtb-1", "DestCidrBlockList.1": "10.0.0.0/24"}
	got := count([]journal.Entry{
		call(0, "CreateRouteEntries", map[string]string{"RouteEntries.1.RouteTableId": "vtb-1", "RouteEntries.1.DstCidrBlock": "10.0.0.0/24"}),
		call(600, "DescribeRouteEntryList", table),
		call(1100, "DescribeRouteEntryList", table),
		call(1300, "DescribeRouteEntryList", table),
		call(1300, "DescribeRouteEntryList", map[string]string{"RouteTableId": "vtb-2"}),
	}, Standard)
	if got.Waiting["DescribeRouteEntryList"] != 2 || got.Work["DescribeRouteEntryList"] != 2 {
		t.Errorf("want two waiting reads and two that are work:\n%s", got)
	}
}

func TestAllowanceIsOneReadASecondForTenLoadBalancers(t *testing.T) {
	var entries []journal.Entry
	for i := range 11 {
		entries = append(entries, call(0, "StartLoadBalancerListener", lb(string(rune('a'+i)))))
	}
	ids := []string{"a", "b", "c", "d", "e", "f", "g", "h", "i"}
	entries = append(entries, call(2900, "DescribeLoadBalancerListeners", look(ids...)))
	entries = append(entries, call(2900, "DescribeLoadBalancerListeners", look("j", "k")))
	got := count(entries, Standard)
	// Eleven load balancers are two groups: two reads at first and two a second
	// over three seconds.
	if got.Allowance != 8 {
		t.Errorf("allowance %d, want 8", got.Allowance)
	}
}

func TestARefusedCallIsNotWork(t *testing.T) {
	busy := call(0, "AddBackendServers", lb("lb-1"))
	busy.Product, busy.Code, busy.Status, busy.Mutating = "Slb", "OperationConflict", 400, true
	full := call(10, "AddBackendServers", lb("lb-1"))
	full.Product, full.Code, full.Status, full.Mutating = "Slb", "QuotaLimitExceeds.AccQuota", 400, true
	got := count([]journal.Entry{busy, full}, Standard)
	if Sum(got.Refused) != 1 || got.Writes["AddBackendServers"] != 1 {
		t.Errorf("want one refused call and one write:\n%s", got)
	}
}

func TestBudgetsAreThoseOfTheDesign(t *testing.T) {
	s := Size{N: 51, S: 50, P: 1, B: 51, G: 50, T: 1, R: 51, C: 51}
	for name, c := range map[string]struct{ got, want int }{
		"service created":   {s.ServiceCreated(), 7},
		"restart":           {s.Restart(), 65},
		"nodes leave":       {s.NodesLeave(), 50},
		"nodes initialised": {Size{N: 50, T: 1, C: 50}.NodesInitialised(), 60},
		"one node joins":    {Size{G: 50, T: 1, C: 1}.NodesJoin(), 55},
	} {
		if c.got != c.want {
			t.Errorf("%s: %d, want %d", name, c.got, c.want)
		}
	}
}
