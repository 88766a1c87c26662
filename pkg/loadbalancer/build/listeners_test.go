package build

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/slb"
	"github.com/kube-aliyun/kube-aliyun/pkg/config"
	"github.com/kube-aliyun/kube-aliyun/pkg/loadbalancer/annotation"
)

// port443 adds a port beside 80.
func port443(s *corev1.Service) {
	s.Spec.Ports = append(s.Spec.Ports, corev1.ServicePort{Name: "tls", Protocol: corev1.ProtocolTCP, Port: 443, NodePort: 30443})
}

func clientIP(seconds int32) func(*corev1.Service) {
	return func(s *corev1.Service) {
		s.Spec.SessionAffinity = corev1.ServiceAffinityClientIP
		s.Spec.SessionAffinityConfig = &corev1.SessionAffinityConfig{ClientIP: &corev1.ClientIPConfig{TimeoutSeconds: ptr.To(seconds)}}
	}
}

func TestHTTPSListenerGetsTheDocumentedDefaults(t *testing.T) {
	s := testService(annotate(annotation.ProtocolPort, "https:80"), annotate(annotation.CertID, "cert-1"))
	w := mustBuild(t, Input{Service: s, Servers: servers(1)})
	want := slb.Attributes{
		slb.Description: "kube-aliyun/test-cluster/0a1b2c3d-0000-1111-2222-333344445555/80/shop/web", slb.Bandwidth: "-1", slb.Scheduler: "wrr",
		slb.ServerCertificate: "cert-1", slb.TLSPolicy: "tls_cipher_policy_1_0", slb.HTTP2: "on", slb.IdleTimeout: "15", slb.RequestTimeout: "60",
		slb.ForwardedForProto: "off", slb.ForwardedForPort: "off", slb.ForwardedForClient: "off", slb.StickySession: "off",
		slb.HealthCheck: "on", slb.HealthCheckType: "http", slb.HealthCheckPort: "10256", slb.HealthCheckURI: "/healthz", slb.HealthCheckDomain: "$_ip",
		slb.HealthCheckHTTPCode: "http_2xx", slb.HealthCheckMethod: "head", slb.HealthCheckTimeout: "5", slb.HealthCheckInterval: "2",
		slb.HealthyThreshold: "3", slb.UnhealthyThreshold: "3",
	}
	got := w.Listeners[0]
	if diff := cmp.Diff(want, got.Attributes); diff != "" || got.Protocol != slb.HTTPS || got.NodePort != 30080 {
		t.Errorf("%s on %s: %s", got.ListenerKey, w.IPMode, diff)
	}
	if len(w.Notices) > 0 {
		t.Errorf("notices %q", w.Notices)
	}
}

func TestIPModeIsProxyWhereAListenerSpeaksForTheClients(t *testing.T) {
	cases := map[string]struct {
		change []func(*corev1.Service)
		want   corev1.LoadBalancerIPMode
	}{
		"tcp":                         {nil, corev1.LoadBalancerIPModeVIP},
		"http":                        {[]func(*corev1.Service){annotate(annotation.ProtocolPort, "http:80")}, corev1.LoadBalancerIPModeProxy},
		"one of two ports":            {[]func(*corev1.Service){port443, annotate(annotation.ProtocolPort, "http:443")}, corev1.LoadBalancerIPModeProxy},
		"PROXY protocol":              {[]func(*corev1.Service){annotate(annotation.ProxyProtocol, "on")}, corev1.LoadBalancerIPModeProxy},
		"PROXY protocol on one port":  {[]func(*corev1.Service){port443, annotate(annotation.ProxyProtocol, "443:on")}, corev1.LoadBalancerIPModeProxy},
		"PROXY protocol on none left": {[]func(*corev1.Service){annotate(annotation.ProxyProtocol, "443:on")}, corev1.LoadBalancerIPModeVIP},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if got := mustBuild(t, Input{Service: testService(c.change...), Servers: servers(1)}).IPMode; got != c.want {
				t.Errorf("ipMode %s, want %s", got, c.want)
			}
		})
	}
}

func TestEachPortCanHaveAValueOfItsOwn(t *testing.T) {
	w := mustBuild(t, Input{Servers: servers(1), Service: testService(port443,
		annotate(annotation.EstablishedTimeout, "80:60,443:70,8080:80"), annotate(annotation.HealthCheckHTTPCode, "443:http_3xx|http_2xx"), annotate(annotation.HealthCheckURI, "443:/ok"))})
	got := map[int][]string{}
	for _, l := range w.Listeners {
		got[l.Port] = []string{l.Attributes[slb.EstablishedTimeout], l.Attributes[slb.HealthCheckURI], l.Attributes[slb.HealthCheckHTTPCode]}
	}
	want := map[int][]string{80: {"60", "/healthz", "http_2xx"}, 443: {"70", "/ok", "http_2xx,http_3xx"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if len(w.Notices) != 1 || !strings.Contains(w.Notices[0], "established-timeout has no effect for port 8080") {
		t.Errorf("notices %q", w.Notices)
	}
}

func TestSessionAffinityIsKeptAsNearAsTheListenerCan(t *testing.T) {
	cases := map[string]struct {
		change []func(*corev1.Service)
		want   slb.Attributes
		told   string // part of the one notice; "" = none
	}{
		"TCP": {[]func(*corev1.Service){clientIP(10800)}, slb.Attributes{slb.Scheduler: "sch", slb.PersistenceTimeout: "0"}, ""},
		"TCP with another scheduler": {
			[]func(*corev1.Service){clientIP(600), annotate(annotation.Scheduler, "rr")}, slb.Attributes{slb.Scheduler: "rr", slb.PersistenceTimeout: "600"}, "",
		},
		"TCP for longer than a listener remembers": {
			[]func(*corev1.Service){clientIP(10800), annotate(annotation.Scheduler, "rr")}, slb.Attributes{slb.PersistenceTimeout: "3600"}, "lasts 3600 seconds, not 10800",
		},
		"TCP with a persistence of its own": {
			[]func(*corev1.Service){clientIP(10800), annotate(annotation.Scheduler, "rr"), annotate(annotation.PersistenceTimeout, "5")}, slb.Attributes{slb.PersistenceTimeout: "5"}, "",
		},
		"UDP with another scheduler": {
			[]func(*corev1.Service){clientIP(600), annotate(annotation.Scheduler, "rr"), func(s *corev1.Service) { s.Spec.Ports[0].Protocol = corev1.ProtocolUDP }},
			slb.Attributes{slb.Scheduler: "rr"}, "sessionAffinity has no effect",
		},
		"HTTP": {
			[]func(*corev1.Service){clientIP(10800), annotate(annotation.ProtocolPort, "http:80")},
			slb.Attributes{slb.Scheduler: "wrr", slb.StickySession: "on", slb.StickySessionType: "insert", slb.CookieTimeout: "10800"}, "kept by a cookie",
		},
		"HTTP that is to have none": {
			[]func(*corev1.Service){clientIP(10800), annotate(annotation.ProtocolPort, "http:80"), annotate(annotation.StickySession, "off")},
			slb.Attributes{slb.StickySession: "off"}, "",
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			w := mustBuild(t, Input{Service: testService(c.change...), Servers: servers(1)})
			for field, want := range c.want {
				if got := w.Listeners[0].Attributes[field]; got != want {
					t.Errorf("%s = %q, want %q", field, got, want)
				}
			}
			if c.told == "" && len(w.Notices) > 0 || c.told != "" && (len(w.Notices) != 1 || !strings.Contains(w.Notices[0], c.told)) {
				t.Errorf("notices %q, want %q", w.Notices, c.told)
			}
		})
	}
}

func TestRedirectLeadsFromHTTPToHTTPSOfTheService(t *testing.T) {
	both := []func(*corev1.Service){port443, annotate(annotation.ProtocolPort, "http:80,https:443"), annotate(annotation.CertID, "cert-1"), annotate(annotation.ForwardPort, "80:443")}
	w := mustBuild(t, Input{Service: testService(both...), Servers: servers(1)})
	from, to := w.Listeners[0], w.Listeners[1]
	if !from.Redirects() || to.Redirects() || from.Attributes[slb.ForwardPort] != "443" || from.Attributes[slb.HealthCheck] != "" || to.Protocol != slb.HTTPS {
		t.Errorf("listeners %+v", w.Listeners)
	}
	refused := map[string]struct {
		change []func(*corev1.Service)
		says   string
	}{
		"no HTTPS port":            {[]func(*corev1.Service){annotate(annotation.ProtocolPort, "http:80"), annotate(annotation.ForwardPort, "80:443")}, "redirects port 80 to 443"},
		"from TCP":                 {[]func(*corev1.Service){port443, annotate(annotation.ForwardPort, "80:443")}, "set service.beta.kubernetes.io/alibaba-cloud-loadbalancer-protocol-port to http:80,https:443"},
		"HTTPS without a cert":     {[]func(*corev1.Service){annotate(annotation.ProtocolPort, "https:80")}, "port 80: an HTTPS listener needs a certificate"},
		"cookie of the backends":   {[]func(*corev1.Service){annotate(annotation.ProtocolPort, "http:80"), annotate(annotation.StickySession, "on"), annotate(annotation.StickySessionType, "server")}, "needs the name of the backends' cookie"},
		"HTTP on a UDP port":       {[]func(*corev1.Service){func(s *corev1.Service) { s.Spec.Ports[0].Protocol = corev1.ProtocolUDP }, annotate(annotation.ProtocolPort, "http:80")}, "gives port 80 the protocol http"},
		"UDP on a TCP port":        {[]func(*corev1.Service){annotate(annotation.ProtocolPort, "udp:80")}, "gives port 80 the protocol udp"},
		"classic network, inside":  {[]func(*corev1.Service){annotate(annotation.AddressType, "intranet"), annotate(annotation.NetworkType, "classic")}, "classic network"},
		"source hashing with HTTP": {[]func(*corev1.Service){annotate(annotation.ProtocolPort, "http:80"), annotate(annotation.Scheduler, "sch")}, "port 80: Scheduler"},
	}
	for name, c := range refused {
		t.Run(name, func(t *testing.T) {
			_, err := Build(testConfig(), Input{Service: testService(c.change...), Servers: servers(1)})
			problem, ok := errors.AsType[*RefusedError](err)
			if !ok || len(problem.Problems) != 1 || !strings.Contains(problem.Error(), c.says) {
				t.Errorf("error %v, want one problem that says %q", err, c.says)
			}
		})
	}
}

func TestAddressByAnnotationGoesBeforeTheSpec(t *testing.T) {
	inside := annotate(annotation.AddressType, "intranet")
	spec := func(s *corev1.Service) { s.Spec.LoadBalancerIP = "10.0.0.9" }
	w := mustBuild(t, Input{Service: testService(inside, spec, annotate(annotation.IP, "10.0.0.10"))})
	if w.Instance.Address != "10.0.0.10" || len(w.Notices) != 1 || !strings.Contains(w.Notices[0], "loadBalancerIP 10.0.0.9 is not used") {
		t.Errorf("address %s, notices %q", w.Instance.Address, w.Notices)
	}
	w = mustBuild(t, Input{Service: testService(annotate(annotation.IP, "10.0.0.10"), annotate(annotation.NetworkType, "vpc"))})
	if told := strings.Join(w.Notices, "\n"); w.Instance.Address != "" || !strings.Contains(told, "annotation ip has no effect") || !strings.Contains(told, "annotation network-type has no effect") {
		t.Errorf("address %s, notices %q", w.Instance.Address, w.Notices)
	}
	w = mustBuild(t, Input{Service: testService(annotate(annotation.NetworkType, "classic"))})
	if len(w.Notices) > 0 {
		t.Errorf("notices %q", w.Notices)
	}
}

func TestAnnotationPolicyRefusesBeforeAnythingElseIsSaid(t *testing.T) {
	cfg := testConfig()
	cfg.Defaults.AnnotationPolicy = config.AnnotationPolicy{{Namespaces: []string{"shop"}, Allow: map[string][]string{"spec": {"slb.s1.*"}}}}
	for spec, allowed := range map[string]bool{"slb.s1.small": true, "slb.s3.large": false} {
		_, err := Build(cfg, Input{Service: testService(annotate(annotation.Spec, spec), annotate(annotation.Scheduler, "rr")), Servers: servers(1)})
		if allowed != (err == nil) || !allowed && !strings.Contains(fmt.Sprint(err), `"slb.s3.large" is not allowed in namespace shop`) {
			t.Errorf("%s: %v", spec, err)
		}
	}
}
