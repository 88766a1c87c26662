package integration

import (
	"testing"
	"time"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim"
	"github.com/kube-aliyun/kube-aliyun/test/rig"
)

func TestVSwitchWithoutAddressesIsToldOnceAndNotTriedHot(t *testing.T) {
	r := fresh(t, rig.Options{Servers: 1, Region: vendorIDs})
	exhaust := func(on bool) {
		r.Sim.Do(func(region *aliyunsim.Region) {
			if err := region.VPC.SetExhausted(vSwitchI, on); err != nil {
				t.Error(err)
			}
		})
	}
	exhaust(true)
	r.StartController("--vswitches=" + vSwitchH).WaitReady()
	awaitInitialised(r)
	awaitRouted(r)
	r.Sim.ResetCounters()
	r.CreateService("full", annotated(map[string]string{
		prefix + "address-type": "intranet", prefix + "vswitch-id": vSwitchI,
	}), rig.Port(80))
	awaitWarning(r, "full", "*", "VSwitchAvailableIpNotExist", vSwitchI, "vswitch-id")
	callsDuring(r, 8*time.Second)
	if counts := r.Sim.Counts(); counts["CreateLoadBalancer"] > 4 || total(counts) > 8 {
		t.Errorf("hot retries within 8 s: %v", counts)
	}
	saysOne(r, 3, "full", "*", "VSwitchAvailableIpNotExist", vSwitchI, "vswitch-id")
	if n := len(r.LoadBalancers()); n > 0 || len(r.Service("full").Status.LoadBalancer.Ingress) > 0 {
		t.Errorf("%d load balancers, and this status: %v", n, r.Service("full").Status.LoadBalancer)
	}

	exhaust(false)
	r.AwaitAddress("full", 20*time.Second)
}
