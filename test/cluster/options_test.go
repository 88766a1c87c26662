package cluster

import (
	"errors"
	"slices"
	"testing"
)

func TestDefaultsFollowTheAddressFamilies(t *testing.T) {
	o, err := Options{Dir: "any", Binaries: "any", ClusterCIDR: []string{"10.0.0.0/12", "fd00:10::/48"}}.withDefaults()
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"10.96.0.0/16", "fd00:96::/112"}; !slices.Equal(o.ServiceCIDR, want) {
		t.Errorf("ranges of services: got %v, want %v", o.ServiceCIDR, want)
	}
	if got, want := maskArguments(o), []string{"--node-cidr-mask-size-ipv4=24", "--node-cidr-mask-size-ipv6=64"}; !slices.Equal(got, want) {
		t.Errorf("arguments: got %v, want %v", got, want)
	}
}

func TestNodeRangesThatControllerManagerRefusesAreRefusedAtOnce(t *testing.T) {
	for name, o := range map[string]Options{
		"too many IPv6 nodes": {ClusterCIDR: []string{"fd00:10::/40"}},
		"larger than cluster": {ClusterCIDR: []string{"10.0.0.0/25"}},
	} {
		t.Run(name, func(t *testing.T) {
			o.Dir, o.Binaries = "any", "any"
			if _, err := o.withDefaults(); !errors.Is(err, errMask) {
				t.Errorf("got %v, want %v", err, errMask)
			}
		})
	}
}
