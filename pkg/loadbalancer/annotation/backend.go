package annotation

import (
	"errors"
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"
)

// backendEntries are the annotations that concern backends.
func backendEntries() []Entry {
	return []Entry{
		{
			Key: Class, FullKeys: []string{"service.beta.kubernetes.io/class"}, Type: Text, Scope: Tenant, Check: ofAnother,
			DefaultDoc: Doc{English: "none", Chinese: "无"},
			Doc: Doc{
				English: "Any value gives the Service to another controller; this one gives it no load balancer, and leaves one that it has as it is. Prefer `spec.loadBalancerClass`.",
				Chinese: "任何取值都表示该 Service 由其它控制器负责：本控制器不会为其创建负载均衡，已有的保持不变。建议改用 `spec.loadBalancerClass`。",
			},
		},
		{
			Key: BackendType, FullKeys: []string{"service.beta.kubernetes.io/backend-type"}, Type: Choice, Choices: []string{"ecs", "eni"}, Scope: Tenant, DefaultDoc: clusterWide,
			Doc: Doc{
				English: "What traffic is sent to: the servers' node ports (ecs), or the Pods themselves (eni). The latter needs Pods that have addresses of network interfaces, and works with `spec.allocateLoadBalancerNodePorts: false` too; see the guide on Pod backends.",
				Chinese: "流量的去向：服务器的节点端口（ecs），或直达 Pod（eni）。后者要求 Pod 使用弹性网卡的地址，并支持 `spec.allocateLoadBalancerNodePorts: false`；参见“Pod 作为后端”指南。",
			},
		},
		{
			Key: BackendLabel, Type: TagList, Scope: Tenant, Check: nodeLabels,
			DefaultDoc: Doc{English: "all nodes", Chinese: "所有节点"},
			Doc: Doc{
				English: "Only servers whose Nodes have all these labels are backends. Where no Node has them, the servers stay as they are.",
				Chinese: "只有带有全部这些标签的 Node 才作为后端；没有任何 Node 带有这些标签时，后端保持不变。",
			},
		},
		{
			Key: BackendIPVersion, Type: Choice, Choices: []string{"ipv4", "ipv6"}, Scope: Tenant,
			DefaultDoc: Doc{English: "that of the load balancer", Chinese: "与负载均衡相同"},
			Doc: Doc{
				English: "Address family of the backends. It is that of the load balancer, which speaks one family only: any other value is refused.",
				Chinese: "后端的地址族。负载均衡只使用一种地址族，后端与其相同；其他取值会被拒绝。",
			},
		},
		{
			Key: RemoveUnscheduledBackend, Type: Choice, Choices: []string{on, off}, Default: off, Scope: Tenant,
			Doc: Doc{
				English: "Give cordoned Nodes no new connections: their servers get weight 0, and none joins, until they can be scheduled to again.",
				Chinese: "不再向不可调度的节点分配新连接：其服务器权重置 0 且不会新加入，直到节点恢复可调度。",
			},
		},
		{
			Key: DefaultWeight, Type: Integer, Min: 0, Max: 100, Default: "100", Scope: Tenant,
			Doc: Doc{
				English: "Weight of the backends; 0 takes no new connections.",
				Chinese: "后端的权重；0 表示不接收新连接。",
			},
		},
		{
			Key: IgnoreWeightUpdate, Type: Choice, Choices: []string{on, off}, Default: off, Scope: Tenant,
			Doc: Doc{
				English: "Leave the weights of backends that are there as they are, so that others may set them; also of servers that are about to leave.",
				Chinese: "不修改已有后端的权重，便于由其他方调整；即将离开的服务器也一样。",
			},
		},
		{
			Key: WeightByPods, FullKeys: []string{OwnPrefix + string(WeightByPods)}, Type: Choice, Choices: []string{on, off}, Default: off, Scope: Tenant,
			Doc: Doc{
				English: "With the Local policy: the backends are the servers that have ready Pods, each with the number of its Pods as weight. A Pod that moves then costs calls; without it, health checks find the Pods and all weights are equal.",
				Chinese: "Local 策略下：后端仅为有就绪 Pod 的服务器，权重为其 Pod 数。此时 Pod 迁移需要调用云 API；不设置时由健康检查发现 Pod，各服务器权重相同。",
			},
		},
	}
}

// ofAnother refuses any value.
func ofAnother(string) error {
	return errors.New("gives the Service to another controller, and this one leaves it alone; remove the annotation to have a load balancer")
}

// nodeLabels checks a list of labels that Nodes must have.
func nodeLabels(value string) error {
	for item := range strings.SplitSeq(value, ",") {
		k, v, _ := strings.Cut(strings.TrimSpace(item), "=")
		problems := validation.IsQualifiedName(strings.TrimSpace(k))
		if problems = append(problems, validation.IsValidLabelValue(strings.TrimSpace(v))...); len(problems) > 0 {
			return fmt.Errorf("must be labels such as disk=ssd,zone=a: %s", problems[0])
		}
	}
	return nil
}
