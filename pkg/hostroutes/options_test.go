package hostroutes

import (
	"strings"
	"testing"

	"github.com/spf13/pflag"
)

// parse reads a command line.
func parse(t *testing.T, arguments ...string) (*Options, error) {
	t.Helper()
	o := NewOptions()
	f := pflag.NewFlagSet("test", pflag.ContinueOnError)
	o.AddFlags(f)
	if err := f.Parse(arguments); err != nil {
		t.Fatal(err)
	}
	return o, o.Validate()
}

func TestEveryMistakeOfTheCommandLineIsToldAtOnce(t *testing.T) {
	_, err := parse(t, "--source=file", "--kubeconfig=x", "--in-cluster", "--route-protocol=4", "--route-metric=0", "--other-subnet=encap", "--max-delete-ratio=0",
		"--resync-period=1ms", "--health-address=10260", "--once", "--cleanup", "--cluster-cidr=10.2.0.1/16", "--service-cluster-ip-range=x")
	if err == nil {
		t.Fatal("accepted")
	}
	for _, flag := range []string{`--source "file"`, "--kubeconfig", "--route-protocol 4", "--route-metric 0", `--other-subnet "encap"`, "--max-delete-ratio 0", "--resync-period 1ms",
		`--health-address "10260"`, "--once and --cleanup", `--cluster-cidr "10.2.0.1/16"`, `--service-cluster-ip-range "x"`} {
		if !strings.Contains(err.Error(), flag) {
			t.Errorf("nothing about %s in\n%v", flag, err)
		}
	}
}

func TestProtocolsOfOthersAreRefused(t *testing.T) {
	for protocol, ok := range map[string]bool{"0": false, "4": false, "5": true, "8": false, "18": false, "42": false, "99": false, "107": true, "186": false, "192": false, "255": true, "256": false} {
		if _, err := parse(t, "--route-protocol="+protocol); (err == nil) != ok {
			t.Errorf("protocol %s: %v", protocol, err)
		}
	}
}

func TestDefaultsAreFine(t *testing.T) {
	t.Setenv("NODE_NAME", "10.0.0.1")
	o, err := parse(t, "--in-cluster", "--cluster-cidr=10.2.0.0/16,fd02::/48")
	if err != nil {
		t.Fatal(err)
	}
	if o.NodeName != "10.0.0.1" || o.Protocol != 107 || o.Metric != 512 || len(o.clusterCIDRs) != 2 {
		t.Errorf("%+v", o)
	}
}
