package network

import (
	"strconv"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/ecs"
)

// allPorts is the port range of protocols without ports.
const allPorts = "-1/-1"

// rules are those of a role's security group. Servers of one basic security group
// reach one another without a rule, and the load balancer and its health checks
// (100.64.0.0/10) need none either (CLB documentation, backend servers).
func (s *Spec) rules(r Role, groups map[Role]string) []ecs.Rule {
	// Without ICMP, paths with a smaller packet size lose connections silently.
	rules := []ecs.Rule{{Protocol: "ICMP", PortRange: allPorts, SourceCIDR: s.CIDR.String(), Description: "path MTU and ping"}}
	switch r {
	case Etcd:
		rules = append(rules, ecs.Rule{Protocol: "TCP", PortRange: "2379/2379", SourceGroup: groups[Master], Description: "API servers to etcd"})
	case Master:
		port := strconv.Itoa(s.APIPort)
		rules = append(rules,
			ecs.Rule{Protocol: "TCP", PortRange: port + "/" + port, SourceCIDR: s.CIDR.String(), Description: "the Kubernetes API"},
			ecs.Rule{Protocol: "ALL", PortRange: allPorts, SourceCIDR: s.PodCIDR.String(), Description: "Pods"})
	case Node:
		rules = append(rules,
			ecs.Rule{Protocol: "ALL", PortRange: allPorts, SourceGroup: groups[Master], Description: "API servers to kubelets and Pods"},
			ecs.Rule{Protocol: "ALL", PortRange: allPorts, SourceCIDR: s.PodCIDR.String(), Description: "Pods"})
	}
	return rules
}

// same tells whether two rules admit the same packets.
func same(a, b ecs.Rule) bool {
	b.Description = a.Description
	return a == b
}
