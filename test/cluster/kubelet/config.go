package kubelet

import (
	"bytes"
	"embed"
	"fmt"
	"text/template"

	corev1 "k8s.io/api/core/v1"

	"github.com/kube-aliyun/kube-aliyun/test/images"
)

//go:embed config
var configFiles embed.FS

var templates = template.Must(template.ParseFS(configFiles, "config/*"))

// pluginDir is where Debian has the CNI plug-ins.
const pluginDir = "/usr/lib/cni"

// bridge is the device that a node's Pods are on.
const bridge = "cni0"

// settings fill the templates of package config.
type settings struct {
	Name         string
	Address      string
	SandboxImage string
	PluginDir    string
	CgroupRoot   string
	ClusterCIDR  string
	Taints       []corev1.Taint
}

// network fills kubernetes.conflist.
type network struct {
	// Bridge is empty where each Pod has a link of its own to the node.
	Bridge   string
	PodCIDRs []string
	// Routes are the destinations that Pods send to the node.
	Routes []string
}

func (n *Node) settings() settings {
	return settings{
		Name:         n.options.Name,
		Address:      n.options.Address,
		SandboxImage: images.Sandbox,
		PluginDir:    pluginDir,
		CgroupRoot:   n.pods.Path,
		ClusterCIDR:  n.options.ClusterCIDR,
		Taints:       n.options.Taints,
	}
}

// render fills the template of a name.
func render(name string, values any) ([]byte, error) {
	var out bytes.Buffer
	if err := templates.ExecuteTemplate(&out, name, values); err != nil {
		return nil, fmt.Errorf("writing %s: %w", name, err)
	}
	return out.Bytes(), nil
}
