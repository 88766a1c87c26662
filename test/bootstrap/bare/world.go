package bare

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/yaml"

	"github.com/kube-aliyun/kube-aliyun/pkg/bootstrap"
	"github.com/kube-aliyun/kube-aliyun/pkg/bootstrap/clusterfile"
	"github.com/kube-aliyun/kube-aliyun/pkg/bootstrap/pki"
	"github.com/kube-aliyun/kube-aliyun/test/images"
	"github.com/kube-aliyun/kube-aliyun/test/sandbox"
)

// World is a region with the article's servers, all off, and the operator's folder.
type World struct {
	Box      *sandbox.Sandbox
	Region   *Region
	Cluster  *clusterfile.Cluster
	Machines []*Machine
	// Joining is a server of the group; it is known by no name.
	Joining *Machine
	// Folder is what aliyun-bootstrap has written.
	Folder string
	// Admin is the operator's way to the API: through the load balancer, from a
	// server of the VPC. Client speaks over it.
	Admin  *rest.Config
	Client kubernetes.Interface
	// binaries are Kubernetes' programs.
	binaries string
	root     string
}

// file is the cluster file of a world: the article's, with what this machine needs.
func file(root string) (*clusterfile.Cluster, error) {
	content, err := os.ReadFile(filepath.Join(root, "deploy/bootstrap/cluster.example.yaml")) // #nosec G304 -- the repository's
	if err != nil {
		return nil, err
	}
	fields := map[string]any{}
	if err := yaml.Unmarshal(content, &fields); err != nil {
		return nil, err
	}
	fields["images"] = map[string]any{"repository": Repository, "pause": images.Sandbox, "coreDNS": images.Network, "controller": Controller}
	fields["packages"], fields["ntpServers"], fields["cgroupDriver"] = []string{}, []string{}, "cgroupfs"
	fields["controller"] = ControllerSettings()
	fields["groups"] = []any{map[string]any{"name": Group, "labels": map[string]string{"example.com/spot": "true"}}}
	// Version 1 of control groups is what this machine may have; and a node is a part
	// of a machine that has others.
	fields["kubelet"] = map[string]any{
		"failCgroupV1": false, "failSwapOn": false, "enforceNodeAllocatable": []string{}, "makeIPTablesUtilChains": false,
		"shutdownGracePeriod": "0s", "shutdownGracePeriodCriticalPods": "0s", "imageMinimumGCAge": "24h", "imageGCHighThresholdPercent": 100,
		"evictionHard": map[string]string{"memory.available": "0%", "nodefs.available": "0%", "nodefs.inodesFree": "0%", "imagefs.available": "0%", "imagefs.inodesFree": "0%"},
	}
	content, err = yaml.Marshal(fields)
	if err != nil {
		return nil, err
	}
	return clusterfile.Parse(content)
}

// NewWorld builds programs and images, renders the cluster, and starts the region.
func NewWorld(ctx context.Context, root, binaries string) (*World, error) {
	cluster, err := file(root)
	if err != nil {
		return nil, err
	}
	archives, err := Build(ctx, root, binaries)
	if err != nil {
		return nil, err
	}
	simulator, err := Program(ctx, root, "aliyun-sim")
	if err != nil {
		return nil, err
	}
	w := &World{Cluster: cluster, binaries: binaries, root: root}
	if w.Box, err = sandbox.Open(ctx); err != nil {
		return nil, err
	}
	if err := w.start(ctx, simulator, archives); err != nil {
		return nil, errors.Join(err, w.Close(ctx))
	}
	return w, nil
}

func (w *World) start(ctx context.Context, simulator string, archives Archives) (err error) {
	w.Folder = filepath.Join(w.Box.Dir(), "operator")
	output, err := bootstrap.Build(w.Cluster, pki.Files{}, pki.Options{Now: time.Now()})
	if err != nil {
		return err
	}
	if err := output.Write(w.Folder); err != nil {
		return err
	}
	if w.Region, err = StartRegion(ctx, w.Box, simulator, w.Cluster); err != nil {
		return err
	}
	for _, server := range append(slices.Clone(w.Cluster.Servers), clusterfile.Server{Role: clusterfile.Joining, Address: JoiningAddress}) {
		place, err := w.Region.Place(server.Address)
		if err != nil {
			return err
		}
		var archived []string
		programs := []string{filepath.Join(w.binaries, "etcd")}
		if server.Role != clusterfile.Etcd {
			programs = []string{filepath.Join(w.binaries, "kubelet")}
			archived = []string{archives.Sandbox, archives.Kubernetes["kube-proxy"], archives.Network}
		}
		if server.Role == clusterfile.Master {
			archived = []string{
				archives.Sandbox, archives.Kubernetes["kube-apiserver"], archives.Kubernetes["kube-controller-manager"],
				archives.Kubernetes["kube-scheduler"], archives.Kubernetes["kube-proxy"], archives.Controller,
			}
		}
		m := NewMachine(w.Box, place, server, programs, archived)
		if server.Role == clusterfile.Joining {
			w.Joining = m
			continue
		}
		w.Machines = append(w.Machines, m)
	}
	w.Admin, err = clientcmd.BuildConfigFromFlags("", filepath.Join(w.Folder, "admin.kubeconfig"))
	if err != nil {
		return err
	}
	w.Admin.Dial, w.Admin.QPS, w.Admin.Burst, w.Admin.Timeout = w.Region.Operator.Dial, 200, 400, 5*time.Second
	w.Client, err = kubernetes.NewForConfig(w.Admin)
	return err
}

// Render writes the operator's folder again, with what has been added to it.
func (w *World) Render() error {
	there, err := bootstrap.ReadKeys(w.Folder)
	if err != nil {
		return err
	}
	output, err := bootstrap.Build(w.Cluster, there, pki.Options{Now: time.Now()})
	if err != nil {
		return err
	}
	return output.Write(w.Folder)
}

// Of lists the machines of a role.
func (w *World) Of(role clusterfile.Role) []*Machine {
	var machines []*Machine
	for _, m := range w.Machines {
		if m.Server.Role == role {
			machines = append(machines, m)
		}
	}
	return machines
}

// UserData is what a machine gets at its first start.
func (w *World) UserData(m *Machine) ([]byte, error) {
	server := m.Server
	if server.Role == clusterfile.Joining {
		server.Address = Group
	}
	return os.ReadFile(filepath.Join(w.Folder, bootstrap.UserDataPath(server)))
}

// PowerOn starts a machine.
func (w *World) PowerOn(ctx context.Context, m *Machine) error {
	userData, err := w.UserData(m)
	if err != nil {
		return err
	}
	return m.PowerOn(ctx, userData)
}

// OperatorRun runs a program of the operator's, with Kubernetes' programs at hand.
func (w *World) OperatorRun(ctx context.Context, program string, arguments ...string) (string, error) {
	var output []byte
	err := sandbox.Within(w.Region.Operator.Namespace, func() (err error) {
		command := exec.CommandContext(ctx, program, arguments...) // #nosec G204 -- the test's own
		command.Env = append(os.Environ(), "PATH="+w.binaries+":"+os.Getenv("PATH"))
		output, err = command.CombinedOutput()
		return err
	})
	if err != nil {
		return string(output), fmt.Errorf("%s %s: %w: %s", program, strings.Join(arguments, " "), err, output)
	}
	return string(output), nil
}

// Kubectl is the operator's.
func (w *World) Kubectl(ctx context.Context, arguments ...string) (string, error) {
	return w.OperatorRun(ctx, filepath.Join(w.binaries, "kubectl"), append([]string{"--kubeconfig=" + filepath.Join(w.Folder, "admin.kubeconfig")}, arguments...)...)
}

// Get asks a URL from a place over a connection of its own, believing any
// certificate; it returns the status and the body.
func Get(ctx context.Context, dial func(context.Context, string, string) (net.Conn, error), url string) (status int, body string, err error) {
	client := &http.Client{Transport: &http.Transport{
		DialContext: dial, DisableKeepAlives: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, // #nosec G402 -- it is about who is let in
	}}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return 0, "", err
	}
	response, err := client.Do(request)
	if err != nil {
		return 0, "", err
	}
	defer func() { _ = response.Body.Close() }()
	content, err := io.ReadAll(response.Body)
	return response.StatusCode, string(content), err
}

// closeTimeout bounds the end of a world.
const closeTimeout = 2 * time.Minute

// Close ends everything; nothing is left on the machine. With KUBE_ALIYUN_E2E_LOGS
// the logs are kept there.
func (w *World) Close(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
	defer cancel()
	var problems []error
	if to := os.Getenv("KUBE_ALIYUN_E2E_LOGS"); to != "" {
		for _, m := range w.Machines {
			for from, name := range map[string]string{m.Logs(): "programs", m.HostPath("/var/log/pods"): "pods"} {
				if _, err := os.Stat(from); err == nil {
					problems = append(problems, os.CopyFS(filepath.Join(to, m.Server.Address, name), os.DirFS(from)))
				}
			}
		}
	}
	for _, m := range w.Machines {
		problems = append(problems, m.PowerOff(ctx))
	}
	if w.Joining != nil {
		problems = append(problems, w.Joining.PowerOff(ctx))
	}
	if w.Region != nil {
		problems = append(problems, w.Region.End(ctx))
	}
	return errors.Join(append(problems, w.Box.Close(ctx))...)
}
