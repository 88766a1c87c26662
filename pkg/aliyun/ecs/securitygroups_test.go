package ecs

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim"
)

func TestSecurityGroupIsMadeOnceAndTakesItsRules(t *testing.T) {
	_, c := newRig(t, aliyunsim.Options{})
	tags := map[string]string{"kube-aliyun.io/bootstrap": "prod"}
	wanted := SecurityGroup{Name: "prod-master", VPCID: aliyunsim.SmallVPC, Tags: tags}
	id, err := c.CreateSecurityGroup(t.Context(), wanted, "token")
	if err != nil {
		t.Fatal(err)
	}
	if again, err := c.CreateSecurityGroup(t.Context(), wanted, "token"); err != nil || again != id {
		t.Errorf("the same token made %s, %v", again, err)
	}
	wanted.ID = id
	found, err := c.SecurityGroups(t.Context(), aliyunsim.SmallVPC, tags)
	if diff := cmp.Diff([]SecurityGroup{wanted}, found); err != nil || diff != "" {
		t.Errorf("found by tag, %v:\n%s", err, diff)
	}
	rules := []Rule{
		{Protocol: "TCP", PortRange: "6443/6443", SourceCIDR: "192.168.0.0/16", Description: "the Kubernetes API"},
		{Protocol: "TCP", PortRange: "10250/10250", SourceGroup: id, Description: "kubelets"},
	}
	for range 2 {
		if err := c.Authorize(t.Context(), id, rules); err != nil {
			t.Fatal(err)
		}
	}
	got, err := c.Rules(t.Context(), id)
	if diff := cmp.Diff(rules, got); err != nil || diff != "" {
		t.Errorf("rules, %v:\n%s", err, diff)
	}
}
