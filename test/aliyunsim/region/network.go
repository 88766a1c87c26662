package region

import (
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/network"
)

// Network is what the region's network has to be now.
func (r *Region) Network() (n network.Network) {
	r.Do(func(r *Region) {
		n = network.Network{VPCs: r.VPC.Layout(), Servers: r.ECS.Layout(), LoadBalancers: r.SLB.Layout(), Disks: r.ECS.DiskLayout()}
	})
	return n
}

// Observe makes DescribeHealthStatus tell what real health checks have found.
func (r *Region) Observe(findings []network.Health) {
	r.Do(func(r *Region) { r.SLB.Observe(findings) })
}
