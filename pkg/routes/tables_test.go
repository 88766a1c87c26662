package routes

import (
	"context"
	"net/netip"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	cloudprovider "k8s.io/cloud-provider"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/ecs"
	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/vpc"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim"
)

// twoTables is a small region whose vSwitch in zone i has a table of its own, with
// a third table that no vSwitch uses.
func twoTables(n int) string {
	seed := strings.Replace(aliyunsim.SmallRegion(n), "vSwitches:", "- {id: vtb-i, vpc: vpc-small}\n- {id: vtb-spare, vpc: vpc-small}\nvSwitches:", 1)
	return strings.Replace(seed, "cidr: 192.168.16.0/20", "cidr: 192.168.16.0/20\n  routeTable: vtb-i", 1)
}

func TestTheTablesOfTheServersVSwitchesGetAllRoutes(t *testing.T) {
	r := newRigWith(t, aliyunsim.Options{Seed: twoTables(3)})
	r.addNodes(1, 1)
	r.start()
	r.ready(1, 1)
	if len(r.entries(testTable)) != 1 || len(r.entries("vtb-i")) != 0 {
		t.Errorf("entries %v, %v", r.entries(testTable), r.entries("vtb-i"))
	}
	r.addNodes(2, 3) // the second server is in the vSwitch with the other table
	r.ready(1, 3)
	r.eventually("both tables have all routes", func() bool { return len(r.entries(testTable)) == 3 && len(r.entries("vtb-i")) == 3 })
	if len(r.entries("vtb-spare")) != 0 {
		t.Error("the spare table was written")
	}
	r.delete("node-1")
	r.eventually("both lose a route", func() bool { return len(r.entries(testTable)) == 2 && len(r.entries("vtb-i")) == 2 })
}

func TestOrphansInATableThatNoServerUsesAreRemoved(t *testing.T) {
	r := newRigWith(t, aliyunsim.Options{Seed: twoTables(2)})
	orphan := marked(cidr(9), "i-2", "c1", "node-9")
	orphan.TableID = "vtb-spare"
	r.plant(orphan)
	r.addNodes(1, 1)
	r.start()
	r.ready(1, 1)
	r.eventually("the orphan is gone", func() bool { return len(r.entries("vtb-spare")) == 0 })
}

func TestConfiguredTablesAreTheOnlyOnes(t *testing.T) {
	r := newRigWith(t, aliyunsim.Options{Seed: twoTables(2)})
	r.addNodes(1, 2)
	r.start(func(o *Options) { o.TableIDs = []string{"vtb-spare"} })
	r.ready(1, 2)
	if len(r.entries("vtb-spare")) != 2 || len(r.entries(testTable)) != 0 || len(r.entries("vtb-i")) != 0 {
		t.Error("other tables than the configured one were written, or that one was not")
	}
}

func TestTheSourceDestCheckIsSwitchedOff(t *testing.T) {
	r := newRig(t, 7)
	r.addNodes(1, 7)
	r.start()
	r.ready(1, 7)
	nics, err := r.ecs.Interfaces(t.Context(), ecs.InterfaceFilter{VPCID: aliyunsim.SmallVPC})
	if err != nil || len(nics) != 7 {
		t.Fatal(nics, err)
	}
	for _, nic := range nics {
		if nic.SourceDestCheck {
			t.Errorf("interface %+v", nic)
		}
	}
}

func TestACheckThatIsToBeLeftOnKeepsTheNodeUnavailable(t *testing.T) {
	r := newRig(t, 1)
	r.addNodes(1, 1)
	r.start(func(o *Options) { o.KeepSourceDestCheck = true })
	r.eventually("it is told", func() bool { return r.events.has("node-1 SourceDestCheckOn", "eni-") })
	r.eventually("the node is unavailable", func() bool { return r.condition("node-1").Reason == "SourceDestCheckOn" })
	if n := r.sim.Counts()["ModifyNetworkInterfaceAttribute"]; n != 0 {
		t.Errorf("%d switches", n)
	}
	nics, err := r.ecs.Interfaces(t.Context(), ecs.InterfaceFilter{ServerIDs: []string{"i-1"}})
	if err != nil || len(nics) != 1 {
		t.Fatal(nics, err)
	}
	if err := r.ecs.SetSourceDestCheck(t.Context(), nics[0].ID, false); err != nil {
		t.Fatal(err)
	}
	r.ready(1, 1)
}

func TestTheDryRunTellsThePlanAndWritesNothing(t *testing.T) {
	r := newRig(t, 3)
	r.plant(marked(cidr(2), "i-3", "c1", "node-2"), marked(cidr(9), "i-3", "c1", "node-9"))
	r.addNodes(1, 2)
	r.sim.ResetCounters()
	r.client.ClearActions()
	r.prepare(func(context.Context, *Controller) error { return nil })
	plan, err := r.controller.Sync(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	text := plan.String()
	for _, want := range []string{
		"create route " + cidr(1), "replace route " + cidr(2), "delete route " + cidr(9), "switch off source/destination check", "for node node-1",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in\n%s", want, text)
		}
	}
	for action := range r.sim.Counts() {
		if !strings.HasPrefix(action, "Describe") {
			t.Errorf("the dry run calls %s", action)
		}
	}
	for _, a := range r.client.Actions() {
		if verb := a.GetVerb(); verb != "list" && verb != "get" && verb != "watch" {
			t.Errorf("the dry run does %s %s", verb, a.GetResource().Resource)
		}
	}
}

func TestTheFrameworkCanUseTheSameEngine(t *testing.T) {
	r := newRig(t, 3)
	r.addNodes(1, 2)
	r.start()
	r.ready(1, 2)
	routes := r.controller.Routes()
	list, err := routes.ListRoutes(t.Context(), "kubernetes")
	if err != nil || len(list) != 2 {
		t.Fatalf("%v, %v", list, err)
	}
	third := node(3)
	r.add(third)
	err = routes.CreateRoute(t.Context(), "kubernetes", "hint", &cloudprovider.Route{TargetNode: types.NodeName(third.Name), DestinationCIDR: cidr(3)})
	for err != nil && strings.Contains(err.Error(), "not found") { // the informer has not seen it yet
		err = routes.CreateRoute(t.Context(), "kubernetes", "hint", &cloudprovider.Route{TargetNode: types.NodeName(third.Name), DestinationCIDR: cidr(3)})
	}
	if err != nil {
		t.Fatal(err)
	}
	if e := r.entries()[cidr(3)]; e.NextHopID != "i-3" || e.Status != vpc.Available {
		t.Errorf("entry %+v", e)
	}
	list, err = routes.ListRoutes(t.Context(), "kubernetes")
	if err != nil || len(list) != 3 {
		t.Fatalf("%v, %v", list, err)
	}
	for _, route := range list {
		if route.TargetNode == "node-3" {
			r.stopReconciling("node-3")
			if err := routes.DeleteRoute(t.Context(), "kubernetes", route); err != nil {
				t.Fatal(err)
			}
		}
	}
	if _, still := r.entries()[cidr(3)]; still {
		t.Error("the deleted route is still there")
	}
}

// stopReconciling takes a Node away so that nobody makes its route again.
func (r *rig) stopReconciling(name string) {
	r.t.Helper()
	if err := r.client.CoreV1().Nodes().Delete(r.t.Context(), name, metav1.DeleteOptions{}); err != nil {
		r.t.Fatal(err)
	}
	r.eventually("the informer knows", func() bool { _, err := r.controller.lister.Get(name); return err != nil })
}

func TestClusterCIDRsAreComparedWithReservedRanges(t *testing.T) {
	s := &tableSet{reserved: blocks([]vpc.VSwitch{{ID: "vsw-1", CIDR: "10.1.0.0/16", IPv6CIDR: "fd00:1::/64"}})}
	for text, collides := range map[string]bool{
		"10.0.0.0/8": true, "10.1.7.0/24": true, "10.2.0.0/16": false, "100.64.3.0/24": true, "fd00:1::/56": true, "fd00:2::/64": false,
	} {
		if err := s.collisions([]netip.Prefix{prefix(text)}); (err != nil) != collides {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestInternalIPPrefersIPv4(t *testing.T) {
	n := &corev1.Node{Status: corev1.NodeStatus{Addresses: []corev1.NodeAddress{
		{Type: corev1.NodeHostName, Address: "n"}, {Type: corev1.NodeInternalIP, Address: "fd00::1"},
		{Type: corev1.NodeInternalIP, Address: "192.168.0.1"},
	}}}
	if ip, ok := internalIP(n); !ok || ip.String() != "192.168.0.1" {
		t.Errorf("got %v, %v", ip, ok)
	}
	if _, ok := internalIP(&corev1.Node{}); ok {
		t.Error("a Node without addresses has one")
	}
}
