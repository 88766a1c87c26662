package cluster

import (
	"context"
	"fmt"
	"net"
	"path/filepath"
	"strconv"
	"sync"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
)

// Cluster is a control plane that Start has started or Open has found.
type Cluster struct {
	options Options
	dir     string
	config  *rest.Config
	client  kubernetes.Interface
	// choosePort is freePort, but for tests.
	choosePort func(ctx context.Context, host string) (int, error)
	// relay is nil unless the programs are in a network namespace.
	relay *relay

	mu sync.Mutex
	// record and children are guarded by mu.
	record   state
	children map[string]*child

	logMu sync.Mutex
}

// Dir is the folder of this control plane.
func (c *Cluster) Dir() string { return c.dir }

// Binaries is the folder of the programs; for a cluster that was found by Open it
// is empty.
func (c *Cluster) Binaries() string { return c.options.Binaries }

// Kubeconfig is the path of the admin's kubeconfig, a member of system:masters.
func (c *Cluster) Kubeconfig() string { return c.path("kubeconfig", "admin.kubeconfig") }

// RESTConfig is a copy of the admin's client configuration, without a
// client-side limit of requests.
func (c *Cluster) RESTConfig() *rest.Config { return rest.CopyConfig(c.config) }

// Client is the admin's client.
func (c *Cluster) Client() kubernetes.Interface { return c.client }

// Process is a program of the control plane as it is now.
type Process struct {
	Name string
	PID  int
	// URL is where it serves HTTPS.
	URL string
	// Log is the path of its log file.
	Log string
	// Alive tells whether the process runs.
	Alive bool
}

// Processes returns the programs in the order of their start.
func (c *Cluster) Processes() []Process {
	c.mu.Lock()
	defer c.mu.Unlock()
	processes := make([]Process, 0, len(c.record.Components))
	for _, comp := range c.record.Components {
		processes = append(processes, Process{
			Name:  comp.Name,
			PID:   comp.PID,
			URL:   "https://" + comp.Address,
			Log:   comp.Log,
			Alive: belongsTo(comp.PID, c.dir),
		})
	}
	return processes
}

// Alive tells whether every program of the control plane runs.
func (c *Cluster) Alive() bool {
	for _, process := range c.Processes() {
		if !process.Alive {
			return false
		}
	}
	return true
}

// Logs returns the path of the log of every program, by its name.
func (c *Cluster) Logs() map[string]string {
	logs := map[string]string{}
	for _, process := range c.Processes() {
		logs[process.Name] = process.Log
	}
	return logs
}

// FlexVolumes is the folder where kube-controller-manager looks for drivers. It may
// not be there yet.
func (c *Cluster) FlexVolumes() string { return c.path("flexvolumes") }

func (c *Cluster) path(elements ...string) string {
	return filepath.Join(append([]string{c.dir}, elements...)...)
}

func (c *Cluster) cert(name string) string { return c.path("pki", name+".crt") }

func (c *Cluster) key(name string) string { return c.path("pki", name+".key") }

func (c *Cluster) hostPort(port int) string {
	return net.JoinHostPort(c.options.BindAddress, strconv.Itoa(port))
}

// address is the host and port of a program that was started, or "".
func (c *Cluster) address(name string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, comp := range c.record.Components {
		if comp.Name == name {
			return comp.Address
		}
	}
	return ""
}

// apiServerURL is for clients on this machine.
func (c *Cluster) apiServerURL() string {
	if c.record.Relay != "" {
		return "https://" + c.record.Relay
	}
	return c.serverURL()
}

// serverURL is for clients that are where the control plane is, or on other
// servers of its network.
func (c *Cluster) serverURL() string { return "https://" + c.address(apiServerName) }

// recordComponent puts a component into the record, in place of an older one of
// that name, and saves the record.
func (c *Cluster) recordComponent(comp component, p *child) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.children[comp.Name] = p
	for i := range c.record.Components {
		if c.record.Components[i].Name == comp.Name {
			c.record.Components[i] = comp
			return c.record.save(c.dir)
		}
	}
	c.record.Components = append(c.record.Components, comp)
	return c.record.save(c.dir)
}

func (c *Cluster) logf(format string, values ...any) {
	c.logMu.Lock()
	defer c.logMu.Unlock()
	_, _ = fmt.Fprintf(c.options.Log, format+"\n", values...)
}
