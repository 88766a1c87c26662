package loadbalancer

import (
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
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
	nodes, err := b.options.Nodes.List(labels.Everything())
	if err != nil {
		return nil, fmt.Errorf("list nodes: %w", err)
	}
	out := make([]build.Server, 0, len(nodes))
	claims := map[string]int{}
	for _, node := range nodes {
		region, server, err := providerid.Parse(node.Spec.ProviderID)
		if err != nil || region != b.options.Location.Region {
			continue // not initialised yet, or not of this cloud
		}
		claims[server]++
		if b.excluded(node) {
			continue
		}
		going := leaving(node)
		if going && b.options.Drained != nil && b.options.Drained(node) {
			continue
		}
		out = append(out, build.Server{
			ID: server, Node: node.Name, Zone: node.Labels[corev1.LabelTopologyZone], Labels: node.Labels, Cordoned: node.Spec.Unschedulable,
			Draining: going, IPv6: hasIPv6(node),
		})
	}
	kept := out[:0]
	for _, s := range out {
		if claims[s.ID] == 1 {
			kept = append(kept, s)
		}
	}
	return kept, nil
}

func (b *Balancers) excluded(node *corev1.Node) bool {
	for _, label := range excluding {
		if _, found := node.Labels[label]; found {
			return true
		}
	}
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
	list, err := b.options.EndpointSlices.EndpointSlices(service.Namespace).List(
		labels.SelectorFromSet(labels.Set{discoveryv1.LabelServiceName: service.Name}))
	if err != nil {
		return nil, fmt.Errorf("list endpoint slices: %w", err)
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
