package kubelet

import (
	"encoding/json"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"

	"github.com/google/go-cmp/cmp"
)

func TestNetworkOfPodsHasARangePerAddressFamily(t *testing.T) {
	content, err := render("kubernetes.conflist", network{Bridge: bridge, PodCIDRs: []string{"10.244.1.0/24", "fd00:10:1::/64"}, Routes: []string{"0.0.0.0/0", "::/0"}})
	if err != nil {
		t.Fatal(err)
	}
	var conflist struct {
		Plugins []struct {
			Type string
			IPAM struct {
				Ranges [][]struct{ Subnet string }
				Routes []struct{ Dst string }
			}
		}
	}
	if err := json.Unmarshal(content, &conflist); err != nil {
		t.Fatalf("%v\n%s", err, content)
	}
	var got []string
	for _, plugin := range conflist.Plugins {
		got = append(got, plugin.Type)
		for _, r := range plugin.IPAM.Ranges {
			got = append(got, r[0].Subnet)
		}
		for _, r := range plugin.IPAM.Routes {
			got = append(got, r.Dst)
		}
	}
	if diff := cmp.Diff([]string{"bridge", "10.244.1.0/24", "fd00:10:1::/64", "0.0.0.0/0", "::/0", "portmap"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestKubeletRegistersItsTaints(t *testing.T) {
	want := []corev1.Taint{{Key: "node-role.kubernetes.io/control-plane", Effect: corev1.TaintEffectNoSchedule}, {Key: "a", Value: "b", Effect: corev1.TaintEffectNoExecute}}
	content, err := render("kubelet.yaml", settings{Address: "10.0.0.1", CgroupRoot: "/any", Taints: want})
	if err != nil {
		t.Fatal(err)
	}
	var config struct {
		RegisterWithTaints []corev1.Taint `json:"registerWithTaints"`
	}
	if err := yaml.Unmarshal(content, &config); err != nil {
		t.Fatalf("%v\n%s", err, content)
	}
	if diff := cmp.Diff(want, config.RegisterWithTaints); diff != "" {
		t.Error(diff)
	}
}
