package annotation

import (
	"errors"
	"fmt"
	"slices"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/slb"
)

var (
	tcp         = []slb.Protocol{slb.TCP}
	tcpUDP      = []slb.Protocol{slb.TCP, slb.UDP}
	web         = []slb.Protocol{slb.HTTP, slb.HTTPS}
	https       = []slb.Protocol{slb.HTTPS}
	anyProtocol = []slb.Protocol{slb.TCP, slb.UDP, slb.HTTP, slb.HTTPS}
	notUDP      = []slb.Protocol{slb.TCP, slb.HTTP, slb.HTTPS}
)

// listenerEntries are the annotations of listeners of all kinds.
func listenerEntries() []Entry {
	return append([]Entry{
		{
			Key: ProtocolPort, Type: PairList, Form: "https:443,http:80", Listeners: anyProtocol, Whole: true, Scope: Tenant, Check: protocolPorts,
			DefaultDoc: Doc{English: "the protocol of the Service's port", Chinese: "Service 端口的协议"},
			Doc: Doc{
				English: "Protocol of a port's listener: tcp, udp, http or https. An https listener needs cert-id; the servers are asked in plain HTTP.",
				Chinese: "端口监听的协议：tcp、udp、http 或 https。https 监听需要 cert-id；到后端使用明文 HTTP。",
			},
		},
		{
			Key: Scheduler, Type: Choice, Choices: []string{"wrr", "rr", "wlc", "sch", "tch", "qch"}, Listeners: anyProtocol, Scope: Tenant,
			DefaultDoc: Doc{English: "`wrr`; `sch` for TCP and UDP with sessionAffinity ClientIP", Chinese: "`wrr`；sessionAffinity 为 ClientIP 时 TCP 和 UDP 为 `sch`"},
			Doc: Doc{
				English: "How connections are spread: weighted round robin, round robin, fewest connections (wlc), by source address (sch, TCP and UDP), by the connection's four parts (tch, TCP only), by QUIC connection (qch, UDP only).",
				Chinese: "调度算法：加权轮询 wrr、轮询 rr、最小连接数 wlc、源地址哈希 sch（TCP 和 UDP）、四元组哈希 tch（仅 TCP）、QUIC 连接 ID 哈希 qch（仅 UDP）。",
			},
		},
		{
			Key: PersistenceTimeout, Type: Integer, Min: 0, Max: 3600, Default: "0", Listeners: tcp, Scope: Tenant,
			Doc: Doc{
				English: "Seconds for which a client's connections stay with one backend; 0 turns it off.",
				Chinese: "会话保持时间，单位秒；0 表示关闭。",
			},
		},
		{
			Key: EstablishedTimeout, Type: Integer, Min: 10, Max: 900, Default: "900", Listeners: tcp, Scope: Tenant,
			Doc: Doc{
				English: "Seconds after which an idle connection is forgotten.",
				Chinese: "空闲连接的超时时间，单位秒。",
			},
		},
		{
			Key: ConnectionDrain, Type: Choice, Choices: []string{on, off}, Default: off, Listeners: tcp, Scope: Tenant,
			Doc: Doc{
				English: "Let connections end by themselves when their backend is removed or unhealthy.",
				Chinese: "后端被移除或不健康时，让已有连接自行结束。",
			},
		},
		{
			Key: ConnectionDrainTimeout, Type: Integer, Min: 10, Max: 900, Default: "300", Listeners: tcp, Scope: Tenant,
			Doc: Doc{
				English: "Seconds that connection draining waits; needs connection-drain on.",
				Chinese: "连接优雅中断的等待时间，单位秒；需要 connection-drain 为 on。",
			},
		},
		{
			Key: ProxyProtocol, Type: Choice, Choices: []string{on, off}, Default: off, Listeners: tcpUDP, Scope: Tenant,
			Doc: Doc{
				English: "Tell the backends the client's address in a PROXY protocol (version 2) header, which they must understand. Traffic inside the cluster then goes through the load balancer.",
				Chinese: "通过 PROXY protocol（v2）头向后端传递客户端地址，后端必须支持。此时集群内部访问也会经过负载均衡。",
			},
		},
	}, accessEntries()...)
}

// accessEntries are the annotations of access control.
func accessEntries() []Entry {
	return []Entry{
		{
			Key: ACLStatus, Type: Choice, Choices: []string{on, off}, Default: off, Listeners: anyProtocol, Scope: Shared,
			Doc: Doc{
				English: "Access control by lists of addresses on or off; on needs acl-id and acl-type.",
				Chinese: "访问控制开关；开启时需要 acl-id 和 acl-type。",
			},
		},
		{
			Key: ACLType, Type: Choice, Choices: []string{"white", "black"}, Listeners: anyProtocol, Scope: Shared,
			DefaultDoc: Doc{English: "none", Chinese: "无"},
			Doc: Doc{
				English: "Whether only the listed addresses may connect (white), or all but them (black).",
				Chinese: "仅允许名单内地址访问（white），或仅禁止名单内地址（black）。",
			},
		},
		{
			Key: ACLID, Type: List, Form: "acl-…,acl-…", Listeners: anyProtocol, Scope: Shared, Check: idOf("acl-"),
			DefaultDoc: Doc{English: "none", Chinese: "无"},
			Doc: Doc{
				English: "Access control lists of the listeners.",
				Chinese: "监听使用的访问控制策略组。",
			},
		},
	}
}

// protocolPorts checks a list of protocols with their ports. TCP and UDP may
// share a port, TCP, HTTP and HTTPS may not.
func protocolPorts(value string) error {
	seen := map[string]bool{}
	for _, p := range pairs(value) {
		if !slices.Contains(anyProtocol, slb.Protocol(p[0])) || !isPort(p[1]) {
			return errors.New("must be a list such as https:443,http:80 of the protocols tcp, udp, http and https, in small letters")
		}
		kind := "tcp:"
		if slb.Protocol(p[0]) == slb.UDP {
			kind = "udp:"
		}
		if seen[kind+p[1]] {
			return fmt.Errorf("must name port %s once", p[1])
		}
		seen[kind+p[1]] = true
	}
	return nil
}
