package slb_test

import (
	"errors"
	"testing"

	"github.com/aliyun/alibaba-cloud-sdk-go/sdk"
	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/auth/credentials"
	sdkerrors "github.com/aliyun/alibaba-cloud-sdk-go/sdk/errors"
	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/requests"
	slbsdk "github.com/aliyun/alibaba-cloud-sdk-go/services/slb"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/api"
)

// TestServiceIsBuiltAndTornDownThroughTheSDK goes the way of a controller over
// HTTP, with parameter names checked.
func TestServiceIsBuiltAndTornDownThroughTheSDK(t *testing.T) {
	sim := aliyunsim.Start(t, aliyunsim.Options{})
	c, err := slbsdk.NewClientWithOptions("cn-hangzhou", sdk.NewConfig().WithScheme("HTTP"),
		credentials.NewAccessKeyCredential(sim.AccessKeyID, sim.AccessKeySecret))
	if err != nil {
		t.Fatal(err)
	}
	c.Domain = sim.Endpoint()

	create := slbsdk.CreateCreateLoadBalancerRequest()
	create.InstanceChargeType, create.LoadBalancerName, create.DeleteProtection = "PayByCLCU", "web", "on"
	create.ClientToken = "token"
	create.Tag = &[]slbsdk.CreateLoadBalancerTag{{Key: "k", Value: "v"}}
	lb, err := c.CreateLoadBalancer(create)
	if err != nil {
		t.Fatal(err)
	}
	listen := slbsdk.CreateCreateLoadBalancerTCPListenerRequest()
	listen.LoadBalancerId, listen.ListenerPort, listen.BackendServerPort = lb.LoadBalancerId, "80", "30080"
	listen.Bandwidth, listen.HealthCheckInterval, listen.HealthCheckSwitch = "-1", "3", "on"
	if _, err := c.CreateLoadBalancerTCPListener(listen); err != nil {
		t.Fatal(err)
	}
	list := slbsdk.CreateDescribeLoadBalancersRequest()
	list.Tag = &[]slbsdk.DescribeLoadBalancersTag{{Key: "k", Value: "v"}}
	if got, err := c.DescribeLoadBalancers(list); err != nil || got.TotalCount != 1 || got.LoadBalancers.LoadBalancer[0].Address != lb.Address {
		t.Fatalf("list: %+v %v", got, err)
	}
	listeners := slbsdk.CreateDescribeLoadBalancerListenersRequest()
	listeners.LoadBalancerId = &[]string{lb.LoadBalancerId}
	if got, err := c.DescribeLoadBalancerListeners(listeners); err != nil || len(got.Listeners) != 1 || got.Listeners[0].TCPListenerConfig.HealthCheckInterval != 3 {
		t.Fatalf("listeners: %+v %v", got, err)
	}

	protection := slbsdk.CreateSetLoadBalancerDeleteProtectionRequest()
	protection.LoadBalancerId, protection.DeleteProtection = lb.LoadBalancerId, "off"
	_, err = c.DeleteLoadBalancer(deletion(lb.LoadBalancerId))
	wantFailure(t, err, 400, "OperationDenied.DeleteProtectionIsOn")
	sim.Knobs(func(k *api.Knobs) { k.LoadBalancerBusy, k.BusyCode = 1<<40, "SystemBusy" })
	if _, err := c.SetLoadBalancerDeleteProtection(protection); err != nil {
		t.Fatal(err)
	}
	_, err = c.DeleteLoadBalancer(deletion(lb.LoadBalancerId))
	wantFailure(t, err, 449, "SystemBusy")
	describe := slbsdk.CreateDescribeLoadBalancerTCPListenerAttributeRequest()
	describe.LoadBalancerId, describe.ListenerPort = lb.LoadBalancerId, requests.NewInteger(81)
	_, err = c.DescribeLoadBalancerTCPListenerAttribute(describe)
	wantFailure(t, err, 400, "InvalidParameter")
}

func deletion(id string) *slbsdk.DeleteLoadBalancerRequest {
	r := slbsdk.CreateDeleteLoadBalancerRequest()
	r.LoadBalancerId = id
	return r
}

func wantFailure(t *testing.T, err error, status int, code string) {
	t.Helper()
	var server *sdkerrors.ServerError
	if !errors.As(err, &server) || server.HttpStatus() != status || server.ErrorCode() != code {
		t.Errorf("got %v, want %d %s", err, status, code)
	}
}
