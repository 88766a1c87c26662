package annotation

import (
	"errors"
	"regexp"
	"strings"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/slb"
)

var (
	tcp    = []slb.Protocol{slb.TCP}
	tcpUDP = []slb.Protocol{slb.TCP, slb.UDP}
)

var byPolicy = Doc{
	English: "kube-proxy's health (Cluster policy) or the Service's health check node port (Local policy)",
	Chinese: "Cluster 策略时为 kube-proxy 的健康端口，Local 策略时为 Service 的健康检查节点端口",
}

// listenerEntries are the annotations that concern listeners.
func listenerEntries() []Entry {
	return append([]Entry{
		{
			Key: Scheduler, Type: Choice, Choices: []string{"wrr", "rr", "wlc", "sch", "tch", "qch"}, Listeners: tcpUDP, Scope: Tenant,
			DefaultDoc: Doc{English: "`wrr`; `sch` with sessionAffinity ClientIP", Chinese: "`wrr`；sessionAffinity 为 ClientIP 时为 `sch`"},
			Doc: Doc{
				English: "How connections are spread: weighted round robin, round robin, fewest connections (wlc), by source address (sch), by the connection's four parts (tch, TCP only), by QUIC connection (qch, UDP only).",
				Chinese: "调度算法：加权轮询 wrr、轮询 rr、最小连接数 wlc、源地址哈希 sch、四元组哈希 tch（仅 TCP）、QUIC 连接 ID 哈希 qch（仅 UDP）。",
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
	}, healthCheckEntries()...)
}

func healthCheckEntries() []Entry {
	return []Entry{
		{
			Key: HealthCheckSwitch, Type: Choice, Choices: []string{on, off}, Default: on, Listeners: tcpUDP, Scope: Tenant,
			Doc: Doc{
				English: "Health checks on or off; without them every backend gets traffic, healthy or not.",
				Chinese: "健康检查开关；关闭后所有后端无论健康与否都会收到流量。",
			},
		},
		{
			Key: HealthCheckType, Type: Choice, Choices: []string{"tcp", "http"}, Listeners: tcp, Scope: Tenant, DefaultDoc: byPolicy,
			Doc: Doc{
				English: "Kind of the health check; naming it moves the check to the Service's node port.",
				Chinese: "健康检查类型；设置后健康检查改为探测 Service 的节点端口。",
			},
		},
		{
			Key: HealthCheckURI, Type: Text, Listeners: tcp, Scope: Tenant, DefaultDoc: byPolicy, Check: healthCheckURI,
			Doc: Doc{
				English: "Path that an HTTP health check asks for, 1 to 80 characters, beginning with a slash.",
				Chinese: "HTTP 健康检查的路径，1 至 80 个字符，以斜杠开头。",
			},
		},
		{
			Key: HealthCheckDomain, Type: Text, Listeners: tcp, Scope: Tenant, Check: healthCheckDomain,
			Default: "$_ip",
			Doc: Doc{
				English: "Host that an HTTP health check names, 1 to 80 characters, or `$_ip` for the backend's address.",
				Chinese: "HTTP 健康检查使用的域名，1 至 80 个字符；`$_ip` 表示后端地址。",
			},
		},
		{
			Key: HealthCheckHTTPCode, Type: ChoiceList, Choices: []string{"http_2xx", "http_3xx", "http_4xx", "http_5xx"}, Default: "http_2xx", Listeners: tcp, Scope: Tenant,
			Doc: Doc{
				English: "Status codes that an HTTP health check accepts.",
				Chinese: "HTTP 健康检查认为正常的状态码。",
			},
		},
		{
			Key: HealthCheckMethod, Type: Choice, Choices: []string{"head", "get"}, Listeners: tcp, Scope: Tenant,
			Default: "head",
			Doc: Doc{
				English: "Method of an HTTP health check.",
				Chinese: "HTTP 健康检查的请求方法。",
			},
		},
		{
			Key: HealthCheckConnectPort, Type: Integer, Min: 1, Max: 65535, Listeners: tcpUDP, Scope: Tenant, DefaultDoc: byPolicy,
			Doc: Doc{
				English: "Port of the servers that is probed; UDP listeners probe the node port by default.",
				Chinese: "被探测的服务器端口；UDP 监听默认探测节点端口。",
			},
		},
		{
			Key: HealthCheckConnectTimeout, Type: Integer, Min: 1, Max: 300, Listeners: tcpUDP, Scope: Tenant,
			DefaultDoc: Doc{English: "5 (TCP), 10 (UDP)", Chinese: "TCP 为 5，UDP 为 10"},
			Doc: Doc{
				English: "Seconds until a probe without an answer has failed; at least the interval.",
				Chinese: "探测无响应判为失败的时间，单位秒；不小于检查间隔。",
			},
		},
		{
			Key: HealthCheckInterval, Type: Integer, Min: 1, Max: 50, Listeners: tcpUDP, Scope: Tenant,
			DefaultDoc: Doc{English: "2 (TCP), 5 (UDP)", Chinese: "TCP 为 2，UDP 为 5"},
			Doc: Doc{
				English: "Seconds between two probes.",
				Chinese: "两次探测的间隔，单位秒。",
			},
		},
		{
			Key: HealthyThreshold, Type: Integer, Min: 2, Max: 10, Default: "3", Listeners: tcpUDP, Scope: Tenant,
			Doc: Doc{
				English: "Probes in a row that must succeed until a backend is healthy.",
				Chinese: "连续成功多少次判为健康。",
			},
		},
		{
			Key: UnhealthyThreshold, Type: Integer, Min: 2, Max: 10, Default: "3", Listeners: tcpUDP, Scope: Tenant,
			Doc: Doc{
				English: "Probes in a row that must fail until a backend is unhealthy.",
				Chinese: "连续失败多少次判为不健康。",
			},
		},
	}
}

const maxHealthCheckText = 80

var (
	uriPattern    = regexp.MustCompile(`^/[A-Za-z0-9/._~%?#&=-]*$`)
	domainPattern = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$`)
)

func healthCheckURI(value string) error {
	if len(value) > maxHealthCheckText || !uriPattern.MatchString(value) {
		return errors.New("must be a path of 1 to 80 letters, digits and -/.%?#&=_~, a slash first")
	}
	return nil
}

func healthCheckDomain(value string) error {
	if value == "$_ip" || (len(value) <= maxHealthCheckText && domainPattern.MatchString(value) && !strings.Contains(value, "..")) {
		return nil
	}
	return errors.New("must be a host name of 1 to 80 characters, or $_ip")
}
