// Package seed reads a region from YAML.
package seed

import (
	"encoding/json"
	"fmt"

	"sigs.k8s.io/yaml"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/ecs"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/fault"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/ram"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/slb"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/vpc"
)

// The products' parts of a seed, whose fields stand at its top level.
type (
	// Networks are vpcs, vSwitches, routeTables, routes and eips.
	Networks = vpc.Seed
	// Computers are zones, types and servers.
	Computers = ecs.Seed
)

// Seed is everything that a region can begin with.
type Seed struct {
	// Region and Account can only be given before the region exists.
	Region  string `json:"region,omitempty"`
	Account string `json:"account,omitempty"`
	// Profile names the latencies and delays to begin with.
	Profile string `json:"profile,omitempty"`
	// Knobs, Gateway and Metadata are settings by name, as the admin interface
	// takes them.
	Knobs    json.RawMessage `json:"knobs,omitempty"`
	Gateway  json.RawMessage `json:"gateway,omitempty"`
	Metadata json.RawMessage `json:"metadata,omitempty"`
	Keys     []ram.Key       `json:"keys,omitempty"`
	Roles    []ram.Role      `json:"roles,omitempty"`
	Faults   []fault.Rule    `json:"faults,omitempty"`

	Networks
	Computers
	// LoadBalancerZones are the pairs of zones that load balancers can be in.
	LoadBalancerZones []slb.ZoneSeed         `json:"loadBalancerZones,omitempty"`
	LoadBalancers     []slb.LoadBalancerSeed `json:"loadBalancers,omitempty"`
	Certificates      []slb.CertificateSeed  `json:"certificates,omitempty"`
	ACLs              []slb.ACLSeed          `json:"acls,omitempty"`
}

// Balancers is the SLB part of the seed.
func (s Seed) Balancers() slb.Seed {
	return slb.Seed{
		Zones: s.LoadBalancerZones, LoadBalancers: s.LoadBalancers, Certificates: s.Certificates, ACLs: s.ACLs,
	}
}

// Parse reads a seed; unknown fields are refused.
func Parse(text []byte) (Seed, error) {
	var s Seed
	if err := yaml.UnmarshalStrict(text, &s); err != nil {
		return Seed{}, fmt.Errorf("read seed: %w", err)
	}
	return s, nil
}
