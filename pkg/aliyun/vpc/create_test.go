package vpc

import (
	"maps"
	"testing"
	"time"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim"
	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/api"
)

func TestVPCAndVSwitchAreMadeOnceByTheirTokens(t *testing.T) {
	_, c := newRig(t, aliyunsim.Options{})
	tags := map[string]string{"kube-aliyun.io/bootstrap": "prod"}
	wanted := NewVPC{ClientToken: "vpc-token", Name: "prod", CIDR: "10.99.0.0/16", Tags: tags}
	id, err := c.CreateVPC(t.Context(), wanted)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := c.CreateVPC(t.Context(), wanted); err != nil || again != id {
		t.Errorf("the same token made %s, %v", again, err)
	}
	found, err := c.VPCs(t.Context(), tags)
	if err != nil || len(found) != 1 || found[0].ID != id || found[0].CIDR != wanted.CIDR || !found[0].Available || !maps.Equal(found[0].Tags, tags) {
		t.Errorf("found by tag %+v, %v", found, err)
	}

	part := NewVSwitch{ClientToken: "vsw-token", Name: "prod-h", VPCID: id, Zone: "cn-hangzhou-h", CIDR: "10.99.0.0/24", Tags: tags}
	vSwitch, err := c.CreateVSwitch(t.Context(), part)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := c.CreateVSwitch(t.Context(), part); err != nil || again != vSwitch {
		t.Errorf("the same token made %s, %v", again, err)
	}
	switches, err := c.VSwitches(t.Context(), id)
	if err != nil || len(switches) != 1 || switches[0].ID != vSwitch || switches[0].Name != part.Name || switches[0].CIDR != part.CIDR ||
		!switches[0].Available || !maps.Equal(switches[0].Tags, tags) {
		t.Errorf("vSwitches %+v, %v", switches, err)
	}
}

func TestVPCIsNotAvailableWhileItIsMade(t *testing.T) {
	sim, c := newRig(t, aliyunsim.Options{})
	sim.Knobs(func(k *api.Knobs) { k.NetworkTransition = time.Minute })
	id, err := c.CreateVPC(t.Context(), NewVPC{ClientToken: "token", CIDR: "10.99.0.0/16"})
	if err != nil {
		t.Fatal(err)
	}
	if v, err := c.VPC(t.Context(), id); err != nil || v.Available {
		t.Errorf("%+v, %v", v, err)
	}
}
