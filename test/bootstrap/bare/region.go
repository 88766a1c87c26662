package bare

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/vishvananda/netlink"

	"github.com/kube-aliyun/kube-aliyun/pkg/bootstrap/clusterfile"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/admin"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/dataplane"
	"github.com/kube-aliyun/kube-aliyun/test/e2e/stage"
	"github.com/kube-aliyun/kube-aliyun/test/process"
	"github.com/kube-aliyun/kube-aliyun/test/sandbox"
)

// The region's only keys.
const (
	AccessKey       = "test-controller"
	AccessKeySecret = "test-controller-secret" // #nosec G101 -- the simulated region's
)

// operator is a server of the VPC that nothing runs on: people's kubectl.
const operator = "10.99.0.5"

// Outside is an address beyond all ranges of the cluster, on the operator's server.
const Outside = "192.0.2.9"

// JoiningAddress is that of a server of the group Group.
const JoiningAddress = "10.99.0.41"

// Group is the cluster's only group; its server is off, and not among the Machines.
const Group = "spot"

// instance is the id of the server with an address.
func instance(address string) string { return "i-" + strings.ReplaceAll(address, ".", "-") }

// seed is a region with the article's servers and its internal load balancer, made
// as the console makes them.
func seed(c *clusterfile.Cluster) string {
	var b strings.Builder
	fmt.Fprintf(&b, `region: %[1]s
profile: std
keys: [{id: %[2]s, secret: %[3]s}]
metadata: {TokenRequired: true}
vpcs: [{id: %[4]s, name: bare, cidr: %[5]s}]
routeTables: [{id: %[6]s, vpc: %[4]s, type: System}]
vSwitches: [{id: %[7]s, vpc: %[4]s, zone: %[1]s-h, cidr: %[5]s}]
routes: [{table: %[6]s, destination: %[10]s/32, nextHop: %[8]s, name: outside}]
servers:
- {id: %[8]s, name: operator, vSwitch: %[7]s, privateIP: %[9]s, sourceDestCheck: false}
`, c.Region, AccessKey, AccessKeySecret, c.VPC.ID, c.VPC.CIDR, c.VPC.RouteTable, c.VPC.VSwitches[0], instance(operator), operator, Outside)
	for _, s := range c.Servers {
		fmt.Fprintf(&b, "- {id: %s, name: %s, vSwitch: %s, privateIP: %s, sourceDestCheck: true}\n", instance(s.Address), s.Role, c.VPC.VSwitches[0], s.Address)
	}
	fmt.Fprintf(&b, "- {id: %s, name: group, vSwitch: %s, privateIP: %s, sourceDestCheck: true}\n", instance(JoiningAddress), c.VPC.VSwitches[0], JoiningAddress)
	fmt.Fprintf(&b, "loadBalancers:\n- id: lb-api\n  address: %s\n  addressType: intranet\n  vSwitch: %s\n  backends:\n", c.LoadBalancer.Address, c.VPC.VSwitches[0])
	for _, s := range c.Of(clusterfile.Master) {
		fmt.Fprintf(&b, "  - {server: %s}\n", instance(s.Address))
	}
	fmt.Fprintf(&b, "  listeners:\n  - {port: %d, protocol: tcp, backendPort: 6443, settings: {HealthCheck: 'on', HealthCheckInterval: '2', HealthCheckConnectTimeout: '2', UnhealthyThreshold: '2', HealthyThreshold: '2'}}\n", c.LoadBalancer.Port)
	return b.String()
}

// ControllerSettings are what differs from Alibaba Cloud for aliyun-controller.
func ControllerSettings() map[string]any {
	host, _, _ := strings.Cut(dataplane.OpenAPIAddress, ":")
	settings := map[string]any{"insecure-endpoints": true}
	for _, product := range []string{"ecs", "vpc", "slb", "sts"} {
		settings[product+"-endpoint"] = "http://" + host
	}
	return settings
}

// Region is a running simulator.
type Region struct {
	*admin.Client
	simulator *process.Process
	servers   map[string]stage.Place
	// Internet is where clients of Services are, Operator where people are.
	Internet, Operator stage.Place
}

// regionTimeout is for its start, and for its end.
const regionTimeout = 30 * time.Second

var errNoServer = errors.New("the region has no such server")

// StartRegion starts the region of a cluster.
func StartRegion(ctx context.Context, box *sandbox.Sandbox, binary string, c *clusterfile.Cluster) (*Region, error) {
	dir := box.Dir()
	file, addresses, log := filepath.Join(dir, "region.yaml"), filepath.Join(dir, "addresses.json"), filepath.Join(dir, "aliyun-sim.log")
	if err := os.WriteFile(file, []byte(seed(c)), 0o600); err != nil {
		return nil, err
	}
	simulator, err := process.Start(ctx, process.Program{
		Name: "aliyun-sim", Binary: binary, Log: log,
		Args: []string{"--dataplane", "--seed=" + file, "--listen=127.0.0.1:0", "--addresses-file=" + addresses},
	})
	if err != nil {
		return nil, err
	}
	r := &Region{simulator: simulator, servers: map[string]stage.Place{}}
	starting, cancel := context.WithTimeout(ctx, regionTimeout)
	defer cancel()
	for {
		if err = r.connect(starting, addresses); err == nil || simulator.Ended() != "" || starting.Err() != nil {
			break
		}
		select {
		case <-starting.Done():
		case <-time.After(50 * time.Millisecond):
		}
	}
	if err != nil {
		output, _ := os.ReadFile(log) // #nosec G304 -- the simulator's
		return nil, errors.Join(fmt.Errorf("starting the region: %w\n%s", err, output), r.End(ctx))
	}
	return r, nil
}

// connect reads where the simulator listens, and where the servers are.
func (r *Region) connect(ctx context.Context, addresses string) error {
	content, err := os.ReadFile(addresses) // #nosec G304 -- the simulator's
	if err != nil {
		return err
	}
	var urls struct {
		OpenAPI string `json:"openapi"`
	}
	if err := json.Unmarshal(content, &urls); err != nil {
		return err
	}
	r.Client = admin.NewClient(urls.OpenAPI, nil)
	if err := r.Healthy(ctx); err != nil {
		return err
	}
	plane, err := r.Dataplane(ctx)
	if err != nil {
		return err
	}
	r.Internet = stage.Place{Namespace: plane.Client.Namespace, Address: plane.Client.Address}
	for id, place := range plane.Servers {
		r.servers[id] = stage.Place{Namespace: place.Namespace, Address: place.Address}
	}
	r.Operator = r.servers[instance(operator)]
	return sandbox.Within(r.Operator.Namespace, func() error {
		loopback, err := netlink.LinkByName("lo")
		if err != nil {
			return err
		}
		address, err := netlink.ParseAddr(Outside + "/32")
		if err != nil {
			return err
		}
		return netlink.AddrReplace(loopback, address)
	})
}

// Place is where the server with an address is.
func (r *Region) Place(address string) (stage.Place, error) {
	place, found := r.servers[instance(address)]
	if !found {
		return stage.Place{}, fmt.Errorf("%s: %w", address, errNoServer)
	}
	return place, nil
}

// End ends the simulator, which removes its network.
func (r *Region) End(ctx context.Context) error {
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), regionTimeout)
	defer cancel()
	err := errors.Join(r.simulator.Signal(syscall.SIGTERM), r.simulator.Wait(ending))
	if err != nil {
		err = errors.Join(err, r.simulator.Signal(syscall.SIGKILL))
	}
	return err
}
