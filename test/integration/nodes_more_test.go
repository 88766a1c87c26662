package integration

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	cloudproviderapi "k8s.io/cloud-provider/api"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim"
	"github.com/kube-aliyun/kube-aliyun/test/cluster"
	"github.com/kube-aliyun/kube-aliyun/test/cluster/nodes"
	"github.com/kube-aliyun/kube-aliyun/test/rig"
)

// notReady says of a Node what a kubelet says last when its server shuts down.
func notReady(r *rig.Rig, name string) {
	r.T.Helper()
	patch := fmt.Appendf(nil, `{"status":{"conditions":[{"type":"Ready","status":"False","reason":"KubeletNotReady","message":"node is shutting down","lastTransitionTime":%q}]}}`,
		time.Now().UTC().Format(time.RFC3339))
	if _, err := r.Client.CoreV1().Nodes().Patch(r.T.Context(), name, types.StrategicMergePatchType, patch, metav1.PatchOptions{}, "status"); err != nil {
		r.T.Fatal(err)
	}
}

func TestStoppedServerTaintsItsNodeUntilItRuns(t *testing.T) {
	r := fresh(t, rig.Options{Servers: 2})
	r.StartController("--node-monitor-period=1s").WaitReady()
	awaitInitialised(r)
	awaitRouted(r)
	name := rig.NodeName(1)
	if err := r.Sim.Region.StopServer(rig.ServerID(1)); err != nil {
		t.Fatal(err)
	}
	if err := r.Fleet.Kill(name); err != nil {
		t.Fatal(err)
	}
	notReady(r, name)
	tainted := func() bool { return hasTaint(node(r, name), cloudproviderapi.TaintNodeShutdown) }
	took := r.Eventually(20*time.Second, "the Node has the shutdown taint", func() (bool, string) { return tainted(), fmt.Sprint(node(r, name).Spec.Taints) })
	t.Logf("tainted %s after the stop", took.Round(100*time.Millisecond))
	if !hasRoute(r, 1) {
		t.Error("the route of a stopped server is gone")
	}

	if err := r.Sim.Region.StartServer(rig.ServerID(1)); err != nil {
		t.Fatal(err)
	}
	if err := r.Fleet.Revive(t.Context(), name); err != nil {
		t.Fatal(err)
	}
	took = r.Eventually(20*time.Second, "the taint is gone", func() (bool, string) { return !tainted(), fmt.Sprint(node(r, name).Spec.Taints) })
	t.Logf("cleared %s after the start", took.Round(100*time.Millisecond))
	if hasTaint(node(r, rig.NodeName(2)), cloudproviderapi.TaintNodeShutdown) {
		t.Error("the other Node is tainted")
	}
}

func TestNodeOfAnotherCloudIsLeftAlone(t *testing.T) {
	r := fresh(t, rig.Options{Servers: 1})
	const name = "elsewhere"
	if err := r.Fleet.Add(t.Context(), nodes.Node{Name: name, InternalIP: "172.16.0.9", ProviderID: "aws:///us-east-1a/i-0123456789abcdef0"}); err != nil {
		t.Fatal(err)
	}
	r.Eventually(10*time.Second, "the control plane has done its part", func() (bool, string) {
		n := node(r, name)
		return n.Spec.PodCIDR != "" && !hasTaint(n, corev1.TaintNodeNotReady), fmt.Sprint(n.Spec)
	})
	before := node(r, name)
	r.StartController().WaitReady()
	r.Eventually(15*time.Second, "the other Node works", func() (bool, string) { return networkReady(node(r, rig.NodeName(1))), "" })
	r.CreateService("web", nil, rig.Port(80))
	r.AwaitAddress("web", 15*time.Second)
	r.Never(2*time.Second, "it was touched", func() (bool, string) {
		n := node(r, name)
		same := fmt.Sprint(n.Labels, n.Spec, n.Status.Addresses, n.Status.Conditions) ==
			fmt.Sprint(before.Labels, before.Spec, before.Status.Addresses, before.Status.Conditions)
		return !same, fmt.Sprint(n.Labels, n.Spec, n.Status.Conditions)
	})
	if told := warnings(r, name, "*"); len(told) > 0 {
		t.Errorf("it is told: %v", told)
	}
	if lb := r.LoadBalancer(); len(lb.Backends) != 1 || len(r.Routes()) != 1 {
		t.Errorf("%s, routes %v", lb.String(), r.Routes())
	}
	for _, e := range r.Sim.Journal() {
		if strings.Contains(fmt.Sprint(e.Params), "172.16.0.9") || strings.Contains(fmt.Sprint(e.Params), "i-0123456789abcdef0") {
			t.Errorf("%s asked for it: %v", e.Action, e.Params)
		}
	}
}

// TestDualStackClusterHasBothFamilies has a control plane of its own, with ranges
// of both families, and looks at the addresses every second.
func TestDualStackClusterHasBothFamilies(t *testing.T) {
	r := fresh(t, rig.Options{Servers: 2, NoNodes: true, Region: func(o *aliyunsim.Options) {
		o.Seed = strings.NewReplacer(
			"cidr: 192.168.0.0/16\n", "cidr: 192.168.0.0/16\n  ipv6CIDR: 2408:4005:300::/56\n",
			"cidr: 192.168.0.0/20\n", "cidr: 192.168.0.0/20\n  ipv6CIDR: 2408:4005:300:1::/64\n",
			"cidr: 192.168.16.0/20\n", "cidr: 192.168.16.0/20\n  ipv6CIDR: 2408:4005:300:2::/64\n",
			"privateIP:", "ipv6: auto, privateIP:",
		).Replace(o.Seed)
	}})
	const cidr4, cidr6 = "10.244.0.0/16", "fd00:10:244::/56"
	dual := install(r, cluster.Options{ClusterCIDR: []string{cidr4, cidr6}}, []nodes.Node{
		{Name: rig.NodeName(1), InternalIP: r.Server(1).PrimaryIP}, {Name: rig.NodeName(2), InternalIP: r.Server(2).PrimaryIP},
	}, "--cluster-cidr="+cidr4+","+cidr6, "--node-status-update-frequency=1s")
	client := dual.cluster.Client().CoreV1().Nodes()
	read := func(number int) *corev1.Node {
		n, err := client.Get(t.Context(), rig.NodeName(number), metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	for number := 1; number <= 2; number++ {
		r.Eventually(20*time.Second, "the Node's network is available", func() (bool, string) {
			return networkReady(read(number)), fmt.Sprint(read(number).Status.Conditions, r.Routes())
		})
		n := read(number)
		if len(n.Spec.PodCIDRs) != 2 {
			t.Fatalf("the control plane gave %v", n.Spec.PodCIDRs)
		}
		for _, cidr := range n.Spec.PodCIDRs {
			if !slices.ContainsFunc(r.Routes(), func(e rig.Route) bool {
				return sameRange(e.Destination, cidr) && e.NextHop == rig.ServerID(number) && e.Status == "Available"
			}) {
				t.Errorf("no route to %s of %s in %v", cidr, n.Name, r.Routes())
			}
		}
		families := map[bool]int{}
		for _, a := range n.Status.Addresses {
			if ip, err := netip.ParseAddr(a.Address); err == nil && a.Type == corev1.NodeInternalIP {
				families[ip.Is4()]++
			}
		}
		if families[true] != 1 || families[false] != 1 {
			t.Errorf("%s has the addresses %v", n.Name, n.Status.Addresses)
		}
	}
	if n := len(r.Routes()); n != 4 {
		t.Errorf("%d routes, want 4: %v", n, r.Routes())
	}

	versions := func() string { return read(1).ResourceVersion + " " + read(2).ResourceVersion }
	before := versions()
	looked := r.Sim.Counts()["DescribeInstances"]
	r.Never(4*time.Second, "an unchanged Node was patched", func() (bool, string) { return versions() != before, fmt.Sprint(read(1), read(2)) })
	if n := r.Sim.Counts()["DescribeInstances"] - looked; n < 2 {
		t.Errorf("the addresses were looked at %d times only, so that proves nothing", n)
	}
}

// sameRange compares ranges, whatever their spelling.
func sameRange(a, b string) bool {
	x, errX := netip.ParsePrefix(a)
	y, errY := netip.ParsePrefix(b)
	return errX == nil && errY == nil && x == y
}
