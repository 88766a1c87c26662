package loadbalancer

import (
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/slb"
	"github.com/kube-aliyun/kube-aliyun/pkg/loadbalancer/annotation"
)

// The calls that change listeners.
const (
	setTCP   = "SetLoadBalancerTCPListenerAttribute"
	setHTTP  = "SetLoadBalancerHTTPListenerAttribute"
	setHTTPS = "SetLoadBalancerHTTPSListenerAttribute"
)

var (
	asHTTP  = map[annotation.Key]string{annotation.ProtocolPort: "http:80"}
	asHTTPS = map[annotation.Key]string{annotation.ProtocolPort: "https:80", annotation.CertID: "cert-3"}
)

// beside returns annotations and one more.
func beside(some map[annotation.Key]string, key annotation.Key, value string) map[annotation.Key]string {
	out := map[annotation.Key]string{key: value}
	for k, v := range some {
		out[k] = v
	}
	return out
}

// field reads a setting of the listener on port 80.
func field(f slb.Field) func(seen) string {
	return func(now seen) string {
		for i := range now.Listeners {
			if l := &now.Listeners[i]; l.Port == 80 && l.Status == slb.ListenerRunning {
				return l.Attributes[f]
			}
		}
		return "no running listener"
	}
}

// listenersOf lists the listeners with where they send clients.
func listenersOf(now seen) string {
	var out []string
	for i := range now.Listeners {
		l := &now.Listeners[i]
		text := l.String()
		if to := l.Attributes[slb.ForwardPort]; to != "" && l.Attributes[slb.Forward] == "on" {
			text += ">" + to
		}
		out = append(out, text)
	}
	return strings.Join(out, " ")
}

// sets is a Set call with parameters.
func sets(call string, params ...string) []string {
	slices.Sort(params)
	return []string{call + " " + strings.Join(params, " ")}
}

// one is the row of a setting that one parameter of a Set call changes.
// with are parameters that go along.
func one(key annotation.Key, call, param string, f slb.Field, first, second, standard, wrong string, with ...string) annotated {
	row := annotated{
		key: key, values: [2]string{first, second}, wrong: wrong, see: field(f), shown: [2]string{first, second}, standard: standard,
		changed: sets(call, append(slices.Clone(with), param+"="+second)...), removed: sets(call, append(slices.Clone(with), param+"="+standard)...),
	}
	if second == standard {
		row.removed = []string{}
	}
	switch call {
	case setHTTP:
		row.also = asHTTP
	case setHTTPS:
		row.also = asHTTPS
	}
	return row
}

func listenerRows() []annotated {
	drain := one(annotation.ConnectionDrainTimeout, setTCP, "ConnectionDrainTimeout", slb.DrainTimeout, "60", "120", "300", "9", "ConnectionDrain=on")
	drain.also = map[annotation.Key]string{annotation.ConnectionDrain: "on"}
	onOff := one(annotation.ConnectionDrain, setTCP, "ConnectionDrain", slb.ConnectionDrain, "on", "off", "off", "yes")
	proxy := annotated{
		key: annotation.ProxyProtocol, values: [2]string{"on", "off"}, wrong: "v2", shown: [2]string{"true Proxy", "false VIP"}, standard: "false VIP",
		see: func(now seen) string {
			return field(slb.ProxyProtocol)(now) + " " + string(*now.ingress.IPMode)
		},
		changed: []string{setTCP + " ProxyProtocolV2Enabled=false"}, removed: []string{},
	}
	protocol := annotated{
		key: annotation.ProtocolPort, also: map[annotation.Key]string{annotation.CertID: "cert-1"}, values: [2]string{"http:80", "https:80"}, wrong: "ftp:80",
		see: listenersOf, shown: [2]string{"http/80", "https/80"}, standard: "tcp/80",
		changed: []string{"DeleteLoadBalancerListener ListenerProtocol=http", "CreateLoadBalancerHTTPSListener", "StartLoadBalancerListener ListenerProtocol=https"},
		removed: []string{"DeleteLoadBalancerListener ListenerProtocol=https", "CreateLoadBalancerTCPListener", "StartLoadBalancerListener ListenerProtocol=tcp"},
	}
	return []annotated{
		protocol, proxy, drain, onOff,
		one(annotation.Scheduler, setTCP, "Scheduler", slb.Scheduler, "rr", "sch", "wrr", "best"),
		one(annotation.PersistenceTimeout, setTCP, "PersistenceTimeout", slb.PersistenceTimeout, "3600", "60", "0", "3601"),
		one(annotation.EstablishedTimeout, setTCP, "EstablishedTimeout", slb.EstablishedTimeout, "10", "60", "900", "9"),
	}
}

func webRows() []annotated {
	certificate := one(annotation.CertID, setHTTPS, "ServerCertificateId", slb.ServerCertificate, "cert-1", "cert-2", "", "cert 2")
	certificate.also, certificate.needed = map[annotation.Key]string{annotation.ProtocolPort: "https:80"}, true
	forward := annotated{
		key: annotation.ForwardPort, also: map[annotation.Key]string{annotation.ProtocolPort: "http:80,https:443,https:8443", annotation.CertID: "cert-1"},
		change: func(s *corev1.Service) {
			for i, port := range []int32{443, 8443} {
				s.Spec.Ports = append(s.Spec.Ports, corev1.ServicePort{Name: "tls", Protocol: corev1.ProtocolTCP, Port: port, NodePort: int32(32000 + i)})
			}
		},
		values: [2]string{"80:443", "80:8443"}, wrong: "80:81",
		see: listenersOf, shown: [2]string{"http/80>443 https/443 https/8443", "http/80>8443 https/443 https/8443"}, standard: "http/80 https/443 https/8443",
		changed: []string{"DeleteLoadBalancerListener ListenerProtocol=http", "CreateLoadBalancerHTTPListener", "StartLoadBalancerListener ListenerProtocol=http"},
		removed: []string{"DeleteLoadBalancerListener ListenerProtocol=http", "CreateLoadBalancerHTTPListener", "StartLoadBalancerListener ListenerProtocol=http"},
	}
	sticky := one(annotation.StickySession, setHTTP, "StickySession", slb.StickySession, "on", "off", "off", "yes")
	kind := one(annotation.StickySessionType, setHTTP, "StickySessionType", slb.StickySessionType, "insert", "server", "insert", "both", "StickySession=on")
	kind.also = beside(beside(asHTTP, annotation.StickySession, "on"), annotation.Cookie, "JSESSIONID")
	kind.changed = sets(setHTTP, "Cookie=JSESSIONID", "StickySession=on", "StickySessionType=server")
	timeout := one(annotation.CookieTimeout, setHTTP, "CookieTimeout", slb.CookieTimeout, "60", "120", "3600", "0", "StickySession=on", "StickySessionType=insert")
	timeout.also = beside(asHTTP, annotation.StickySession, "on")
	cookie := one(annotation.Cookie, setHTTP, "Cookie", slb.Cookie, "JSESSIONID", "SID", "", "a b", "StickySession=on", "StickySessionType=server")
	cookie.also, cookie.needed = beside(beside(asHTTP, annotation.StickySession, "on"), annotation.StickySessionType, "server"), true
	http2 := one(annotation.HTTP2Enabled, setHTTPS, "EnableHttp2", slb.HTTP2, "off", "on", "on", "yes")
	rows := []annotated{
		certificate, forward, sticky, kind, timeout, cookie, http2,
		one(annotation.TLSCipherPolicy, setHTTPS, "TLSCipherPolicy", slb.TLSPolicy, "tls_cipher_policy_1_2", "tls_cipher_policy_1_1", "tls_cipher_policy_1_0", "tls_1_2"),
		one(annotation.IdleTimeout, setHTTP, "IdleTimeout", slb.IdleTimeout, "1", "60", "15", "61"),
		one(annotation.RequestTimeout, setHTTP, "RequestTimeout", slb.RequestTimeout, "180", "1", "60", "181"),
	}
	for _, header := range []struct {
		key   annotation.Key
		param string
		field slb.Field
	}{
		{annotation.ForwardedForProto, "XForwardedFor_proto", slb.ForwardedForProto},
		{annotation.ForwardedForSLBPort, "XForwardedFor_SLBPORT", slb.ForwardedForPort},
		{annotation.ForwardedForSrcPort, "XForwardedFor_ClientSrcPort", slb.ForwardedForClient},
	} {
		rows = append(rows, one(header.key, setHTTP, header.param, header.field, "on", "off", "off", "true"))
	}
	return rows
}
