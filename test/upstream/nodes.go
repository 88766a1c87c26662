package upstream

import (
	"bytes"
	"context"
	"fmt"
	"os"

	"github.com/kube-aliyun/kube-aliyun/test/cluster/kubelet"
	"github.com/kube-aliyun/kube-aliyun/test/e2e/stage"
)

// kubeletConfig is where a node has it.
const kubeletConfig = "/var/lib/kubelet/config.yaml"

// prepareWorkers gives the nodes for Pods the image of the specs, and tells their
// kubelets who knows the names of Services.
func prepareWorkers(ctx context.Context, s *stage.Stage, archive, nameServer string) error {
	for _, server := range s.Workers() {
		if err := server.Node.Import(ctx, archive); err != nil {
			return fmt.Errorf("node %s: %w", server.Name(), err)
		}
		if err := tellNameServer(server.Node, nameServer); err != nil {
			return fmt.Errorf("node %s: %w", server.Name(), err)
		}
		if err := server.Node.Restart(ctx, "kubelet"); err != nil {
			return fmt.Errorf("node %s: %w", server.Name(), err)
		}
		if err := server.Node.WaitReady(ctx); err != nil {
			return fmt.Errorf("node %s: %w", server.Name(), err)
		}
	}
	return nil
}

func tellNameServer(node *kubelet.Node, address string) error {
	path, err := node.HostPath(kubeletConfig)
	if err != nil {
		return err
	}
	content, err := os.ReadFile(path) // #nosec G304 -- the stage's own
	if err != nil {
		return err
	}
	content = append(bytes.TrimRight(content, "\n"), fmt.Sprintf("\nclusterDomain: %s\nclusterDNS: [%s]\n", clusterDomain, address)...)
	return node.Write(kubelet.File{Path: kubeletConfig, Content: content, Mode: 0o600})
}
