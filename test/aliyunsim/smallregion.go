package aliyunsim

import (
	"fmt"
	"strings"
)

// Names of what SmallRegion makes.
const (
	SmallVPC        = "vpc-small"
	SmallRouteTable = "vtb-small"
	SmallVSwitchH   = "vsw-small-h"
	SmallVSwitchI   = "vsw-small-i"
	TestKey         = "test-key"
	TestSecret      = "test-secret"
)

// SmallRegion is a seed: region cn-hangzhou, one VPC 192.168.0.0/16 with one
// System route table and two vSwitches in zones h and i, and n Running servers
// i-1..i-n named node-1..node-n, alternately in h and i, with addresses from .1.0
// (h) and .17.0 (i) upwards.
func SmallRegion(n int) string {
	var b strings.Builder
	fmt.Fprintf(&b, `region: cn-hangzhou
keys:
- id: %s
  secret: %s
vpcs:
- id: %s
  name: small
  cidr: 192.168.0.0/16
routeTables:
- id: %s
  vpc: %[3]s
  type: System
vSwitches:
- id: %[5]s
  vpc: %[3]s
  zone: cn-hangzhou-h
  cidr: 192.168.0.0/20
- id: %[6]s
  vpc: %[3]s
  zone: cn-hangzhou-i
  cidr: 192.168.16.0/20
`, TestKey, TestSecret, SmallVPC, SmallRouteTable, SmallVSwitchH, SmallVSwitchI)
	if n > 0 {
		b.WriteString("servers:\n")
	}
	for i := 1; i <= n; i++ {
		vSwitch, third := SmallVSwitchH, 1
		if i%2 == 0 {
			vSwitch, third = SmallVSwitchI, 17
		}
		// The last byte is never 0 or 255: two servers share a number, one a vSwitch.
		at := (i - 1) / 2
		fmt.Fprintf(&b, "- {id: i-%d, name: node-%d, vSwitch: %s, privateIP: 192.168.%d.%d}\n",
			i, i, vSwitch, third+at/254, at%254+1)
	}
	return b.String()
}
