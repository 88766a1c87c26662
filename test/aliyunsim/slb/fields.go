package slb

import "regexp"

// protocols is a set of listener protocols.
type protocols uint8

const (
	onTCP protocols = 1 << iota
	onUDP
	onHTTP
	onHTTPS
	layer4 = onTCP | onUDP
	layer7 = onHTTP | onHTTPS
	every  = layer4 | layer7
)

var protocolNames = map[string]protocols{"tcp": onTCP, "udp": onUDP, "http": onHTTP, "https": onHTTPS}

// kind is how a field's value is written.
type kind int

const (
	text kind = iota
	whole
	word
	truth
	codes
)

// field is a setting of listeners: where it exists, how requests and replies
// name it, and what it may be.
type field struct {
	name     string    // in replies and, where create and set are empty, in requests
	on       protocols // that have it
	create   string    // name in Create…Listener
	set      string    // name in Set…ListenerAttribute, "-" when it cannot be changed
	kind     kind
	least    int      // whole: smallest value; text: shortest
	most     int      // whole: largest value; text: longest
	extra    string   // a value allowed besides
	values   []string // word: the values; codes: their parts; whole: the only values within the range
	pattern  *regexp.Regexp
	standard string    // the value of a new listener
	required protocols // that demand it at creation
	top      bool      // DescribeLoadBalancerListeners has it beside, not in, the protocol's object
}

var (
	onOffWords     = []string{on, off}
	uriPattern     = regexp.MustCompile(`^/[A-Za-z0-9/.%?#&=_~;:@!$*+,'()-]*$`)
	domainPattern  = regexp.MustCompile(`^(\$_ip|[A-Za-z0-9.-]+)$`)
	probePattern   = regexp.MustCompile(`^[A-Za-z0-9]+$`)
	cookiePattern  = regexp.MustCompile(`^[^$,; ][^,; ]*$`)
	anyPattern     = regexp.MustCompile(`(?s)^.*$`)
	idPattern      = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)
	cipherPolicies = []string{
		"tls_cipher_policy_1_0", "tls_cipher_policy_1_1", "tls_cipher_policy_1_2",
		"tls_cipher_policy_1_2_strict", "tls_cipher_policy_1_2_strict_with_1_3",
	}
)

// noHealthCheckPort, as HealthCheckConnectPort of a Set call, goes back to the
// backend port.
const noHealthCheckPort = "-520"

// fields are the settings that the simulator keeps. BackendServerPort and
// VServerGroupId are not among them: they have rules of their own, and no Set
// call has a BackendServerPort.
var fields = []field{
	{name: "Bandwidth", on: every, kind: whole, least: 1, most: maxBandwidth, extra: "-1", standard: "-1", required: layer4 | onHTTPS, top: true},
	{name: "Description", on: every, least: 1, most: 256, pattern: anyPattern, top: true},
	{name: "Scheduler", on: onTCP, kind: word, values: []string{"wrr", "rr", "sch", "tch"}, standard: "wrr", top: true},
	{name: "Scheduler", on: onUDP, kind: word, values: []string{"wrr", "rr", "sch", "tch", "qch"}, standard: "wrr", top: true},
	{name: "Scheduler", on: layer7, kind: word, values: []string{"wrr", "rr"}, standard: "wrr", top: true},
	{name: "AclStatus", on: every, kind: word, values: onOffWords, standard: off, top: true},
	{name: "AclType", on: every, kind: word, values: []string{"white", "black"}, top: true},
	{name: "AclId", on: every, least: 1, most: 1024, pattern: regexp.MustCompile(`^[A-Za-z0-9_,-]+$`), top: true},

	{name: "PersistenceTimeout", on: layer4, kind: whole, least: 0, most: 3600, standard: "0"},
	{name: "EstablishedTimeout", on: onTCP, kind: whole, least: 10, most: 900, standard: "900"},
	{name: "ConnectionDrain", on: layer4, kind: word, values: onOffWords, standard: off},
	{name: "ConnectionDrainTimeout", on: layer4, kind: whole, least: 10, most: 900},
	{name: "ProxyProtocolV2Enabled", on: layer4, kind: truth, standard: "false"},
	{name: "FullNatEnabled", on: layer4, kind: truth, standard: "false"},
	{name: "HealthCheckTcpFastCloseEnabled", on: onTCP, kind: truth, standard: "false"},

	{name: "HealthCheck", on: layer4, create: "HealthCheckSwitch", set: "HealthCheckSwitch", kind: word, values: onOffWords, standard: on},
	{name: "HealthCheck", on: layer7, kind: word, values: onOffWords, required: layer7},
	{name: "HealthCheckType", on: onTCP, kind: word, values: []string{"tcp", "http"}, standard: "tcp"},
	{name: "HealthCheckType", on: layer7, kind: word, values: []string{"tcp", "http"}, standard: "http"},
	{name: "HealthCheckConnectTimeout", on: onTCP, kind: whole, least: 1, most: 300, standard: "5"},
	{name: "HealthCheckConnectTimeout", on: onUDP, kind: whole, least: 1, most: 300, standard: "10"},
	{name: "HealthCheckTimeout", on: layer7, kind: whole, least: 1, most: 300, standard: "5"},
	{name: "HealthCheckInterval", on: onTCP, create: "healthCheckInterval", kind: whole, least: 1, most: 50, standard: "2"},
	{name: "HealthCheckInterval", on: onUDP, create: "healthCheckInterval", kind: whole, least: 1, most: 50, standard: "5"},
	{name: "HealthCheckInterval", on: layer7, kind: whole, least: 1, most: 50, standard: "2"},
	{name: "HealthyThreshold", on: every, kind: whole, least: 2, most: 10, standard: "3"},
	{name: "UnhealthyThreshold", on: every, kind: whole, least: 2, most: 10, standard: "3"},
	{name: "HealthCheckConnectPort", on: every, kind: whole, least: 1, most: 65535, extra: noHealthCheckPort},
	{name: "HealthCheckDomain", on: onTCP | layer7, least: 1, most: 80, pattern: domainPattern},
	{name: "HealthCheckURI", on: onTCP | layer7, least: 1, most: 80, pattern: uriPattern},
	{name: "HealthCheckHttpCode", on: onTCP | layer7, kind: codes, values: []string{"http_2xx", "http_3xx", "http_4xx", "http_5xx"}, standard: "http_2xx"},
	{name: "HealthCheckMethod", on: onTCP, kind: word, values: []string{"head", "get"}},
	{name: "HealthCheckMethod", on: layer7, kind: word, values: []string{"head", "get"}, standard: "head"},
	{name: "HealthCheckReq", on: onUDP, create: "healthCheckReq", set: "healthCheckReq", least: 1, most: 64, pattern: probePattern},
	{name: "HealthCheckExp", on: onUDP, create: "healthCheckExp", set: "healthCheckExp", least: 1, most: 64, pattern: probePattern},

	{name: "StickySession", on: layer7, kind: word, values: onOffWords, required: layer7},
	{name: "StickySessionType", on: layer7, kind: word, values: []string{"insert", "server"}},
	{name: "CookieTimeout", on: layer7, kind: whole, least: 1, most: 86400},
	{name: "Cookie", on: layer7, least: 1, most: 200, pattern: cookiePattern},
	{name: "IdleTimeout", on: layer7, kind: whole, least: 1, most: 60, standard: "15"},
	{name: "RequestTimeout", on: layer7, kind: whole, least: 1, most: 180, standard: "60"},
	{name: "Gzip", on: layer7, kind: word, values: onOffWords, standard: on},
	{name: "XForwardedFor", on: layer7, kind: word, values: onOffWords, standard: on},
	{name: "XForwardedFor_SLBIP", on: layer7, kind: word, values: onOffWords, standard: off},
	{name: "XForwardedFor_SLBID", on: layer7, kind: word, values: onOffWords, standard: off},
	{name: "XForwardedFor_proto", on: layer7, kind: word, values: onOffWords, standard: off},
	{name: "XForwardedFor_SLBPORT", on: layer7, kind: word, values: onOffWords, standard: off},
	{name: "XForwardedFor_ClientSrcPort", on: layer7, kind: word, values: onOffWords, standard: off},
	{name: "ListenerForward", on: onHTTP, set: "-", kind: word, values: onOffWords, standard: off},
	{name: "ForwardPort", on: onHTTP, set: "-", kind: whole, least: 1, most: 65535},
	{name: "ForwardCode", on: onHTTP, kind: whole, least: 301, most: 308, values: []string{"301", "302", "303", "307", "308"}},
	{name: "ServerCertificateId", on: onHTTPS, least: 1, most: 128, pattern: idPattern},
	{name: "CACertificateId", on: onHTTPS, least: 1, most: 128, pattern: idPattern},
	{name: "TLSCipherPolicy", on: onHTTPS, kind: word, values: cipherPolicies, standard: "tls_cipher_policy_1_0"},
	{name: "EnableHttp2", on: onHTTPS, kind: word, values: onOffWords, standard: on},
}

// fieldsOf are the fields of one protocol.
var fieldsOf = func() map[string][]*field {
	out := map[string][]*field{}
	for name, protocol := range protocolNames {
		for i := range fields {
			if fields[i].on&protocol != 0 {
				out[name] = append(out[name], &fields[i])
			}
		}
	}
	return out
}()

// param is the field's name in a Create or Set call, empty when it has none.
func (f *field) param(creating bool) string {
	switch {
	case creating && f.create != "":
		return f.create
	case !creating && f.set == "-":
		return ""
	case !creating && f.set != "":
		return f.set
	default:
		return f.name
	}
}
