package aliyunsim

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aliyun/alibaba-cloud-sdk-go/sdk"
	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/auth/credentials"
	sdkerrors "github.com/aliyun/alibaba-cloud-sdk-go/sdk/errors"
	"github.com/aliyun/alibaba-cloud-sdk-go/services/ecs"
	"github.com/aliyun/alibaba-cloud-sdk-go/services/sts"
	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/api"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/fault"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/ram"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/region"
)

// code is the code of an SDK error.
func code(t *testing.T, err error) string {
	t.Helper()
	if err == nil {
		return ""
	}
	server, ok := errors.AsType[*sdkerrors.ServerError](err)
	if !ok {
		t.Fatalf("not an answer of the server: %v", err)
	}
	return server.ErrorCode()
}

func TestAssumedRoleWorksUntilItsTokenExpires(t *testing.T) {
	s := Start(t, Options{Manual: true})
	policy, err := ram.ParsePolicy(`{"Statement":[{"Effect":"Allow","Action":"ecs:DescribeInstances"}]}`)
	if err := errors.Join(err, s.Region.Identities.PutRole(ram.Role{Name: "nodes", Policies: []ram.Policy{policy}})); err != nil {
		t.Fatal(err)
	}
	client, err := sts.NewClientWithOptions("cn-hangzhou", sdk.NewConfig().WithScheme("HTTP"), credentials.NewAccessKeyCredential(TestKey, TestSecret))
	if err != nil {
		t.Fatal(err)
	}
	client.Domain = s.Endpoint()
	assume := sts.CreateAssumeRoleRequest()
	assume.RoleArn, assume.RoleSessionName = "acs:ram::"+region.DefaultAccount+":role/nodes", "test"
	role, err := client.AssumeRole(assume)
	if err != nil {
		t.Fatal(err)
	}
	c := role.Credentials
	limited, err := ecs.NewClientWithOptions("cn-hangzhou", sdk.NewConfig().WithScheme("HTTP"),
		credentials.NewStsTokenCredential(c.AccessKeyId, c.AccessKeySecret, c.SecurityToken))
	if err != nil {
		t.Fatal(err)
	}
	limited.Domain = s.Endpoint()
	describe := func() string {
		_, err := limited.DescribeInstances(ecs.CreateDescribeInstancesRequest())
		return code(t, err)
	}
	if got := describe(); got != "" {
		t.Errorf("allowed call: %s", got)
	}
	stop := ecs.CreateStopInstanceRequest()
	stop.InstanceId = "i-1"
	if _, err := limited.StopInstance(stop); code(t, err) != "Forbidden.RAM" {
		t.Errorf("denied call: %v", err)
	}
	s.Step(time.Hour)
	if got := describe(); got != "InvalidSecurityToken.Expired" {
		t.Errorf("after an hour: %q", got)
	}
}

func TestSameRegionOverTLSAndWithoutKeepAlive(t *testing.T) {
	s := Start(t, Options{})
	url, client := s.TLS()
	transport, ok := client.Transport.(*http.Transport)
	if !ok {
		t.Fatalf("transport is %T", client.Transport)
	}
	closing := transport.Clone()
	closing.DisableKeepAlives = true
	plain := &http.Transport{DisableKeepAlives: true}
	for name, c := range map[string]*caller{
		"TLS":               {client, url},
		"TLS, then closed":  {&http.Client{Transport: closing}, url},
		"HTTP, then closed": {&http.Client{Transport: plain}, s.URL()},
	} {
		body, err := c.call(t, "2014-05-26", "DescribeInstances", nil)
		if err != nil || !strings.Contains(string(body), `"TotalCount":3`) {
			t.Errorf("%s: %s %v", name, body, err)
		}
	}
}

// A mutation that any check refuses leaves the whole state as it was.
func TestRefusedMutationsLeaveNoTrace(t *testing.T) {
	s := Start(t, Options{Manual: true, Seed: SmallRegion(3) + `routes: [{destination: 172.16.0.0/24, nextHop: i-1}]
loadBalancers: [{id: lb-1, deleteProtection: true, backends: [{server: i-1}], listeners: [{port: 80, protocol: tcp, backendPort: 30080}]}]
`})
	c := newCaller(t, s)
	const ecsV, vpcV, slbV = "2014-05-26", "2016-04-28", "2014-05-15"
	before, err := s.Dump()
	if err != nil {
		t.Fatal(err)
	}
	for name, call := range map[string]struct {
		want, version, action string
		params                map[string]string
	}{
		"duplicate route":   {"InvalidCIDRBlock.Duplicate", vpcV, "CreateRouteEntry", map[string]string{"RouteTableId": SmallRouteTable, "DestinationCidrBlock": "172.16.0.0/24", "NextHopId": "i-2", "NextHopType": "Instance"}},
		"next hop unknown":  {"InvalidNextHopId.NotFound", vpcV, "CreateRouteEntry", map[string]string{"RouteTableId": SmallRouteTable, "DestinationCidrBlock": "172.17.0.0/24", "NextHopId": "i-9", "NextHopType": "Instance"}},
		"wrong next hop":    {"InvalidRouteEntry.NotFound", vpcV, "DeleteRouteEntry", map[string]string{"RouteTableId": SmallRouteTable, "DestinationCidrBlock": "172.16.0.0/24", "NextHopId": "i-2"}},
		"protected":         {"OperationDenied.DeleteProtectionIsOn", slbV, "DeleteLoadBalancer", map[string]string{"LoadBalancerId": "lb-1"}},
		"backend unknown":   {"InvalidServerId.NotExist", slbV, "AddBackendServers", map[string]string{"LoadBalancerId": "lb-1", "BackendServers": `[{"ServerId":"i-2"},{"ServerId":"i-9"}]`}},
		"listener exists":   {"ListenerAlreadyExists", slbV, "CreateLoadBalancerTCPListener", map[string]string{"LoadBalancerId": "lb-1", "ListenerPort": "80", "BackendServerPort": "1", "Bandwidth": "-1"}},
		"listener out":      {"InvalidParameter", slbV, "CreateLoadBalancerTCPListener", map[string]string{"LoadBalancerId": "lb-1", "ListenerPort": "70000", "BackendServerPort": "1", "Bandwidth": "-1"}},
		"no such parameter": {"UnknownParameter", slbV, "CreateLoadBalancer", map[string]string{"Colour": "red", "InstanceChargeType": "PayByCLCU"}},
		"server with route": {"DependencyViolation.RouteEntry", ecsV, "DeleteInstance", map[string]string{"InstanceId": "i-1", "Force": "true"}},
		"running server":    {"IncorrectInstanceStatus", ecsV, "DeleteInstance", map[string]string{"InstanceId": "i-2"}},
		"bad tag":           {"InvalidTagKey.Malformed", slbV, "TagResources", map[string]string{"ResourceType": "instance", "ResourceId.1": "lb-1", "Tag.1.Key": "good", "Tag.2.Key": "acs:bad"}},
		"other region":      {"InvalidRegionId.NotFound", slbV, "CreateLoadBalancer", map[string]string{"RegionId": "cn-moon"}},
	} {
		if _, err := c.call(t, call.version, call.action, call.params); err == nil || !strings.Contains(err.Error(), `"Code":"`+call.want+`"`) {
			t.Errorf("%s: got %v, want %s", name, err, call.want)
		}
		after, err := s.Dump()
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(text(before), text(after)); diff != "" {
			t.Errorf("%s left a trace: %s", name, diff)
		}
	}
}

func text(s region.State) map[string]string {
	out := map[string]string{}
	for name, raw := range s.Products {
		out[string(name)] = string(raw)
	}
	return out
}

// What a product demands, its schema must allow.
func TestRequiredParametersAreKnown(t *testing.T) {
	s := Start(t, Options{})
	c := newCaller(t, s)
	versions := map[api.Product]string{api.ECS: "2014-05-26", api.VPC: "2016-04-28", api.SLB: "2014-05-15", api.STS: "2015-04-01"}
	for _, p := range []api.State{s.Region.ECS, s.Region.VPC, s.Region.SLB, s.Region.STS} {
		for _, a := range p.Actions() {
			params := map[string]string{}
			for _, name := range a.Required {
				params[name] = "x"
			}
			if _, err := c.call(t, versions[a.Product], a.Name, params); err != nil && strings.Contains(err.Error(), "UnknownParameter") {
				t.Errorf("%s %s requires what it does not know: %v", a.Product, a.Name, err)
			}
		}
	}
	if never := s.Region.Gateway.Usage().NeverCalled; len(never) != 0 {
		t.Errorf("never called: %v", never)
	}
}

func TestRegionThatDeniesOrHidesEverything(t *testing.T) {
	s := Start(t, Options{})
	client := ecsClient(t, s)
	s.Fault(fault.Rule{Kind: fault.EmptyList, Action: "Describe*"})
	list, err := client.DescribeInstances(ecs.CreateDescribeInstancesRequest())
	if err != nil || len(list.Instances.Instance) != 0 || list.TotalCount != 0 {
		t.Errorf("hidden: %v, %v", list.Instances.Instance, err)
	}
	s.ClearFaults()
	s.Fault(fault.Rule{Kind: fault.Deny})
	if _, err := client.DescribeInstances(ecs.CreateDescribeInstancesRequest()); code(t, err) != "Forbidden.RAM" {
		t.Errorf("denied: %v", err)
	}
	s.ClearFaults()
	if _, err := client.DescribeInstances(ecs.CreateDescribeInstancesRequest()); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

func TestStateCanBeHandedToANewSimulator(t *testing.T) {
	a := Start(t, Options{Seed: SmallRegion(2)})
	if err := a.Region.StopServer("i-2"); err != nil {
		t.Fatal(err)
	}
	state, err := a.Dump()
	if err != nil {
		t.Fatal(err)
	}
	b := Start(t, Options{State: &state})
	b.Do(func(r *Region) {
		if v, ok := r.ECS.Server("i-2"); !ok || v.Status != "Stopped" {
			t.Errorf("server is %+v", v)
		}
	})
	if _, err := newCaller(t, b).call(t, "2014-05-26", "DescribeInstances", nil); err != nil {
		t.Errorf("the key is lost: %v", err)
	}
}

// cleanups is a TB whose end the test decides.
type cleanups struct {
	testing.TB
	all []func()
}

func (c *cleanups) Cleanup(f func()) { c.all = append(c.all, f) }

func TestClosedSimulatorLeavesNoGoroutine(t *testing.T) {
	ignore := goleak.IgnoreCurrent()
	tb := &cleanups{TB: t}
	s := Start(tb, Options{Manual: true})
	s.Fault(fault.Rule{Kind: fault.Delay, Delay: time.Hour})
	c := newCaller(tb, s)
	done := make(chan error, 1)
	go func() {
		_, err := c.call(t, "2014-05-26", "DescribeInstances", nil)
		done <- err
	}()
	for s.Counts()["DescribeInstances"] == 0 {
		s.Now()
	}
	for _, f := range tb.all {
		f()
	}
	if err := <-done; err == nil {
		t.Error("a held call got a reply")
	}
	goleak.VerifyNone(t, ignore)
}
