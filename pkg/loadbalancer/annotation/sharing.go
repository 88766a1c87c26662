package annotation

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
)

// sharingEntries are the annotations that name what people made.
func sharingEntries() []Entry {
	return []Entry{
		{
			Key: ID, Type: Text, Immutable: true, Scope: Shared, Check: idOf("lb-"),
			DefaultDoc: Doc{English: "none: the Service gets its own", Chinese: "无：为 Service 新建实例"},
			Doc: Doc{
				English: "A load balancer that somebody else made, to be used: only listeners and server groups are made on it, and only those are removed with the Service. " +
					"Settings of the instance have no effect. Its tag `kube-aliyun.io/allow` says who may name it.",
				Chinese: "使用他人创建的负载均衡：只在其上创建监听和服务器组，删除 Service 时也只删除这些；实例级设置不生效。谁可以引用由其标签 `kube-aliyun.io/allow` 决定。",
			},
		},
		{
			Key: ForceOverrideListeners, Type: Choice, Choices: []string{isTrue, isFalse}, Default: isFalse, Scope: Shared,
			Doc: Doc{
				English: "With id: take over listeners that somebody made by hand on the Service's ports; they go with the Service. Needs the tag `kube-aliyun.io/allow` on the load balancer; listeners of other Services are never taken.",
				Chinese: "与 id 一起使用：接管他人在 Service 端口上手工创建的监听，删除 Service 时一并删除；需要负载均衡带有 `kube-aliyun.io/allow` 标签；绝不接管其他 Service 的监听。",
			},
		},
		{
			Key: PreserveOnDelete, Type: Choice, Choices: []string{isTrue, isFalse}, Default: isFalse, Scope: Cost,
			Doc: Doc{
				English: "When the Service is deleted, keep the load balancer with its listeners, server groups and address. It is nobody's then: our tags are taken off.",
				Chinese: "删除 Service 时保留负载均衡及其监听、服务器组和地址；本项目的标签会被移除，此后它不属于任何 Service。",
			},
		},
		{
			Key: VGroupPort, Type: PairList, Form: "rsp-…:80,rsp-…:443", Scope: Shared, Check: groupPorts,
			DefaultDoc: Doc{English: "none", Chinese: "无"},
			Doc: Doc{
				English: "With id: server groups that somebody else made on the load balancer. The Service's servers join them beside those that are there; a listener that already uses the group is left as it is.",
				Chinese: "与 id 一起使用：他人在该负载均衡上创建的服务器组。Service 的服务器加入其中，与已有成员并存；已使用该组的监听保持不变。",
			},
		},
		{
			Key: Weight, Type: Integer, Min: 0, Max: 100, Scope: Shared,
			DefaultDoc: Doc{English: "each backend has its own weight", Chinese: "各后端使用各自的权重"},
			Doc: Doc{
				English: "With id and vgroup-port: weight of all the Service's servers together, spread over them, at least 1 each; 0 takes them out of use.",
				Chinese: "与 id 和 vgroup-port 一起使用：该 Service 全部服务器的总权重，平均分配，每台至少为 1；0 表示不接收流量。",
			},
		},
	}
}

const (
	isTrue  = "true"
	isFalse = "false"
)

var groupPattern = regexp.MustCompile(`^rsp-[A-Za-z0-9-]+$`)

func groupPorts(value string) error {
	seen := map[string]bool{}
	for _, p := range pairs(value) {
		if !groupPattern.MatchString(p[0]) || !isPort(p[1]) {
			return errors.New("must be a list such as rsp-abc:80,rsp-def:443")
		}
		if seen[p[1]] {
			return fmt.Errorf("must name port %s once", p[1])
		}
		seen[p[1]] = true
	}
	return nil
}

// maxPort is the largest port number.
const maxPort = 65535

func isPort(text string) bool {
	n, err := strconv.Atoi(text)
	return err == nil && n >= 1 && n <= maxPort && strconv.Itoa(n) == text
}

// GroupOf returns the server group that vgroup-port names for a port of the
// Service, or "".
func (s Settings) GroupOf(port int) string {
	for _, p := range s.Pairs(VGroupPort) {
		if p[1] == strconv.Itoa(port) {
			return p[0]
		}
	}
	return ""
}
