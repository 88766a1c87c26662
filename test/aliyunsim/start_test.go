package aliyunsim

import (
	"testing"

	"github.com/aliyun/alibaba-cloud-sdk-go/sdk"
	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/auth/credentials"
	"github.com/aliyun/alibaba-cloud-sdk-go/services/ecs"
	"github.com/aliyun/alibaba-cloud-sdk-go/services/slb"
	"github.com/aliyun/alibaba-cloud-sdk-go/services/vpc"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/region"
)

func ecsClient(t *testing.T, s *Sim) *ecs.Client {
	t.Helper()
	c, err := ecs.NewClientWithOptions("cn-hangzhou", sdk.NewConfig().WithScheme("HTTP"), credentials.NewAccessKeyCredential(s.AccessKeyID, s.AccessKeySecret))
	if err != nil {
		t.Fatal(err)
	}
	c.Domain = s.Endpoint()
	return c
}

func vpcClient(t *testing.T, s *Sim) *vpc.Client {
	t.Helper()
	c, err := vpc.NewClientWithOptions("cn-hangzhou", sdk.NewConfig().WithScheme("HTTP"), credentials.NewAccessKeyCredential(s.AccessKeyID, s.AccessKeySecret))
	if err != nil {
		t.Fatal(err)
	}
	c.Domain = s.Endpoint()
	return c
}

func slbClient(t *testing.T, s *Sim) *slb.Client {
	t.Helper()
	c, err := slb.NewClientWithOptions("cn-hangzhou", sdk.NewConfig().WithScheme("HTTP"), credentials.NewAccessKeyCredential(s.AccessKeyID, s.AccessKeySecret))
	if err != nil {
		t.Fatal(err)
	}
	c.Domain = s.Endpoint()
	return c
}

func TestSmallRegionIsServedToTheSDK(t *testing.T) {
	s := Start(t, Options{Seed: SmallRegion(3)})
	servers, err := ecsClient(t, s).DescribeInstances(ecs.CreateDescribeInstancesRequest())
	if err != nil {
		t.Fatal(err)
	}
	if n := len(servers.Instances.Instance); n != 3 {
		t.Errorf("%d servers, want 3", n)
	}
	list := vpc.CreateDescribeRouteTableListRequest()
	list.VpcId = SmallVPC
	tables, err := vpcClient(t, s).DescribeRouteTableList(list)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(tables.RouterTableList.RouterTableListType); n != 1 {
		t.Errorf("%d route tables, want 1", n)
	}
	create := slb.CreateCreateLoadBalancerRequest()
	create.LoadBalancerName = "one"
	create.InstanceChargeType = "PayByCLCU"
	if _, err := slbClient(t, s).CreateLoadBalancer(create); err != nil {
		t.Error(err)
	}
	if got := s.CountsByCode()["CreateLoadBalancer"]["OK"]; got != 1 {
		t.Errorf("counters tell %d creates", got)
	}
}

func TestSmallRegionHoldsAThousandServers(t *testing.T) {
	s := Start(t, Options{Seed: SmallRegion(1000), Profile: region.Standard})
	s.Do(func(r *Region) {
		if v, ok := r.ECS.Server("i-1000"); !ok || v.Status != "Running" {
			t.Errorf("server 1000 is %+v", v)
		}
	})
}

func TestServerIsReleasedByHand(t *testing.T) {
	s := Start(t, Options{})
	if err := s.Region.ReleaseServer("i-1", true); err != nil {
		t.Fatal(err)
	}
	s.Do(func(r *Region) {
		if _, ok := r.ECS.Server("i-1"); ok {
			t.Error("the server is still there")
		}
	})
	if err := s.Region.ReleaseServer("i-1", true); err == nil {
		t.Error("a second release succeeds")
	}
}
