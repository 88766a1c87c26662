package loadbalancer

import (
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	netutils "k8s.io/utils/net"
	"k8s.io/utils/ptr"

	"github.com/kube-aliyun/kube-aliyun/pkg/loadbalancer/build"
	"github.com/kube-aliyun/kube-aliyun/pkg/providerid"
)

const (
	// taintToBeDeleted is how the cluster autoscaler marks nodes that it is about
	// to delete.
	taintToBeDeleted = "ToBeDeletedByClusterAutoscaler"

	labelControlPlane = "node-role.kubernetes.io/control-plane"
	labelMaster       = "node-role.kubernetes.io/master"
)

// excluding are the labels that keep a node out of all load balancers: the
// standard one, and those that the official controller honours.
var excluding = []string{
	corev1.LabelNodeExcludeBalancers,
	"alpha.service-controller.kubernetes.io/exclude-balancer",
	"service.alibabacloud.com/exclude-node",
	"service.beta.kubernetes.io/exclude-node",
}

// servers returns the servers that could be backends. Whether a node is ready
// does not matter: health checks know better. A server that two Nodes claim is
// nobody's.
func (b *Balancers) servers() ([]build.Server, error) {
	hosts, err := b.hosts()
	if err != nil {
		return nil, err
	}
	out := make([]build.Server, 0, len(hosts))
	for _, h := range hosts {
		if excluded(h.node) || b.controls(h.node) || h.drained {
			continue
		}
		out = append(out, build.Server{
			ID: h.server, Node: h.node.Name, Zone: h.node.Labels[corev1.LabelTopologyZone], Labels: h.node.Labels, Cordoned: h.node.Spec.Unschedulable,
			Draining: h.leaving, IPv6: hasIPv6(h.node),
		})
	}
	return out, nil
}

// host is a Node of ours: one with a server of the region.
type host struct {
	node   *corev1.Node
	server string
	// leaving: it is about to go; drained: nothing but DaemonSets is left on it.
	leaving, drained bool
}

// hosts returns the Nodes of ours. A server that two Nodes claim is nobody's.
func (b *Balancers) hosts() ([]host, error) {
	nodes, err := b.options.Nodes.List(labels.Everything())
	if err != nil {
		return nil, fmt.Errorf("list nodes: %w", err)
	}
	out := make([]host, 0, len(nodes))
	claims := map[string]int{}
	for _, node := range nodes {
		region, server, err := providerid.Parse(node.Spec.ProviderID)
		if err != nil || region != b.options.Location.Region {
			continue // not initialised yet, or not of this cloud
		}
		claims[server]++
		h := host{node: node, server: server, leaving: leaving(node)}
		h.drained = h.leaving && b.options.Drained != nil && b.options.Drained(node)
		out = append(out, h)
	}
	return slices.DeleteFunc(out, func(h host) bool { return claims[h.server] > 1 }), nil
}

// excluded reports whether a node is kept out of all load balancers.
func excluded(node *corev1.Node) bool {
	return slices.ContainsFunc(excluding, func(label string) bool {
		_, found := node.Labels[label]
		return found
	})
}

// controls reports whether a node is kept out because it is a control plane's.
func (b *Balancers) controls(node *corev1.Node) bool {
	if b.options.ControlPlaneBackends {
		return false
	}
	_, controlPlane := node.Labels[labelControlPlane]
	_, master := node.Labels[labelMaster]
	return controlPlane || master
}

// hasIPv6 reports whether a node's server can be reached by IPv6 inside the VPC.
func hasIPv6(node *corev1.Node) bool {
	return slices.ContainsFunc(node.Status.Addresses, func(a corev1.NodeAddress) bool {
		return a.Type == corev1.NodeInternalIP && netutils.IsIPv6String(a.Address)
	})
}

// leaving reports whether a node is about to go: it takes no new connections.
func leaving(node *corev1.Node) bool {
	if node.DeletionTimestamp != nil {
		return true
	}
	for i := range node.Spec.Taints {
		switch node.Spec.Taints[i].Key {
		case taintToBeDeleted, corev1.TaintNodeOutOfService:
			return true
		}
	}
	return false
}

// endpoints returns the endpoints of a Service whose nodes pass traffic to their
// own Pods only; for others they do not matter.
func (b *Balancers) endpoints(service *corev1.Service) ([]build.Endpoint, error) {
	if service.Spec.ExternalTrafficPolicy != corev1.ServiceExternalTrafficPolicyLocal {
		return nil, nil
	}
	list, err := b.slices(service)
	if err != nil {
		return nil, err
	}
	var out []build.Endpoint
	for _, slice := range list {
		for i := range slice.Endpoints {
			e := &slice.Endpoints[i]
			if e.NodeName == nil {
				continue
			}
			out = append(out, build.Endpoint{
				Node:        *e.NodeName,
				Ready:       ptr.Deref(e.Conditions.Ready, true),
				Terminating: ptr.Deref(e.Conditions.Terminating, false) && ptr.Deref(e.Conditions.Serving, true),
			})
		}
	}
	return out, nil
}
