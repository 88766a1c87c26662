package annotation

import (
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"
)

// backendEntries are the annotations that concern backends.
func backendEntries() []Entry {
	return []Entry{
		{
			Key: BackendType, FullKeys: []string{"service.beta.kubernetes.io/backend-type"}, Type: Choice, Choices: []string{"ecs", "eni"}, Default: "ecs", Scope: Tenant,
			Pending: true,
			Doc: Doc{
				English: "What traffic is sent to: the servers' node ports (ecs), or the Pods themselves by their network interfaces (eni).",
				Chinese: "流量的去向：服务器的节点端口（ecs），或通过弹性网卡直达 Pod（eni）。",
			},
		},
		{
			Key: BackendLabel, Type: TagList, Scope: Tenant, Check: nodeLabels,
			Pending:    true,
			DefaultDoc: Doc{English: "all nodes", Chinese: "所有节点"},
			Doc: Doc{
				English: "Only servers whose Nodes have all these labels are backends.",
				Chinese: "只有带有全部这些标签的 Node 才作为后端。",
			},
		},
		{
			Key: BackendIPVersion, Type: Choice, Choices: []string{"ipv4", "ipv6"}, Default: "ipv4", Scope: Tenant,
			Pending: true,
			Doc: Doc{
				English: "Address family of the backends.",
				Chinese: "后端的地址族。",
			},
		},
		{
			Key: RemoveUnscheduledBackend, Type: Choice, Choices: []string{on, off}, Default: off, Scope: Tenant,
			Pending: true,
			Doc: Doc{
				English: "Take cordoned Nodes out of the load balancer.",
				Chinese: "将不可调度的节点从负载均衡中移除。",
			},
		},
		{
			Key: DefaultWeight, Type: Integer, Min: 0, Max: 100, Default: "100", Scope: Tenant,
			Pending: true,
			Doc: Doc{
				English: "Weight of the backends; 0 takes no new connections.",
				Chinese: "后端的权重；0 表示不接收新连接。",
			},
		},
		{
			Key: IgnoreWeightUpdate, Type: Choice, Choices: []string{on, off}, Default: off, Scope: Tenant,
			Pending: true,
			Doc: Doc{
				English: "Leave the weights of backends that are there as they are, so that others may set them.",
				Chinese: "不修改已有后端的权重，便于由其他方调整。",
			},
		},
	}
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
