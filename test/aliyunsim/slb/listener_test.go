package slb

import (
	"strconv"
	"testing"
	"time"

	sdk "github.com/aliyun/alibaba-cloud-sdk-go/services/slb"
)

// status is a TCP listener's status.
func (r *rig) status(lb string, port int) string {
	r.t.Helper()
	got := sdk.CreateDescribeLoadBalancerTCPListenerAttributeResponse()
	r.read(got, "DescribeLoadBalancerTCPListenerAttribute", "LoadBalancerId", lb, "ListenerPort", strconv.Itoa(port))
	return got.Status
}

func TestListenerGoesThroughItsStates(t *testing.T) {
	r := newRig(t)
	lb := r.create()
	r.listen(lb, 80)
	on80 := []string{"LoadBalancerId", lb, "ListenerPort", "80"}
	steps := []struct{ action, during, after string }{
		{"SetLoadBalancerTCPListenerAttribute", stopped, stopped},
		{"StopLoadBalancerListener", stopped, stopped},
		{"StartLoadBalancerListener", starting, running},
		{"StartLoadBalancerListener", running, running},
		{"SetLoadBalancerTCPListenerAttribute", configuring, running},
		{"StopLoadBalancerListener", stopping, stopped},
	}
	for _, s := range steps {
		r.do(s.action, on80...)
		if got := r.status(lb, 80); got != s.during {
			t.Fatalf("after %s the listener is %s, want %s", s.action, got, s.during)
		}
		if s.during != s.after {
			for _, a := range []string{
				"SetLoadBalancerTCPListenerAttribute", "DeleteLoadBalancerListener", "StartLoadBalancerListener", "StopLoadBalancerListener",
			} {
				r.refused(400, "OperationFailed.ListenerStatusNotSupport", a, on80...)
			}
			r.pass(r.knobs.ListenerTransition - time.Millisecond)
			if got := r.status(lb, 80); got != s.during {
				t.Fatalf("the listener is %s too early", got)
			}
			r.pass(time.Millisecond)
		}
		if got := r.status(lb, 80); got != s.after {
			t.Fatalf("long after %s the listener is %s, want %s", s.action, got, s.after)
		}
	}
	r.do("DeleteLoadBalancerListener", on80...)
	r.refused(400, "InvalidParameter", "DescribeLoadBalancerTCPListenerAttribute", on80...)
}

func TestStartOfARunningListenerIsRefusedOnRequest(t *testing.T) {
	r := newRig(t)
	r.knobs.ListenerTransition, r.knobs.StrictListeners = 0, true
	lb := r.create()
	r.listen(lb, 80)
	const code = "OperationFailed.ListenerStatusNotSupport"
	r.refused(400, code, "StopLoadBalancerListener", "LoadBalancerId", lb, "ListenerPort", "80")
	r.do("StartLoadBalancerListener", "LoadBalancerId", lb, "ListenerPort", "80")
	r.refused(400, code, "StartLoadBalancerListener", "LoadBalancerId", lb, "ListenerPort", "80")
}

func TestAdvanceTellsTheNextTransition(t *testing.T) {
	r := newRig(t)
	lb := r.create()
	r.listen(lb, 80)
	r.do("StartLoadBalancerListener", "LoadBalancerId", lb, "ListenerPort", "80")
	if next := r.p.Advance(r.now); !next.Equal(r.now.Add(r.knobs.ListenerTransition)) {
		t.Errorf("next %v", next)
	}
	r.pass(time.Second)
	if next := r.p.Advance(r.now); !next.IsZero() {
		t.Errorf("next %v, want none", next)
	}
}

func TestUnknownListenerIsInvalidParameter(t *testing.T) {
	r := newRig(t)
	lb := r.create()
	r.listen(lb, 80)
	for _, action := range []string{
		"DescribeLoadBalancerTCPListenerAttribute", "SetLoadBalancerTCPListenerAttribute",
		"StartLoadBalancerListener", "StopLoadBalancerListener", "DeleteLoadBalancerListener",
	} {
		err := r.refusal(400, "InvalidParameter", action, "LoadBalancerId", lb, "ListenerPort", "81")
		if err.Message != "The specified resource does not exist." {
			t.Errorf("%s: %q", action, err.Message)
		}
		r.refused(404, "InvalidLoadBalancerId.NotFound", action, "LoadBalancerId", "lb-none", "ListenerPort", "80")
	}
	r.refused(400, "InvalidParameter", "DescribeLoadBalancerUDPListenerAttribute", "LoadBalancerId", lb, "ListenerPort", "80")
}

func TestTCPAndUDPShareAPortAndMustThenBeToldApart(t *testing.T) {
	r := newRig(t)
	lb := r.create()
	r.listen(lb, 53)
	base := []string{"LoadBalancerId", lb, "ListenerPort", "53"}
	more := append(base, "BackendServerPort", "53", "Bandwidth", "-1")
	r.refused(400, "ListenerAlreadyExists", "CreateLoadBalancerTCPListener", more...)
	r.refused(400, "ListenerPortConflict", "CreateLoadBalancerHTTPListener", append(more, "StickySession", "off", "HealthCheck", "off")...)
	r.do("StopLoadBalancerListener", base...)
	r.do("CreateLoadBalancerUDPListener", more...)
	for _, a := range []string{"StartLoadBalancerListener", "StopLoadBalancerListener", "DeleteLoadBalancerListener"} {
		r.refused(400, "MissingParameter", a, base...)
	}
	r.do("StartLoadBalancerListener", append(base, "ListenerProtocol", "udp")...)
	if got := r.status(lb, 53); got != stopped {
		t.Errorf("the TCP listener is %s", got)
	}
	r.do("DeleteLoadBalancerListener", append(base, "ListenerProtocol", "TCP")...)
	r.pass(time.Second)
	r.do("StopLoadBalancerListener", base...)
}

func TestListenerQuotaLeavesTheOthers(t *testing.T) {
	r := newRig(t)
	lb := r.create()
	for port := range 50 {
		r.listen(lb, port+1)
	}
	r.refused(400, "ListenerNumberOverLimit", "CreateLoadBalancerTCPListener", "LoadBalancerId", lb, "ListenerPort", "51",
		"BackendServerPort", "1", "Bandwidth", "-1")
}

func TestBadListenersAreRefusedWithoutTrace(t *testing.T) {
	r := newRig(t)
	r.knobs.SlashURIRefused = true
	if err := r.p.Seed(Seed{ACLs: []ACLSeed{{ID: "acl-4"}, {ID: "acl-6", IPVersion: "ipv6"}}}); err != nil {
		t.Fatal(err)
	}
	lb := r.create()
	other := r.do("CreateVServerGroup", "LoadBalancerId", r.create()).id("VServerGroupId")
	tcp := func(pairs ...string) []string {
		return append([]string{"LoadBalancerId", lb, "ListenerPort", "80", "BackendServerPort", "80", "Bandwidth", "-1"}, pairs...)
	}
	layer7 := func(pairs ...string) []string {
		return tcp(append([]string{"StickySession", "off", "HealthCheck", "on"}, pairs...)...)
	}
	cases := []struct {
		name, action, code string
		pairs              []string
	}{
		{"port", "TCP", "InvalidParameter", tcp("ListenerPort", "65536")},
		{"port zero", "TCP", "InvalidParameter", tcp("ListenerPort", "0")},
		{"no backend port", "TCP", "MissingParameter", tcp("BackendServerPort", "")},
		{"no bandwidth", "TCP", "MissingParameter", tcp("Bandwidth", "")},
		{"bandwidth zero", "UDP", "InvalidParameter", tcp("Bandwidth", "0")},
		{"scheduler", "TCP", "InvalidParameter", tcp("Scheduler", "qch")},
		{"HTTP scheduler", "HTTP", "InvalidParameter", layer7("Scheduler", "sch")},
		{"persistence", "TCP", "InvalidParameter", tcp("PersistenceTimeout", "3601")},
		{"established", "TCP", "InvalidParameter", tcp("EstablishedTimeout", "9")},
		{"drain without timeout", "TCP", "MissingParameter", tcp("ConnectionDrain", "on")},
		{"drain timeout", "TCP", "InvalidParameter", tcp("ConnectionDrain", "on", "ConnectionDrainTimeout", "901")},
		{"interval", "TCP", "InvalidParameter", tcp("healthCheckInterval", "51")},
		{"threshold", "UDP", "InvalidParameter", tcp("HealthyThreshold", "1")},
		{"URI", "TCP", "InvalidParameter", tcp("HealthCheckURI", "healthz")},
		{"slash", "TCP", "InvalidParameter", tcp("HealthCheckURI", "/")},
		{"HTTP code", "TCP", "InvalidParameter", tcp("HealthCheckHttpCode", "http_2xx,200")},
		{"method", "HTTP", "InvalidParameter", layer7("HealthCheckMethod", "post")},
		{"domain", "HTTP", "InvalidParameter", layer7("HealthCheckDomain", "a b")},
		{"proxy protocol", "TCP", "InvalidParameter", tcp("ProxyProtocolV2Enabled", "on")},
		{"description", "TCP", "InvalidParameter", tcp("Description", string(make([]byte, 257)))},
		{"UDP request", "UDP", "InvalidParamLength.HealthCheckReq", tcp("healthCheckReq", string(make([]byte, 65)))},
		{"UDP answer", "UDP", "InvalidParameter", tcp("healthCheckExp", "a b")},
		{"no health check", "HTTP", "MissingParameter", tcp("StickySession", "off")},
		{"no sticky session", "HTTP", "MissingParameter", tcp("HealthCheck", "off")},
		{"sticky without type", "HTTP", "MissingParameter", layer7("StickySession", "on")},
		{"sticky without cookie", "HTTP", "MissingParameter", layer7("StickySession", "on", "StickySessionType", "server")},
		{"sticky without timeout", "HTTP", "MissingParameter", layer7("StickySession", "on", "StickySessionType", "insert")},
		{"redirect without port", "HTTP", "MissingParameter", layer7("ListenerForward", "on")},
		{"no certificate", "HTTPS", "MissingParameter", layer7()},
		{"certificate", "HTTPS", "ServerCertificateId.NotFound", layer7("ServerCertificateId", "none")},
		{"cipher policy", "HTTPS", "InvalidParameter", layer7("TLSCipherPolicy", "tls_cipher_policy_0_9")},
		{"group", "TCP", "ResourceNotFound.VServerGroup", tcp("VServerGroupId", "rsp-none")},
		{"group of another", "TCP", "ResourceNotFound.VServerGroup", tcp("VServerGroupId", other)},
		{"ACL", "TCP", "AclNotExist", tcp("AclStatus", "on", "AclType", "white", "AclId", "acl-none")},
		{"ACL missing", "TCP", "MissingParameter", tcp("AclStatus", "on", "AclType", "white")},
		{"ACL family", "TCP", "IpVersionConflict", tcp("AclStatus", "on", "AclType", "white", "AclId", "acl-6")},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			r.t = t
			r.refused(400, c.code, "CreateLoadBalancer"+c.action+"Listener", c.pairs...)
		})
	}
	r.t = t
	r.do("CreateLoadBalancerTCPListener", tcp("AclStatus", "on", "AclType", "white", "AclId", "acl-4")...)
}

func TestNewListenerHasThePublishedDefaults(t *testing.T) {
	r := newRig(t)
	if err := r.p.Seed(Seed{Certificates: []CertificateSeed{{ID: "cert-1"}}}); err != nil {
		t.Fatal(err)
	}
	lb := r.create()
	base := []string{"LoadBalancerId", lb, "BackendServerPort", "30080", "Bandwidth", "-1"}
	r.do("CreateLoadBalancerTCPListener", append(base, "ListenerPort", "1")...)
	r.do("CreateLoadBalancerUDPListener", append(base, "ListenerPort", "2")...)
	r.do("CreateLoadBalancerHTTPListener", "LoadBalancerId", lb, "BackendServerPort", "30080", "ListenerPort", "3", "StickySession", "off", "HealthCheck", "on")
	r.do("CreateLoadBalancerHTTPSListener", append(base, "ListenerPort", "4", "StickySession", "on", "StickySessionType", "insert",
		"CookieTimeout", "60", "HealthCheck", "off", "ServerCertificateId", "cert-1")...)

	tcp := sdk.CreateDescribeLoadBalancerTCPListenerAttributeResponse()
	r.read(tcp, "DescribeLoadBalancerTCPListenerAttribute", "LoadBalancerId", lb, "ListenerPort", "1")
	if tcp.Status != stopped || tcp.BackendServerPort != 30080 || tcp.Bandwidth != -1 || tcp.Scheduler != "wrr" ||
		tcp.HealthCheck != on || tcp.HealthCheckType != "tcp" || tcp.HealthCheckInterval != 2 || tcp.HealthCheckConnectTimeout != 5 ||
		tcp.HealthyThreshold != 3 || tcp.UnhealthyThreshold != 3 || tcp.EstablishedTimeout != 900 || tcp.PersistenceTimeout != 0 ||
		tcp.ConnectionDrain != off || tcp.ProxyProtocolV2Enabled || tcp.AclStatus != off || tcp.HealthCheckURI != "" || tcp.VServerGroupId != "" {
		t.Errorf("TCP: %+v", tcp)
	}
	udp := sdk.CreateDescribeLoadBalancerUDPListenerAttributeResponse()
	r.read(udp, "DescribeLoadBalancerUDPListenerAttribute", "LoadBalancerId", lb, "ListenerPort", "2")
	if udp.HealthCheck != on || udp.HealthCheckSwitch != on || udp.HealthCheckInterval != 5 || udp.HealthCheckConnectTimeout != 10 || udp.Status != stopped {
		t.Errorf("UDP: %+v", udp)
	}
	http := sdk.CreateDescribeLoadBalancerHTTPListenerAttributeResponse()
	r.read(http, "DescribeLoadBalancerHTTPListenerAttribute", "LoadBalancerId", lb, "ListenerPort", "3")
	if http.Bandwidth != -1 || http.IdleTimeout != 15 || http.RequestTimeout != 60 || http.Gzip != on || http.XForwardedFor != on ||
		http.XForwardedForSLBPORT != off || http.StickySession != off || http.HealthCheckHttpCode != "http_2xx" || http.ListenerForward != off {
		t.Errorf("HTTP: %+v", http)
	}
	https := sdk.CreateDescribeLoadBalancerHTTPSListenerAttributeResponse()
	r.read(https, "DescribeLoadBalancerHTTPSListenerAttribute", "LoadBalancerId", lb, "ListenerPort", "4")
	if https.ServerCertificateId != "cert-1" || https.TLSCipherPolicy != "tls_cipher_policy_1_0" || https.EnableHttp2 != on ||
		https.CookieTimeout != 60 || https.StickySessionType != "insert" || https.HealthCheck != off {
		t.Errorf("HTTPS: %+v", https)
	}
}

func TestLowerCaseIntervalIsForCreationOnly(t *testing.T) {
	r := newRig(t)
	lb := r.create()
	interval := func() int {
		got := sdk.CreateDescribeLoadBalancerTCPListenerAttributeResponse()
		r.read(got, "DescribeLoadBalancerTCPListenerAttribute", "LoadBalancerId", lb, "ListenerPort", "80")
		return got.HealthCheckInterval
	}
	r.listen(lb, 80, "healthCheckInterval", "7", "HealthCheckInterval", "8")
	if got := interval(); got != 7 {
		t.Errorf("after creation %d", got)
	}
	r.do("SetLoadBalancerTCPListenerAttribute", "LoadBalancerId", lb, "ListenerPort", "80", "healthCheckInterval", "9")
	if got := interval(); got != 7 {
		t.Errorf("the lower-case name set %d", got)
	}
	r.do("SetLoadBalancerTCPListenerAttribute", "LoadBalancerId", lb, "ListenerPort", "80", "HealthCheckInterval", "10")
	if got := interval(); got != 10 {
		t.Errorf("the name of Set calls set %d", got)
	}
}

func TestSetIsPartialAndCannotChangeTheBackendPort(t *testing.T) {
	r := newRig(t)
	lb := r.create()
	r.listen(lb, 80, "Description", "web", "HealthCheckType", "http", "HealthCheckURI", "/healthz", "HealthCheckConnectPort", "10256",
		"ProxyProtocolV2Enabled", "true")
	set := func(pairs ...string) *sdk.DescribeLoadBalancerTCPListenerAttributeResponse {
		r.do("SetLoadBalancerTCPListenerAttribute", append([]string{"LoadBalancerId", lb, "ListenerPort", "80"}, pairs...)...)
		got := sdk.CreateDescribeLoadBalancerTCPListenerAttributeResponse()
		r.read(got, "DescribeLoadBalancerTCPListenerAttribute", "LoadBalancerId", lb, "ListenerPort", "80")
		return got
	}
	got := set("Scheduler", "rr", "BackendServerPort", "9", "HealthCheckInterval", "20")
	if got.Scheduler != "rr" || got.BackendServerPort != 30080 || got.Description != "web" || got.HealthCheckURI != "/healthz" ||
		got.HealthCheckConnectPort != 10256 || !got.ProxyProtocolV2Enabled || got.HealthCheckHttpCode != "http_2xx" {
		t.Errorf("after Set: %+v", got)
	}
	if got.HealthCheckConnectTimeout != 20 {
		t.Errorf("a timeout below the interval was not raised: %d", got.HealthCheckConnectTimeout)
	}
	if got := set("HealthCheckConnectPort", "-520", "HealthCheckSwitch", "off"); got.HealthCheckConnectPort != 0 || got.HealthCheck != off {
		t.Errorf("after the reset: %+v", got)
	}
	r.refused(400, "InvalidParameter", "SetLoadBalancerTCPListenerAttribute", "LoadBalancerId", lb, "ListenerPort", "80",
		"Description", "new", "Scheduler", "best")
}

func TestGroupIsBoundAndUnbound(t *testing.T) {
	r := newRig(t)
	lb := r.create()
	group := r.do("CreateVServerGroup", "LoadBalancerId", lb).id("VServerGroupId")
	r.listen(lb, 80)
	r.do("CreateLoadBalancerTCPListener", "LoadBalancerId", lb, "ListenerPort", "81", "Bandwidth", "-1", "VServerGroupId", group)
	bound := func(port string) (string, int) {
		got := sdk.CreateDescribeLoadBalancerTCPListenerAttributeResponse()
		r.read(got, "DescribeLoadBalancerTCPListenerAttribute", "LoadBalancerId", lb, "ListenerPort", port)
		return got.VServerGroupId, got.BackendServerPort
	}
	if g, port := bound("81"); g != group || port != 0 {
		t.Errorf("created with a group: %s %d", g, port)
	}
	set := func(port string, pairs ...string) {
		r.do("SetLoadBalancerTCPListenerAttribute", append([]string{"LoadBalancerId", lb, "ListenerPort", port}, pairs...)...)
	}
	set("80", "VServerGroupId", group)
	if g, port := bound("80"); g != "" || port != 30080 {
		t.Errorf("bound without VServerGroup=on: %s %d", g, port)
	}
	set("80", "VServerGroup", "on", "VServerGroupId", group)
	if g, port := bound("80"); g != group || port != 0 {
		t.Errorf("bound: %s %d", g, port)
	}
	set("80", "VServerGroup", "off")
	if g, port := bound("80"); g != "" || port != 30080 {
		t.Errorf("unbound: %s %d", g, port)
	}
	r.refused(400, "MissingParameter", "SetLoadBalancerTCPListenerAttribute", "LoadBalancerId", lb, "ListenerPort", "80", "VServerGroup", "on")
	r.refused(400, "ResourceNotFound.VServerGroup", "SetLoadBalancerTCPListenerAttribute", "LoadBalancerId", lb, "ListenerPort", "80",
		"VServerGroup", "on", "VServerGroupId", "rsp-none")
	// Made with a group, it has no port to go back to.
	r.refused(400, "InvalidParameter", "SetLoadBalancerTCPListenerAttribute", "LoadBalancerId", lb, "ListenerPort", "81", "VServerGroup", "off")
}

func TestHTTPCheckOnUDPIsIgnoredOrRefused(t *testing.T) {
	r := newRig(t)
	lb := r.create()
	udp := func(port string) []string {
		return []string{
			"LoadBalancerId", lb, "ListenerPort", port, "BackendServerPort", "53", "Bandwidth", "-1",
			"HealthCheckType", "http", "HealthCheckURI", "/healthz", "HealthCheckConnectPort", "10256",
		}
	}
	r.do("CreateLoadBalancerUDPListener", udp("53")...)
	got := sdk.CreateDescribeLoadBalancerUDPListenerAttributeResponse()
	r.read(got, "DescribeLoadBalancerUDPListenerAttribute", "LoadBalancerId", lb, "ListenerPort", "53")
	if got.HealthCheckType == "http" || got.HealthCheckURI != "" || got.HealthCheckConnectPort != 10256 {
		t.Errorf("not ignored: %+v", got)
	}
	r.knobs.UDPHTTPCheckIgnored = false
	r.refused(400, "InvalidParameter", "CreateLoadBalancerUDPListener", udp("54")...)
}

func TestListenersStayWithinThePaidBandwidth(t *testing.T) {
	r := newRig(t)
	lb := r.do("CreateLoadBalancer", "LoadBalancerSpec", "slb.s1.small", "InternetChargeType", byBandwidth, "Bandwidth", "10").id("LoadBalancerId")
	base := []string{"LoadBalancerId", lb, "BackendServerPort", "80", "ListenerPort", "80"}
	r.knobs.StrictBandwidth = true
	r.refused(400, "InvalidParameter", "CreateLoadBalancerTCPListener", append(base, "Bandwidth", "-1")...)
	r.knobs.StrictBandwidth = false
	r.do("CreateLoadBalancerTCPListener", "LoadBalancerId", lb, "BackendServerPort", "80", "ListenerPort", "82", "Bandwidth", "-1")
	r.do("CreateLoadBalancerTCPListener", append(base, "Bandwidth", "6")...)
	r.refused(400, "InvalidParameter", "CreateLoadBalancerTCPListener", "LoadBalancerId", lb, "BackendServerPort", "80", "ListenerPort", "81", "Bandwidth", "5")
	r.do("SetLoadBalancerTCPListenerAttribute", "LoadBalancerId", lb, "ListenerPort", "80", "Bandwidth", "10")
	r.refused(400, "InvalidParameter", "ModifyLoadBalancerInternetSpec", "LoadBalancerId", lb, "Bandwidth", "9")
}
