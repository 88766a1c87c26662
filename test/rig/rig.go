// Package rig puts a test on its feet: the test binary's real control plane, a
// simulated region of the test's own, Nodes that live as long as their servers,
// and aliyun-controller as a process that can be killed and frozen.
package rig

import (
	"context"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/klog/v2"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim"
	"github.com/kube-aliyun/kube-aliyun/test/cluster"
	"github.com/kube-aliyun/kube-aliyun/test/cluster/nodes"
	"github.com/kube-aliyun/kube-aliyun/test/diskrules"
)

// User is the name in the controller's client certificate; it has the rights of
// deploy/controller/rbac.yaml and no others.
const User = "system:aliyun-controller"

// Options say what a test needs.
type Options struct {
	// Servers is how many servers the region has, and Nodes the cluster.
	Servers int
	// Profile is the simulator's: instant (default) or std.
	Profile string
	// Region changes the simulator's options.
	Region func(*aliyunsim.Options)
	// Node completes the Node of a server; number counts from 1.
	Node func(number int, node *nodes.Node)
	// NoNodes leaves the Nodes to the test (AddNodes).
	NoNodes bool
}

// Rig is one test's world.
type Rig struct {
	T       testing.TB
	Cluster *cluster.Cluster
	Client  kubernetes.Interface
	Sim     *aliyunsim.Sim
	Fleet   *nodes.Fleet
	// Namespace is the test's own.
	Namespace string
	// Disks judges what the controllers ask of the region's disks.
	Disks *diskrules.Witness

	options    Options
	kubeconfig string
	dir        string
	replicas   []*Controller
}

// New returns a world with its Nodes registered and uninitialised. It is taken
// down at the test's end, after its controllers were killed.
func New(t testing.TB, options Options) *Rig {
	t.Helper()
	c := cluster.Shared(t)
	simOptions := aliyunsim.Options{Seed: aliyunsim.SmallRegion(options.Servers), Profile: options.Profile}
	if options.Region != nil {
		options.Region(&simOptions)
	}
	r := &Rig{T: t, Cluster: c, Client: c.Client(), Sim: aliyunsim.Start(t, simOptions), options: options, dir: t.TempDir()}
	t.Cleanup(r.clean)

	var err error
	if r.kubeconfig, err = c.KubeconfigFor(User); err != nil {
		t.Fatal(err)
	}
	r.apply("deploy", "controller", "rbac.yaml")
	r.Namespace = r.makeNamespace()
	r.startFleet()
	if !options.NoNodes {
		r.AddNodes(1, options.Servers)
	}
	system, err := r.Client.CoreV1().Namespaces().Get(t.Context(), metav1.NamespaceSystem, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	r.Disks = diskrules.Watch(t, r.Sim, r.Client, string(system.UID))
	return r
}

// apply applies a manifest of this repository.
func (r *Rig) apply(path ...string) {
	r.T.Helper()
	file := filepath.Join(append([]string{root(r.T)}, path...)...)
	command := exec.CommandContext(r.T.Context(), kubectl(r.T), "--kubeconfig", r.Cluster.Kubeconfig(), "apply", "-f", file)
	if out, err := command.CombinedOutput(); err != nil {
		r.T.Fatalf("kubectl apply -f %s: %v\n%s", file, err, out)
	}
}

func (r *Rig) makeNamespace() string {
	r.T.Helper()
	ns, err := r.Client.CoreV1().Namespaces().Create(r.T.Context(),
		&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "test-"}}, metav1.CreateOptions{})
	if err != nil {
		r.T.Fatal(err)
	}
	return ns.Name
}

func (r *Rig) startFleet() {
	ctx, stop := context.WithCancel(r.T.Context())
	r.Fleet = nodes.New(r.Client, klog.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := r.Fleet.Run(ctx); err != nil {
			r.T.Error(err)
		}
	}()
	r.T.Cleanup(func() { stop(); <-done })
}

// AddNodes registers the Nodes of the servers numbered first to last. A Node
// has its server's private address as InternalIP and name, and no provider ID.
func (r *Rig) AddNodes(first, last int) {
	r.T.Helper()
	list := make([]nodes.Node, 0, last-first+1)
	for number := first; number <= last; number++ {
		node := nodes.Node{Name: NodeName(number), InternalIP: r.Server(number).PrimaryIP}
		if r.options.Node != nil {
			r.options.Node(number, &node)
		}
		list = append(list, node)
	}
	if err := r.Fleet.Add(r.T.Context(), list...); err != nil {
		r.T.Fatal(err)
	}
}

// NodeName is the name of the Node of a server, counted from 1.
func NodeName(number int) string { return "node-" + strconv.Itoa(number) }

// clean takes everything out of the shared cluster that a test put in.
func (r *Rig) clean() {
	for _, c := range r.replicas {
		c.Kill()
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.T.Context()), 30*time.Second)
	defer cancel()
	core := r.Client.CoreV1()
	services, err := core.Services(metav1.NamespaceAll).List(ctx, metav1.ListOptions{})
	if err != nil {
		r.T.Error(err)
		return
	}
	for i := range services.Items {
		s := &services.Items[i]
		if s.Spec.Type != corev1.ServiceTypeLoadBalancer && len(s.Finalizers) == 0 {
			continue
		}
		_, err := core.Services(s.Namespace).Patch(ctx, s.Name, types.MergePatchType, []byte(`{"metadata":{"finalizers":null}}`), metav1.PatchOptions{})
		r.expectGone(err)
		r.expectGone(core.Services(s.Namespace).Delete(ctx, s.Name, metav1.DeleteOptions{}))
	}
	r.expectGone(core.Nodes().DeleteCollection(ctx, metav1.DeleteOptions{}, metav1.ListOptions{}))
	r.expectGone(core.ConfigMaps(metav1.NamespaceSystem).Delete(ctx, "kube-aliyun", metav1.DeleteOptions{}))
	r.expectGone(r.Client.CoordinationV1().Leases(metav1.NamespaceSystem).Delete(ctx, "cloud-controller-manager", metav1.DeleteOptions{}))
	if r.Namespace != "" {
		r.expectGone(core.Namespaces().Delete(ctx, r.Namespace, metav1.DeleteOptions{}))
	}
}

func (r *Rig) expectGone(err error) {
	if err != nil && !apierrors.IsNotFound(err) {
		r.T.Error(err)
	}
}
