package integration

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	cloudproviderapi "k8s.io/cloud-provider/api"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/api"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/fault"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/vpc"
	"github.com/kube-aliyun/kube-aliyun/test/cluster/nodes"
	"github.com/kube-aliyun/kube-aliyun/test/rig"
)

// TestTwoNodesWithOneServerAreBothRefused has a third Node of its own server,
// which nothing keeps from working.
func TestTwoNodesWithOneServerAreBothRefused(t *testing.T) {
	r := fresh(t, rig.Options{Servers: 2, NoNodes: true})
	err := r.Fleet.Add(t.Context(),
		nodes.Node{Name: "twin-a", InternalIP: r.Server(1).PrimaryIP},
		nodes.Node{Name: "twin-b", ProviderID: "cn-hangzhou." + rig.ServerID(1), InternalIP: r.Server(1).PrimaryIP},
		nodes.Node{Name: "single", InternalIP: r.Server(2).PrimaryIP})
	if err != nil {
		t.Fatal(err)
	}
	r.StartController().WaitReady()
	onlyOnce(r, "twin-a", "ServerClaimedTwice", rig.ServerID(1), "twin-b")
	onlyOnce(r, "twin-b", "ServerClaimedTwice", rig.ServerID(1), "twin-a")
	r.Eventually(15*time.Second, "the third Node works", func() (bool, string) {
		n := node(r, "single")
		return networkReady(n) && !hasTaint(n, cloudproviderapi.TaintExternalCloudProvider), r.Events("single")
	})
	r.Sim.ResetCounters()
	if calls := callsDuring(r, 5*time.Second); total(calls) > 2 {
		t.Errorf("hot retries within 5 s: %v", calls)
	}
	for _, name := range []string{"twin-a", "twin-b"} {
		n := node(r, name)
		if !hasTaint(n, cloudproviderapi.TaintExternalCloudProvider) || networkReady(n) || n.Labels[corev1.LabelTopologyZone] != "" {
			t.Errorf("%s got something from the cloud: %v %v", name, n.Labels, n.Status.Conditions)
		}
		if slices.ContainsFunc(r.Routes(), func(e rig.Route) bool { return e.Destination == n.Spec.PodCIDR }) {
			t.Errorf("%s has a route", name)
		}
		onlyOnce(r, name, "Server*")
	}

	// The remedy of the event is enough.
	if err := r.Fleet.Remove(t.Context(), "twin-b"); err != nil {
		t.Fatal(err)
	}
	r.Eventually(20*time.Second, "the Node that is left works", func() (bool, string) {
		n := node(r, "twin-a")
		return networkReady(n) && !hasTaint(n, cloudproviderapi.TaintExternalCloudProvider), r.Events("twin-a")
	})
}

func TestFullRouteTableIsToldOnItsNode(t *testing.T) {
	r := fresh(t, rig.Options{Servers: 3})
	r.Sim.Knobs(func(k *api.Knobs) { k.RoutesPerTable = 2 })
	r.StartController().WaitReady()
	awaitInitialised(r)
	unrouted := ""
	r.Eventually(15*time.Second, "two of three Nodes are routed", func() (bool, string) {
		unrouted = ""
		routed := 0
		for number := 1; number <= 3; number++ {
			if networkReady(node(r, rig.NodeName(number))) {
				routed++
			} else {
				unrouted = rig.NodeName(number)
			}
		}
		return routed == 2, fmt.Sprint(r.Routes())
	})
	onlyOnce(r, unrouted, "RouteQuotaReached", r.RouteTable(), "full with 2 custom entries", "Quota Center")
	onlyOnce(r, unrouted, "*Route*")
	r.Sim.ResetCounters()
	if calls := callsDuring(r, 8*time.Second); calls["CreateRouteEntries"] > 4 || total(calls) > 6 {
		t.Errorf("hot retries within 8 s: %v", calls)
	}
	onlyOnce(r, unrouted, "RouteQuotaReached")

	r.Sim.Knobs(func(k *api.Knobs) { k.RoutesPerTable = 3 })
	r.Eventually(20*time.Second, "the Node is routed within a retry of the quota's raise", func() (bool, string) {
		return networkReady(node(r, unrouted)), r.Events(unrouted) + fmt.Sprint(r.Sim.CountsByCode())
	})
}

func TestNodeStaysUnavailableWhileTheSourceCheckCannotBeSwitchedOff(t *testing.T) {
	r := fresh(t, rig.Options{Servers: 1})
	r.Sim.Fault(fault.Rule{Action: "ModifyNetworkInterfaceAttribute", Kind: fault.Deny})
	r.StartController().WaitReady()
	awaitInitialised(r)
	name := rig.NodeName(1)
	onlyOnce(r, name, "SourceDestCheckOn", "ecs:ModifyNetworkInterfaceAttribute", "eni-")
	r.Sim.ResetCounters()
	calls := callsDuring(r, 6*time.Second)
	if calls["ModifyNetworkInterfaceAttribute"] > 2 || total(calls) > 4 {
		t.Errorf("hot retries within 6 s: %v", calls)
	}
	n := node(r, name)
	if networkReady(n) || len(r.Routes()) != 1 {
		t.Errorf("false success: %v, routes %v", n.Status.Conditions, r.Routes())
	}
	onlyOnce(r, name, "SourceDestCheckOn")

	r.Sim.ClearFaults()
	r.Eventually(20*time.Second, "the Node's network is available once the right is granted", func() (bool, string) {
		return networkReady(node(r, name)), r.Events(name)
	})
}

// vSwitchAt is a vSwitch in the Pods' range.
func vSwitchAt(cidr string) vpc.Seed {
	return vpc.Seed{VSwitches: []vpc.VSwitchSeed{{ID: "vsw-onpods", VPC: aliyunsim.SmallVPC, Zone: "cn-hangzhou-h", CIDR: cidr}}}
}

func TestPodsWhereServersAreGetNoRoute(t *testing.T) {
	r := fresh(t, rig.Options{Servers: 2, Region: func(o *aliyunsim.Options) {
		o.Seed = strings.Replace(o.Seed, "cidr: 192.168.0.0/16\n", "cidr: 192.168.0.0/16\n  secondaryCIDRs: [10.244.0.0/16]\n", 1)
	}})
	var victim, other string
	r.Eventually(10*time.Second, "both Nodes have Pod ranges", func() (bool, string) {
		return node(r, rig.NodeName(1)).Spec.PodCIDR != "" && node(r, rig.NodeName(2)).Spec.PodCIDR != "", ""
	})
	victim, other = rig.NodeName(1), rig.NodeName(2)
	cidr := node(r, victim).Spec.PodCIDR
	r.Sim.Do(func(region *aliyunsim.Region) {
		if err := region.VPC.Seed(vSwitchAt(cidr)); err != nil {
			t.Error(err)
		}
	})
	replica := r.StartController()
	replica.WaitReady()
	onlyOnce(r, victim, "PodCIDRCollides", cidr, "vsw-onpods")
	r.Eventually(15*time.Second, "the other Node is routed", func() (bool, string) { return networkReady(node(r, other)), r.Events(other) })
	if calls := callsDuring(r, 5*time.Second); total(calls) > 2 {
		t.Errorf("hot retries within 5 s: %v", calls)
	}
	if networkReady(node(r, victim)) || len(r.Routes()) != 1 {
		t.Errorf("routes: %v", r.Routes())
	}
	onlyOnce(r, victim, "PodCIDRCollides")
	if told := toldInLog(replica, "cluster CIDR collides", "vsw-onpods", cidr, "--cluster-cidr"); told != 1 {
		t.Errorf("the log tells it %d times", told)
	}
}
