package provisioner

import (
	"testing"
)

// TestEveryParameterReachesTheCloud compares what CreateDisk is asked for with the
// names of the API page.
func TestEveryParameterReachesTheCloud(t *testing.T) {
	for name, c := range map[string]struct {
		parameters []string
		want       map[string]string
	}{
		"cloud_auto": {
			[]string{"type", "cloud_auto", "zoneId", zoneI, "encrypted", "true", "kmsKeyId", "key-1", "resourceGroupId", "rg-1", "provisionedIops", "1000", "burstingEnabled", "true"},
			map[string]string{
				"DiskCategory": "cloud_auto", "ZoneId": zoneI, "Encrypted": "true", "KMSKeyId": "key-1", "ResourceGroupId": "rg-1",
				"ProvisionedIops": "1000", "BurstingEnabled": "true", "Size": "20",
			},
		},
		"cloud_essd": {
			[]string{"type", "cloud_essd", "performanceLevel", "PL0", "zoneId", zoneH},
			map[string]string{"DiskCategory": "cloud_essd", "PerformanceLevel": "PL0", "ZoneId": zoneH},
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.provision(options("20Gi", c.parameters...))
			for _, call := range r.sim.Journal() {
				if call.Action != "CreateDisk" {
					continue
				}
				for key, want := range c.want {
					if got := call.Params[key]; got != want {
						t.Errorf("%s is %q, want %q; %v", key, got, want, call.Params)
					}
				}
			}
		})
	}
}
