package stage

import (
	"fmt"
	"net/netip"
	"strconv"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/ecs"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/ram"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/seed"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/vpc"
)

// vSwitches are in two zones.
var vSwitches = []string{"vsw-stage-h", "vsw-stage-i"}

// vSwitchesIPv6 are the IPv6 ranges of the vSwitches on a stage with both families.
var vSwitchesIPv6 = []string{"2001:db8:5:1::/64", "2001:db8:5:2::/64"}

// masterNumber is the master's; workers have theirs from 0.
const masterNumber = -1

// seed is a region with a master and workers. Their interfaces have the source and
// destination check on, as those of new accounts.
func (o Options) seed() seed.Seed {
	s := seed.Seed{
		Region: Region, Profile: "std",
		Keys: []ram.Key{{ID: ControllerKey, Secret: ControllerSecret}, {ID: OperatorKey, Secret: OperatorSecret}},
	}
	network := vpc.NetworkSeed{ID: vpcID, Name: "stage", CIDR: "192.168.0.0/16"}
	s.VSwitches = []vpc.VSwitchSeed{
		{ID: vSwitches[0], VPC: vpcID, Zone: Region + "-h", CIDR: "192.168.0.0/20"},
		{ID: vSwitches[1], VPC: vpcID, Zone: Region + "-i", CIDR: "192.168.16.0/20"},
	}
	if o.DualStack {
		network.IPv6CIDR = "2001:db8:5::/56"
		for i := range s.VSwitches {
			s.VSwitches[i].IPv6CIDR = vSwitchesIPv6[i]
		}
	}
	s.VPCs = []vpc.NetworkSeed{network}
	s.RouteTables = []vpc.RouteTableSeed{{ID: "vtb-stage", VPC: vpcID, Type: "System"}}
	for number := masterNumber; number < o.Workers; number++ {
		s.Servers = append(s.Servers, o.server(number))
	}
	return s
}

// server is the master, or a worker of a number.
func (o Options) server(number int) ecs.ServerSeed {
	on := true
	s := ecs.ServerSeed{ID: masterID, Name: "master", VSwitch: vSwitches[0], PrivateIP: "192.168.0.10", SourceDestCheck: &on}
	if number != masterNumber {
		s = ecs.ServerSeed{
			ID: workerID(number), Name: fmt.Sprintf("worker-%d", number+1), VSwitch: vSwitches[number%2], SourceDestCheck: &on,
		}
	}
	if o.DualStack {
		s.IPv6 = "auto"
	}
	if o.PodAddresses {
		s.Interfaces = []ecs.InterfaceSeed{{Name: s.Name + "-pods", PrivateIPs: usable(podRange(number)), SourceDestCheck: &on}}
	}
	return s
}

// podRange has the addresses of the interface that a server has for Pods, in the
// range of the server's vSwitch.
func podRange(number int) netip.Prefix {
	third := byte(8 + (number+1)%8) // #nosec G115 -- below 16
	if number != masterNumber && number%2 == 1 {
		third += 16
	}
	return netip.PrefixFrom(netip.AddrFrom4([4]byte{192, 168, third, 0}), 27)
}

// usable lists a range's addresses but for the first and the last: a bridge's, or an
// interface's own, and those of Pods.
func usable(p netip.Prefix) []string {
	var list []string
	for a := p.Masked().Addr().Next(); p.Contains(a.Next()); a = a.Next() {
		list = append(list, a.String())
	}
	return list
}

// workerPrefix is before a worker's number, from 1, in its server's id.
const workerPrefix = "i-worker-"

func workerID(number int) string { return workerPrefix + strconv.Itoa(number+1) }
