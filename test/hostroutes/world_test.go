package hostroutes

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kube-aliyun/kube-aliyun/test/cluster"
	"github.com/kube-aliyun/kube-aliyun/test/process"
	"github.com/kube-aliyun/kube-aliyun/test/sandbox"
)

// user has the rights of deploy/hostroutes/rbac.yaml and no others.
const user = "system:hostroutes"

// health is where the program answers.
const health = "127.0.0.1:10260"

// world is a server with the Nodes of a cluster.
type world struct {
	t          *testing.T
	cluster    *cluster.Cluster
	ns         *sandbox.Namespace
	uplink     netlink.Link
	binary     string
	kubeconfig string
	dir        string
}

func newWorld(t *testing.T) *world {
	t.Helper()
	s, err := sandbox.Open(t.Context())
	if errors.Is(err, sandbox.ErrUnsupported) {
		t.Skip(err)
	}
	w := &world{t: t, dir: t.TempDir(), cluster: cluster.Shared(t)}
	w.ok(err)
	t.Cleanup(func() { w.ok(s.Close(context.WithoutCancel(t.Context()))) })
	w.ns, err = s.Namespace("server")
	w.ok(err)
	w.makeUplink()
	w.relay()
	w.kubeconfig, err = w.cluster.KubeconfigFor(user)
	w.ok(err)
	rights := filepath.Join("..", "..", "deploy", "hostroutes", "rbac.yaml")
	w.run(exec.CommandContext(t.Context(), filepath.Join(w.cluster.Binaries(), "kubectl"), "--kubeconfig", w.cluster.Kubeconfig(), "apply", "-f", rights))
	w.binary = filepath.Join(w.dir, "hostroutes")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", w.binary, "../../cmd/hostroutes")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	w.run(build)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), time.Minute)
		defer cancel()
		w.ok(w.cluster.Client().CoreV1().Nodes().DeleteCollection(ctx, metav1.DeleteOptions{}, metav1.ListOptions{}))
	})
	return w
}

func (w *world) ok(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) run(command *exec.Cmd) {
	w.t.Helper()
	if out, err := command.CombinedOutput(); err != nil {
		w.t.Fatalf("%s: %v\n%s", command, err, out)
	}
}

func (w *world) makeUplink() {
	h := w.ns.Netlink()
	attributes := netlink.NewLinkAttrs()
	attributes.Name = "eth0"
	w.ok(h.LinkAdd(&netlink.Veth{LinkAttrs: attributes, PeerName: "wire"}))
	for _, name := range []string{"wire", "eth0"} {
		link, err := h.LinkByName(name)
		w.ok(err)
		w.ok(h.LinkSetUp(link))
		w.uplink = link
	}
	w.ok(h.AddrAdd(w.uplink, &netlink.Addr{IPNet: ipNet("10.99.0.1/16")}))
}

func ipNet(prefix string) *net.IPNet {
	p := netip.MustParsePrefix(prefix)
	return &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())}
}

// relay lets the server reach the API server, which is on the machine's loopback.
func (w *world) relay() {
	w.t.Helper()
	u, err := url.Parse(w.cluster.RESTConfig().Host)
	w.ok(err)
	listener, err := w.ns.Listen(w.t.Context(), net.ListenConfig{}, "tcp4", u.Host)
	w.ok(err)
	var running sync.WaitGroup
	var mu sync.Mutex
	open := map[net.Conn]bool{}
	track := func(c net.Conn) { mu.Lock(); defer mu.Unlock(); open[c] = true }
	running.Go(func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			server, err := (&net.Dialer{Timeout: time.Second}).DialContext(w.t.Context(), "tcp4", u.Host)
			if err != nil {
				_ = client.Close()
				continue
			}
			track(client)
			track(server)
			for _, pair := range [][2]net.Conn{{client, server}, {server, client}} {
				running.Go(func() {
					_, _ = io.Copy(pair[0], pair[1])
					_ = pair[0].Close()
				})
			}
		}
	})
	w.t.Cleanup(func() {
		_ = listener.Close()
		mu.Lock()
		for c := range open {
			_ = c.Close()
		}
		mu.Unlock()
		running.Wait()
	})
}

// confined is the program's command line with the rights of the manifest: root
// without any capability but one, and no way to another.
func (w *world) confined(arguments ...string) []string {
	w.t.Helper()
	if _, err := exec.LookPath("setpriv"); err != nil {
		w.t.Skip("setpriv (util-linux) is not installed")
	}
	only := "-all,+net_admin"
	return append([]string{"setpriv", "--bounding-set", only, "--inh-caps", only, "--no-new-privs", w.binary,
		"--kubeconfig", w.kubeconfig, "--node-name", "node-1"}, arguments...)
}

// once runs the program to its end.
func (w *world) once(arguments ...string) (string, int) {
	w.t.Helper()
	line := w.confined(arguments...)
	var out []byte
	command := exec.CommandContext(w.t.Context(), line[0], line[1:]...) // #nosec G204 -- our own program
	err := w.ns.Do(func() error {
		var err error
		out, err = command.CombinedOutput()
		return err
	})
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		w.t.Fatal(err)
	}
	return string(out), command.ProcessState.ExitCode()
}

// start runs the program until the test's end.
func (w *world) start(arguments ...string) *process.Process {
	w.t.Helper()
	line := w.confined(append(arguments, "--health-address", health)...)
	path, err := exec.LookPath(line[0])
	w.ok(err)
	log := filepath.Join(w.dir, "log")
	p, err := process.Start(w.t.Context(), process.Program{Name: "hostroutes", Binary: path, Args: line[1:], Log: log, Enter: w.ns.Enter})
	w.ok(err)
	w.t.Cleanup(func() {
		w.stop(p)
		if w.t.Failed() {
			text, _ := os.ReadFile(log)
			w.t.Logf("%s", bytes.TrimSpace(text))
		}
	})
	return p
}

func (w *world) stop(p *process.Process) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(w.t.Context()), 10*time.Second)
	defer cancel()
	_ = p.Signal(syscall.SIGTERM)
	if err := p.Wait(ctx); err != nil {
		w.t.Error(err)
	}
}

// get asks the program for a page.
func (w *world) get(path string) (int, string) {
	client := http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DisableKeepAlives: true,
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			return w.ns.Dial(ctx, net.Dialer{}, network, address)
		}}}
	request, err := http.NewRequestWithContext(w.t.Context(), http.MethodGet, "http://"+health+path, nil)
	w.ok(err)
	response, err := client.Do(request)
	if err != nil {
		return 0, err.Error()
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	w.ok(err)
	return response.StatusCode, string(body)
}

// addNodes creates the Nodes first to last.
func (w *world) addNodes(first, last int) {
	w.t.Helper()
	var group errgroup.Group
	group.SetLimit(20)
	for number := first; number <= last; number++ {
		group.Go(func() error { return w.addNode(number, fmt.Sprintf("10.%d.%d.0/24", 110+number/256, number%256)) })
	}
	w.ok(group.Wait())
}

func (w *world) addNode(number int, podCIDR string) error {
	nodes := w.cluster.Client().CoreV1().Nodes()
	node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "node-" + strconv.Itoa(number)}}
	node.Spec.PodCIDR, node.Spec.PodCIDRs = podCIDR, []string{podCIDR}
	made, err := nodes.Create(w.t.Context(), node, metav1.CreateOptions{})
	if err != nil {
		return err
	}
	made.Status.Addresses = []corev1.NodeAddress{{Type: corev1.NodeInternalIP, Address: fmt.Sprintf("10.99.%d.%d", number/200, number%200)}}
	// As much as a real Node's list of images and conditions.
	for i := range 20 {
		made.Status.Images = append(made.Status.Images, corev1.ContainerImage{
			Names: []string{fmt.Sprintf("registry.example/some/image-%d@sha256:%064d", i, i), fmt.Sprintf("registry.example/some/image-%d:v1", i)}, SizeBytes: 1 << 20,
		})
	}
	_, err = nodes.UpdateStatus(w.t.Context(), made, metav1.UpdateOptions{})
	return err
}

// routes counts the routes of the main table with a protocol.
func (w *world) routes(protocol int) int {
	w.t.Helper()
	list, err := w.ns.Netlink().RouteListFiltered(netlink.FAMILY_V4, &netlink.Route{Protocol: netlink.RouteProtocol(protocol)}, netlink.RT_FILTER_PROTOCOL)
	w.ok(err)
	return len(list)
}

func (w *world) within(limit time.Duration, what string, holds func() bool) time.Duration {
	w.t.Helper()
	began := time.Now()
	for !holds() {
		if time.Since(began) > limit {
			w.t.Fatalf("not within %s: %s", limit, what)
		}
		<-time.After(20 * time.Millisecond)
	}
	return time.Since(began)
}

// resident is a process's memory in MiB.
func (w *world) resident(p *process.Process) int {
	w.t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.PID()))
	w.ok(err)
	for line := range strings.Lines(string(status)) {
		if fields := strings.Fields(line); len(fields) > 1 && fields[0] == "VmRSS:" {
			kib, err := strconv.Atoi(fields[1])
			w.ok(err)
			return kib / 1024
		}
	}
	return 0
}

// metric is the value of a metric's line.
func (w *world) metric(line string) string {
	_, page := w.get("/metrics")
	for text := range strings.Lines(page) {
		if value, found := strings.CutPrefix(text, line+" "); found {
			return strings.TrimSpace(value)
		}
	}
	return ""
}
