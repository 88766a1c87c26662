//go:build nightly

package chaos

import "testing"

func TestTypeChangedInEveryWayLeavesOneLivingLoadBalancer(t *testing.T) {
	playFlips(t, map[string]flip{
		"at once":                               {},
		"at once, listings late":                {late: true},
		"after the deletion":                    {gone: true},
		"killed at the protection":              {deadly: "SetLoadBalancerDeleteProtection"},
		"killed at the deletion":                {deadly: "DeleteLoadBalancer"},
		"killed at the re-creation":             {deadly: "CreateLoadBalancer", gone: true},
		"killed at the deletion, listings late": {deadly: "DeleteLoadBalancer", late: true},
	})
}
