package integration

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/klog/v2"

	"github.com/kube-aliyun/kube-aliyun/pkg/ownership"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/ram"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/slb"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/vpc"
	"github.com/kube-aliyun/kube-aliyun/test/cluster"
	"github.com/kube-aliyun/kube-aliyun/test/cluster/nodes"
	"github.com/kube-aliyun/kube-aliyun/test/rig"
)

// thirdCluster is one whose controller does not run.
const thirdCluster = "11111111-2222-3333-4444-555555555555"

// Ranges of Pods in the cluster's own range that no Node has: the control plane
// gives the ranges out in their order, one to each Node of the package's tests.
const (
	unmarkedRange = "10.244.253.0/24"
	thirdRange    = "10.244.254.0/24"
)

// seedForeign puts things of nobody and of a third cluster into the region.
func seedForeign(r *rig.Rig) {
	r.T.Helper()
	listener := []slb.ListenerSeed{{Port: 80, Protocol: "tcp", BackendPort: 30080}}
	r.Sim.Do(func(region *aliyunsim.Region) {
		err := region.SLB.Seed(slb.Seed{LoadBalancers: []slb.LoadBalancerSeed{
			{ID: "lb-plain", Name: "plain", Listeners: listener, Backends: []slb.BackendSeed{{Server: rig.ServerID(1)}}},
			{ID: "lb-third", Name: "a" + strings.Repeat("1", 31), Listeners: listener, Tags: ownership.ServiceTags(ownership.Service{
				ClusterID: thirdCluster, ClusterName: "kubernetes", UID: thirdCluster, Namespace: "default", Name: "web", Role: ownership.RoleLoadBalancer,
			})},
		}})
		if err != nil {
			r.T.Error(err)
		}
		err = region.VPC.Seed(vpc.Seed{Routes: []vpc.RouteSeed{
			{Table: aliyunsim.SmallRouteTable, Destination: "172.30.0.0/16", NextHop: rig.ServerID(1), Name: "vpn"},
			{Table: aliyunsim.SmallRouteTable, Destination: unmarkedRange, NextHop: rig.ServerID(1)},
			{
				Table: aliyunsim.SmallRouteTable, Destination: thirdRange, NextHop: rig.ServerID(1),
				Name: ownership.RouteName(thirdCluster), Description: ownership.RouteDescription(thirdCluster, "kubernetes", "node-1"),
			},
		}})
		if err != nil {
			r.T.Error(err)
		}
	})
}

// holdings lists the routes and load balancers whose mark names a cluster that
// owner takes; those without a mark name "".
func holdings(r *rig.Rig, owner func(clusterID string) bool) []string {
	r.T.Helper()
	var lines []string
	for _, e := range r.Routes() {
		mark, _ := ownership.ParseRoute(e.Name, e.Description)
		if owner(mark.ClusterID) {
			lines = append(lines, fmt.Sprint(e.Table, " ", e.Destination, " -> ", e.NextHop, " ", e.Name, " ", e.Description))
		}
	}
	all := r.LoadBalancers()
	for i := range all {
		if owner(all[i].Tag(ownership.TagClusterID)) {
			lines = append(lines, all[i].String())
		}
	}
	return lines
}

// installation is a cluster of its own in the region's VPC, with a controller.
type installation struct {
	cluster *cluster.Cluster
	id      string
	args    []string
	replica *rig.Controller
}

// install starts a control plane with Nodes, and a controller that signs with the
// second key.
func install(r *rig.Rig, options cluster.Options, list []nodes.Node, args ...string) *installation {
	r.T.Helper()
	options.ControllerManager = true
	c := cluster.StartForTest(r.T, options)
	fleet := nodes.New(c.Client(), klog.Background())
	if err := fleet.Add(r.T.Context(), list...); err != nil {
		r.T.Fatal(err)
	}
	ctx, stop := context.WithCancel(r.T.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := fleet.Run(ctx); err != nil {
			r.T.Error(err)
		}
	}()
	r.T.Cleanup(func() { stop(); <-done })
	putKey(r, ram.Key{ID: secondKey, Secret: secondSecret})
	s := &installation{cluster: c, id: clusterUID(r, c.Client()), args: args}
	s.start(r)
	return s
}

// start starts the installation's controller, with an administrator's rights.
func (s *installation) start(r *rig.Rig) {
	r.T.Helper()
	kubeconfig := s.cluster.Kubeconfig()
	s.replica = r.StartControllerWith(rig.ControllerConfig{
		NoKey: true, Env: []string{"ALIYUN_ACCESS_KEY=" + secondKey, "ALIYUN_ACCESS_KEY_SECRET=" + secondSecret},
		Args: append([]string{"--kubeconfig=" + kubeconfig, "--authentication-kubeconfig=" + kubeconfig, "--authorization-kubeconfig=" + kubeconfig}, s.args...),
	})
	s.replica.WaitReady()
}

func clusterUID(r *rig.Rig, client kubernetes.Interface) string {
	r.T.Helper()
	ns, err := client.CoreV1().Namespaces().Get(r.T.Context(), metav1.NamespaceSystem, metav1.GetOptions{})
	if err != nil {
		r.T.Fatal(err)
	}
	return string(ns.UID)
}

// awaitHoldings waits until a cluster has so many routes and load balancers.
func awaitHoldings(r *rig.Rig, id string, count int) []string {
	r.T.Helper()
	var lines []string
	r.Eventually(30*time.Second, fmt.Sprintf("cluster %s holds %d things", id, count), func() (bool, string) {
		lines = holdings(r, func(owner string) bool { return owner == id })
		return len(lines) == count, strings.Join(lines, "\n")
	})
	return lines
}

// TestInstallationsInOneVPCLeaveEachOtherAlone has two real control planes with
// the same --cluster-cidr, servers and Node names of one VPC, and things of others
// in it.
func TestInstallationsInOneVPCLeaveEachOtherAlone(t *testing.T) {
	r := fresh(t, rig.Options{Servers: 4, NoNodes: true})
	r.AddNodes(1, 2)
	seedForeign(r)
	ours := clusterUID(r, r.Client)
	second := install(r, cluster.Options{ClusterCIDR: []string{"10.244.128.0/17"}}, []nodes.Node{
		{Name: rig.NodeName(1), InternalIP: r.Server(3).PrimaryIP}, {Name: rig.NodeName(2), InternalIP: r.Server(4).PrimaryIP},
	})
	foreign := func(owner string) bool { return owner != ours && owner != second.id }
	before := holdings(r, foreign)
	if len(before) != 5 {
		t.Fatalf("seeded: %v", before)
	}

	first := r.StartController()
	first.WaitReady()
	r.CreateService("web", nil, rig.Port(80))
	r.CreateService("api", nil, rig.Port(80))
	theirs := second.cluster.Client().CoreV1().Services(metav1.NamespaceDefault)
	web := &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: "web"},
		Spec:       corev1.ServiceSpec{Type: corev1.ServiceTypeLoadBalancer, Selector: map[string]string{"app": "web"}, Ports: []corev1.ServicePort{rig.Port(80)}},
	}
	if _, err := theirs.Create(t.Context(), web, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	r.AwaitAddress("web", 20*time.Second)
	r.AwaitAddress("api", 10*time.Second)
	r.Eventually(10*time.Second, "the second installation's Service has an address", func() (bool, string) {
		s, err := theirs.Get(t.Context(), "web", metav1.GetOptions{})
		return err == nil && len(s.Status.LoadBalancer.Ingress) == 1, fmt.Sprint(err)
	})
	ofFirst, ofSecond := awaitHoldings(r, ours, 4), awaitHoldings(r, second.id, 3)

	// The first loses a Node and a Service while its controller is away: orphans of
	// its own, which the second's start must not take for its own.
	first.Terminate()
	if err := r.Fleet.Remove(t.Context(), rig.NodeName(2)); err != nil {
		t.Fatal(err)
	}
	services := r.Client.CoreV1().Services(r.Namespace)
	if _, err := services.Patch(t.Context(), "api", types.MergePatchType, []byte(`{"metadata":{"finalizers":null}}`), metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
	r.DeleteService("api")
	second.replica.Terminate()
	second.start(r)
	r.Never(3*time.Second, "the second installation's start changed what is not its own", func() (bool, string) {
		now := holdings(r, func(owner string) bool { return owner == ours })
		return !slices.Equal(now, ofFirst), strings.Join(now, "\n")
	})

	// The first cleans up its own, and nothing else.
	r.StartController("--delete-orphaned-load-balancers").WaitReady()
	awaitHoldings(r, ours, 2)
	if now := holdings(r, func(owner string) bool { return owner == second.id }); !slices.Equal(now, ofSecond) {
		t.Errorf("the second installation had\n%s\nand has\n%s", strings.Join(ofSecond, "\n"), strings.Join(now, "\n"))
	}
	if now := holdings(r, foreign); !slices.Equal(now, before) {
		t.Errorf("of others there were\n%s\nand are\n%s", strings.Join(before, "\n"), strings.Join(now, "\n"))
	}
	crossing(r, ours, second.id)
}

// crossing fails for each changing call with one installation's key that names
// what has the other's mark.
func crossing(r *rig.Rig, ours, theirs string) {
	r.T.Helper()
	for _, e := range r.Sim.Journal() {
		other := theirs
		if e.Key == secondKey {
			other = ours
		}
		if e.Mutating && strings.Contains(fmt.Sprint(e.Params), other) {
			r.T.Errorf("%s with key %s names the other cluster: %v", e.Action, e.Key, e.Params)
		}
	}
}

func TestAnotherClusterIDThanTheStoredIsRefused(t *testing.T) {
	r := fresh(t, rig.Options{Servers: 1})
	first := r.StartController()
	first.WaitReady()
	awaitInitialised(r)
	awaitRouted(r)
	first.Terminate()
	before := fmt.Sprint(r.Routes())
	r.Sim.ResetCounters()
	clone := r.StartController("--cluster-id=clone")
	clone.Wait(10 * time.Second)
	says := []string{"clone", clusterUID(r, r.Client), "ConfigMap kube-system/kube-aliyun", "--cluster-id=" + clusterUID(r, r.Client), "delete the ConfigMap"}
	if last := clone.Tail(1); clone.Ended() != "exit status 1" || !holdsAll(last, says...) {
		t.Errorf("it ended with %s and this line, which should hold %q:\n%s", clone.Ended(), says, last)
	}
	if total(r.Sim.Counts()) > 0 || fmt.Sprint(r.Routes()) != before {
		t.Errorf("it called the cloud: %v", r.Sim.Counts())
	}
}
