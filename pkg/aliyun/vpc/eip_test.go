package vpc

import (
	"fmt"
	"strings"
	"testing"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim"
)

func TestElasticIPsOfLoadBalancersAreListed(t *testing.T) {
	var seed strings.Builder
	seed.WriteString(aliyunsim.SmallRegion(1) + "eips:\n- {address: 47.96.1.1, target: i-1, targetType: EcsInstance}\n- {address: 47.96.1.2}\n")
	for n := range eipPageSize + 1 {
		fmt.Fprintf(&seed, "- {address: 47.96.2.%d, target: lb-%[1]d, targetType: SlbInstance}\n", n+1)
	}
	sim, c := newRig(t, aliyunsim.Options{Seed: seed.String()})
	eips, err := c.LoadBalancerEIPs(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(eips) != eipPageSize+1 {
		t.Errorf("%d elastic IPs", len(eips))
	}
	if e := eips[0]; e.Address != "47.96.2.1" || e.InstanceID != "lb-1" || e.ID == "" {
		t.Errorf("%+v", e)
	}
	if n := sim.Counts()["DescribeEipAddresses"]; n != 2 {
		t.Errorf("%d calls, want 2", n)
	}
}
