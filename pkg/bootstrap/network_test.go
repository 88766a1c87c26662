package bootstrap

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim"
)

// networkFile is a cluster file whose network is still to be made.
const networkFile = `
name: prod
region: cn-hangzhou
vpc:
  cidr: 10.99.0.0/16
  vSwitchRanges:
  - {zone: cn-hangzhou-h, cidr: 10.99.0.0/24}
loadBalancer: {address: 10.99.0.100}
images: {controller: registry.example.com/kube-aliyun/aliyun-controller:v0.1.0}
servers:
- {role: etcd, address: 10.99.0.11}
- {role: master, address: 10.99.0.21}
`

// operate runs the program as an operator with keys of a region.
func operate(t *testing.T, sim *aliyunsim.Sim, file string, args ...string) (string, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "cluster.yaml")
	if err := os.WriteFile(path, []byte(file), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("ALIYUN_ACCESS_KEY", aliyunsim.TestKey)
	t.Setenv("ALIYUN_ACCESS_KEY_SECRET", aliyunsim.TestSecret)
	for _, name := range []string{"ECS_ENDPOINT", "VPC_ENDPOINT", "SLB_ENDPOINT"} {
		t.Setenv(name, sim.URL())
	}
	var out bytes.Buffer
	cmd := NewCommand()
	cmd.SetOut(&out)
	cmd.SetArgs(append(args, "--cluster="+path))
	err := cmd.ExecuteContext(t.Context())
	return out.String(), err
}

func TestNetworkPlanTellsWhatApplyMakes(t *testing.T) {
	sim := aliyunsim.Start(t, aliyunsim.Options{})
	planned, err := operate(t, sim, networkFile, "network", "plan")
	if err != nil {
		t.Fatal(err)
	}
	if sim.Counts()["CreateVpc"] != 0 || !strings.Contains(planned, "would create VPC prod: 10.99.0.0/16") {
		t.Errorf("plan:\n%s", planned)
	}
	made, err := operate(t, sim, networkFile, "network", "apply")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(planned) {
		if step, ok := strings.CutPrefix(line, "would "); ok && !strings.Contains(made, step) {
			t.Errorf("apply did not %s", step)
		}
	}
	if !strings.Contains(made, "there is no server 10.99.0.21 yet") || !strings.Contains(made, "security group sg-") {
		t.Errorf("apply:\n%s", made)
	}
	again, err := operate(t, sim, networkFile, "network", "plan")
	if err != nil || strings.Contains(again, "would") {
		t.Errorf("plan of what is made, %v:\n%s", err, again)
	}
}

func TestLoadBalancerAsksForReadinessWhereTheControllerTellsIt(t *testing.T) {
	sim := aliyunsim.Start(t, aliyunsim.Options{})
	if _, err := operate(t, sim, networkFile+"controller: {api-health-address: \"0.0.0.0:10262\"}\n", "network", "apply"); err != nil {
		t.Fatal(err)
	}
	for _, e := range sim.Journal() {
		if e.Action == "CreateLoadBalancerTCPListener" && (e.Params["HealthCheckType"] != "http" || e.Params["HealthCheckConnectPort"] != "10262" || e.Params["HealthCheckURI"] != "/readyz") {
			t.Errorf("%+v", e.Params)
		}
	}
	_, err := operate(t, sim, networkFile+"controller: {api-health-address: \"10262\"}\n", "network", "plan")
	if err == nil || !strings.Contains(err.Error(), "such as 0.0.0.0:10262") {
		t.Error(err)
	}
}

func TestRAMPolicyOfBootstrapHasWhatNetworkCalls(t *testing.T) {
	content, err := os.ReadFile("../../deploy/ram/bootstrap.json")
	if err != nil {
		t.Fatal(err)
	}
	var policy struct{ Statement []struct{ Action []string } }
	if err := json.Unmarshal(content, &policy); err != nil {
		t.Fatal(err)
	}
	sim := aliyunsim.Start(t, aliyunsim.Options{})
	if _, err := operate(t, sim, networkFile, "network", "apply"); err != nil {
		t.Fatal(err)
	}
	for _, e := range sim.Journal() {
		if action := strings.ToLower(string(e.Product)) + ":" + e.Action; !slices.Contains(policy.Statement[0].Action, action) {
			t.Errorf("deploy/ram/bootstrap.json lacks %s", action)
		}
	}
}

func TestNetworkSaysWhatItNeeds(t *testing.T) {
	sim := aliyunsim.Start(t, aliyunsim.Options{})
	without := strings.Replace(networkFile, "  vSwitchRanges:\n  - {zone: cn-hangzhou-h, cidr: 10.99.0.0/24}\n", "", 1)
	if _, err := operate(t, sim, without, "network", "plan"); err == nil || !strings.Contains(err.Error(), "vpc.vSwitchRanges is missing") {
		t.Error(err)
	}
	wrong := strings.Replace(networkFile, "10.99.0.0/24", "10.98.0.0/30", 1)
	_, err := operate(t, sim, wrong, "network", "plan")
	for _, part := range []string{"the mask of 10.98.0.0/30 is not in /16 to /29", "10.98.0.0/30 is not in vpc.cidr 10.99.0.0/16"} {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("%q is not in: %v", part, err)
		}
	}
	t.Setenv("ALIYUN_ACCESS_KEY", "")
	if _, _, err := newCloud("cn-hangzhou", func(string) string { return "" }); err == nil || !strings.Contains(err.Error(), "export ALIYUN_ACCESS_KEY") {
		t.Error(err)
	}
}
