package slb

// table is the one description of listener settings: it drives encoding,
// decoding, comparison and validation (SLB API: CreateLoadBalancer…Listener,
// SetLoadBalancer…ListenerAttribute, DescribeLoadBalancerListeners). A field has
// one row for all protocols that treat it alike.
var table = []row{
	{field: Scheduler, on: protocols{TCP}, param: "Scheduler", shared: true, enum: []string{"wrr", "rr", "wlc", "sch", "tch"}, preset: "wrr"},
	{field: Scheduler, on: protocols{UDP}, param: "Scheduler", shared: true, enum: []string{"wrr", "rr", "wlc", "sch", "qch"}, preset: "wrr"},
	{field: Scheduler, on: layer7, param: "Scheduler", shared: true, enum: []string{"wrr", "rr", "wlc"}, preset: "wrr"},
	{field: Bandwidth, on: anyProtocol, param: "Bandwidth", shared: true, kind: number, min: 1, max: 5120, alias: unlimited, preset: "-1", required: true},
	{field: Description, on: anyProtocol, param: "Description", shared: true, max: 256},
	{field: ACLStatus, on: anyProtocol, param: "AclStatus", shared: true, kind: onOff, preset: "off"},
	{field: ACLType, on: anyProtocol, param: "AclType", shared: true, enum: []string{"white", "black"}, when: []condition{withACL}, required: true},
	{
		field: ACLID, on: anyProtocol, param: "AclId", reply: []string{"AclId", "AclIds"}, shared: true, kind: list, when: []condition{withACL},
		required: true,
	},

	{field: PersistenceTimeout, on: protocols{TCP}, param: "PersistenceTimeout", kind: number, min: 0, max: 3600, preset: "0"},
	{field: EstablishedTimeout, on: protocols{TCP}, param: "EstablishedTimeout", kind: number, min: 10, max: 900, preset: "900"},
	{field: ConnectionDrain, on: layer4, param: "ConnectionDrain", kind: onOff, preset: "off"},
	{
		field: DrainTimeout, on: layer4, param: "ConnectionDrainTimeout", kind: number, min: 10, max: 900, preset: "300",
		when: []condition{{ConnectionDrain, "on"}}, required: true,
	},
	{field: ProxyProtocol, on: layer4, param: "ProxyProtocolV2Enabled", kind: boolean, preset: "false"},

	{field: StickySession, on: layer7, param: "StickySession", kind: onOff, preset: "off", required: true},
	{field: StickySessionType, on: layer7, param: "StickySessionType", enum: []string{"insert", "server"}, when: []condition{sticky}},
	{
		field: CookieTimeout, on: layer7, param: "CookieTimeout", kind: number, min: 1, max: 86400,
		when: []condition{sticky, {StickySessionType, "insert"}},
	},
	{field: Cookie, on: layer7, param: "Cookie", max: 200, when: []condition{sticky, {StickySessionType, "server"}}},
	{field: IdleTimeout, on: layer7, param: "IdleTimeout", kind: number, min: 1, max: 60, preset: "15"},
	{field: RequestTimeout, on: layer7, param: "RequestTimeout", kind: number, min: 1, max: 180, preset: "60"},
	{field: Gzip, on: layer7, param: "Gzip", kind: onOff, preset: "on"},
	{field: ForwardedFor, on: layer7, param: "XForwardedFor", kind: onOff, preset: "on"},
	{field: ForwardedForIP, on: layer7, param: "XForwardedFor_SLBIP", kind: onOff, preset: "off"},
	{field: ForwardedForID, on: layer7, param: "XForwardedFor_SLBID", kind: onOff, preset: "off"},
	{field: ForwardedForProto, on: layer7, param: "XForwardedFor_proto", kind: onOff, preset: "off"},
	{field: ForwardedForPort, on: layer7, param: "XForwardedFor_SLBPORT", kind: onOff, preset: "off"},
	{field: ForwardedForClient, on: layer7, param: "XForwardedFor_ClientSrcPort", kind: onOff, preset: "off"},
	{field: Forward, on: protocols{HTTP}, param: "ListenerForward", kind: onOff, preset: "off", fixed: true},
	{
		field: ForwardPort, on: protocols{HTTP}, param: "ForwardPort", kind: number, min: 1, max: 65535, fixed: true,
		when: []condition{{Forward, "on"}},
	},
	{
		field: ForwardCode, on: protocols{HTTP}, param: "ForwardCode", enum: []string{"301", "302", "303", "307", "308"}, preset: "301", fixed: true,
		when: []condition{{Forward, "on"}},
	},
	{field: ServerCertificate, on: protocols{HTTPS}, param: "ServerCertificateId"},
	{field: CACertificate, on: protocols{HTTPS}, param: "CACertificateId"},
	{field: TLSPolicy, on: protocols{HTTPS}, param: "TLSCipherPolicy", preset: "tls_cipher_policy_1_0"},
	{field: HTTP2, on: protocols{HTTPS}, param: "EnableHttp2", kind: onOff, preset: "on"},

	{
		field: HealthCheck, on: layer4, param: "HealthCheckSwitch", reply: []string{"HealthCheck", "HealthCheckSwitch"},
		kind: onOff, preset: "on",
	},
	{field: HealthCheck, on: layer7, param: "HealthCheck", kind: onOff, preset: "off", required: true},
	{field: HealthCheckType, on: protocols{TCP}, param: "HealthCheckType", enum: []string{"tcp", "http"}, preset: "tcp", when: []condition{checked}},
	{field: HealthCheckType, on: layer7, param: "HealthCheckType", enum: []string{"tcp", "http"}, preset: "http", when: []condition{checked}},
	{
		field: HealthCheckPort, on: anyProtocol, param: "HealthCheckConnectPort", kind: number, min: 1, max: 65535,
		alias: backendPort, preset: BackendPort, when: []condition{checked},
	},
	{
		field: HealthCheckTimeout, on: protocols{TCP}, param: "HealthCheckConnectTimeout", kind: number, min: 1, max: 300, preset: "5", atLeast: HealthCheckInterval,
		when: []condition{checked},
	},
	{
		field: HealthCheckTimeout, on: protocols{UDP}, param: "HealthCheckConnectTimeout", kind: number, min: 1, max: 300, preset: "10", atLeast: HealthCheckInterval,
		when: []condition{checked},
	},
	{
		field: HealthCheckTimeout, on: layer7, param: "HealthCheckTimeout", kind: number, min: 1, max: 300, preset: "5", atLeast: HealthCheckInterval,
		when: []condition{checked},
	},
	{
		field: HealthCheckInterval, on: protocols{TCP}, param: "HealthCheckInterval", create: "healthCheckInterval",
		kind: number, min: 1, max: 50, preset: "2", when: []condition{checked},
	},
	{
		field: HealthCheckInterval, on: protocols{UDP}, param: "HealthCheckInterval", create: "healthCheckInterval",
		kind: number, min: 1, max: 50, preset: "5", when: []condition{checked},
	},
	{
		field: HealthCheckInterval, on: layer7, param: "HealthCheckInterval", kind: number, min: 1, max: 50, preset: "2",
		when: []condition{checked},
	},
	{field: HealthyThreshold, on: anyProtocol, param: "HealthyThreshold", kind: number, min: 2, max: 10, preset: "3", when: []condition{checked}},
	{field: UnhealthyThreshold, on: anyProtocol, param: "UnhealthyThreshold", kind: number, min: 2, max: 10, preset: "3", when: []condition{checked}},
	{field: HealthCheckDomain, on: checkedHTTP, param: "HealthCheckDomain", max: 80, when: []condition{checked, checkedByL7}},
	{field: HealthCheckURI, on: checkedHTTP, param: "HealthCheckURI", max: 80, when: []condition{checked, checkedByL7}},
	{
		field: HealthCheckHTTPCode, on: checkedHTTP, param: "HealthCheckHttpCode", kind: list,
		enum: []string{"http_2xx", "http_3xx", "http_4xx", "http_5xx"}, preset: "http_2xx", when: []condition{checked, checkedByL7},
	},
	{
		field: HealthCheckMethod, on: checkedHTTP, param: "HealthCheckMethod", enum: []string{"head", "get"}, preset: "head",
		when: []condition{checked, checkedByL7},
	},
	{field: HealthCheckRequest, on: protocols{UDP}, param: "healthCheckReq", reply: []string{"HealthCheckReq", "healthCheckReq"}, max: 64, when: []condition{checked}},
	{field: HealthCheckExpression, on: protocols{UDP}, param: "healthCheckExp", reply: []string{"HealthCheckExp", "healthCheckExp"}, max: 64, when: []condition{checked}},
}

// BackendPort is the value of HealthCheckPort for "the port of the backend".
const BackendPort = "backend"

var (
	// unlimited: the API's word for no limit is -1.
	unlimited = map[string]string{"-1": "-1"}
	// backendPort: the API documents -520 for "the port of the backend", and
	// replies leave the field out or zero.
	backendPort = map[string]string{BackendPort: BackendPort, "-520": BackendPort, "0": BackendPort, "": BackendPort}
)
