package slb

import (
	"testing"
	"time"

	sdk "github.com/aliyun/alibaba-cloud-sdk-go/services/slb"
)

func (r *rig) attribute(lb string) *sdk.DescribeLoadBalancerAttributeResponse {
	r.t.Helper()
	got := sdk.CreateDescribeLoadBalancerAttributeResponse()
	r.read(got, "DescribeLoadBalancerAttribute", "LoadBalancerId", lb)
	return got
}

func TestBandwidthChangesAtOnceAndChargeTypeTheNextDay(t *testing.T) {
	r := newRig(t)
	lb := r.create("InstanceChargeType", bySpec, "LoadBalancerSpec", "slb.s1.small", "InternetChargeType", byBandwidth, "Bandwidth", "10")
	r.do("ModifyLoadBalancerInternetSpec", "LoadBalancerId", lb, "Bandwidth", "20")
	if got := r.attribute(lb); got.Bandwidth != 20 {
		t.Errorf("bandwidth %d", got.Bandwidth)
	}
	r.refused(400, "InvalidParameter", "ModifyLoadBalancerInternetSpec", "LoadBalancerId", lb, "Bandwidth", "5001")
	r.refused(400, "InvalidParameter", "ModifyLoadBalancerInternetSpec", "LoadBalancerId", lb, "Bandwidth", "-1")
	r.do("ModifyLoadBalancerInternetSpec", "LoadBalancerId", lb, "InternetChargeType", byTraffic)
	got := r.attribute(lb)
	if got.InternetChargeType != byBandwidth || got.HasReservedInfo != "true" || got.ReservedInfoInternetChargeType != byTraffic ||
		got.ReservedInfoActiveTime != "2026-03-04T16:00:00Z" {
		t.Errorf("before midnight: %+v", got)
	}
	for action, pair := range map[string][2]string{
		"ModifyLoadBalancerInternetSpec": {"Bandwidth", "30"}, "ModifyLoadBalancerInstanceSpec": {"LoadBalancerSpec", "slb.s2.small"},
		"ModifyLoadBalancerInstanceChargeType": {"InstanceChargeType", byCLCU},
	} {
		r.refused(400, "Operation.NotAllowed", action, "LoadBalancerId", lb, pair[0], pair[1])
	}
	r.pass(24 * time.Hour)
	if got := r.attribute(lb); got.InternetChargeType != byTraffic || got.HasReservedInfo != "false" {
		t.Errorf("after midnight: %+v", got)
	}
}

func TestCLCUIsAOneWayStreet(t *testing.T) {
	r := newRig(t)
	lb := r.create("InstanceChargeType", bySpec, "LoadBalancerSpec", "slb.s1.small")
	r.do("ModifyLoadBalancerInstanceSpec", "LoadBalancerId", lb, "LoadBalancerSpec", "slb.s3.large")
	r.refused(400, "ModifySpecNotAllowed", "ModifyLoadBalancerInstanceSpec", "LoadBalancerId", lb, "LoadBalancerSpec", "slb.s9.huge")
	r.refused(400, "InvalidParameter", "ModifyLoadBalancerInstanceChargeType", "LoadBalancerId", lb, "InstanceChargeType", bySpec)
	r.refused(400, "Operation.NotAllowed", "ModifyLoadBalancerInstanceChargeType", "LoadBalancerId", lb, "InstanceChargeType", byCLCU,
		"InternetChargeType", byBandwidth)
	r.do("ModifyLoadBalancerInstanceChargeType", "LoadBalancerId", lb, "InstanceChargeType", byCLCU)
	if got := r.attribute(lb); got.InstanceChargeType != bySpec || got.LoadBalancerSpec != "slb.s3.large" {
		t.Errorf("before midnight: %+v", got)
	}
	r.pass(24 * time.Hour)
	if got := r.attribute(lb); got.InstanceChargeType != byCLCU || got.LoadBalancerSpec != "slb.lcu.elastic" {
		t.Errorf("after midnight: %+v", got)
	}
	const code = "OperationDenied.PayByCLCU"
	r.refused(400, code, "ModifyLoadBalancerInstanceChargeType", "LoadBalancerId", lb, "InstanceChargeType", byCLCU)
	r.refused(400, code, "ModifyLoadBalancerInstanceSpec", "LoadBalancerId", lb, "LoadBalancerSpec", "slb.s1.small")
	r.refused(400, code, "ModifyLoadBalancerInternetSpec", "LoadBalancerId", lb, "Bandwidth", "5")
	inside := r.create("InstanceChargeType", bySpec, "LoadBalancerSpec", "slb.s1.small", "VSwitchId", vswitch)
	r.refused(400, "Operation.NotAllowed", "ModifyLoadBalancerInternetSpec", "LoadBalancerId", inside, "Bandwidth", "5")
}
