package instances

import (
	"net/netip"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	cloudproviderapi "k8s.io/cloud-provider/api"
	cloudnodeutil "k8s.io/cloud-provider/node/helpers"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/ecs"
)

// addresses are a server's, one a type and family: the InternalIP of each family
// that the Node uses already or else the first, and the elastic or public address
// as ExternalIP. A server's further addresses may be those of Pods. The Hostname
// is left to the framework, which keeps the kubelet's.
func addresses(node *corev1.Node, server *ecs.Server) []corev1.NodeAddress {
	used := usedAddresses(node)
	internal := []string{choose(server.PrivateIPs, used), choose(server.IPv6s, used)}
	if len(used) > 0 && used[0].Is6() {
		slices.Reverse(internal)
	}
	external := server.ElasticIP
	if external == "" && len(server.PublicIPs) > 0 {
		external = server.PublicIPs[0]
	}
	var all []corev1.NodeAddress
	for _, address := range internal {
		if address != "" {
			all = append(all, corev1.NodeAddress{Type: corev1.NodeInternalIP, Address: address})
		}
	}
	if external != "" {
		all = append(all, corev1.NodeAddress{Type: corev1.NodeExternalIP, Address: external})
	}
	return all
}

// choose prefers the address that the Node uses.
func choose(candidates []string, used []netip.Addr) string {
	for _, candidate := range candidates {
		if address, err := netip.ParseAddr(candidate); err == nil && slices.Contains(used, address.Unmap()) {
			return candidate
		}
	}
	if len(candidates) == 0 {
		return ""
	}
	return candidates[0]
}

// usedAddresses are what the kubelet was told to use and the Node's InternalIPs.
func usedAddresses(node *corev1.Node) []netip.Addr {
	texts := strings.Split(node.Annotations[cloudproviderapi.AnnotationAlphaProvidedIPAddr], ",")
	for _, address := range node.Status.Addresses {
		if address.Type == corev1.NodeInternalIP {
			texts = append(texts, address.Address)
		}
	}
	var used []netip.Addr
	for _, text := range texts {
		if address, err := netip.ParseAddr(strings.TrimSpace(text)); err == nil {
			used = append(used, address.Unmap())
		}
	}
	return used
}

// unchanged reports whether the framework would end with the addresses that the
// Node has: it keeps the Node's Hostname and drops what the provided node IP rules out.
func unchanged(node *corev1.Node, wanted []corev1.NodeAddress) bool {
	if provided, found := node.Annotations[cloudproviderapi.AnnotationAlphaProvidedIPAddr]; found {
		filtered, err := cloudnodeutil.GetNodeAddressesFromNodeIP(provided, wanted)
		if err != nil {
			return false
		}
		wanted = filtered
	}
	has := slices.DeleteFunc(slices.Clone(node.Status.Addresses), func(a corev1.NodeAddress) bool {
		return a.Type == corev1.NodeHostName
	})
	return len(has) == len(wanted) && !slices.ContainsFunc(wanted, func(a corev1.NodeAddress) bool {
		return !slices.Contains(has, a)
	})
}
