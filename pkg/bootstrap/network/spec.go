// Package network makes what a cluster needs in the cloud before its first server
// starts: a VPC with vSwitches, security groups, and the internal load balancer
// before the API servers. It finds again what it made by a tag, adds what is
// missing, and never changes or deletes what it did not make.
package network

import (
	"net/netip"
	"slices"

	"github.com/kube-aliyun/kube-aliyun/pkg/ownership"
)

// Tag is on everything that this package makes; its value is the cluster's name.
const Tag = ownership.TagPrefix + "bootstrap"

// tagGroup is on a security group and names its servers' role.
const tagGroup = ownership.TagPrefix + "bootstrap-role"

// Role is what a server does; each role has a security group.
type Role string

// The roles, in the order of their security groups.
const (
	Etcd   Role = "etcd"
	Master Role = "master"
	Node   Role = "node"
)

var roles = []Role{Etcd, Master, Node}

// Spec is what there should be.
type Spec struct {
	// Cluster is the cluster's name: names of objects begin with it.
	Cluster string
	// VPCID names a VPC that is there already; empty has one made of CIDR.
	VPCID string
	CIDR  netip.Prefix
	// VSwitches that are not in the VPC are made.
	VSwitches []VSwitch
	// PodCIDR is the range of Pods, which reach nodes with addresses of their own.
	PodCIDR netip.Prefix
	// Address and Port are the internal load balancer's; the address lies in one
	// of the VSwitches.
	Address netip.Addr
	Port    int
	// APIPort is where the API servers listen. ReadyPort is where a master tells
	// over HTTP whether its API server is ready; 0 has only connections tried.
	APIPort, ReadyPort int
	// Masters are the addresses of the servers behind the load balancer.
	Masters []netip.Addr
}

// VSwitch is a subnet in one zone.
type VSwitch struct {
	Zone string
	CIDR netip.Prefix
}

// home is the vSwitch of the load balancer, by its range.
func (s *Spec) home() (netip.Prefix, bool) {
	i := slices.IndexFunc(s.VSwitches, func(v VSwitch) bool { return v.CIDR.Contains(s.Address) })
	if i < 0 {
		return netip.Prefix{}, false
	}
	return s.VSwitches[i].CIDR, true
}

func (s *Spec) tags() map[string]string { return map[string]string{Tag: s.Cluster} }

func (s *Spec) groupTags(r Role) map[string]string {
	return map[string]string{Tag: s.Cluster, tagGroup: string(r)}
}

// groupName and loadBalancerName are for people: tags decide.
func (s *Spec) groupName(r Role) string  { return s.Cluster + "-" + string(r) }
func (s *Spec) loadBalancerName() string { return s.Cluster + "-api" }
