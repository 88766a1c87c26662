package main

import (
	"fmt"
	"strings"

	"github.com/kube-aliyun/kube-aliyun/test/environment/tour"
)

// Names in the region.
const (
	regionName = "cn-hangzhou"
	vpcID      = "vpc-demo"
	vSwitchH   = "vsw-demoh"
	vSwitchI   = "vsw-demoi"
)

// kinds of servers take turns: a cluster is rarely all of one kind.
var kinds = []string{
	"type: ecs.g7.large, eip: auto",
	"type: ecs.c7.xlarge, chargeType: PrePaid",
	"type: ecs.g7.xlarge, spotStrategy: SpotAsPriceGo",
}

// seed describes a region with n servers, by turns in two zones.
func seed(n int) string {
	var b strings.Builder
	fmt.Fprintf(&b, `# The region that this environment began with.
region: %[1]s
profile: std
keys:
- {id: %[2]s, secret: %[3]s}
vpcs:
- {id: %[4]s, name: demo, cidr: 192.168.0.0/16}
routeTables:
- {id: vtb-demo, vpc: %[4]s, type: System}
vSwitches:
- {id: %[5]s, vpc: %[4]s, zone: %[1]s-h, cidr: 192.168.0.0/20}
- {id: %[6]s, vpc: %[4]s, zone: %[1]s-i, cidr: 192.168.16.0/20}
`, regionName, accessKey, accessKeySecret, vpcID, vSwitchH, vSwitchI)
	if n > 0 {
		b.WriteString("servers:\n")
	}
	for i := 1; i <= n; i++ {
		vSwitch, third := vSwitchH, 0
		if i%2 == 0 {
			vSwitch, third = vSwitchI, 16
		}
		at := (i-1)/2 + 10
		fmt.Fprintf(&b, "- {id: %s%d, name: worker-%d, vSwitch: %s, privateIP: 192.168.%d.%d, %s}\n",
			tour.ServerPrefix, i, i, vSwitch, third+at/250, at%250+1, kinds[(i-1)%len(kinds)])
	}
	return b.String()
}
