package bootstrap

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kube-aliyun/kube-aliyun/pkg/bootstrap/clusterfile"
	"github.com/kube-aliyun/kube-aliyun/test/bootstrap/bare"
	"github.com/kube-aliyun/kube-aliyun/test/e2e/stage"
	"github.com/kube-aliyun/kube-aliyun/test/images"
	"github.com/kube-aliyun/kube-aliyun/test/images/echo"
)

// masters are the addresses of the masters.
func masters() []string {
	var all []string
	for _, m := range world.Of(clusterfile.Master) {
		all = append(all, m.Server.Address)
	}
	slices.Sort(all)
	return all
}

// endpoints are those of the Service "kubernetes".
func endpoints(ctx context.Context) ([]string, error) {
	list, err := world.Client.DiscoveryV1().EndpointSlices(metav1.NamespaceDefault).List(ctx, metav1.ListOptions{LabelSelector: "kubernetes.io/service-name=kubernetes"})
	if err != nil {
		return nil, err
	}
	var all []string
	for i := range list.Items {
		for _, e := range list.Items[i].Endpoints {
			all = append(all, e.Addresses...)
		}
	}
	slices.Sort(all)
	return all, nil
}

func TestR20EndpointsAreTheMastersOwnAddresses(t *testing.T) {
	eventually(t, "both masters are endpoints", func(ctx context.Context) error {
		if got, err := endpoints(ctx); err != nil || !slices.Equal(got, masters()) {
			return fmt.Errorf("%w: %v, %w", errNotYet, got, err)
		}
		return nil
	})
}

func TestR19MastersNeverNeedTheLoadBalancer(t *testing.T) {
	for _, m := range world.Of(clusterfile.Master) {
		// The region drops what a backend sends to its own load balancer; a program
		// that used it would not get far.
		dialling, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		conn, err := m.Dial(dialling, "tcp", net.JoinHostPort(world.Cluster.LoadBalancer.Address, "6443"))
		cancel()
		if err == nil {
			_ = conn.Close()
			t.Logf("%s got through to the other master", m.Server.Address)
		}
		for _, name := range []string{"kubelet.kubeconfig", "controller-manager.kubeconfig", "scheduler.kubeconfig", "kube-proxy.kubeconfig", "aliyun/kubeconfig"} {
			content, err := os.ReadFile(m.HostPath(filepath.Join("/etc/kubernetes", name)))
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(string(content), "server: https://127.0.0.1:6443\n") {
				t.Errorf("%s of %s is not of the master itself:\n%s", name, m.Server.Address, content)
			}
		}
	}
	eventually(t, "all Nodes are Ready", nodesReady)
}

// status asks a URL from a place, without credentials.
func status(t *testing.T, dial func(context.Context, string, string) (net.Conn, error), url string) int {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	code, _, err := bare.Get(ctx, dial, url)
	if err != nil {
		t.Logf("%s: %v", url, err)
	}
	return code
}

func TestR21WhoIsUnknownLearnsOnlyOfHealth(t *testing.T) {
	from := world.Region.Operator.Dial
	for _, master := range masters() {
		for path, want := range map[string]int{"/livez": 200, "/readyz": 200, "/healthz": 200, "/version": 401, "/api": 401, "/metrics": 401, "/readyz/etcd": 401} {
			if got := status(t, from, "https://"+master+":6443"+path); got != want {
				t.Errorf("%s of %s: %d, want %d", path, master, got, want)
			}
		}
	}
	for _, m := range world.Machines {
		if m.Server.Role == clusterfile.Etcd {
			continue
		}
		if got := status(t, from, "https://"+m.Server.Address+":10250/pods"); got != 401 {
			t.Errorf("kubelet of %s: %d", m.Server.Address, got)
		}
		for _, port := range []string{"10255", "8080", "10248", "10249", "10257", "10258", "10259"} {
			dialling, cancel := context.WithTimeout(t.Context(), 2*time.Second)
			conn, err := from(dialling, "tcp", net.JoinHostPort(m.Server.Address, port))
			cancel()
			if err == nil {
				_ = conn.Close()
				t.Errorf("%s listens on %s for everybody", m.Server.Address, port)
			}
		}
	}
	// etcd speaks with nobody who has no certificate of its authority.
	for _, m := range world.Of(clusterfile.Etcd) {
		if got := status(t, from, "https://"+m.Server.Address+":2379/health"); got != 0 {
			t.Errorf("etcd %s answers %d", m.Server.Address, got)
		}
	}
}

// webPods are the Pods of the Deployment, by their nodes.
func webPods(t *testing.T) map[string]corev1.Pod {
	t.Helper()
	pods := map[string]corev1.Pod{}
	eventually(t, "the Pods run on all nodes", func(ctx context.Context) error {
		list, err := world.Client.CoreV1().Pods(namespace).List(ctx, metav1.ListOptions{LabelSelector: "app=web"})
		if err != nil {
			return err
		}
		clear(pods)
		for _, pod := range list.Items {
			if pod.Status.PodIP != "" && pod.DeletionTimestamp == nil {
				pods[pod.Spec.NodeName] = pod
			}
		}
		if len(pods) != len(world.Of(clusterfile.Node)) {
			return fmt.Errorf("%w: on %d nodes", errNotYet, len(pods))
		}
		return nil
	})
	return pods
}

// fromPod asks from a Pod, through the API server and a kubelet.
func fromPod(ctx context.Context, pod, network, target string) (echo.Answer, error) {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	output, err := world.Kubectl(ctx, "exec", pod, "--", images.NetworkProgram, network, target, "hello")
	if err != nil {
		return echo.Answer{}, err
	}
	return echo.Decode([]byte(output))
}

func TestR22LogsExecAndPortForwardWork(t *testing.T) {
	for node, pod := range webPods(t) {
		if _, err := world.Kubectl(t.Context(), "logs", pod.Name); err != nil {
			t.Errorf("logs on %s: %v", node, err)
		}
		if _, err := fromPod(t.Context(), pod.Name, "tcp", "127.0.0.1:8081"); err != nil {
			t.Errorf("exec on %s: %v", node, err)
		}
	}
	for _, master := range masters() {
		if output, err := world.Kubectl(t.Context(), "-n", "kube-system", "logs", "--tail=3", "kube-apiserver-"+master); err != nil || output == "" {
			t.Errorf("logs of the API server on %s: %v", master, err)
		}
	}
}

// asNode is kubectl with the identity of a worker's kubelet.
func asNode(t *testing.T, node string, arguments ...string) (string, error) {
	t.Helper()
	pki := filepath.Join(world.Folder, "pki")
	return world.OperatorRun(t.Context(), "kubectl", append([]string{
		"--kubeconfig=/dev/null", "--server=" + world.Cluster.BalancerURL(), "--certificate-authority=" + filepath.Join(pki, "ca.crt"),
		"--client-certificate=" + filepath.Join(pki, "kubelet-client-"+node+".crt"), "--client-key=" + filepath.Join(pki, "kubelet-client-"+node+".key"),
	}, arguments...)...)
}

func TestR23NodeMayTouchOnlyWhatIsItsOwn(t *testing.T) {
	nodes := world.Of(clusterfile.Node)
	own, other := nodes[0].Server.Address, nodes[1].Server.Address
	if _, err := asNode(t, own, "get", "node", own); err != nil {
		t.Errorf("its own Node: %v", err)
	}
	for what, arguments := range map[string][]string{
		"the keys of the cloud": {"-n", "kube-system", "get", "secret", "aliyun-creds"},
		"another node":          {"get", "node", other},
		"the masters' label":    {"label", "node", own, "node-role.kubernetes.io/control-plane="},
		"its taints":            {"taint", "node", own, "a=b:NoSchedule"},
	} {
		if output, err := asNode(t, own, arguments...); err == nil || !strings.Contains(err.Error(), "orbidden") {
			t.Errorf("%s: %s, %v", what, output, err)
		}
	}
}

func TestR24MastersAreKnownAsSuchAndFinishingTwiceChangesNothing(t *testing.T) {
	describe := func() string {
		var b strings.Builder
		for _, master := range masters() {
			node, err := world.Client.CoreV1().Nodes().Get(t.Context(), master, metav1.GetOptions{})
			if err != nil {
				t.Fatal(err)
			}
			for _, label := range []string{"node-role.kubernetes.io/control-plane", "node.kubernetes.io/exclude-from-external-load-balancers"} {
				if _, has := node.Labels[label]; !has {
					t.Errorf("%s has no label %s", master, label)
				}
			}
			fmt.Fprintln(&b, node.Labels, node.Spec.Taints)
		}
		return b.String()
	}
	before := describe()
	if !strings.Contains(before, "node-role.kubernetes.io/control-plane  NoSchedule") {
		t.Errorf("taints: %s", before)
	}
	if err := finish(t.Context()); err != nil {
		t.Error(err)
	}
	if after := describe(); after != before {
		t.Errorf("before:\n%s\nafter:\n%s", before, after)
	}
}

func TestR32NodesShowTheirProviderID(t *testing.T) {
	nodes, err := world.Client.CoreV1().Nodes().List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, node := range nodes.Items {
		if want := "cn-hangzhou.i-" + strings.ReplaceAll(node.Name, ".", "-"); node.Spec.ProviderID != want {
			t.Errorf("%s has %s, want %s", node.Name, node.Spec.ProviderID, want)
		}
	}
}

// podPlace is the network namespace of a Pod, as its program has it.
func podPlace(t *testing.T, pod *corev1.Pod) stage.Place {
	t.Helper()
	for _, m := range world.Machines {
		if m.Server.Address != pod.Spec.NodeName {
			continue
		}
		pids, err := m.Processes()
		if err != nil {
			t.Fatal(err)
		}
		for _, pid := range pids {
			group, err := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", pid))
			if err == nil && strings.Contains(string(group), string(pod.UID)) {
				return stage.Place{Namespace: fmt.Sprintf("/proc/%d/ns/net", pid), Address: pod.Status.PodIP}
			}
		}
	}
	t.Fatalf("no process of Pod %s", pod.Name)
	return stage.Place{}
}

// askFrom asks once, with little patience.
func askFrom(t *testing.T, from stage.Place, target string) (echo.Answer, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	return echo.Ask(ctx, from.Dial, "tcp", target, "hello")
}

func TestR26PodsReachServicesAndEachOtherWithTheirOwnAddresses(t *testing.T) {
	pods := webPods(t)
	service, err := world.Client.CoreV1().Services(namespace).Get(t.Context(), "web", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	nodes := world.Of(clusterfile.Node)
	here, there := pods[nodes[0].Server.Address], pods[nodes[1].Server.Address]
	place := podPlace(t, &here)
	answered, local := 0, 0
	for range 100 {
		answer, err := askFrom(t, place, net.JoinHostPort(service.Spec.ClusterIP, "80"))
		if err != nil {
			t.Log(err)
			continue
		}
		answered++
		if answer.Node == nodes[0].Server.Address {
			local++
		}
	}
	t.Logf("%d of 100 requests to a Service answered, %d by the same node", answered, local)
	if answered != 100 || local == 0 {
		t.Error("requests were lost, or none went to the same node")
	}
	answer, err := askFrom(t, place, net.JoinHostPort(there.Status.PodIP, "8081"))
	if err != nil {
		t.Fatal(err)
	}
	if got := answer.Client.Addr().String(); got != here.Status.PodIP {
		t.Errorf("a Pod on another node saw %s, not %s", got, here.Status.PodIP)
	}
	if got := seenOutside(t, place); got != nodes[0].Server.Address {
		t.Errorf("outside the cluster a Pod is %s, not its server %s", got, nodes[0].Server.Address)
	}
}

func TestMetadataServiceIsClosedToPods(t *testing.T) {
	for _, pod := range webPods(t) {
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		conn, err := podPlace(t, &pod).Dial(ctx, "tcp", "100.100.100.200:80")
		cancel()
		if err == nil {
			_ = conn.Close()
			t.Errorf("a Pod on %s reaches the metadata service", pod.Spec.NodeName)
		}
	}
}

func TestR25NodeThatRegistersAnewHasOneRangeEverywhere(t *testing.T) {
	m := world.Of(clusterfile.Node)[1]
	name := m.Server.Address
	rangeOf := func(ctx context.Context) (string, error) {
		node, err := world.Client.CoreV1().Nodes().Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return "", err
		}
		return node.Spec.PodCIDR, nil
	}
	before, err := rangeOf(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	// Another Node takes the range while this one is away.
	if err := world.Client.CoreV1().Nodes().Delete(t.Context(), name, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	taker := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "10.99.0.99"}, Spec: corev1.NodeSpec{PodCIDR: before, PodCIDRs: []string{before}}}
	if _, err := world.Client.CoreV1().Nodes().Create(t.Context(), taker, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { restart(t, m, taker.Name) })
	if err := m.Kill("kubelet.service"); err != nil {
		t.Fatal(err)
	}
	var after string
	took := eventually(t, "the node has another range", func(ctx context.Context) error {
		if after, err = rangeOf(ctx); err != nil || after == "" || after == before {
			return fmt.Errorf("%w: %s, %w", errNotYet, after, err)
		}
		content, err := os.ReadFile(m.HostPath("/etc/cni/net.d/10-containerd-net.conflist"))
		if err != nil || !strings.Contains(string(content), after) {
			return fmt.Errorf("%w: the CNI file has another range than %s: %w", errNotYet, after, err)
		}
		return nil
	})
	t.Logf("the CNI file has the new range %s after %.1f s", after, took.Seconds())
	if err := world.Client.CoreV1().Pods(namespace).DeleteCollection(t.Context(), metav1.DeleteOptions{}, metav1.ListOptions{LabelSelector: "app=web", FieldSelector: "spec.nodeName=" + name}); err != nil {
		t.Fatal(err)
	}
	prefix := netip.MustParsePrefix(after)
	eventually(t, "a new Pod has an address of the new range", func(ctx context.Context) error {
		list, err := world.Client.CoreV1().Pods(namespace).List(ctx, metav1.ListOptions{LabelSelector: "app=web", FieldSelector: "spec.nodeName=" + name})
		if err != nil {
			return err
		}
		for _, pod := range list.Items {
			if address, err := netip.ParseAddr(pod.Status.PodIP); err == nil && prefix.Contains(address) && pod.DeletionTimestamp == nil {
				return nil
			}
		}
		return errNotYet
	})
	nodes, err := world.Client.CoreV1().Nodes().List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	owner := map[string]string{}
	for _, node := range nodes.Items {
		if other := owner[node.Spec.PodCIDR]; other != "" {
			t.Errorf("%s and %s both have %s", node.Name, other, node.Spec.PodCIDR)
		}
		owner[node.Spec.PodCIDR] = node.Name
	}
}

// restart takes a Node away that has no server, and starts a server anew: kube-proxy
// ends when its own Node goes, and one that finds the rules of another may leave
// Services out (v1.37.2 with nftables 1.0.6).
func restart(t *testing.T, m *bare.Machine, without string) {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	if err := world.Client.CoreV1().Nodes().Delete(ctx, without, metav1.DeleteOptions{}); err != nil {
		t.Error(err)
	}
	if err := m.PowerOff(ctx); err != nil {
		t.Error(err)
	}
	if err := world.PowerOn(ctx, m); err != nil {
		t.Error(err)
	}
	if err := until(ctx, nodesReady); err != nil {
		t.Errorf("the node is not back: %v", err)
	}
}

// seenOutside is the address that who is not of the cluster sees of a Pod: a server
// behind the operator's, which the VPC routes to.
func seenOutside(t *testing.T, from stage.Place) string {
	t.Helper()
	operator := world.Region.Operator
	listener, err := operator.Listen(t.Context(), "tcp", net.JoinHostPort(bare.Outside, "0"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	seen := make(chan string, 1)
	go func() {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		host, _, _ := net.SplitHostPort(conn.RemoteAddr().String())
		_ = conn.Close()
		seen <- host
	}()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	conn, err := from.Dial(ctx, "tcp", listener.Addr().String())
	if err != nil {
		t.Fatalf("a Pod does not get out: %v", err)
	}
	_ = conn.Close()
	select {
	case host := <-seen:
		return host
	case <-ctx.Done():
		return ""
	}
}
