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
			Key: ID, Type: Text, Scope: Shared, Check: idOf("lb-"),
			Pending:    true,
			DefaultDoc: Doc{English: "none: the Service gets its own", Chinese: "无：为 Service 新建实例"},
			Doc: Doc{
				English: "An existing load balancer to use. It is never deleted; only listeners and groups made for the Service are touched.",
				Chinese: "使用已有的负载均衡。该实例不会被删除，只会改动为该 Service 创建的监听和服务器组。",
			},
		},
		{
			Key: ForceOverrideListeners, Type: Choice, Choices: []string{isTrue, isFalse}, Default: isFalse, Scope: Shared,
			Pending: true,
			Doc: Doc{
				English: "With id: take over listeners that others made on the Service's ports; the load balancer's tag must allow it.",
				Chinese: "与 id 一起使用：接管他人在 Service 端口上创建的监听；需要负载均衡的标签允许。",
			},
		},
		{
			Key: PreserveOnDelete, Type: Choice, Choices: []string{isTrue, isFalse}, Default: isFalse, Scope: Cost,
			Pending: true,
			Doc: Doc{
				English: "Keep the load balancer with its listeners and groups when the Service is deleted.",
				Chinese: "删除 Service 时保留负载均衡及其监听和服务器组。",
			},
		},
		{
			Key: VGroupPort, Type: PairList, Form: "rsp-…:80,rsp-…:443", Scope: Shared, Check: groupPorts,
			Pending:    true,
			DefaultDoc: Doc{English: "none", Chinese: "无"},
			Doc: Doc{
				English: "With id: existing vServer groups that get the backends of the Service's ports.",
				Chinese: "与 id 一起使用：将 Service 各端口的后端加入已有的虚拟服务器组。",
			},
		},
		{
			Key: Weight, Type: Integer, Min: 0, Max: 100, Scope: Shared,
			Pending:    true,
			DefaultDoc: Doc{English: "each backend has its own weight", Chinese: "各后端使用各自的权重"},
			Doc: Doc{
				English: "With id and vgroup-port: weight of all the Service's backends together.",
				Chinese: "与 id 和 vgroup-port 一起使用：该 Service 全部后端的总权重。",
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
