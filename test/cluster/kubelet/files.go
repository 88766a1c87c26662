package kubelet

import (
	"fmt"
	"os"
	"path/filepath"
)

// writeFiles puts everything into the node's file system that its programs need.
func (n *Node) writeFiles() error {
	if err := n.writeSecrets(); err != nil {
		return err
	}
	values := n.settings()
	for path, template := range map[string]string{
		"/var/lib/containerd/config.toml": "containerd.toml",
		"/var/lib/kubelet/config.yaml":    "kubelet.yaml",
		"/var/lib/kube-proxy/config.yaml": "kube-proxy.yaml",
	} {
		content, err := render(template, values)
		if err != nil {
			return err
		}
		if err := n.Write(File{Path: path, Content: content, Mode: 0o600}); err != nil {
			return err
		}
	}
	for _, path := range []string{"/etc/kubernetes/manifests", "/etc/cni/net.d", temporary} {
		host, err := n.HostPath(path)
		if err != nil {
			return err
		}
		if err := os.MkdirAll(host, 0o755); err != nil { // #nosec G301 -- as the machine's
			return fmt.Errorf("folder of a node: %w", err)
		}
	}
	for _, file := range n.options.Files {
		if err := n.Write(file); err != nil {
			return err
		}
	}
	return nil
}

// writeSecrets writes the node's certificates and kubeconfigs.
func (n *Node) writeSecrets() error {
	c := n.options.Cluster
	pki, err := n.HostPath("/var/lib/kubelet/pki")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(pki, 0o700); err != nil {
		return fmt.Errorf("folder of a node: %w", err)
	}
	if err := c.ServingCertificateFor(pki, Kubelet, n.options.Name, n.options.Address); err != nil {
		return err
	}
	if err := n.copy("/var/lib/kubelet/pki/ca.crt", c.AuthorityFile()); err != nil {
		return err
	}
	own, err := c.ServerKubeconfigFor("system:node:"+n.options.Name, "system:nodes")
	if err != nil {
		return err
	}
	if err := n.copy("/var/lib/kubelet/kubeconfig", own); err != nil {
		return err
	}
	proxy, err := c.ServerKubeconfigFor("system:kube-proxy")
	if err != nil {
		return err
	}
	return n.copy("/var/lib/kube-proxy/kubeconfig", proxy)
}

func (n *Node) copy(path, from string) error {
	content, err := os.ReadFile(filepath.Clean(from))
	if err != nil {
		return fmt.Errorf("file of a node: %w", err)
	}
	return n.Write(File{Path: path, Content: content, Mode: 0o600})
}
