// Package hardened tests the manifests beside it.
package hardened

import (
	"os"
	"strings"
	"testing"

	"github.com/spf13/pflag"
	"sigs.k8s.io/yaml"

	"github.com/kube-aliyun/kube-aliyun/pkg/config"
	"github.com/kube-aliyun/kube-aliyun/pkg/loadbalancer/annotation"
)

// settings loads the settings, with the examples that are commented out as well.
func settings(t *testing.T) config.LoadBalancer {
	t.Helper()
	content, err := os.ReadFile("cloud-config.yaml")
	if err != nil {
		t.Fatal(err)
	}
	file := t.TempDir() + "/cloud-config.yaml"
	text := string(content)
	for _, key := range []string{"api-endpoints:", "region:", "vpc:", "vswitches:"} {
		if !strings.Contains(text, "\n# "+key) {
			t.Errorf("there is no example of %s", key)
		}
		text = strings.Replace(text, "\n# "+key, "\n"+key, 1)
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	loader := config.AddFlags(pflag.NewFlagSet("test", pflag.ContinueOnError))
	nobody := func(string) string { return "" }
	if _, err := loader.Load("cloud-config.yaml", nobody); err != nil {
		t.Error(err)
	}
	cfg, err := loader.Load(file, nobody)
	if err != nil {
		t.Fatal(err)
	}
	return cfg.LoadBalancer
}

func TestHardenedSettingsKeepTeamsFromWhatIsNotTheirs(t *testing.T) {
	cfg := settings(t)
	if cfg.UntaggedReferences != "deny" || cfg.AddressType != "intranet" || len(cfg.APIEndpoints) != 1 {
		t.Errorf("settings %+v", cfg)
	}
	if err := annotation.CheckPolicy(cfg.AnnotationPolicy); err != nil {
		t.Error(err)
	}
	for _, e := range annotation.Registry() {
		asked := annotation.Settings{e.Key: "x"}
		if n := len(asked.Refused(cfg.AnnotationPolicy, "kube-system")); n != 0 {
			t.Errorf("%s is refused in kube-system", e.Key)
		}
		if n := len(asked.Refused(cfg.AnnotationPolicy, "shop")); (n == 0) != (e.Scope == annotation.Tenant) {
			t.Errorf("%s, of scope %s, gives %d refusals in a team's namespace", e.Key, e.Scope, n)
		}
	}
}

func TestHardenedManifestsAreTheOthersWithTheseSettings(t *testing.T) {
	content, err := os.ReadFile("kustomization.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var k struct {
		Resources          []string
		ConfigMapGenerator []struct {
			Name, Namespace, Behavior string
			Files                     []string
		}
	}
	if err := yaml.Unmarshal(content, &k); err != nil {
		t.Fatal(err)
	}
	if len(k.Resources) != 1 || k.Resources[0] != "../controller" || len(k.ConfigMapGenerator) != 1 {
		t.Fatalf("%+v", k)
	}
	if m := k.ConfigMapGenerator[0]; m.Name != "aliyun-controller" || m.Behavior != "replace" || m.Files[0] != "cloud-config.yaml" {
		t.Errorf("%+v", m)
	}
}
