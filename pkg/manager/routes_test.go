package manager

import (
	"fmt"
	"testing"
)

func TestClusterCIDRIsOneRangeOrOneOfEachFamily(t *testing.T) {
	for list, want := range map[string]string{
		"10.2.0.0/16":            "[10.2.0.0/16]",
		"10.2.3.4/16, fd00::/56": "[10.2.0.0/16 fd00::/56]",
	} {
		if got, err := clusterCIDRs(list); err != nil || fmt.Sprint(got) != want {
			t.Errorf("%q: %v, %v", list, got, err)
		}
	}
	for _, list := range []string{"", "10.2.0.0", "10.2.0.0/16,10.3.0.0/16", "10.2.0.0/16,fd00::/56,fd01::/56"} {
		if got, err := clusterCIDRs(list); err == nil {
			t.Errorf("%q is accepted as %v", list, got)
		}
	}
}
