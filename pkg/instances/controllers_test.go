package instances

import (
	"fmt"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	cloudproviderapi "k8s.io/cloud-provider/api"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/fault"
)

// dual is a region with one dual-stack server with an elastic address.
const dual = `region: cn-hangzhou
keys: [{id: test-key, secret: test-secret}]
vpcs: [{id: vpc-small, cidr: 192.168.0.0/16, ipv6CIDR: "2001:db8:1::/56"}]
routeTables: [{id: vtb-small, vpc: vpc-small, type: System}]
vSwitches: [{id: vsw-small-h, vpc: vpc-small, zone: cn-hangzhou-h, cidr: 192.168.0.0/20, ipv6CIDR: "2001:db8:1::/64"}]
servers:
- {id: i-1, vSwitch: vsw-small-h, privateIP: 192.168.1.1, ipv6: "2001:db8:1::9", eip: auto, chargeType: PostPaid, spotStrategy: SpotAsPriceGo, type: ecs.g7.large}
`

func joining(n int) *corev1.Node {
	return simNode(n, corev1.ConditionTrue, tainted, noProviderID, addressed(
		address(corev1.NodeInternalIP, simIP(n)), address(corev1.NodeHostName, fmt.Sprint("node-", n))))
}

func initialised(n *corev1.Node) bool {
	return n.Spec.ProviderID != "" && !uninitialized(n) && len(n.Status.Addresses) > 0
}

func TestJoiningNodesCostOneCallPerHundred(t *testing.T) {
	const count = 120
	var nodes []*corev1.Node
	for n := 1; n <= count; n++ {
		nodes = append(nodes, joining(n))
	}
	r := newRig(t, aliyunsim.SmallRegion(count), 1, nodes...)
	r.nodes(t)
	eventually(t, "all Nodes are initialised", func() bool {
		list, err := r.client.CoreV1().Nodes().List(t.Context(), metav1.ListOptions{})
		if err != nil {
			return false
		}
		for i := range list.Items {
			if !initialised(&list.Items[i]) {
				return false
			}
		}
		return true
	})
	n := r.get(t, "node-2")
	want := map[string]string{
		corev1.LabelTopologyZone: "cn-hangzhou-i", corev1.LabelTopologyRegion: region, corev1.LabelInstanceTypeStable: "ecs.g7.large",
		labelChargeType: "PostPaid", labelSpotStrategy: "NoSpot",
	}
	for key, value := range want {
		if n.Labels[key] != value {
			t.Errorf("label %s = %q, want %q", key, n.Labels[key], value)
		}
	}
	if n.Spec.ProviderID != "cn-hangzhou.i-2" {
		t.Errorf("provider ID %q", n.Spec.ProviderID)
	}
	calls := r.sim.Counts()
	t.Logf("%d Nodes: %v", count, calls)
	if calls["DescribeInstances"] != 2 || len(calls) != 1 {
		t.Errorf("calls: %v", calls)
	}
}

func TestNodeThatJoinsCostsNoLookUpOfTheOthers(t *testing.T) {
	const count = 120
	var nodes []*corev1.Node
	for n := 1; n <= count; n++ {
		nodes = append(nodes, simNode(n, corev1.ConditionTrue))
	}
	r := newRig(t, aliyunsim.SmallRegion(count+1), 0, nodes...)
	r.nodes(t)
	eventually(t, "the first refresh is done", func() bool { return r.sim.Counts()["DescribeInstances"] == 2 })
	r.pass(5 * time.Minute)
	r.sim.ResetCounters()
	if _, err := r.client.CoreV1().Nodes().Create(t.Context(), joining(count+1), metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the Node is initialised", func() bool { return initialised(r.get(t, fmt.Sprint("node-", count+1))) })
	if calls := r.sim.Counts(); calls["DescribeInstances"] != 1 || len(calls) != 1 {
		t.Errorf("calls: %v", calls)
	}
}

func TestDualStackNodeIsNotPatchedWhenNothingChanged(t *testing.T) {
	r := newRig(t, dual, 0, joining(1))
	controller := r.nodes(t)
	eventually(t, "the Node is initialised with all addresses", func() bool {
		n := r.get(t, "node-1")
		return initialised(n) && len(n.Status.Addresses) == 4
	})
	eventually(t, "the cache has the addresses", func() bool {
		n, err := r.factory.Core().V1().Nodes().Lister().Get("node-1")
		return err == nil && initialised(n) && len(n.Status.Addresses) == 4
	})
	r.client.ClearActions()
	r.sim.ResetCounters()
	for range 6 {
		r.pass(5 * time.Minute)
		if err := controller.UpdateNodeStatus(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	for _, action := range r.client.Actions() {
		if action.GetVerb() == "patch" || action.GetVerb() == "update" {
			t.Errorf("the unchanged Node was written: %v", action)
		}
	}
	if calls := r.sim.Counts()["DescribeInstances"]; calls != 3 {
		t.Errorf("%d calls in half an hour", calls)
	}
	n := r.get(t, "node-1")
	if got := fmt.Sprint(n.Status.Addresses); !strings.Contains(got, "{InternalIP 192.168.1.1} {InternalIP 2001:db8:1::9} {ExternalIP ") {
		t.Errorf("addresses %s", got)
	}
	if n.Labels[labelSpotStrategy] != "SpotAsPriceGo" {
		t.Errorf("labels %v", n.Labels)
	}
}

func TestAddressRefreshCostsOneCallPerHundredNodesInTenMinutes(t *testing.T) {
	const count = 150
	var nodes []*corev1.Node
	for n := 1; n <= count; n++ {
		nodes = append(nodes, simNode(n, corev1.ConditionTrue, addressed(
			address(corev1.NodeInternalIP, simIP(n)), address(corev1.NodeHostName, fmt.Sprint("node-", n)))))
	}
	r := newRig(t, aliyunsim.SmallRegion(count), 0, nodes...)
	controller := r.nodes(t)
	eventually(t, "the first refresh is done", func() bool { return r.sim.Counts()["DescribeInstances"] == 2 })
	for range 3 {
		r.sim.ResetCounters()
		for range 2 {
			r.pass(5 * time.Minute)
			if err := controller.UpdateNodeStatus(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if calls := r.sim.Counts(); calls["DescribeInstances"] != 2 || len(calls) != 1 {
			t.Errorf("calls: %v", calls)
		}
	}
	for _, action := range r.client.Actions() {
		if action.GetVerb() == "patch" || action.GetVerb() == "update" {
			t.Errorf("an unchanged Node was written: %v", action)
		}
	}
}

func TestForeignNodeIsNotTouchedByTheNodeController(t *testing.T) {
	away := simNode(1, corev1.ConditionTrue, tainted, func(n *corev1.Node) { n.Spec.ProviderID = "aws:///eu-west-1a/i-1" })
	r := newRig(t, aliyunsim.SmallRegion(2), 1, away, joining(2))
	r.nodes(t)
	eventually(t, "our Node is initialised", func() bool { return initialised(r.get(t, "node-2")) })
	if !uninitialized(r.get(t, "node-1")) {
		t.Error("the foreign Node was initialised")
	}
}

func TestTwoNodesOfOneServerAreBothRefused(t *testing.T) {
	twin := joining(1)
	twin.Name, twin.UID = "twin", "uid-twin"
	r := newRig(t, aliyunsim.SmallRegion(2), 1, joining(1), twin, joining(2))
	r.nodes(t)
	eventually(t, "the third Node is initialised", func() bool { return initialised(r.get(t, "node-2")) })
	eventually(t, "both have an event", func() bool {
		return r.events.has("node-1 ServerClaimedTwice") && r.events.has("twin ServerClaimedTwice")
	})
	if !uninitialized(r.get(t, "node-1")) || !uninitialized(r.get(t, "twin")) {
		t.Error("a Node that shares its server was initialised")
	}
}

func shutdown(n *corev1.Node) bool {
	for _, taint := range n.Spec.Taints {
		if taint.Key == cloudproviderapi.TaintNodeShutdown {
			return true
		}
	}
	return false
}

func TestStoppedServerTaintsItsNode(t *testing.T) {
	r := newRig(t, aliyunsim.SmallRegion(3), 100,
		simNode(1, corev1.ConditionUnknown), simNode(2, corev1.ConditionUnknown), simNode(3, corev1.ConditionTrue))
	if err := r.sim.Region.StopServer("i-1"); err != nil {
		t.Fatal(err)
	}
	r.lifecycle(t)
	eventually(t, "the stopped server's Node is tainted", func() bool { return shutdown(r.get(t, "node-1")) })
	if shutdown(r.get(t, "node-2")) {
		t.Error("the running server's Node is tainted")
	}
	if _, err := r.client.CoreV1().Nodes().UpdateStatus(t.Context(), func() *corev1.Node {
		n := r.get(t, "node-1")
		n.Status.Conditions[0].Status = corev1.ConditionTrue
		n.ResourceVersion = "9999"
		return n
	}(), metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the Ready Node is free again", func() bool { return !shutdown(r.get(t, "node-1")) })
}

func TestReleasedServersNodeGoesAfterTheProof(t *testing.T) {
	r := newRig(t, aliyunsim.SmallRegion(3), 100,
		simNode(1, corev1.ConditionUnknown), simNode(2, corev1.ConditionUnknown), simNode(3, corev1.ConditionTrue))
	if err := r.sim.Region.ReleaseServer("i-1", true); err != nil {
		t.Fatal(err)
	}
	began := r.clock.Now()
	r.lifecycle(t)
	eventually(t, "the Node is gone", func() bool { return r.count(t) == 2 })
	if took := r.clock.Since(began); took < proofRow {
		t.Errorf("the Node went after %s", took)
	}
	r.get(t, "node-2")
	if calls := r.sim.Counts(); calls["DescribeInstanceAttribute"] != 1 {
		t.Errorf("calls: %v", calls)
	}
}

func TestNoNodeIsDeletedWhileTheRegionAnswersNothing(t *testing.T) {
	for name, rule := range map[string]fault.Rule{
		"empty lists": {Action: "Describe*", Kind: fault.EmptyList},
		"403":         {Action: "*", Kind: fault.Deny},
		"throttled":   {Action: "DescribeInstances", Kind: fault.Throttle},
	} {
		t.Run(name, func(t *testing.T) {
			const count = 20
			var nodes []*corev1.Node
			for n := 1; n <= count; n++ {
				nodes = append(nodes, simNode(n, corev1.ConditionUnknown))
			}
			r := newRig(t, aliyunsim.SmallRegion(count), 200, nodes...)
			r.lifecycle(t)
			eventually(t, "the servers are known", func() bool { return r.sim.Counts()["DescribeInstances"] > 0 })
			id := r.sim.Fault(rule)
			r.pass(5 * time.Minute)
			if got := r.count(t); got != count {
				t.Fatalf("%d of %d Nodes are left", got, count)
			}
			r.sim.ClearFault(id)
			r.pass(2 * time.Minute)
			if got := r.count(t); got != count {
				t.Errorf("%d of %d Nodes are left after the recovery", got, count)
			}
			for _, action := range r.client.Actions() {
				if action.GetVerb() == "delete" {
					t.Errorf("action %v", action)
				}
			}
		})
	}
}

func TestNotReadyNodesCostOneCallPerHundred(t *testing.T) {
	const count, notReady = 200, 120
	for name, test := range map[string]struct {
		since time.Duration
		// calls is how many a minute may cost.
		calls int
	}{
		"at first": {0, 2 * 6},
		"later":    {time.Hour, 2 * 2},
	} {
		t.Run(name, func(t *testing.T) {
			var nodes []*corev1.Node
			for n := 1; n <= count; n++ {
				status := corev1.ConditionTrue
				if n <= notReady {
					status = corev1.ConditionUnknown
				}
				nodes = append(nodes, simNode(n, status, func(n *corev1.Node) {
					n.Status.Conditions[0].LastTransitionTime = metav1.NewTime(time.Now().Add(-test.since))
				}))
			}
			r := newRig(t, aliyunsim.SmallRegion(count), 50, nodes...)
			r.lifecycle(t)
			eventually(t, "the servers are known", func() bool { return r.sim.Counts()["DescribeInstances"] >= 2 })
			r.sim.ResetCounters()
			r.pass(time.Minute)
			calls := r.sim.Counts()
			t.Logf("%d of %d Nodes not Ready for %s: %v in a minute", notReady, count, test.since, calls)
			if calls["DescribeInstances"] > test.calls || len(calls) > 1 {
				t.Errorf("calls: %v, want at most %d", calls, test.calls)
			}
		})
	}
}
