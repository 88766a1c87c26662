package stage

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kube-aliyun/kube-aliyun/test/cluster/kubelet"
)

// Labels of masters.
const (
	controlPlaneLabel = "node-role.kubernetes.io/control-plane"
	excludedLabel     = "node.kubernetes.io/exclude-from-external-load-balancers"
)

// Server is a server of the region that is, or was, a node.
type Server struct {
	Place
	// ID is the instance's.
	ID string
	// Node is nil before the first start.
	Node *kubelet.Node
	// off is set while no program of the node runs.
	off bool
}

// Name is the Node's name.
func (s *Server) Name() string { return s.Address }

// Servers lists the servers, the master first.
func (s *Stage) Servers() []*Server {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.servers)
}

// Master is the server with the control plane.
func (s *Stage) Master() *Server { return s.Servers()[0] }

// Workers are the servers for Pods.
func (s *Stage) Workers() []*Server { return s.Servers()[1:] }

// podRange has the addresses that Pods on a server get, or is "" where these are of
// the Node's range.
func (s *Stage) podRange(server *Server) string {
	counted, err := strconv.Atoi(strings.TrimPrefix(server.ID, workerPrefix))
	switch {
	case !s.options.PodAddresses:
		return ""
	case server.ID == masterID:
		return podRange(masterNumber).String()
	case err == nil:
		return podRange(counted - 1).String()
	default:
		return "" // somebody else's, without an interface for Pods
	}
}

// startNode makes a server a node, and returns when its Node is registered.
func (s *Stage) startNode(ctx context.Context, server *Server) error {
	options := kubelet.Options{
		Address: server.Address, IPv6: server.IPv6, Namespace: server.Namespace, Sandbox: s.sandbox, Cluster: s.cluster,
		ClusterCIDR: strings.Join(s.options.clusterCIDRs(), ","), PodRange: s.podRange(server),
		Images: []string{s.archives.Sandbox, s.archives.Network, s.archives.controller},
	}
	master := server == s.Master()
	var err error
	if options.Folders, err = s.volumeFolders(server); err != nil {
		return fmt.Errorf("server %s: %w", server.ID, err)
	}
	if master {
		options.Labels = map[string]string{excludedLabel: ""}
		options.Taints = []corev1.Taint{{Key: controlPlaneLabel, Effect: corev1.TaintEffectNoSchedule}}
	}
	node, err := kubelet.Start(ctx, options)
	if err != nil {
		return fmt.Errorf("server %s: %w", server.ID, err)
	}
	server.Node, server.off = node, false
	s.logf("%s runs as node %s", server.ID, server.Name())
	if !master {
		return nil
	}
	// A kubelet may not give itself this label.
	patch := fmt.Sprintf(`{"metadata": {"labels": {%q: ""}}}`, controlPlaneLabel)
	_, err = s.Client().CoreV1().Nodes().Patch(ctx, server.Name(), types.MergePatchType, []byte(patch), metav1.PatchOptions{})
	if err != nil {
		return fmt.Errorf("label of the master: %w", err)
	}
	return nil
}

// Join adds a server to the region, makes it a node and waits until that can be
// used.
func (s *Stage) Join(ctx context.Context) (*Server, error) {
	server, err := s.createServer(ctx)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	s.servers = append(s.servers, server)
	s.mu.Unlock()
	if err := s.startNode(ctx, server); err != nil {
		return nil, err
	}
	return server, s.WaitUsable(ctx)
}

// Stop stops a server, as its owner does in the console: its programs end, and then
// it is off.
func (s *Stage) Stop(ctx context.Context, server *Server) error {
	if err := server.end(ctx); err != nil {
		return err
	}
	return s.region.StopServer(ctx, server.ID)
}

// StartAgain starts a stopped server and makes it a node again.
func (s *Stage) StartAgain(ctx context.Context, server *Server) error {
	if err := s.region.StartServer(ctx, server.ID); err != nil {
		return err
	}
	if _, err := s.region.Dataplane(ctx); err != nil {
		return err
	}
	return s.startNode(ctx, server)
}

// Fail is a failure of a server's power: everything ends at once, and the cloud
// goes on saying that it runs.
func (s *Stage) Fail(ctx context.Context, server *Server) error {
	return errors.Join(server.cut(), server.end(ctx))
}

// Release deletes a server that may still run. The cloud refuses as long as a
// route leads to it.
func (s *Stage) Release(ctx context.Context, server *Server) error {
	if err := s.region.ReleaseServer(ctx, server.ID, true); err != nil {
		return err
	}
	s.mu.Lock()
	s.servers = slices.DeleteFunc(s.servers, func(other *Server) bool { return other == server })
	s.mu.Unlock()
	return nil
}

// PowerOff ends what runs on a server.
func (s *Server) PowerOff(ctx context.Context) error { return s.end(ctx) }

// end ends the node's programs and removes its files.
func (s *Server) end(ctx context.Context) error {
	if s.Node == nil || s.off {
		return nil
	}
	s.off = true
	return s.Node.Close(ctx)
}
