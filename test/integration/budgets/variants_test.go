package budgets

import (
	"fmt"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim"
	"github.com/kube-aliyun/kube-aliyun/test/rig"
	"github.com/kube-aliyun/kube-aliyun/test/scale/tally"
)

// twoTables binds the vSwitch of zone i to a route table of its own.
func twoTables(o *aliyunsim.Options) {
	o.Seed = strings.Replace(o.Seed, "vSwitches:\n", "- id: vtb-second\n  vpc: "+aliyunsim.SmallVPC+"\nvSwitches:\n", 1)
	o.Seed = strings.Replace(o.Seed, "  zone: cn-hangzhou-i\n", "  zone: cn-hangzhou-i\n  routeTable: vtb-second\n", 1)
}

func TestCallsStayWithinTheBudgetsOfTwoRouteTables(t *testing.T) {
	const nodes, joining = 4, 2
	c := newCosts(t, nodes+joining, twoTables)
	c.spends(t, tally.Size{N: nodes, T: 2, C: nodes}.NodesInitialised(), func() {
		c.AddNodes(1, nodes)
		c.start()
		c.routed()
	})
	c.spends(t, tally.Size{T: 2, C: joining}.NodesJoin(), func() {
		c.atOnce(func() { c.AddNodes(nodes+1, nodes+joining) })
		c.routed()
	})
	if got, want := len(c.Routes()), 2*(nodes+joining); got != want {
		t.Errorf("%d route entries in two tables, want %d: %v", got, want, c.Routes())
	}
}

func TestNotReadyNodesAreAskedAboutTogetherAndSeldom(t *testing.T) {
	const all, dead = 8, 6
	c := newCosts(t, all, nil)
	c.start()
	c.AddNodes(1, all)
	c.routed()
	c.settle()
	from := c.log.Mark()
	for number := 1; number <= dead; number++ {
		c.fail(number)
	}
	// The framework looks every five seconds, the controller every ten at most: two
	// listings begin in less than twenty.
	c.watch(19 * time.Second)
	calls := c.spent(t, from, 2, nil)
	if calls.Work["DescribeInstances"] == 0 {
		t.Errorf("nobody asked about NotReady nodes:\n%s", calls)
	}
}

// fail ends the heartbeats of a Node and reports it NotReady, as its kubelet
// does when its runtime fails.
func (c *costs) fail(number int) {
	c.T.Helper()
	name := rig.NodeName(number)
	if err := c.Fleet.Kill(name); err != nil {
		c.T.Fatal(err)
	}
	patch := fmt.Sprintf(`{"status":{"conditions":[{"type":"Ready","status":"False","reason":"KubeletNotReady","lastTransitionTime":%q}]}}`,
		metav1.Now().UTC().Format(time.RFC3339))
	_, err := c.Client.CoreV1().Nodes().PatchStatus(c.T.Context(), name, []byte(patch))
	if err != nil {
		c.T.Fatal(err)
	}
}
