package kubelet

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sync/errgroup"

	"github.com/kube-aliyun/kube-aliyun/test/cluster"
	"github.com/kube-aliyun/kube-aliyun/test/images"
	"github.com/kube-aliyun/kube-aliyun/test/sandbox"
)

// world is a small network without a cloud: a router, behind one of its bridges
// servers of which the first has the control plane, behind the other a client.
type world struct {
	sandbox *sandbox.Sandbox
	dir     string
	router  *sandbox.Namespace
	client  *sandbox.Namespace
	servers []*sandbox.Namespace
	cluster *cluster.Cluster
	images  images.Archives
	nodes   []*Node
	ready   []time.Duration
}

const (
	gateway       = "10.99.0.1"
	clientGateway = "10.98.0.1"
	clientAddress = "10.98.0.10"
)

func serverAddress(i int) string { return fmt.Sprintf("10.99.0.%d", 11+i) }

// newWorld starts a control plane and nodes. What it has is closed when it fails.
func newWorld(ctx context.Context, nodes int) (*world, error) {
	s, err := sandbox.Open(ctx)
	if err != nil {
		return nil, err
	}
	w := &world{sandbox: s, dir: filepath.Join(s.Dir(), "cluster")}
	if err := w.start(ctx, nodes); err != nil {
		return nil, errors.Join(err, w.close(context.WithoutCancel(ctx)))
	}
	return w, nil
}

func (w *world) start(ctx context.Context, nodes int) error {
	var err error
	if w.images, err = images.Build(ctx, ""); err != nil {
		return err
	}
	if err := w.connect(nodes); err != nil {
		return err
	}
	w.cluster, err = cluster.Start(ctx, cluster.Options{
		Dir: w.dir, Namespace: w.servers[0].Path(), BindAddress: serverAddress(0), ControllerManager: true, Scheduler: true,
	})
	if err != nil {
		return err
	}
	w.nodes, w.ready = make([]*Node, nodes), make([]time.Duration, nodes)
	group, ctx := errgroup.WithContext(ctx)
	for i := range nodes {
		group.Go(func() (err error) {
			begin := time.Now()
			if w.nodes[i], err = Start(ctx, w.options(i)); err != nil {
				return err
			}
			waiting, cancel := context.WithTimeout(ctx, 2*time.Minute)
			defer cancel()
			err = w.nodes[i].WaitReady(waiting)
			w.ready[i] = time.Since(begin)
			return err
		})
	}
	return group.Wait()
}

func (w *world) options(i int) Options {
	return Options{
		Address: serverAddress(i), Namespace: w.servers[i].Path(), Sandbox: w.sandbox, Cluster: w.cluster,
		Images: []string{w.images.Sandbox, w.images.Network},
		Labels: map[string]string{"test.kube-aliyun.io/server": strconv.Itoa(i)},
	}
}

// connect makes the network.
func (w *world) connect(servers int) (err error) {
	if w.router, err = w.sandbox.Namespace("router"); err != nil {
		return err
	}
	if err := errors.Join(w.router.Sysctl("ipv4/ip_forward", "1"), w.router.Sysctl("ipv4/conf/all/send_redirects", "0"), w.router.Sysctl("ipv4/conf/default/send_redirects", "0")); err != nil {
		return err
	}
	for name, address := range map[string]string{"servers": gateway, "clients": clientGateway} {
		link := &netlink.Bridge{LinkAttrs: netlink.LinkAttrs{Name: name}}
		if err := errors.Join(w.router.Netlink().LinkAdd(link), raise(w.router, name, address)); err != nil {
			return err
		}
	}
	for i := range servers {
		server, err := w.sandbox.Namespace(fmt.Sprintf("server%d", i))
		if err != nil {
			return err
		}
		w.servers = append(w.servers, server)
		if err := w.plug(server, fmt.Sprintf("server%d", i), "servers", serverAddress(i), gateway); err != nil {
			return err
		}
	}
	if w.client, err = w.sandbox.Namespace("client"); err != nil {
		return err
	}
	return w.plug(w.client, "client", "clients", clientAddress, clientGateway)
}

// plug joins a namespace to a bridge of the router.
func (w *world) plug(n *sandbox.Namespace, port, bridge, address, gateway string) error {
	veth := &netlink.Veth{
		LinkAttrs: netlink.LinkAttrs{Name: port, MTU: 1500}, PeerName: "eth0", PeerNamespace: netlink.NsFd(n.FD()),
	}
	if err := w.router.Netlink().LinkAdd(veth); err != nil {
		return err
	}
	master, err := w.router.Netlink().LinkByName(bridge)
	if err != nil {
		return err
	}
	link, err := w.router.Netlink().LinkByName(port)
	if err != nil {
		return err
	}
	if err := errors.Join(w.router.Netlink().LinkSetMaster(link, master), w.router.Netlink().LinkSetUp(link), raise(n, "eth0", address)); err != nil {
		return err
	}
	return n.Netlink().RouteAdd(&netlink.Route{Gw: net.ParseIP(gateway)})
}

// raise gives a link an address with a /24 and sets it up.
func raise(n *sandbox.Namespace, name, address string) error {
	link, err := n.Netlink().LinkByName(name)
	if err != nil {
		return err
	}
	parsed, err := netlink.ParseAddr(address + "/24")
	if err != nil {
		return err
	}
	return errors.Join(n.Netlink().AddrAdd(link, parsed), n.Netlink().LinkSetUp(link))
}

// route leads a range of Pods to a server, as the cloud's route table would.
func (w *world) route(pods netip.Prefix, server string) error {
	_, destination, err := net.ParseCIDR(pods.String())
	if err != nil {
		return err
	}
	return w.router.Netlink().RouteReplace(&netlink.Route{Dst: destination, Gw: net.ParseIP(server)})
}

func (w *world) close(ctx context.Context) error {
	var problems []error
	for _, n := range w.nodes {
		if n != nil {
			problems = append(problems, n.Close(ctx))
		}
	}
	if w.cluster != nil {
		problems = append(problems, w.cluster.Stop())
	}
	return errors.Join(append(problems, w.sandbox.Close(ctx))...)
}

// shared is the world that most tests use.
var shared struct {
	once  sync.Once
	world *world
	err   error
}

// memory is what processes have in memory, in MiB; pages that several have are
// counted for each.
func memory(pids ...int) int {
	total := 0
	for _, pid := range pids {
		status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
		if err != nil {
			continue
		}
		for line := range strings.Lines(string(status)) {
			var kib int
			if _, err := fmt.Sscanf(line, "VmRSS: %d kB", &kib); err == nil {
				total += kib / 1024
			}
		}
	}
	return total
}
