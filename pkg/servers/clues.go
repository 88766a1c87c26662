package servers

import (
	"net/netip"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	cloudproviderapi "k8s.io/cloud-provider/api"

	"github.com/kube-aliyun/kube-aliyun/pkg/providerid"
)

// Labels by which a Node is kept out of this controller, the first two by their
// presence, as in Alibaba Cloud's own controller.
const (
	labelExclude       = "service.alibabacloud.com/exclude-node"
	labelExcludeBeta   = "service.beta.kubernetes.io/exclude-node"
	labelType          = "type"
	typeVirtual        = "virtual-kubelet"
	labelLingjunWorker = "alibabacloud.com/lingjun-worker"
)

// minNameID is the least length of a Node name that is taken for an instance ID.
const minNameID = 10

// clues are what a Node says about its server.
type clues struct {
	foreign bool
	// strict: the Node has not been initialised with a provider ID, so its
	// addresses are the kubelet's word and must be the server's.
	strict bool
	// provider and name are instance IDs.
	provider, name string
	addresses      []netip.Addr
	// host is the Node's name where Node names are host names.
	host string
}

// id is the instance ID that is looked for, or empty.
func (c *clues) id() string {
	if c.provider != "" {
		return c.provider
	}
	return c.name
}

func (c *clues) equal(o *clues) bool {
	return c.foreign == o.foreign && c.strict == o.strict && c.provider == o.provider &&
		c.name == o.name && c.host == o.host && slices.Equal(c.addresses, o.addresses)
}

// String names the clues in messages.
func (c *clues) String() string {
	switch {
	case c.provider != "":
		return "instance ID " + c.provider + " (provider ID)"
	case len(c.addresses) > 0:
		parts := make([]string, 0, len(c.addresses))
		for _, a := range c.addresses {
			parts = append(parts, a.String())
		}
		return "address " + strings.Join(parts, ", ")
	case c.name != "":
		return "instance ID " + c.name + " (Node name)"
	case c.host != "":
		return "host name " + c.host
	default:
		return "the Node has neither provider ID nor InternalIP"
	}
}

// read collects the clues of a Node.
func read(node *corev1.Node, region string, hostNames bool) clues {
	if excluded(node) {
		return clues{foreign: true}
	}
	c := clues{strict: node.Spec.ProviderID == "" || uninitialized(node)}
	if node.Spec.ProviderID != "" {
		in, server, err := providerid.Parse(node.Spec.ProviderID)
		if err != nil || in != region {
			return clues{foreign: true}
		}
		c.provider = server
	}
	c.name = nameID(node.Name, region)
	c.addresses = addresses(node, hostNames)
	if hostNames {
		c.host = strings.ToLower(node.Name)
	}
	return c
}

func excluded(node *corev1.Node) bool {
	_, out := node.Labels[labelExclude]
	_, outBeta := node.Labels[labelExcludeBeta]
	return out || outBeta || node.Labels[labelType] == typeVirtual || node.Labels[labelLingjunWorker] == "true"
}

func uninitialized(node *corev1.Node) bool {
	return slices.ContainsFunc(node.Spec.Taints, func(t corev1.Taint) bool {
		return t.Key == cloudproviderapi.TaintExternalCloudProvider
	})
}

// nameID is the instance ID in a Node's name: "i-..." or "<region>.i-...".
func nameID(name, region string) string {
	if in, server, err := providerid.Parse(name); err == nil && in == region {
		return server
	}
	if len(name) >= minNameID && providerid.IsServer(name) && strings.Count(name, "-") == 1 {
		return name
	}
	return ""
}

// addresses are the Node's own: InternalIP, what the kubelet was told, and its
// name unless names are host names.
func addresses(node *corev1.Node, hostNames bool) []netip.Addr {
	var texts []string
	for _, address := range node.Status.Addresses {
		if address.Type == corev1.NodeInternalIP {
			texts = append(texts, address.Address)
		}
	}
	texts = append(texts, strings.Split(node.Annotations[cloudproviderapi.AnnotationAlphaProvidedIPAddr], ",")...)
	if !hostNames {
		texts = append(texts, node.Name)
	}
	var found []netip.Addr
	for _, text := range texts {
		if address, ok := parse(text); ok && !slices.Contains(found, address) {
			found = append(found, address)
		}
	}
	return found
}

// parse reads a usable address; "0.0.0.0" and "::" stand for "any" in the
// kubelet's annotation.
func parse(text string) (netip.Addr, bool) {
	address, err := netip.ParseAddr(strings.TrimSpace(text))
	if err != nil || address.IsUnspecified() || address.IsLoopback() {
		return netip.Addr{}, false
	}
	return address.Unmap(), true
}
