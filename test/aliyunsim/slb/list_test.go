package slb

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"testing"

	sdk "github.com/aliyun/alibaba-cloud-sdk-go/services/slb"
)

// found lists the names of the load balancers that a query finds.
func (r *rig) found(pairs ...string) []string {
	r.t.Helper()
	got := sdk.CreateDescribeLoadBalancersResponse()
	r.read(got, "DescribeLoadBalancers", pairs...)
	names := make([]string, 0, len(got.LoadBalancers.LoadBalancer))
	for _, lb := range got.LoadBalancers.LoadBalancer {
		names = append(names, lb.LoadBalancerName)
	}
	return names
}

func TestListIsFiltered(t *testing.T) {
	r := newRig(t)
	one := r.create("LoadBalancerName", "one", "Tag.1.Key", "k", "Tag.1.Value", "1", "Tag.2.Key", "x", "Tag.2.Value", "y")
	two := r.create("LoadBalancerName", "two", "Tag.1.Key", "k", "Tag.1.Value", "2", "VSwitchId", vswitch)
	r.create("LoadBalancerName", "three", "AddressIPVersion", "ipv6")
	r.do("AddBackendServers", "LoadBalancerId", two, "BackendServers", servers(0, 7))
	for _, c := range []struct {
		pairs []string
		want  []string
	}{
		{nil, []string{"one", "two", "three"}},
		{[]string{"LoadBalancerId", two + "," + one + ",lb-none"}, []string{"one", "two"}},
		{[]string{"LoadBalancerId", "lb-none"}, []string{}},
		{[]string{"LoadBalancerName", "three,one"}, []string{"one", "three"}},
		{[]string{"LoadBalancerName", "o"}, []string{}},
		{[]string{"LoadBalancerName", "o", "Fuzzy", "true"}, []string{"one", "two"}},
		{[]string{"Tag.1.Key", "k", "Tag.1.Value", "2"}, []string{"two"}},
		{[]string{"Tag.1.Key", "k"}, []string{"one", "two"}},
		{[]string{"Tag.1.Key", "x", "Tag.1.Value", "y", "Tag.2.Key", "k", "Tag.2.Value", "2"}, []string{"one", "two"}},
		{[]string{"Tag.1.Key", "none", "Tag.1.Value", "y"}, []string{}},
		{[]string{"Tags", `[{"TagKey":"k","TagValue":"2"}]`}, []string{"two"}},
		{[]string{"Tags", `{"x":"y"}`}, []string{"one"}},
		{[]string{"AddressType", "intranet"}, []string{"two"}},
		{[]string{"AddressIPVersion", "ipv6"}, []string{"three"}},
		{[]string{"VpcId", vpcID, "VSwitchId", vswitch}, []string{"two"}},
		{[]string{"VpcId", "vpc-two"}, []string{}},
		{[]string{"ServerId", serverID(7)}, []string{"two"}},
		{[]string{"ServerId", serverID(7), "LoadBalancerName", "one"}, []string{}},
		{[]string{"LoadBalancerStatus", "inactive"}, []string{}},
		{[]string{"InstanceChargeType", byCLCU, "PayType", "PayOnDemand", "InternetChargeType", "4"}, []string{"one", "two", "three"}},
	} {
		if got := r.found(c.pairs...); !slices.Equal(got, c.want) {
			t.Errorf("%v: %v, want %v", c.pairs, got, c.want)
		}
	}
	r.knobs.TagsMatchAll = true
	if got := r.found("Tag.1.Key", "x", "Tag.1.Value", "y", "Tag.2.Key", "k", "Tag.2.Value", "2"); len(got) != 0 {
		t.Errorf("tags ANDed: %v", got)
	}
}

func TestListIsPaged(t *testing.T) {
	r := newRig(t)
	r.knobs.LoadBalancersPerAccount = 200
	for i := range 120 {
		r.create("LoadBalancerName", "lb"+strconv.Itoa(i))
	}
	var all []string
	for page := 1; page <= 3; page++ {
		names := r.found("PageNumber", strconv.Itoa(page))
		if want := []int{50, 50, 20}[page-1]; len(names) != want {
			t.Errorf("page %d has %d, want %d", page, len(names), want)
		}
		all = append(all, names...)
	}
	for i, name := range all {
		if name != "lb"+strconv.Itoa(i) {
			t.Fatalf("place %d holds %s", i, name)
		}
	}
	beyond := r.do("DescribeLoadBalancers", "PageNumber", "9", "PageSize", "100")
	if beyond["TotalCount"] != 120 || len(r.found("PageNumber", "9", "PageSize", "100")) != 0 {
		t.Errorf("beyond the end: %v", beyond)
	}
	r.refused(400, "MissingParameter", "DescribeLoadBalancers", "PageSize", "10")
	r.refused(400, "InvalidParameter", "DescribeLoadBalancers", "PageNumber", "1", "PageSize", "101")
	r.refused(400, "InvalidParameter", "DescribeLoadBalancers", "PageNumber", "1", "PageSize", "0")
	r.refused(400, "InvalidParameter", "DescribeLoadBalancers", "PageNumber", "0")
	r.refused(400, "InvalidParameter", "DescribeLoadBalancers", "LoadBalancerId", "1,2,3,4,5,6,7,8,9,10,11")
	r.refused(400, "InvalidParameter", "DescribeLoadBalancers", "LoadBalancerName", "1,2,3,4,5,6,7,8,9,10,11")
	r.refused(400, "InvalidParameter", "DescribeLoadBalancers", "Tags", "k")
	r.knobs.ClampPageSize = true
	if names := r.found("PageNumber", "1", "PageSize", "1000"); len(names) != 100 {
		t.Errorf("clamped: %d", len(names))
	}
}

func TestListenersOfSeveralLoadBalancersAreListed(t *testing.T) {
	r := newRig(t)
	if err := r.p.Seed(Seed{Certificates: []CertificateSeed{{ID: "cert-1"}}, ACLs: []ACLSeed{{ID: "acl-1"}}}); err != nil {
		t.Fatal(err)
	}
	one, two := r.create(), r.create()
	r.listen(one, 80, "Description", "d", "ProxyProtocolV2Enabled", "true", "Tag.1.Key", "k", "Tag.1.Value", "v",
		"AclStatus", "on", "AclType", "white", "AclId", "acl-1")
	r.do("CreateLoadBalancerUDPListener", "LoadBalancerId", one, "ListenerPort", "80", "BackendServerPort", "53", "Bandwidth", "5",
		"healthCheckReq", "ping", "healthCheckExp", "pong")
	r.do("CreateLoadBalancerHTTPListener", "LoadBalancerId", two, "ListenerPort", "80", "BackendServerPort", "1", "StickySession", "off", "HealthCheck", "off")
	r.do("CreateLoadBalancerHTTPSListener", "LoadBalancerId", two, "ListenerPort", "443", "BackendServerPort", "1", "StickySession", "off",
		"HealthCheck", "off", "Bandwidth", "-1", "ServerCertificate.1.CertificateId", "cert-1")
	got := sdk.CreateDescribeLoadBalancerListenersResponse()
	r.read(got, "DescribeLoadBalancerListeners", "LoadBalancerId.1", two, "LoadBalancerId.2", one, "LoadBalancerId.3", "lb-none")
	if len(got.Listeners) != 4 || got.TotalCount != 4 || got.NextToken != "" || got.MaxResults != 20 {
		t.Fatalf("listeners: %+v", got)
	}
	tcp, udp, http, https := got.Listeners[0], got.Listeners[1], got.Listeners[2], got.Listeners[3]
	if tcp.ListenerProtocol != "tcp" || tcp.LoadBalancerId != one || tcp.ListenerPort != 80 || tcp.Status != stopped || tcp.BackendServerPort != 30080 ||
		tcp.Description != "d" || tcp.Bandwidth != -1 || tcp.Scheduler != "wrr" || tcp.Tags[0].TagKey != "k" || !slices.Equal(tcp.AclIds, []string{"acl-1"}) {
		t.Errorf("TCP: %+v", tcp)
	}
	if c := tcp.TCPListenerConfig; c.ProxyProtocolV2Enabled != "true" || c.HealthCheck != on || c.HealthCheckSwitch != on || c.EstablishedTimeout != 900 || c.HealthCheckInterval != 2 {
		t.Errorf("TCP: %+v", c)
	}
	if c := udp.UDPListenerConfig; c.HealthCheckReq != "ping" || c.HealthCheckExp != "pong" || c.HealthCheckSwitch != on || c.ProxyProtocolV2Enabled != "false" {
		t.Errorf("UDP: %+v", c)
	}
	if c := http.HTTPListenerConfig; c.IdleTimeout != 15 || c.HealthCheck != off || c.XForwardedFor != on {
		t.Errorf("HTTP: %+v", c)
	}
	if c := https.HTTPSListenerConfig; c.ServerCertificateId != "cert-1" || c.TLSCipherPolicy == "" {
		t.Errorf("HTTPS: %+v", c)
	}
	// The real API writes these as strings here, and as booleans in the attribute.
	item, err := json.Marshal(r.do("DescribeLoadBalancerListeners", "LoadBalancerId.1", one)["Listeners"])
	if err != nil || !strings.Contains(string(item), `"ProxyProtocolV2Enabled":"true"`) {
		t.Errorf("ProxyProtocolV2Enabled is no string in the list: %s", item)
	}
	if v := r.do("DescribeLoadBalancerTCPListenerAttribute", "LoadBalancerId", one, "ListenerPort", "80")["ProxyProtocolV2Enabled"]; v != true {
		t.Errorf("ProxyProtocolV2Enabled in the attribute: %v", v)
	}
	for _, c := range []struct {
		pairs []string
		want  int
	}{
		{nil, 4}, {[]string{"ListenerProtocol", "http"}, 1}, {[]string{"ListenerPort", "80"}, 3}, {[]string{"Tag.1.Key", "k", "Tag.1.Value", "v"}, 1},
		{[]string{"LoadBalancerId.1", "lb-none"}, 0},
	} {
		if total := r.do("DescribeLoadBalancerListeners", c.pairs...)["TotalCount"]; total != c.want {
			t.Errorf("%v: %v, want %d", c.pairs, total, c.want)
		}
	}
}

func TestListenersArePagedAlsoWhileTheyChange(t *testing.T) {
	r := newRig(t)
	one, two := r.create(), r.create()
	for port := 1; port <= 30; port++ {
		r.listen(one, port)
		r.listen(two, port)
	}
	query := []string{"LoadBalancerId.1", one, "LoadBalancerId.2", two, "MaxResults", "25"}
	first := sdk.CreateDescribeLoadBalancerListenersResponse()
	r.read(first, "DescribeLoadBalancerListeners", query...)
	if len(first.Listeners) != 25 || first.TotalCount != 60 || first.NextToken == "" {
		t.Fatalf("first page: %d of %d, token %q", len(first.Listeners), first.TotalCount, first.NextToken)
	}
	r.do("DeleteLoadBalancerListener", "LoadBalancerId", one, "ListenerPort", "3")
	r.do("DeleteLoadBalancerListener", "LoadBalancerId", one, "ListenerPort", "25")
	seen := 25
	token := first.NextToken
	for token != "" {
		page := sdk.CreateDescribeLoadBalancerListenersResponse()
		r.read(page, "DescribeLoadBalancerListeners", append(query, "NextToken", token)...)
		if seen == 25 && page.Listeners[0].ListenerPort != 26 {
			t.Errorf("the second page begins with port %d", page.Listeners[0].ListenerPort)
		}
		seen += len(page.Listeners)
		token = page.NextToken
	}
	if seen != 60 {
		t.Errorf("%d listeners seen, want each of the 60 once (two of them before they went)", seen)
	}
	r.refused(400, "InvalidParameter.NextToken", "DescribeLoadBalancerListeners", "LoadBalancerId.1", one, "NextToken", first.NextToken)
	r.refused(400, "InvalidParameter.NextToken", "DescribeLoadBalancerListeners", "NextToken", "nonsense")
	r.refused(400, "InvalidParameter", "DescribeLoadBalancerListeners", "MaxResults", "101")
	r.refused(400, "InvalidParameter", "DescribeLoadBalancerListeners", "MaxResults", "0")
	eleven := make([]string, 0, 22)
	for i := range 11 {
		eleven = append(eleven, "LoadBalancerId."+strconv.Itoa(i+1), one)
	}
	r.refused(400, "InvalidParameter", "DescribeLoadBalancerListeners", eleven...)
}
