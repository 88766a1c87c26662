package rig

import (
	"strconv"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/api"
)

// VPC is the VPC of the region.
func (r *Rig) VPC() string { return aliyunsim.SmallVPC }

// RouteTable is the route table of the region's VPC.
func (r *Rig) RouteTable() string { return aliyunsim.SmallRouteTable }

// ServerID is the id of a server, counted from 1.
func ServerID(number int) string { return "i-" + strconv.Itoa(number) }

// Server is a server of the region, counted from 1.
func (r *Rig) Server(number int) api.Server {
	r.T.Helper()
	var server api.Server
	var found bool
	r.Sim.Do(func(region *aliyunsim.Region) { server, found = region.ECS.Server(ServerID(number)) })
	if !found {
		r.T.Fatalf("the region has no server %s", ServerID(number))
	}
	return server
}
