package servers

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	cloudproviderapi "k8s.io/cloud-provider/api"
)

func TestCluesOfANode(t *testing.T) {
	ips := func(texts ...string) []netip.Addr {
		all := make([]netip.Addr, 0, len(texts))
		for _, text := range texts {
			all = append(all, netip.MustParseAddr(text))
		}
		return all
	}
	for name, test := range map[string]struct {
		node  *corev1.Node
		hosts bool
		want  clues
	}{
		"provider ID": {
			node: node("n1", providerID("cn-hangzhou.i-1")),
			want: clues{provider: "i-1"},
		},
		"provider ID of an uninitialised Node": {
			node: node("n1", providerID("aliyun://cn-hangzhou.i-1"), tainted),
			want: clues{provider: "i-1", strict: true},
		},
		"other region":      {node: node("n1", providerID("cn-beijing.i-1")), want: clues{foreign: true}},
		"other cloud":       {node: node("n1", providerID("aws:///eu-west-1a/i-1")), want: clues{foreign: true}},
		"hybrid":            {node: node("n1", providerID("ack-hybrid://x")), want: clues{foreign: true}},
		"excluded":          {node: node("n1", label("service.alibabacloud.com/exclude-node", "")), want: clues{foreign: true}},
		"excluded, old key": {node: node("n1", label("service.beta.kubernetes.io/exclude-node", "x")), want: clues{foreign: true}},
		"virtual":           {node: node("n1", label("type", "virtual-kubelet")), want: clues{foreign: true}},
		"lingjun":           {node: node("n1", label("alibabacloud.com/lingjun-worker", "true")), want: clues{foreign: true}},
		"other type label":  {node: node("n1", label("type", "gpu")), want: clues{strict: true}},
		"instance ID as name": {
			node: node("i-bp1abcdefgh"),
			want: clues{name: "i-bp1abcdefgh", strict: true},
		},
		"region and instance ID as name": {
			node: node("cn-hangzhou.i-bp1abcdefgh"),
			want: clues{name: "i-bp1abcdefgh", strict: true},
		},
		"name that is short": {node: node("i-a"), want: clues{strict: true}},
		"name with dashes":   {node: node("i-am-a-node-too"), want: clues{strict: true}},
		"addresses": {
			node: node("10.0.0.9", internal("10.0.0.1", "fd00::1", "10.0.0.1"), provided("10.0.0.2, fd00::1")),
			want: clues{strict: true, addresses: ips("10.0.0.1", "fd00::1", "10.0.0.2", "10.0.0.9")},
		},
		"wildcard node IP": {node: node("n1", provided("0.0.0.0")), want: clues{strict: true}},
		"host name": {
			node:  node("10.0.0.9", internal("10.0.0.1")),
			hosts: true,
			want:  clues{strict: true, addresses: ips("10.0.0.1"), host: "10.0.0.9"},
		},
	} {
		got := read(test.node, "cn-hangzhou", test.hosts)
		if diff := cmp.Diff(test.want, got, cmp.AllowUnexported(clues{}), cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", name, diff)
		}
	}
}

// The changes that tests make to Nodes.

func providerID(id string) func(*corev1.Node) {
	return func(n *corev1.Node) { n.Spec.ProviderID = id }
}

func tainted(n *corev1.Node) {
	n.Spec.Taints = append(n.Spec.Taints, corev1.Taint{Key: cloudproviderapi.TaintExternalCloudProvider, Effect: corev1.TaintEffectNoSchedule})
}

func label(key, value string) func(*corev1.Node) {
	return func(n *corev1.Node) { n.Labels = map[string]string{key: value} }
}

func internal(addresses ...string) func(*corev1.Node) {
	return func(n *corev1.Node) {
		for _, a := range addresses {
			n.Status.Addresses = append(n.Status.Addresses, corev1.NodeAddress{Type: corev1.NodeInternalIP, Address: a})
		}
	}
}

func provided(value string) func(*corev1.Node) {
	return func(n *corev1.Node) {
		n.Annotations = map[string]string{cloudproviderapi.AnnotationAlphaProvidedIPAddr: value}
	}
}
