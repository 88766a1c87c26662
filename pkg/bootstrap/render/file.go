// Package render makes the files of servers and of the operator out of
// deploy/bootstrap, a cluster file and certificates.
package render

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"

	"github.com/kube-aliyun/kube-aliyun/pkg/bootstrap/clusterfile"
	"github.com/kube-aliyun/kube-aliyun/pkg/bootstrap/pki"
	"github.com/kube-aliyun/kube-aliyun/pkg/bootstrap/placeholder"
	"github.com/kube-aliyun/kube-aliyun/pkg/bootstrap/token"
)

// File is a file of a server.
type File struct {
	Path        string `json:"path"`
	Permissions string `json:"permissions"`
	// Encoding is gz+b64 on the way of a file that is compressed.
	Encoding string `json:"encoding,omitempty"`
	Content  string `json:"content"`
}

// Setup is everything that a server's first start does.
type Setup struct {
	Server   clusterfile.Server
	Files    []File
	Run      [][]string
	Packages []string
}

// list is what servers/ROLE.yaml says.
type list struct {
	Files []entry   `json:"files"`
	Run   []command `json:"run"`
}

type entry struct {
	Path        string `json:"path"`
	Permissions string `json:"permissions"`
	// From is an asset; Certificate, Key and Public are names in the folder pki.
	// Certificate may name several, which are one file then.
	From        string `json:"from,omitempty"`
	Certificate string `json:"certificate,omitempty"`
	Key         string `json:"key,omitempty"`
	Public      string `json:"public,omitempty"`
	// Identity is the certificate of a kubeconfig.
	Identity string `json:"identity,omitempty"`
	// When is "downloads" for what only a server with downloads needs.
	When string `json:"when,omitempty"`
}

type command struct {
	Command []string `json:"command"`
	When    string   `json:"when,omitempty"`
}

// Assets are where the files come from.
type Assets struct {
	// Bootstrap is deploy/bootstrap, Controller deploy/controller.
	Bootstrap, Controller fs.FS
}

var errUnfilled = errors.New("something is left that looks like a placeholder")

// roles are the lists of a role, in the order in which their commands run.
var roles = map[clusterfile.Role][]string{
	clusterfile.Etcd:   {"etcd"},
	clusterfile.Master: {"master", "member", "node"},
	clusterfile.Node:   {"member", "node"},
	// What it is called it is told by the metadata service.
	clusterfile.Joining: {"joining", "node"},
}

// Server makes the set-up of one server.
func (a Assets) Server(c *clusterfile.Cluster, server clusterfile.Server, keys pki.Files) (*Setup, error) {
	values, err := c.ServerValues(server)
	if err != nil {
		return nil, err
	}
	if server.Role == clusterfile.Joining {
		t, err := token.Parse(keys[token.File(server.Address)])
		if err != nil {
			return nil, fmt.Errorf("group %s: %w", server.Address, err)
		}
		values = values.With(placeholder.Values{"BOOTSTRAP_TOKEN": t.String()})
	}
	r := &renderer{assets: a, cluster: c, server: server, values: values, keys: keys, downloads: downloads(c, server)}
	setup := &Setup{Server: server}
	if server.Role != clusterfile.Etcd {
		setup.Packages = c.Packages
	}
	for _, name := range roles[server.Role] {
		content, err := fs.ReadFile(a.Bootstrap, path.Join("servers", name+".yaml"))
		if err != nil {
			return nil, err
		}
		l := list{}
		if err := yaml.UnmarshalStrict(content, &l); err != nil {
			return nil, fmt.Errorf("servers/%s.yaml: %w", name, err)
		}
		if err := r.add(setup, l); err != nil {
			return nil, fmt.Errorf("server %s: %w", server.Address, err)
		}
	}
	if server.Role != clusterfile.Etcd {
		if err := r.addMirrors(setup); err != nil {
			return nil, err
		}
	}
	slices.SortFunc(setup.Files, func(one, other File) int { return strings.Compare(one.Path, other.Path) })
	return setup, nil
}

// renderer makes the files of one server.
type renderer struct {
	assets    Assets
	cluster   *clusterfile.Cluster
	server    clusterfile.Server
	values    placeholder.Values
	keys      pki.Files
	downloads string
}

func (r *renderer) add(setup *Setup, l list) error {
	for _, e := range l.Files {
		if e.When == "downloads" && r.downloads == "" {
			continue
		}
		content, err := r.content(e)
		if err != nil {
			return fmt.Errorf("%s: %w", e.Path, err)
		}
		setup.Files = append(setup.Files, File{Path: e.Path, Permissions: e.Permissions, Content: content})
	}
	for _, c := range l.Run {
		if c.When != "downloads" || r.downloads != "" {
			setup.Run = append(setup.Run, c.Command)
		}
	}
	return nil
}

// content is what is in a file.
func (r *renderer) content(e entry) (string, error) {
	if names := strings.Fields(e.Certificate); len(names) > 1 {
		return r.bundle(names)
	}
	for name, suffix := range map[string]string{e.Certificate: ".crt", e.Key: ".key", e.Public: ".pub"} {
		if name == "" {
			continue
		}
		filled, err := r.values.Fill(name)
		if err != nil {
			return "", err
		}
		content := r.keys[filled+suffix]
		if content == nil {
			return "", fmt.Errorf("pki/%s%s: %w", filled, suffix, fs.ErrNotExist)
		}
		return string(content), nil
	}
	values := r.values.With(placeholder.Values{"IDENTITY": e.Identity})
	switch e.From {
	case "downloads":
		return r.downloads, nil
	case "cloud-config":
		return r.cloudConfig()
	case "kubernetes/kubelet.yaml", "kubernetes/kubelet-joining.yaml":
		return r.kubeletConfiguration(e.From, values)
	case "controller/static-pod.yaml":
		return r.controllerPod()
	case "controller/kubeconfig":
		content, err := fs.ReadFile(r.assets.Controller, "kubeconfig")
		return bare(string(content)), err
	}
	return r.assets.fill(e.From, values)
}

// bundle are certificates of authorities that are believed alike.
func (r *renderer) bundle(names []string) (string, error) {
	var b strings.Builder
	for _, name := range names {
		content := r.keys[name+".crt"]
		if content == nil {
			return "", fmt.Errorf("pki/%s.crt: %w", name, fs.ErrNotExist)
		}
		b.Write(content)
	}
	return b.String(), nil
}

// fill is an asset with its values and without its comments, which are for who reads
// the repository: user-data is small.
func (a Assets) fill(name string, values placeholder.Values) (string, error) {
	content, err := fs.ReadFile(a.Bootstrap, name)
	if err != nil {
		return "", err
	}
	filled, err := values.Fill(bare(string(content)))
	if err != nil {
		return "", fmt.Errorf("%s: %w", name, err)
	}
	return filled, nil
}

// bare takes away lines that are comments, but for the one that names an interpreter.
func bare(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		if strings.HasPrefix(strings.TrimSpace(line), "#") && (b.Len() > 0 || !strings.HasPrefix(line, "#!")) {
			continue
		}
		b.WriteString(line)
	}
	return b.String()
}

// downloads are the lines of a server's list of programs.
func downloads(c *clusterfile.Cluster, server clusterfile.Server) string {
	role := server.Role
	if role == clusterfile.Joining {
		role = clusterfile.Node
	}
	var b strings.Builder
	for _, d := range c.Downloads {
		if slices.Contains(d.Roles, role) {
			fmt.Fprintf(&b, "%s %s %s\n", d.SHA256, d.URL, d.Path)
		}
	}
	return b.String()
}

// kubeletConfiguration is the asset with the cluster file's own fields.
func (r *renderer) kubeletConfiguration(name string, values placeholder.Values) (string, error) {
	filled, err := r.assets.fill(name, values)
	if err != nil || len(r.cluster.Kubelet) == 0 {
		return filled, err
	}
	fields := map[string]any{}
	if err := yaml.Unmarshal([]byte(filled), &fields); err != nil {
		return "", err
	}
	for key, value := range r.cluster.Kubelet {
		fields[key] = value
	}
	written, err := yaml.Marshal(fields)
	return string(written), err
}

// nodeSigner is the Secret that scripts/finish makes of the authority of joining nodes.
const nodeSigner = "kube-aliyun-node-signer"

// cloudConfig are the settings of aliyun-controller.
func (r *renderer) cloudConfig() (string, error) {
	c := r.cluster
	settings := map[string]any{"region": c.Region, "api-endpoints": append([]string{c.LoadBalancer.Address}, c.LoadBalancer.Names...)}
	if c.VPC.ID != "" {
		settings["vpc"] = c.VPC.ID
	}
	if len(c.VPC.VSwitches) > 0 {
		settings["vswitches"] = c.VPC.VSwitches
	}
	if c.VPC.RouteTable != "" {
		settings["route-tables"] = []string{c.VPC.RouteTable}
	}
	if len(c.Groups) > 0 {
		settings["node-signer-secret"] = nodeSigner
	}
	for key, value := range c.Controller {
		settings[key] = value
	}
	written, err := yaml.Marshal(settings)
	return string(written), err
}

// What deploy/controller/static-pod.yaml has in the places of a cluster's values.
const (
	shippedImage = "localhost/kube-aliyun/aliyun-controller:local"
	shippedRange = "--cluster-cidr=10.2.0.0/16"
)

// controllerPod is the manifest that deploy/controller has for everybody.
func (r *renderer) controllerPod() (string, error) {
	content, err := fs.ReadFile(r.assets.Controller, "static-pod.yaml")
	if err != nil {
		return "", err
	}
	for from, to := range map[string]string{
		shippedImage: r.cluster.Images.Controller, shippedRange: "--cluster-cidr=" + r.cluster.PodCIDR,
	} {
		if bytes.Count(content, []byte(from)) != 1 {
			return "", fmt.Errorf("deploy/controller/static-pod.yaml: %s is not there once: %w", from, errUnfilled)
		}
		content = bytes.Replace(content, []byte(from), []byte(to), 1)
	}
	return bare(string(content)), nil
}

// addMirrors tells containerd where else images are.
func (r *renderer) addMirrors(setup *Setup) error {
	for registry, mirror := range r.cluster.RegistryMirrors {
		upstream := registry
		if registry == "docker.io" {
			upstream = "registry-1.docker.io"
		}
		content, err := r.assets.fill("containerd/hosts.toml", placeholder.Values{"REGISTRY": upstream, "MIRROR": mirror})
		if err != nil {
			return err
		}
		setup.Files = append(setup.Files, File{
			Path: "/etc/containerd/certs.d/" + registry + "/hosts.toml", Permissions: "0644", Content: content,
		})
	}
	return nil
}

// quote writes a string as JSON does, which YAML reads too.
func quote(text string) string {
	written, _ := json.Marshal(text) // a string cannot fail
	return string(written)
}
