package annotation

import (
	"errors"
	"regexp"
	"strings"
)

var byPolicy = Doc{
	English: "kube-proxy's health (Cluster policy) or the Service's health check node port (Local policy)",
	Chinese: "Cluster 策略时为 kube-proxy 的健康端口，Local 策略时为 Service 的健康检查节点端口",
}

// backendPort is how the official controller's users ask for "the port of the
// backend".
const backendPort = "-520"

// healthCheckEntries are the annotations of health checks.
func healthCheckEntries() []Entry {
	return append([]Entry{
		{
			Key: HealthCheckSwitch, Type: Choice, Choices: []string{on, off}, Default: on, Listeners: tcpUDP, Scope: Tenant,
			Doc: Doc{
				English: "Health checks of TCP and UDP listeners on or off; without them every backend gets traffic, healthy or not.",
				Chinese: "TCP 和 UDP 监听的健康检查开关；关闭后所有后端无论健康与否都会收到流量。",
			},
		},
		{
			Key: HealthCheckFlag, Type: Choice, Choices: []string{on, off}, Default: on, Listeners: web, Scope: Tenant,
			Doc: Doc{
				English: "Health checks of HTTP and HTTPS listeners on or off; without them every backend gets traffic, healthy or not.",
				Chinese: "HTTP 和 HTTPS 监听的健康检查开关；关闭后所有后端无论健康与否都会收到流量。",
			},
		},
		{
			Key: HealthCheckType, Type: Choice, Choices: []string{"tcp", "http"}, Listeners: notUDP, Scope: Tenant, DefaultDoc: byPolicy,
			Doc: Doc{
				English: "Kind of the health check; naming it moves the check to the Service's node port.",
				Chinese: "健康检查类型；设置后健康检查改为探测 Service 的节点端口。",
			},
		},
		{
			Key: HealthCheckURI, Type: Text, Listeners: notUDP, Scope: Tenant, DefaultDoc: byPolicy, Check: healthCheckURI,
			Doc: Doc{
				English: "Path that an HTTP health check asks for, 1 to 80 characters, beginning with a slash.",
				Chinese: "HTTP 健康检查的路径，1 至 80 个字符，以斜杠开头。",
			},
		},
		{
			Key: HealthCheckDomain, Type: Text, Listeners: notUDP, Scope: Tenant, Check: healthCheckDomain,
			Default: "$_ip",
			Doc: Doc{
				English: "Host that an HTTP health check names, 1 to 80 characters, or `$_ip` for the backend's address.",
				Chinese: "HTTP 健康检查使用的域名，1 至 80 个字符；`$_ip` 表示后端地址。",
			},
		},
		{
			Key: HealthCheckHTTPCode, Type: ChoiceList, Choices: []string{"http_2xx", "http_3xx", "http_4xx", "http_5xx"}, Default: "http_2xx", Listeners: notUDP, Scope: Tenant,
			Doc: Doc{
				English: "Status codes that an HTTP health check accepts.",
				Chinese: "HTTP 健康检查认为正常的状态码。",
			},
		},
		{
			Key: HealthCheckMethod, Type: Choice, Choices: []string{"head", "get"}, Listeners: notUDP, Scope: Tenant,
			Default: "head",
			Doc: Doc{
				English: "Method of an HTTP health check.",
				Chinese: "HTTP 健康检查的请求方法。",
			},
		},
		{
			Key: HealthCheckConnectPort, Type: Integer, Min: 1, Max: maxPort, Choices: []string{backendPort}, Listeners: anyProtocol, Scope: Tenant, DefaultDoc: byPolicy,
			Doc: Doc{
				English: "Port of the servers that is probed; -520 is the Service's node port. UDP listeners probe the node port by default.",
				Chinese: "被探测的服务器端口；-520 表示 Service 的节点端口。UDP 监听默认探测节点端口。",
			},
		},
	}, probeEntries()...)
}

// probeEntries are the annotations about when a probe has failed.
func probeEntries() []Entry {
	return []Entry{
		{
			Key: HealthCheckConnectTimeout, Type: Integer, Min: 1, Max: 300, Listeners: tcpUDP, Scope: Tenant,
			DefaultDoc: Doc{English: "5 (TCP), 10 (UDP)", Chinese: "TCP 为 5，UDP 为 10"},
			Doc: Doc{
				English: "Seconds until a probe without an answer has failed; at least the interval.",
				Chinese: "探测无响应判为失败的时间，单位秒；不小于检查间隔。",
			},
		},
		{
			Key: HealthCheckTimeout, Type: Integer, Min: 1, Max: 300, Default: "5", Listeners: web, Scope: Tenant,
			Doc: Doc{
				English: "Seconds until a probe of an HTTP or HTTPS listener without an answer has failed; at least the interval.",
				Chinese: "HTTP 或 HTTPS 监听的探测无响应判为失败的时间，单位秒；不小于检查间隔。",
			},
		},
		{
			Key: HealthCheckInterval, Type: Integer, Min: 1, Max: 50, Listeners: anyProtocol, Scope: Tenant,
			DefaultDoc: Doc{English: "2; 5 (UDP)", Chinese: "2；UDP 为 5"},
			Doc: Doc{
				English: "Seconds between two probes.",
				Chinese: "两次探测的间隔，单位秒。",
			},
		},
		{
			Key: HealthyThreshold, Type: Integer, Min: 2, Max: 10, Default: "3", Listeners: anyProtocol, Scope: Tenant,
			Doc: Doc{
				English: "Probes in a row that must succeed until a backend is healthy.",
				Chinese: "连续成功多少次判为健康。",
			},
		},
		{
			Key: UnhealthyThreshold, Type: Integer, Min: 2, Max: 10, Default: "3", Listeners: anyProtocol, Scope: Tenant,
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
